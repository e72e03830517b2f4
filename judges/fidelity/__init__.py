"""Samples in, readings out: is each face well formed? The worst face decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import JsonValue

from judges.fidelity.measures import Measures, measure
from sentinel.contracts import Declined, Evidence, FailureMode, ModelCard, Reading, Runtime, Sample
from sentinel.detectors.dlib_models import DETECTOR_CARD, LANDMARK_CARD, require
from sentinel.detectors.faces import Face, faces_of
from sentinel.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Weakness:
    """One measure as a penalty: 0 up to `good`, 1 at `bad`, `worst` at most; times `weight`."""

    measure: str
    part: str
    good: float
    bad: float
    weight: float
    frontal: bool = False

    def penalty(self, measures: Measures) -> float:
        """How much this weighs against the face; less where the face is turned away."""
        value = float(getattr(measures, self.measure))
        amount = min(WORST, max(0.0, (value - self.good) / (self.bad - self.good)))
        facing = min(1.0, max(0.0, (AWAY - measures.turned) / (AWAY - FACING)))
        return self.weight * amount * (facing if self.frontal else 1.0)


WORST = 3.0
"""A single measure counts at most three times its `bad`: past that it is chance."""

FACING, AWAY = 0.15, 0.3
"""`turned` up to which left and right are compared in full, and from which not at all: on a face
turned away one eye is smaller and the mouth off the axis by nature."""

WEAKNESSES = (
    Weakness("eye_jitter", "distorted", 0.006, 0.020, 0.85),
    Weakness("nose_jitter", "distorted", 0.010, 0.030, 1.4),
    Weakness("found", "distorted", 1.3, 0.3, 0.95),
    Weakness("mirror", "asymmetric", 0.02, 0.06, 0.85),
    Weakness("eye_level", "asymmetric", 2.0, 8.0, 1.0),
    Weakness("eye_ratio", "eyes", 0.92, 0.75, 0.7, frontal=True),
    Weakness("eye_dark", "eyes", 0.5, 0.3, 0.9),
    Weakness("bridge", "eyes", 0.6, 1.2, 1.7, frontal=True),
    Weakness("mouth_off", "mouth", 6.0, 14.0, 1.4, frontal=True),
    Weakness("mouth_there", "mouth", 0.8, 0.5, 2.0),
    Weakness("sharp", "blurred", -4.4, -5.2, 0.85),
)
"""`good` is near the median of real faces, `bad` what a clear defect reaches. The weights are a
logistic regression with weights of at least 0 on 24 faces of 12 sources, plain and changed
harmlessly (mirrored, tilted, compressed, lit otherwise), against 15 made distortions of each;
`python benchmarks/faces.py --fit` prints them."""

HALVING = 2.5
"""Penalty that halves the value: 96 % of the real faces of that fit had less."""

TINY, LARGE = 16.0, 64.0
"""Pixels a side of a face that cannot be judged (value 0) and that can (1), linear between; at 40
px, half way, an eye is five pixels wide."""

MOST = 12
"""Faces judged in one picture, the largest: one takes about 40 ms."""

NAMED = 0.75
"""A part whose sub-value is below this is named as an issue of a face that fails (below .5); a
part below .5 is always named."""

FAILS = 0.5
"""Value below which a face is called badly formed; a policy's threshold is its own."""

WORDS = {
    "distorted": "its landmarks and outline do not hold together",
    "asymmetric": "its two halves do not match",
    "eyes": "the eyes are unlike, pale or cluttered",
    "mouth": "the mouth is off its place or hardly there",
    "blurred": "it is blurred",
    "too_small": "it is too small to be well drawn",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One face with its value and what each part contributed (value = the parts' product)."""

    face: Face
    value: float
    parts: dict[str, float]
    measures: Measures

    @property
    def weak(self) -> list[str]:
        """The parts that are to blame, the worst first."""
        line = NAMED if self.value < FAILS else FAILS
        found = sorted((value, part) for part, value in self.parts.items() if value < line)
        if not found and self.value < FAILS:
            found = [min((value, part) for part, value in self.parts.items())]
        return [part for _, part in found]


class Fidelity:
    """How well formed the faces are; needs no reference; the worst face decides.

    Value 1: every measure is as in a photo of a face. Each face's value is the product of its
    parts (`distorted`, `asymmetric`, `eyes`, `mouth`, `blurred`, `too_small`), which are the
    measurements; `count` is the number of faces found, `judged` of those at least `smallest`
    pixels a side (the 12 largest). Declines where no face is found.

    Issues are of category "face", the part is the subcategory. Sure of what is gross (an eye
    missing or out of place, warps, blur); weak on one enlarged eye, a displaced mouth or nose, an
    ear, teeth; see docs/judges/fidelity.md for the figures. Glasses, closed eyes, strong shadow
    and paintings lose value. A face distorted so far that no detector sees it as one is the face
    gate's business. Models: dlib's HOG detector (BSL-1.0) and five landmarks (CC0), from wheels.
    """

    version: ClassVar[str] = "1"
    models: ClassVar[tuple[ModelCard, ...]] = (DETECTOR_CARD, LANDMARK_CARD)

    def __init__(self, *, smallest: int = 0) -> None:
        self.smallest = _whole("smallest", smallest)

    def load(self, runtime: Runtime) -> None:  # noqa: ARG002 - dlib runs on one thread of the CPU
        """Check that dlib and its weights are installed."""
        require("judge 'fidelity'")

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """One answer per sample, in order."""
        return [self._judge(sample) for sample in samples]

    def _judge(self, sample: Sample) -> Reading | Declined:
        found = faces_of(sample)
        if not found:
            return Declined(reason="no face in the picture", measurements={"count": 0})
        fitting = [face for face in found if face.side >= self.smallest]
        if not fitting:
            text = f"no face of at least {self.smallest} px a side in the picture"
            return Declined(reason=text, measurements={"count": len(found)})
        largest = sorted(fitting, key=lambda face: -face.side)[:MOST]
        judged = [_weigh(face, measure(sample.pixels, face)) for face in largest]
        worst = min(judged, key=lambda one: one.value)
        return Reading(
            value=worst.value,
            reason=_reason(worst, len(judged)),
            measurements={
                "count": len(found),
                "judged": len(judged),
                "worst": judged.index(worst) + 1,
                "faces": [_measured(one) for one in judged],
            },
            evidence=tuple(
                Evidence(claim=_claim(number, one), box=one.face.box)
                for number, one in enumerate(judged, start=1)
            ),
            issues=tuple(
                FailureMode(
                    category="face",
                    subcategory=part,
                    detail=f"face {number}: {WORDS[part]} ({part} {one.parts[part]:.2f})",
                )
                for number, one in enumerate(judged, start=1)
                for part in one.weak
            ),
        )


def _weigh(face: Face, measures: Measures) -> Judged:
    penalties = dict.fromkeys((weakness.part for weakness in WEAKNESSES), 0.0)
    for weakness in WEAKNESSES:
        penalties[weakness.part] += weakness.penalty(measures)
    parts = {part: 0.5 ** (penalty / HALVING) for part, penalty in penalties.items()}
    parts["too_small"] = min(1.0, max(0.0, (face.side - TINY) / (LARGE - TINY)))
    return Judged(face, math.prod(parts.values()), parts, measures)


def _reason(worst: Judged, count: int) -> str:
    who = "the face" if count == 1 else f"the worst of {count} faces"
    if not worst.weak:
        return f"{who} is well formed"
    return f"{who}: {'; '.join(WORDS[part] for part in worst.weak[:2])}"


def _claim(number: int, one: Judged) -> str:
    blamed = ", ".join(one.weak) or "well formed"
    return f"face {number}, {one.value:.2f}: {blamed}"


def _measured(one: Judged) -> dict[str, JsonValue]:
    return {
        "value": round(one.value, 4),
        "side": round(one.face.side),
        "score": round(one.face.score, 2),
        "turned": round(one.measures.turned, 2),
        **{part: round(value, 3) for part, value in one.parts.items()},
    }


def _whole(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{key} is {value!r}; a whole number of pixels from 0 up")
    return value
