"""A picture in, exposed body parts with boxes out, by NudeNet.

Opt-in: the wheel nudenet 3.4.2 says MIT in its metadata and carries the AGPL-3.0 text, so its
code is treated as AGPL. It is imported only where a policy asks for this backend.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from gates.safety.sighting import Sighting
from sentinel import imaging
from sentinel.contracts import Box, Evidence, ModelCard, Pixels, Runtime
from sentinel.detectors import sessions
from sentinel.errors import MissingRequirement

WHO = "safety gate (backend nudenet)"
SIDE = 640
"""Pixels of the longer side that the detector is shown; it scales to 320 itself."""

CARD = ModelCard(
    name="nudenet",
    title="NudeNet 320n detector",
    licence="AGPL-3.0 (text in the wheel; its metadata says MIT)",
    commercial=True,
    megabytes=12.2,
    source="wheel",
    extra="nudenet",
    note="the AGPL asks for the source of what is offered over a network with it",
)

EXPOSED = (
    "ANUS_EXPOSED", "BUTTOCKS_EXPOSED", "FEMALE_BREAST_EXPOSED", "FEMALE_GENITALIA_EXPOSED",
    "MALE_GENITALIA_EXPOSED",
)  # fmt: skip
"""The classes that count. NudeNet also names exposed feet, armpits, bellies and male chests, which
beach pictures are full of, and covered parts, which must never refuse."""

KNOWN = (
    *EXPOSED, "ARMPITS_EXPOSED", "BELLY_EXPOSED", "FEET_EXPOSED", "MALE_BREAST_EXPOSED",
)  # fmt: skip
"""What `unsafe_labels` may hold."""


class NudeNet:
    """NudeNet's 320-pixel detector; the probability is that of its surest unsafe detection."""

    def __init__(self, *, labels: tuple[str, ...] = EXPOSED, shown_from: float) -> None:
        """Count `labels`; detections surer than `shown_from` become evidence."""
        self.labels = labels
        self.shown_from = shown_from
        self._detector: Any = None

    def load(self, runtime: Runtime) -> None:
        """Open the detector on a session with bounded threads."""
        spec = importlib.util.find_spec("nudenet")
        if spec is None or spec.origin is None:
            remedy = "pip install 'sentinel-gatekeeper[nudenet]'"
            raise MissingRequirement(WHO, "the package nudenet", remedy)
        import nudenet  # noqa: PLC0415 - an extra

        weights = Path(spec.origin).parent / "320n.onnx"
        self._detector = nudenet.NudeDetector()
        # its constructor ignores threads and providers, so its session is replaced
        self._detector.onnx_session = sessions.open_session(weights, runtime, who=WHO)

    def look(self, pixels: Pixels) -> Sighting:
        """Exposed body parts, the surest first."""
        small = imaging.fit(pixels, SIDE)
        scale = pixels.shape[1] / small.shape[1], pixels.shape[0] / small.shape[0]
        found = [one for one in self._detector.detect(small) if one["class"] in self.labels]
        found.sort(key=lambda one: -one["score"])
        shown = [one for one in found if one["score"] >= self.shown_from]
        evidence = tuple(
            Evidence(
                claim=f"{_words(one['class'])}, {one['score']:.2f} sure",
                box=_box(one["box"], scale, pixels.shape),
            )
            for one in shown
        )
        probability = float(found[0]["score"]) if found else 0.0
        provider = sessions.provider(self._detector.onnx_session)
        labels = [one["class"] for one in shown]
        return Sighting(min(1.0, probability), {"provider": provider, "labels": labels}, evidence)

    def close(self) -> None:
        """Let go of the detector."""
        self._detector = None


def _words(label: str) -> str:
    part, _, state = label.rpartition("_")
    return f"{state} {part}".replace("_", " ").lower()


def _box(found: list[int], scale: tuple[float, float], shape: tuple[int, ...]) -> Box:
    """Left, top, width, height of the reduced copy, as a box inside the whole picture."""
    left, top, width, height = found
    right, bottom = (left + width) * scale[0], (top + height) * scale[1]
    return Box(
        left=min(shape[1], max(0, round(left * scale[0]))),
        top=min(shape[0], max(0, round(top * scale[1]))),
        right=min(shape[1], max(0, round(right))),
        bottom=min(shape[0], max(0, round(bottom))),
    )
