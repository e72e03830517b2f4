"""A mask in, the name of its shape out: by its contour, never by comparing with drawings.

Holes, convexity, roundness, how well it fills the smallest rectangle and triangle around it, and
its bays (convexity defects). A mask that fits no shape is "unknown".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

UNKNOWN = "unknown"
DEEP = 0.07
"""A bay counts where it is so deep, in parts of the square root of the hull's area."""


@dataclass(frozen=True, slots=True)
class Form:
    """What is measured of one silhouette; ratios are of areas, 0 to 1."""

    hole: float
    """Largest hole to the filled silhouette."""

    off: float
    """The hole's distance from the middle, in parts of the square root of the filled area."""

    convex: float
    """Filled silhouette to its convex hull."""

    round: float
    """4π area / perimeter² of the hull: 1 for a circle, 0.785 for a square."""

    rectangle: float
    """Hull to the smallest rectangle around it."""

    triangle: float
    """Hull to the smallest triangle around it."""

    bays: int
    """Bays deeper than `DEEP`."""


def measure(mask: NDArray[np.uint8]) -> Form | None:
    """The form of the largest silhouette in a mask (0 or 255); None where there is none."""
    contours, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if tree is None:
        return None
    parents = tree.reshape(-1, 4)[:, 3]
    outer = [at for at in range(len(contours)) if parents[at] < 0]
    if not outer:
        return None
    mine = max(outer, key=lambda at: cv2.contourArea(contours[at]))
    outline = contours[mine]
    filled = cv2.contourArea(outline)
    hull = cv2.convexHull(outline)
    whole = cv2.contourArea(hull)
    if filled <= 0 or whole <= 0:
        return None
    holes = [contours[at] for at in range(len(contours)) if parents[at] == mine]
    hole = max(holes, key=cv2.contourArea, default=None)
    share, off = _hole(hole, outline, filled)
    (_, (across, down), _) = cv2.minAreaRect(outline)
    return Form(
        hole=share,
        off=off,
        convex=filled / whole,
        round=4 * np.pi * whole / cv2.arcLength(hull, closed=True) ** 2,
        rectangle=whole / max(across * down, 1e-6),
        triangle=whole / max(_triangle(hull), 1e-6),
        bays=_bays(outline, whole),
    )


def _triangle(hull: Any) -> float:
    """Area of the smallest triangle around it whose sides lie at multiples of 5 degrees.

    By the hull's reach in every direction; cv2.minEnclosingTriangle misses it at some cut corners
    (0.77 for a clean triangle).
    """
    turns, (one, two, three) = _directions()
    points = hull.reshape(-1, 2).astype(np.float64)
    normals = np.stack([np.cos(turns), np.sin(turns)])
    reach = (points @ normals).max(axis=0)
    a, b, c = (np.sin(turns[j] - turns[i]) for i, j in ((one, two), (two, three), (three, one)))
    doubled = (reach[one] * b + reach[two] * c + reach[three] * a) ** 2 / (a * b * c)
    return float(doubled.min()) / 2


@cache
def _directions() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """72 directions, and every three of them that enclose something."""
    count, half = 72, 36
    chosen = [
        (i, j, k)
        for i, j, k in combinations(range(count), 3)
        if max(j - i, k - j, i + count - k) < half - 2
    ]
    return np.deg2rad(np.arange(count) * 360 / count), np.array(chosen).T


def _hole(hole: Any, outline: Any, filled: float) -> tuple[float, float]:
    if hole is None or cv2.contourArea(hole) <= 0:
        return 0.0, 0.0
    apart = _middle(hole) - _middle(outline)
    return cv2.contourArea(hole) / filled, float(np.hypot(*apart)) / filled**0.5


def _middle(contour: Any) -> NDArray[np.float64]:
    moments = cv2.moments(contour)
    return np.array([moments["m10"], moments["m01"]]) / moments["m00"]


def _bays(outline: Any, whole: float) -> int:
    defects = cv2.convexityDefects(outline, cv2.convexHull(outline, returnPoints=False))
    if defects is None:
        return 0
    return int((defects.reshape(-1, 4)[:, 3] / 256 > DEEP * whole**0.5).sum())


IDEALS = {
    "circle": (0.0, 0.99, 1.0, 0.79, 0.605),
    "ring": (0.325, 0.99, 1.0, 0.79, 0.605),
    "square": (0.0, 0.98, 0.81, 0.99, 0.515),
    "diamond": (0.0, 0.98, 0.76, 0.74, 0.52),
    "triangle": (0.0, 0.97, 0.65, 0.54, 0.94),
    "star": (0.0, 0.56, 0.87, 0.70, 0.57),
    "cross": (0.0, 0.71, 0.94, 0.90, 0.585),
    "moon": (0.0, 0.57, 0.885, 0.835, 0.715),
    "heart": (0.0, 0.925, 0.87, 0.775, 0.775),
    "cup": (0.07, 0.94, 0.875, 0.83, 0.695),
}
"""Hole, convex, round, rectangle, triangle of each shape well drawn: what geometry gives for a
circle, square or five-pointed star, and medians of 100 to 200 renderings each for the others."""

FAR = 0.16
"""Distance from every ideal beyond which a silhouette is unknown: the two nearest ideals (heart
and cup) are 0.14 apart, renderings stray by less than 0.08."""

CUP_HOLE = 0.02
"""A cup has a handle, so a hole: with less it is none."""

BAYS = {"star": (4, 6), "cross": (3, 5), "moon": (1, 2), "circle": (0, 0), "square": (0, 0)}
"""Bays that a shape may have, where their number tells it from a blot."""


def classify(form: Form | None) -> str:
    """The nearest shape's name, or "unknown"."""
    if form is None:
        return UNKNOWN
    mine = np.array([form.hole, form.convex, form.round, form.rectangle, form.triangle])
    apart = {name: float(np.linalg.norm(mine - ideal)) for name, ideal in IDEALS.items()}
    name = min(apart, key=lambda each: apart[each])
    low, high = BAYS.get(name, (0, 99))
    if apart[name] > FAR or not low <= form.bays <= high:
        return UNKNOWN
    return UNKNOWN if name == "cup" and form.hole < CUP_HOLE else name
