"""Pixels in, ground out: the smooth surface behind a subject, and what stands out from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentinel.contracts import Box, Pixels
from sentinel.imaging import fit

SIDE = 256
"""Pixels a side of the copy that is measured; grain averages out, clutter stays."""
SMALLEST = 16
"""Pixels of the shorter side below which a border band is a line or two."""
ROUNDS = 5
"""Fits of the surface, each without what stood out from the last; the set settles in three."""
LOOSE, NARROW, WIDE = 25.0, 12.0, 15.0
"""ΔE76 from the commonest colour within which the first fit starts, and between which a later
fit's tolerance of twice the median residual is held."""
SHADOW_CHROMA, SHADOW_EDGE = 6.0, 3.0
"""A shadow keeps the hue (Lab chroma within this) and has no edge (Lab lightness a pixel)."""
EDGE = 2.0
"""Lab lightness a pixel from which a step is seen as texture."""
MIDDLE = (0.3, 0.7)
"""Part of the width and height in which a subject is looked for."""
ENOUGH = 50
"""Pixels of ground in the band below which there is nothing to measure."""

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A reduced copy, told apart into ground, subject and clutter. All planes are of one shape."""

    band: Mask
    """The border all around."""
    subject: Mask
    """What stands out and reaches into the middle."""
    clutter: Mask
    """What stands out elsewhere."""
    residual: Plane
    """ΔE76 from the fitted surface."""
    steps: Plane
    """Lab lightness a pixel."""
    surface: Plane
    """Lightness of the fitted surface."""
    scale: float
    size: tuple[int, int]

    @property
    def bare(self) -> Mask:
        """Ground in the band, two pixels clear of everything that stands out."""
        import cv2  # noqa: PLC0415 - heavy libraries are loaded by the first picture

        full = (self.subject | self.clutter).astype(np.uint8)
        clear = cv2.dilate(full, np.ones((5, 5), np.uint8)) == 0
        return np.asarray(self.band & clear)

    def covered(self) -> float:
        """Share of the band that stands out, over the three barest sides.

        A portrait or a hand comes in over one side; that side is forgiven.
        """
        full = self.subject | self.clutter
        deep = int(self.band[:, full.shape[1] // 2].argmin()) or 1
        sides = (full[:deep], full[-deep:], full[:, :deep], full[:, -deep:])
        return float(np.mean(sorted(float(side.mean()) for side in sides)[:3]))

    def box(self, mask: Mask) -> Box | None:
        """Where the largest connected area of a mask lies in the picture; None for an empty one."""
        import cv2  # noqa: PLC0415

        count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        if count == 1:
            return None
        left, top, wide, high = (int(v) for v in stats[1 + int(stats[1:, 4].argmax()), :4])
        width, height = self.size
        return Box(
            min(width, int(left * self.scale)),
            min(height, int(top * self.scale)),
            min(width, round((left + wide) * self.scale)),
            min(height, round((top + high) * self.scale)),
        )


def ground(pixels: Pixels, *, band: float, tolerance: float, shadow: float) -> Ground:
    """Fit a quadratic surface to the border band and mark what stands out from it.

    `band` is a share of the shorter side; `tolerance` ΔE76 from the surface; `shadow` how much
    darker, in Lab lightness, soft shadow may be.
    """
    import cv2  # noqa: PLC0415
    from skimage.color import rgb2lab  # noqa: PLC0415 - 0.3 s to import

    small = fit(pixels, SIDE)
    lab = rgb2lab(small).astype(np.float32)
    border = _border(lab.shape[:2], band)
    surface = _surface(lab, border)
    away = lab - surface
    residual = np.linalg.norm(away, axis=2)
    steps = np.hypot(*(cv2.Sobel(lab[..., 0], cv2.CV_32F, *way) / 8 for way in ((1, 0), (0, 1))))
    darker = (away[..., 0] < 0) & (away[..., 0] > -shadow)
    same_hue = np.hypot(away[..., 1], away[..., 2]) < SHADOW_CHROMA
    standing = (residual > tolerance) & ~(darker & same_hue & (steps < SHADOW_EDGE))
    opened = cv2.morphologyEx(standing.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    subject = _central(opened)
    scale = pixels.shape[1] / small.shape[1]
    size = (pixels.shape[1], pixels.shape[0])
    clutter = (opened > 0) & ~subject
    return Ground(border, subject, clutter, residual, steps, surface[..., 0], scale, size)


def _border(shape: tuple[int, ...], band: float) -> Mask:
    deep = max(2, round(band * min(shape)))
    border = np.ones(shape, bool)
    border[deep:-deep, deep:-deep] = False
    return border


def _surface(lab: Plane, border: Mask) -> Plane:
    """The quadratic in x and y that most of the band lies on, for each of L, a and b."""
    height, width = lab.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)
    points, known = lab[border].astype(np.float64), terms[border]
    kept = np.linalg.norm(points - _commonest(points), axis=1) < LOOSE
    weights = np.zeros((6, 3))
    for _ in range(ROUNDS):
        weights = np.linalg.lstsq(known[kept], points[kept], rcond=None)[0]
        distance = np.linalg.norm(points - known @ weights, axis=1)
        kept = distance < np.clip(2 * np.median(distance[kept]), NARROW, WIDE)
        if kept.sum() < terms.shape[-1]:
            break
    return np.asarray(terms @ weights, np.float32)


def _commonest(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of the fullest cell of a grid of 8 Lab units."""
    _, cell, counts = np.unique(
        np.round(points / 8), axis=0, return_inverse=True, return_counts=True
    )
    middle: NDArray[np.float64] = np.median(points[cell.ravel() == counts.argmax()], axis=0)
    return middle


def _central(standing: NDArray[np.uint8]) -> Mask:
    """What stands out and is connected to something in the middle of the picture."""
    import cv2  # noqa: PLC0415

    count, labels = cv2.connectedComponents(standing)
    height, width = standing.shape
    rows, columns = (
        slice(int(MIDDLE[0] * side), max(1, int(MIDDLE[1] * side))) for side in (height, width)
    )
    central = np.zeros(count, bool)
    central[np.unique(labels[rows, columns])] = True
    central[0] = False
    return np.asarray(central[labels])
