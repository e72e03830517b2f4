"""Picture in, reading out: is the ground behind the subject clean, even and free of clutter?

A quadratic surface is fitted to the border of the picture (`judges.background.ground`), so the
smooth fall-off of a studio backdrop and soft shadow are ground. What stands out and reaches into
the middle is the subject, what stands out elsewhere is clutter.

It always measures; a policy leaves it out where a scene is asked for. Blind spots: clutter that
touches the subject is taken for the subject; a blurred background of one colour is a clean one; a
picture without a subject has nothing but ground. No model, no weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from judges.background.ground import EDGE, ENOUGH, SMALLEST, Ground, Mask, ground
from sentinel.contracts import Box, Declined, Evidence, FailureMode, Reading, Sample
from sentinel.errors import ConfigError

FAULT = 0.5
"""Sub-score below which a part names an issue."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which issue a part becomes, the strength that scores 0.5, and the change from 0.5 to 0.73."""

    issue: str
    limit: float
    spread: float

    def score(self, strength: float) -> float:
        """1 for no trace, 0.5 at the limit, towards 0 beyond it."""
        return 1 / (1 + math.exp(min(60.0, (strength - self.limit) / self.spread)))


PARTS: dict[str, Part] = {
    "clutter": Part("clutter", limit=0.02, spread=0.005),
    "covered": Part("clutter", limit=0.24, spread=0.05),
    "uneven": Part("uneven", limit=7.0, spread=1.0),
    "falloff": Part("uneven", limit=38.0, spread=4.0),
    "texture": Part("texture", limit=0.13, spread=0.03),
}
"""Limits lie between the plain and the other backgrounds of the labelled product photographs
(`python benchmarks/background.py` prints both columns)."""

Seen = dict[str, tuple[float, float, str, Box | None]]
"""Sub-score, strength, claim and box per part."""


class Background:
    """Border of the picture; value is the worst of five sub-scores, 1 for a clean, even ground.

    clutter: share of the border under things apart from the subject. covered: share of the three
    barest sides that is not ground. uneven: ΔE76 of the ground from a smooth surface (90th
    percentile). falloff: Lab lightness between the lightest and the darkest ground. texture:
    share of the ground with visible edges.
    """

    version: ClassVar[str] = "1"

    def __init__(
        self,
        *,
        band: float = 0.08,
        tolerance: float = 12.0,
        shadow: float = 25.0,
        falloff: float = 38.0,
        subject_may_touch: bool = True,
    ) -> None:
        """`band` is a share of the shorter side, `tolerance` ΔE76, the others Lab lightness."""
        self.band = _within("band", band, 0.01, 0.3)
        self.tolerance = _within("tolerance", tolerance, 1, 100)
        self.shadow = _within("shadow", shadow, 0, 100)
        limit = _within("falloff", falloff, 1, 100)
        self.parts = PARTS | {"falloff": Part("uneven", limit, PARTS["falloff"].spread)}
        if not isinstance(subject_may_touch, bool):
            text = f"background: subject_may_touch is {subject_may_touch!r}; give true or false"
            raise ConfigError(text)
        self.subject_may_touch = subject_may_touch

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """One reading per sample; Declined where a picture is too small to have a border."""
        return [self._judge(sample) for sample in samples]

    def _judge(self, sample: Sample) -> Reading | Declined:
        if min(sample.width, sample.height) < SMALLEST:
            size = f"{sample.width}x{sample.height}"
            return Declined(reason=f"{size} pixels are too few; {SMALLEST} a side are needed")
        found = ground(sample.pixels, band=self.band, tolerance=self.tolerance, shadow=self.shadow)
        if min(found.band.shape) < SMALLEST // 2:
            return Declined(reason="the picture is too narrow to have a border on four sides")
        return _reading(self._seen(found))

    def _seen(self, found: Ground) -> Seen:
        things = found.clutter if self.subject_may_touch else found.clutter | found.subject
        seen: Seen = {}

        def add(name: str, strength: float, claim: str, where: Mask) -> None:
            box = found.box(where)
            seen[name] = (self.parts[name].score(strength), strength, claim, box)

        cluttered = float((things & found.band).sum() / found.band.sum())
        add("clutter", cluttered, f"things cover {cluttered:.0%} of the border", things)
        covered = found.covered()
        standing = found.subject | found.clutter
        claim = f"{covered:.0%} of the three barest sides is no even ground"
        add("covered", covered, claim, standing & found.band)
        bare = found.bare
        if bare.sum() < ENOUGH:
            return seen
        uneven = float(np.percentile(found.residual[bare], 90))
        claim = f"the ground differs by ΔE {uneven:.0f} from a smooth one"
        add("uneven", uneven, claim, bare & (found.residual >= uneven))
        falloff = float(np.ptp(found.surface[bare]))
        claim = f"the ground falls off by {falloff:.0f} of 100 in lightness"
        add("falloff", falloff, claim, bare & (found.surface <= np.median(found.surface[bare])))
        edges = bare & (found.steps > EDGE)
        texture = float(edges.sum() / bare.sum())
        add("texture", texture, f"{texture:.0%} of the ground has visible texture", edges)
        return seen


def _reading(seen: Seen) -> Reading:
    ranked = sorted(seen, key=lambda name: seen[name][0])
    faults = [name for name in ranked if seen[name][0] < FAULT]
    value, _, claim, _ = seen[ranked[0]]
    issues: dict[str, FailureMode] = {}
    for name in faults:
        kind = PARTS[name].issue
        mode = FailureMode(category="background", subcategory=kind, detail=seen[name][2])
        issues.setdefault(kind, mode)
    return Reading(
        value=value,
        reason=claim if faults else "the ground is clean and even",
        measurements={
            "scores": {name: round(score, 4) for name, (score, _, _, _) in seen.items()},
            "strengths": {name: round(strength, 4) for name, (_, strength, _, _) in seen.items()},
        },
        evidence=tuple(Evidence(claim=seen[name][2], box=seen[name][3]) for name in faults),
        issues=tuple(issues.values()),
    )


def _within(key: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        text = f"background: {key} is {value!r}; give a number from {least:g} to {most:g}"
        raise ConfigError(text)
    return float(value)
