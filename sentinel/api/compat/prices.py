"""The services' formulas, where their files look for them; ours tells Runflow's price as well.

They stand in `sentinel.api.prices`, since whoever imports this package imports every service.
"""

from __future__ import annotations

from sentinel.api.prices import MEGAPIXEL, fal, fal_units, opper, runflow, runpod

__all__ = ["MEGAPIXEL", "fal", "fal_units", "opper", "runflow", "runpod"]
