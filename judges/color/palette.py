"""Palette words and pixels in, colours and pigments out: what the color judge compares.

Colour science (sRGB to CIELAB under D65, CIEDE2000) is scikit-image's, names and hex are Pillow's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sentinel.contracts import Box, Pixels
from sentinel.errors import BriefError
from sentinel.imaging import fit

SIDE = 256
"""Pixels a side of the copy that is measured: half a percent of it is still 300 pixels."""
BITS = 5
"""Bits per channel of a bin of colours; within a bin ΔE00 stays below about 2."""
LARGEST = 100.0
"""ΔE00 that is reported at most; black to white is 100."""

Lab = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour of a palette. `named` tells a word ("red", a family) from a measured colour."""

    text: str
    rgb: tuple[int, int, int]
    named: bool

    @property
    def hex(self) -> str:
        """CSS hex."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb)

    @property
    def title(self) -> str:
        """Hex and the nearest CSS name, for people and for the next prompt."""
        return f"{self.hex} ({self.text if self.named else nearest_name(self.rgb)})"

    def away(self, rgb: tuple[int, int, int]) -> float:
        """ΔE00 to another colour."""
        return float(difference(lab_of([rgb]), lab_of([self.rgb])[0])[0])


@dataclass(frozen=True, slots=True)
class Pigments:
    """The colours of a picture in bins: mean Lab and share of each, and the bin of each pixel."""

    lab: Lab
    shares: NDArray[np.float64]
    bins: NDArray[np.int64]
    scale: float
    size: tuple[int, int]

    def distances(self, colour: Colour) -> NDArray[np.float64]:
        """ΔE00 of every bin to the colour."""
        return difference(self.lab, lab_of([colour.rgb])[0])

    def reached(self, distances: NDArray[np.float64], share: float) -> float:
        """The ΔE00 within which at least `share` of the picture lies."""
        order = np.argsort(distances, kind="stable")
        at = int(np.searchsorted(np.cumsum(self.shares[order]), share - 1e-9))
        return min(LARGEST, float(distances[order][min(at, len(order) - 1)]))

    def share(self, mask: Mask) -> float:
        """Share of the picture in the marked bins."""
        return float(self.shares[mask].sum())

    def neutral(self) -> Mask:
        """Bins that are black, white or grey."""
        chroma = np.hypot(self.lab[:, 1], self.lab[:, 2])
        lightness = self.lab[:, 0]
        return np.asarray((chroma < GREY) | (lightness < BLACK) | (lightness > WHITE))

    def dominant(self, most: int = 8) -> list[tuple[tuple[int, int, int], float]]:
        """Colours that stand for at least half a percent each, largest first, with their share.

        The fullest bin takes in all within ΔE00 12, then the next: accents survive, and no dice
        are thrown as in k-means.
        """
        left = self.shares.copy()
        found: list[tuple[tuple[int, int, int], float]] = []
        while len(found) < most and left.max() > 0:
            near = (left > 0) & (difference(self.lab, self.lab[int(left.argmax())]) <= MERGED)
            share = float(left[near].sum())
            mean = np.average(self.lab[near], axis=0, weights=left[near])
            left[near] = 0
            if share >= ACCENT:
                found.append((_rgb(mean), share))
        return sorted(found, key=lambda item: -item[1])

    def box(self, mask: Mask) -> Box | None:
        """Where the largest connected area of the marked bins lies; None if there is none."""
        import cv2  # noqa: PLC0415 - heavy libraries are loaded by the first picture

        marked = mask[self.bins].astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(marked)
        if count == 1:
            return None
        left, top, wide, high, _ = (int(v) for v in stats[1 + int(stats[1:, 4].argmax())])
        width, height = self.size
        right, bottom = round((left + wide) * self.scale), round((top + high) * self.scale)
        return Box(
            min(width, int(left * self.scale)),
            min(height, int(top * self.scale)),
            min(width, right),
            min(height, bottom),
        )


GREY, BLACK, WHITE = 10.0, 12.0, 95.0
"""Lab chroma below which, and lightness outside which, a colour is called neutral."""
MERGED, ACCENT = 12.0, 0.005
"""ΔE00 within which two colours are one, and share of the smallest colour that is told."""


def parse(text: str) -> Colour:
    """A CSS hex or name as a colour; BriefError if Pillow knows no such colour."""
    from PIL import ImageColor  # noqa: PLC0415

    try:
        red, green, blue = ImageColor.getrgb(text.strip())[:3]
    except ValueError as error:
        way_out = 'give a CSS hex such as "#c8102e" or a CSS colour name'
        raise BriefError("palette", text, way_out) from error
    return Colour(text.strip().lower(), (red, green, blue), text.strip().isalpha())


def pigments(pixels: Pixels) -> Pigments:
    """The colours of a picture, measured on a copy of at most SIDE pixels a side."""
    small = fit(pixels, SIDE)
    height, width = pixels.shape[:2]
    packed = (small >> (8 - BITS)).astype(np.int64) @ np.array([1 << (2 * BITS), 1 << BITS, 1])
    _, bins, counts = np.unique(packed, return_inverse=True, return_counts=True)
    bins = bins.reshape(packed.shape)
    means = [
        np.bincount(bins.ravel(), weights=small[..., channel].ravel()) / counts
        for channel in range(3)
    ]
    lab = _lab(np.stack(means, axis=1) / 255)
    return Pigments(lab, counts / counts.sum(), bins, width / small.shape[1], (width, height))


def difference(lab: Lab, other: Lab) -> NDArray[np.float64]:
    """CIEDE2000 of each row to the one other."""
    from skimage.color import deltaE_ciede2000  # noqa: PLC0415 - 0.3 s to import

    return np.asarray(deltaE_ciede2000(lab, np.broadcast_to(other, lab.shape)), np.float64)


def lab_of(colours: list[tuple[int, int, int]]) -> Lab:
    """Lab of sRGB colours, one a row."""
    return _lab(np.array(colours, np.float64).reshape(-1, 3) / 255)


def nearest_name(rgb: tuple[int, int, int]) -> str:
    """The CSS name nearest to a colour."""
    names, lab = _named()
    return names[int(difference(lab, lab_of([rgb])[0]).argmin())]


@cache
def _named() -> tuple[tuple[str, ...], Lab]:
    from PIL import ImageColor  # noqa: PLC0415

    names = tuple(sorted(ImageColor.colormap))
    return names, lab_of([ImageColor.getrgb(name)[:3] for name in names])


def _lab(colours: NDArray[np.float64]) -> Lab:
    from skimage.color import rgb2lab  # noqa: PLC0415

    return np.asarray(rgb2lab(colours), np.float64)


def _rgb(lab: Lab) -> tuple[int, int, int]:
    from skimage.color import lab2rgb  # noqa: PLC0415

    red, green, blue = (round(float(part) * 255) for part in lab2rgb(lab))
    return red, green, blue
