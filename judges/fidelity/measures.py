"""One face in, eleven raw measures of how well formed it is out.

They are taken from two upright views: a patch of 320 px with the face in its middle half, and
dlib's aligned chip of 150 px in which every part of a well-formed face has its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sentinel.contracts import Pixels
from sentinel.detectors.dlib_models import Point, landmarks_in, scores_in
from sentinel.detectors.faces import PATCH, Face, patch

Plane = NDArray[np.float32]

JITTERS = ((-14, 0, 1.0), (14, 0, 1.0), (0, -14, 1.0), (0, 14, 1.0), (0, 0, 0.88), (0, 0, 1.14))
"""Boxes shifted by 9 % of the face and scaled by 1/8: about what separates two neighbouring
windows of the detector. A landmark that moves with the box has nothing to hold on to."""

SIZES = (200, 260, 340, 420)
"""Sides of the patch at which the detector is asked again: an octave, around its 80 px window."""

PAIRED = (2, 3, 0, 1, 4)
"""Which landmark each one becomes in a mirror: the eyes change places."""

RIGHT_EYE, LEFT_EYE = (slice(36, 58), slice(84, 118)), (slice(36, 58), slice(31, 65))
"""Rows and columns of the eyes in a chip: dlib's mean shape puts the corners at x 37–58 and
90–111, y 46 (right and left as seen)."""

BRIDGE, FACE = (slice(34, 58), slice(64, 86)), (slice(30, 135), slice(35, 115))
MOUTH, MOUTH_BAND = (slice(98, 122), slice(55, 95)), (slice(95, 132), slice(35, 115))
INNER = (slice(25, 130), slice(25, 125))
"""Places in the chip: between the eyes, all features, the mouth, the
band in which a mouth may be, and the face without hair and background."""

MIDDLE = 74.5
"""The chip's vertical axis, in columns."""


@dataclass(frozen=True, slots=True)
class Measures:
    """Raw values; what is good is said for each. Lengths of landmarks are in eye distances."""

    eye_jitter: float
    """Mean wandering of the eye corners under jittered boxes, but the worst; small is good."""
    nose_jitter: float
    """The same for the nose."""
    mirror: float
    """Largest disagreement between the landmarks and those read in the mirror; small is good."""
    found: float
    """Mean detector score over four sizes; large is good."""
    eye_ratio: float
    """Darkness of the lighter pupil against the darker one; 1 is good."""
    eye_dark: float
    """How much darker the lighter pupil is than the cheek below it, as a share."""
    eye_level: float
    """Rows of the chip between the two darkest points; small is good."""
    bridge: float
    """Detail between the eyes against the detail of the whole face; small is good."""
    mouth_off: float
    """Columns between the middle of the mouth's edges and the axis; small is good."""
    mouth_there: float
    """Detail at the mouth against the detail of the whole face; large is good."""
    sharp: float
    """Log of fine detail against contrast (variance of the Laplacian); large is good."""
    turned: float
    """How far the nose lies off the eyes' middle: 0 frontal, .3 turned away."""


def measure(pixels: Pixels, face: Face) -> Measures:
    """Take all measures of one face."""
    import cv2  # noqa: PLC0415 - heavy, needed here only

    upright = patch(pixels, face.centre, face.side * 2.0, turned=face.turned, out=PATCH)
    mirrored = np.ascontiguousarray(upright[:, ::-1])
    plain, other = _landmarks(upright), _unmirror(_landmarks(mirrored))
    eyes = _eye_distance(plain[0])
    wander = (_wander(plain) + _wander(other)) / (2.0 * eyes)
    chip = face.chip if face.chip is not None else upright[:150, :150]
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY).astype(np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.5)
    dark, level, ratio = _pupils(grey, cv2.GaussianBlur(grey, (0, 0), 2.0))
    whole = _detail(smooth[FACE]) + 1.0
    return Measures(
        eye_jitter=float(wander[:4].mean()),
        nose_jitter=float(wander[4]),
        mirror=float(np.linalg.norm(plain[0] - other[0], axis=1).max() / eyes),
        found=_found(upright),
        eye_ratio=ratio,
        eye_dark=dark,
        eye_level=level,
        bridge=_detail(smooth[BRIDGE]) / whole,
        mouth_off=_mouth_off(smooth),
        mouth_there=_detail(smooth[MOUTH]) / whole,
        sharp=_sharp(grey, cv2),
        turned=_turned(plain[0], eyes),
    )


# ── landmarks ─────────────────────────────────────────────────────────────────────────────────


def _landmarks(upright: Pixels) -> NDArray[np.float64]:
    """Landmarks from the middle box, then from each jittered one: 7 × 5 × 2."""
    middle, half = PATCH / 2.0, PATCH / 4.0
    boxes = [
        (middle + dx - half * k, middle + dy - half * k, middle + dx + half * k,
         middle + dy + half * k)
        for dx, dy, k in ((0, 0, 1.0), *JITTERS)
    ]  # fmt: skip
    read: list[tuple[Point, ...]] = [landmarks_in(upright, box) for box in boxes]
    return np.array(read, dtype=np.float64)


def _unmirror(landmarks: NDArray[np.float64]) -> NDArray[np.float64]:
    swapped = landmarks[:, PAIRED].copy()
    swapped[..., 0] = PATCH - 1 - swapped[..., 0]
    return swapped


def _wander(landmarks: NDArray[np.float64]) -> NDArray[np.float64]:
    jittered = landmarks[1:]
    spread = np.linalg.norm(jittered - np.median(jittered, axis=0), axis=2)
    # one box in six may lose the face altogether, on a face that nothing is wrong with
    calm = np.sort(spread, axis=0)[:-1]
    return np.asarray(calm.mean(axis=0), dtype=np.float64)


def _eye_distance(landmarks: NDArray[np.float64]) -> float:
    one, other = landmarks[:2].mean(axis=0), landmarks[2:4].mean(axis=0)
    return max(1.0, float(np.linalg.norm(one - other)))


def _turned(landmarks: NDArray[np.float64], eyes: float) -> float:
    one, other = landmarks[:2].mean(axis=0), landmarks[2:4].mean(axis=0)
    across = (one - other) / eyes
    return float(abs((landmarks[4] - (one + other) / 2.0) @ across) / eyes)


def _found(upright: Pixels) -> float:
    scores = []
    image = Image.fromarray(upright)
    for size in SIZES:
        view = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
        near = [
            score for box, score in scores_in(view, -1.0)
            if abs(box.left + box.right - size) < size * 0.3
            and abs(box.top + box.bottom - size) < size * 0.3
            and box.right - box.left > size * 0.3
        ]  # fmt: skip
        scores.append(max(near, default=-1.0))
    return float(np.mean(scores))


# ── the chip ──────────────────────────────────────────────────────────────────────────────────


def _pupils(grey: Plane, smooth: Plane) -> tuple[float, float, float]:
    """Darkness of the lighter pupil, rows between the two, and lighter against darker."""
    depths, rows = [], []
    for eye in (RIGHT_EYE, LEFT_EYE):
        cheek = float(np.median(grey[60:80, eye[1]]))
        part = smooth[36:60, eye[1]]
        depths.append((cheek - float(part.min())) / (cheek + 10.0))
        rows.append(int(part.argmin()) // part.shape[1])
    ratio = max(0.0, min(depths)) / max(0.01, *depths)
    return min(depths), float(abs(rows[0] - rows[1])), ratio


def _detail(part: Plane) -> float:
    return float(np.abs(np.diff(part, axis=0)).mean())


def _mouth_off(smooth: Plane) -> float:
    columns = np.abs(np.diff(smooth, axis=0))[MOUTH_BAND].sum(axis=0)
    strong = np.maximum(columns - np.percentile(columns, 40), 0.0)
    places = np.arange(MOUTH_BAND[1].start, MOUTH_BAND[1].stop)
    total = float(strong.sum())
    return abs(float((strong * places).sum()) / total - MIDDLE) if total > 1.0 else 0.0


def _sharp(grey: Plane, cv2: Any) -> float:
    fine = cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.CV_32F)[INNER]
    return float(np.log(fine.var() / (grey[INNER].var() + 10.0) + 1e-6))
