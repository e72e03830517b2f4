"""Pixels in, bounded copies out; and the symptom that every check returns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sentinel.contracts import Box, Pixels
from sentinel.imaging import fit

Plane = NDArray[np.float32]
"""H×W luminance, 0 to 255."""

SIDE = 1024
"""Pixels a side of the largest copy a check works on: one megapixel keeps the panel near 0.3 s."""

SMALLEST = 48
"""Pixels of the shorter side below which the checks have too few blocks to say anything."""


@dataclass(frozen=True)
class View:
    """Two bounded copies of one picture.

    `native` is the middle of the picture at its own resolution (grids of 2 and 8 pixels vanish
    when a picture is made smaller); `whole` is all of it, made smaller where it is larger than
    `SIDE`. Both are the picture itself up to 1024 pixels a side.
    """

    pixels: Pixels

    @cached_property
    def native(self) -> Pixels:
        """The middle, at most SIDE × SIDE, untouched; its corner is a multiple of 8."""
        left, top = self.corner
        return self.pixels[top : top + SIDE, left : left + SIDE]

    @cached_property
    def whole(self) -> Pixels:
        """All of it, at most SIDE pixels a side."""
        return fit(self.pixels, SIDE)

    @cached_property
    def native_grey(self) -> Plane:
        """Luminance of `native`."""
        return _grey(self.native)

    @cached_property
    def whole_grey(self) -> Plane:
        """Luminance of `whole`."""
        return _grey(self.whole) if self.whole is not self.pixels else self.native_grey

    @property
    def corner(self) -> tuple[int, int]:
        """Left and top of `native` in the picture."""
        height, width = self.pixels.shape[:2]
        return max(0, (width - SIDE) // 16 * 8), max(0, (height - SIDE) // 16 * 8)

    def from_native(self, left: float, top: float, width: float, height: float) -> Box:
        """A rectangle of `native` as a box of the picture."""
        x, y = self.corner
        return self._clipped(left + x, top + y, width, height)

    def from_whole(self, left: float, top: float, width: float, height: float) -> Box:
        """A rectangle of `whole` as a box of the picture."""
        by = self.pixels.shape[1] / self.whole.shape[1]
        return self._clipped(left * by, top * by, width * by, height * by)

    def _clipped(self, left: float, top: float, width: float, height: float) -> Box:
        bottom, right = self.pixels.shape[:2]
        x, y = min(max(0, int(left)), right), min(max(0, int(top)), bottom)
        return Box(x, y, min(right, x + int(width)), min(bottom, y + int(height)))


@dataclass(frozen=True, slots=True)
class Symptom:
    """How strongly one artefact shows, in the check's own unit (higher is worse), and where."""

    strength: float
    claim: str
    box: Box | None = None


def blocks(plane: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Whole blocks of side × side as rows × columns × side × side; what is left over is cut."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    cut = plane[: rows * side, : columns * side]
    return cut.reshape(rows, side, columns, side).swapaxes(1, 2)


def _grey(pixels: Pixels) -> Plane:
    import cv2  # noqa: PLC0415 - OpenCV is loaded by the first picture, not by the import

    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), np.float32)
