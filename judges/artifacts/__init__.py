"""Picture in, reading out: visible faults of the picture itself, found without a model.

A panel of pure checks (`judges.artifacts`), each calibrated to a sub-score in [0, 1] where
0.5 is a fault that a person would name. The value is the worst of them.

Blind spots: what generators really get wrong (deformed faces and hands, melted objects) is not
found without weights; `zero_shot` asks an open_clip model for those. A cast over a scene with
many colours, a smear, and a fault smaller than a block are found seldom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from judges.artifacts import zero_shot as zero
from judges.artifacts.panel import PANEL, Check
from judges.artifacts.view import SMALLEST, Symptom, View
from sentinel.contracts import Declined, Evidence, FailureMode, Reading, Runtime, Sample
from sentinel.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sentinel.detectors.clip import ClipModel

FAULT = 0.5
"""Sub-score below which a check names an issue: where `Check.limit` puts it."""

Found = dict[str, tuple[float, Symptom]]
"""Sub-score and symptom per check."""


class Artifacts:
    """Blur, noise, blocking, banding, checkerboard, seams, clipping, casts, repeats, smears.

    Licence: no model, no weights. With `zero_shot` that model's licence applies
    (`sentinel models`).
    """

    version: ClassVar[str] = "1"

    def __init__(
        self,
        checks: Sequence[str] = tuple(PANEL),
        limits: Mapping[str, float] | None = None,
        zero_shot: str = "",
    ) -> None:
        """`checks` to run, own `limits` by check, and an open_clip model for named defects."""
        if isinstance(checks, str) or not checks:
            raise ConfigError(f"artifacts: checks is {checks!r}; give a list of {_names()}")
        for key, names in (("checks", checks), ("limits", limits or {})):
            for name in names:
                if name not in PANEL:
                    text = f"artifacts: {key} names {name!r}; known checks are {_names()}"
                    raise ConfigError(text)
        if not isinstance(zero_shot, str):
            text = f'artifacts: zero_shot is {zero_shot!r}; give a model name or "" for none'
            raise ConfigError(text)
        self.panel = {name: _check(name, limits or {}) for name in PANEL if name in checks}
        self.zero_shot = zero_shot
        self._clip: ClipModel | None = None
        self._phrases: NDArray[np.float32] | None = None

    def load(self, runtime: Runtime) -> None:
        """Bound OpenCV's threads; open the zero-shot model if one is asked for."""
        import cv2  # noqa: PLC0415 - heavy libraries are loaded when the judge is

        cv2.setNumThreads(runtime.threads)
        if self.zero_shot:
            from sentinel.detectors.clip import open_model  # noqa: PLC0415

            self._clip = open_model(self.zero_shot, runtime)
            self._phrases = self._clip.text(zero.phrases())

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """One reading per sample; Declined where a picture is too small to be checked."""
        return [self._judge(sample) for sample in samples]

    def _judge(self, sample: Sample) -> Reading | Declined:
        if min(sample.width, sample.height) < SMALLEST:
            size = f"{sample.width}x{sample.height}"
            return Declined(reason=f"{size} pixels are too few; {SMALLEST} a side are needed")
        view = View(sample.pixels)
        found: Found = {}
        for name, check in self.panel.items():
            symptom = check.measure(view)
            found[name] = (check.score(symptom.strength), symptom)
        found |= self._named(sample)
        return _reading(found)

    def _named(self, sample: Sample) -> Found:
        """Sub-scores of the zero-shot model; none without one."""
        if self._clip is None or self._phrases is None:
            return {}
        answers = zero.scores(self._clip.look([sample])[0], self._phrases)
        return {
            name: (score, Symptom(1 - score, f'looks more like "{phrase}" than like a clean one'))
            for name, (score, phrase) in answers.items()
        }


def _reading(found: Found) -> Reading:
    ranked = sorted(found, key=lambda name: found[name][0])
    worst = ranked[0]
    faults = [name for name in ranked if found[name][0] < FAULT]
    reason = (
        f"{worst}: {found[worst][1].claim}"
        if faults
        else f"no artefact found; the nearest to one is {worst} ({found[worst][0]:.2f})"
    )
    return Reading(
        value=found[worst][0],
        reason=reason,
        measurements={
            "scores": {name: round(score, 4) for name, (score, _) in found.items()},
            "strengths": {name: round(seen.strength, 4) for name, (_, seen) in found.items()},
        },
        evidence=tuple(Evidence(claim=found[n][1].claim, box=found[n][1].box) for n in faults),
        issues=tuple(
            FailureMode(category="artifact", subcategory=name, detail=found[name][1].claim)
            for name in faults
        ),
    )


def _check(name: str, limits: Mapping[str, float]) -> Check:
    known = PANEL[name]
    limit: object = limits.get(name, known.limit)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
        text = f"artifacts: limits.{name} is {limit!r}; give a number above 0 (default "
        raise ConfigError(text + f"{known.limit})")
    return Check(known.measure, float(limit), known.spread)


def _names() -> str:
    return ", ".join(PANEL)
