"""Eight pictures and six posters in, their real verdicts out: what a newcomer sees first.

Nothing is staged: the pictures are made from photographs that ship in scikit-image's wheel, some
are then spoilt as generators spoil them, and the posters are painted by the generator `embedded`.
All of them go through panel and loop like any other picture.
"""

from __future__ import annotations

from sentinel.demo.pictures import Case, cases
from sentinel.demo.posters import PROMPTS, Poster
from sentinel.demo.tour import Shown, tour

__all__ = ["PROMPTS", "Case", "Poster", "Shown", "cases", "tour"]
