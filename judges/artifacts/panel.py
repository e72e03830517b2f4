"""View in, sub-scores out: every check with the strength at which it becomes a fault."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from judges.artifacts.focus import blur, noise, smear
from judges.artifacts.grids import blocking, checkerboard, seam
from judges.artifacts.repeats import repetition
from judges.artifacts.tones import banding, cast, clipping
from judges.artifacts.view import Symptom, View


@dataclass(frozen=True, slots=True)
class Check:
    """A measure, the strength that scores 0.5, and the change in strength from 0.5 to 0.73."""

    measure: Callable[[View], Symptom]
    limit: float
    spread: float

    def score(self, strength: float) -> float:
        """1 for no trace, 0.5 at the limit, towards 0 beyond it; strictly falling."""
        steps = (strength - self.limit) / self.spread
        return 1 / (1 + math.exp(min(60.0, steps)))


PANEL: dict[str, Check] = {
    "blur": Check(blur, limit=2.8, spread=0.4),
    "noise": Check(noise, limit=4.5, spread=1.0),
    "blocking": Check(blocking, limit=0.45, spread=0.07),
    "banding": Check(banding, limit=0.42, spread=0.06),
    "checkerboard": Check(checkerboard, limit=1.2, spread=0.15),
    "seam": Check(seam, limit=8.0, spread=1.2),
    "clipping": Check(clipping, limit=0.42, spread=0.06),
    "cast": Check(cast, limit=30.0, spread=4.0),
    "repetition": Check(repetition, limit=10.0, spread=2.0),
    "smear": Check(smear, limit=0.78, spread=0.06),
}
"""Limits lie above the strongest trace in pictures without the fault (column "clean, most" of
`python benchmarks/artifacts.py`: photographs, posters, drawings, textures, generated pictures)
and as far below the median of the middle severity as that allows."""
