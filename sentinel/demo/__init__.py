"""Eight pictures in, their real verdicts out: what a newcomer sees first.

Nothing is staged: the pictures are made from photographs that ship in scikit-image's wheel, some
are then spoilt as generators spoil them, and all of them go through the panel of the `default`
policy like any other picture.
"""

from __future__ import annotations

from sentinel.demo.pictures import Case, cases
from sentinel.demo.tour import Shown, tour

__all__ = ["Case", "Shown", "cases", "tour"]
