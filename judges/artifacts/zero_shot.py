"""Image vector in, sub-scores out: named defects against clean pictures, by a CLIP model."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

CLEAN = (
    "a clean, sharp picture",
    "a flawless professional photograph",
    "a well made illustration without faults",
)
DEFECTS: dict[str, tuple[str, ...]] = {
    "deformed_face": ("a picture of a distorted, melted face", "a face with misplaced eyes"),
    "deformed_hand": ("a hand with extra fingers", "a hand with missing or fused fingers"),
    "deformed_body": ("a body with extra or missing limbs", "a disfigured, mangled animal"),
    "glitch": ("a corrupted picture full of glitches", "a picture with digital artefacts"),
    "melted": ("a smeared, melted, garbled picture", "objects that melt into each other"),
    "watermark": ("a picture with a watermark over it", "a stock photo with a watermark"),
}
"""What the picture is compared with; the nearest phrase of each row counts."""

MARGIN, SPREAD = 0.02, 0.015
"""Cosine by which a defect must be nearer than the nearest clean phrase to score 0.5, and the
change from 0.5 to 0.73. Starting values, not calibrated: cosines differ between models."""


def phrases() -> list[str]:
    """Every phrase, clean ones first, in the order `scores` expects their vectors."""
    return [*CLEAN, *(phrase for row in DEFECTS.values() for phrase in row)]


def scores(image: NDArray[np.float32], texts: NDArray[np.float32]) -> dict[str, tuple[float, str]]:
    """Sub-score and nearest phrase per defect; vectors have length 1."""
    cosines = texts @ image
    clean = float(cosines[: len(CLEAN)].max())
    found: dict[str, tuple[float, str]] = {}
    start = len(CLEAN)
    for name, row in DEFECTS.items():
        part = cosines[start : start + len(row)]
        nearest = int(part.argmax())
        steps = (float(part[nearest]) - clean - MARGIN) / SPREAD
        found[name] = (1 / (1 + math.exp(min(60.0, steps))), row[nearest])
        start += len(row)
    return found
