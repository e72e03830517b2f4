"""Sample in, finding out: are there as many faces as the policy asks for?"""

from __future__ import annotations

from typing import ClassVar

from sentinel.contracts import Evidence, FailureMode, Finding, ModelCard, Runtime, Sample
from sentinel.detectors import faces
from sentinel.detectors.dlib_models import DETECTOR_CARD, LANDMARK_CARD, require
from sentinel.errors import ConfigError

SMALLEST = 16
"""Pixels a side below which a face is not counted. The search sees 40 px in pictures of up to
2048 px a side and 20 px in thumbnails; below 16 px a hit is chance."""


class FaceGate:
    """Refuses a picture without the faces that the policy asks for.

    `min_faces` to `max_faces` (None: any number) faces of at least `smallest` pixels a side and
    a detector score of at least `score` must be there. Measurements: `count`, `faces` (side in
    pixels, score, turned degrees, best first), `ignored` (found, but too small or unsure).

    Blind to profiles beyond about 45°, covered faces and most drawings; sees a face in a
    well-painted portrait; does not tell a photo of a face from a face. Small faces beside one
    that is larger than a sixth of the picture may be missed. Model: dlib's HOG detector
    (BSL-1.0) and five landmarks (CC0), both from wheels.
    """

    version: ClassVar[str] = "1"
    typical_ms: ClassVar[float] = 150.0
    models: ClassVar[tuple[ModelCard, ...]] = (DETECTOR_CARD, LANDMARK_CARD)

    def __init__(
        self,
        *,
        min_faces: int = 1,
        max_faces: int | None = None,
        smallest: int = SMALLEST,
        score: float = faces.SURE,
    ) -> None:
        self.fewest = _whole("min_faces", min_faces)
        self.most = None if max_faces is None else _whole("max_faces", max_faces)
        self.smallest = _whole("smallest", smallest)
        if self.most is not None and self.most < self.fewest:
            text = (
                f"max_faces is {max_faces}, below min_faces {min_faces}; raise it or leave it out"
            )
            raise ConfigError(text)
        if not _is_number(score) or score < faces.SURE:
            text = f"score is {score!r}; a number from {faces.SURE}: below it hits are chance"
            raise ConfigError(text)
        self.score = float(score)

    def load(self, runtime: Runtime) -> None:  # noqa: ARG002 - dlib runs on one thread of the CPU
        """Check that dlib and its weights are installed."""
        require("gate 'face'")

    def check(self, sample: Sample) -> Finding:
        """Count the faces."""
        found = faces.faces_of(sample)
        counted = [face for face in found if self._counts(face)]
        issue = self._issue(len(counted), len(found) - len(counted))
        reason = issue.detail if issue else _seen(len(counted))
        return Finding(
            passed=issue is None,
            reason=reason,
            measurements={
                "count": len(counted),
                "faces": [
                    {"side": round(face.side), "score": round(face.score, 2), "turned": face.turned}
                    for face in counted
                ],
                "ignored": len(found) - len(counted),
            },
            evidence=tuple(
                Evidence(
                    claim=f"face {n}, {face.side:.0f} px, score {face.score:.2f}", box=face.box
                )
                for n, face in enumerate(counted, start=1)
            ),
            issues=(issue,) if issue else (),
        )

    def _counts(self, face: faces.Face) -> bool:
        return face.side >= self.smallest and face.score >= self.score

    def _issue(self, count: int, ignored: int) -> FailureMode | None:
        left_out = f" ({ignored} too small or too unsure)" if ignored else ""
        if count < self.fewest:
            kind = "no_face" if count == 0 else "too_few_faces"
            detail = f"{_seen(count)}{left_out}; at least {self.fewest} asked for"
            return FailureMode(category="face", subcategory=kind, detail=detail)
        if self.most is not None and count > self.most:
            detail = f"{_seen(count)}{left_out}; at most {self.most} asked for"
            return FailureMode(category="face", subcategory="too_many_faces", detail=detail)
        return None


def _seen(count: int) -> str:
    return {0: "no face found", 1: "1 face found"}.get(count, f"{count} faces found")


def _whole(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{key} is {value!r}; a whole number from 0 up")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
