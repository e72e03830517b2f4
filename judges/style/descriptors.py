"""Pixels in, how they are drawn out: palette, contrast and texture; and how far two lie apart.

Classical descriptors only, no weights: quantiles of the CIELAB channels and the coloured share
(palette), of edge strength (contrast), local binary patterns at two radii and edge directions
(texture). Local spread, the share of flat paint, chroma and the spread of hues were tried; the fit
gave them no weight. Content mixes into all of them; what a picture shows is never fully apart from
how it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentinel.contracts import Pixels
from sentinel.imaging import fit

Floats = NDArray[np.float64]

SIDE = 320
"""Pixels of the longer side that are looked at; style survives it, grain of the sensor does not."""
SMALLEST = 24
"""Pixels a side below which there is no texture to speak of."""
QUANTILES = np.linspace(0.02, 0.98, 33)
POINTS = 8
RADII = (1, 3)
"""Neighbours and radii of the local binary patterns (Ojala and others, 2002): fine and coarse."""
SMOOTH = POINTS
"""Bin of the pattern in which no neighbour is darker than the middle: flat paint."""
DIRECTIONS = 12
GREYISH = 6.0
"""Chroma, in CIELAB units, up to which a spot counts as grey: JPEG alone tints by a few."""


@dataclass(frozen=True, slots=True)
class Described:
    """How a picture is drawn, as numbers that can be compared."""

    palette: Floats
    """Quantiles of L*, a*, b* and chroma, one row each, CIELAB units."""
    patterns: Floats
    """Histograms of uniform local binary patterns, one row per radius."""
    edges: Floats
    """Quantiles of log(1 + gradient of L*)."""
    coloured: float
    """Share of the picture with a chroma above `GREYISH`: 0 in a grey one."""
    directions: Floats
    """Sorted shares of edge directions: how much they agree, not where they point."""


class Distances(NamedTuple):
    """How far apart two styles are, part by part; 0 is the same."""

    light: float
    """First Wasserstein distance of L*, CIELAB units."""
    colour: float
    """The same of a* and b*, averaged."""
    coloured: float
    """Difference of the coloured shares."""
    fine: float
    """Hellinger distance of the patterns at radius 1."""
    coarse: float
    """Hellinger distance of the patterns at radius 3."""
    directions: float
    """Hellinger distance of the edge directions."""
    edges: float
    """First Wasserstein distance of edge strength, log units."""


PARTS = {
    "palette": ("light", "colour", "coloured"),
    "contrast": ("edges",),
    "texture": ("fine", "coarse", "directions"),
}
"""Which distances speak of what."""


def describe(pixels: Pixels) -> Described | None:
    """The style of a picture; None where it is too small to have one."""
    from scipy import ndimage  # noqa: PLC0415 - needed here only
    from skimage.color import rgb2lab  # noqa: PLC0415 - needed here only

    if min(pixels.shape[:2]) < SMALLEST:
        return None
    lab = rgb2lab(fit(pixels, SIDE))
    if min(lab.shape[:2]) < SMALLEST // 2:
        return None
    light = lab[..., 0]
    across, down = ndimage.sobel(light, axis=1) / 8, ndimage.sobel(light, axis=0) / 8
    strength = np.hypot(across, down)
    channels = [light, lab[..., 1], lab[..., 2], np.hypot(lab[..., 1], lab[..., 2])]
    return Described(
        palette=np.stack([np.quantile(channel, QUANTILES) for channel in channels]),
        patterns=np.stack([_patterns(light, radius) for radius in RADII]),
        edges=np.quantile(np.log1p(strength), QUANTILES),
        coloured=float(np.mean(channels[3] > GREYISH)),
        directions=_directions(across, down, strength),
    )


def distances(one: Described, other: Described) -> Distances:
    """How far apart two styles are."""
    light, across, down, _ = np.abs(one.palette - other.palette).mean(axis=1)
    return Distances(
        light=float(light),
        colour=float(across + down) / 2,
        coloured=abs(one.coloured - other.coloured),
        fine=_hellinger(one.patterns[0], other.patterns[0]),
        coarse=_hellinger(one.patterns[1], other.patterns[1]),
        directions=_hellinger(one.directions, other.directions),
        edges=float(np.abs(one.edges - other.edges).mean()),
    )


def _patterns(light: Floats, radius: int) -> Floats:
    from skimage.feature import local_binary_pattern  # noqa: PLC0415 - needed here only

    grey = np.clip(light * 2.55, 0, 255).astype(np.uint8)
    found = local_binary_pattern(grey, POINTS, radius, method="uniform")
    counts = np.bincount(found.astype(int).ravel(), minlength=POINTS + 2)
    shares: Floats = counts / counts.sum()
    return shares


def _directions(across: Floats, down: Floats, strength: Floats) -> Floats:
    angles = np.mod(np.arctan2(down, across), np.pi)
    counts, _ = np.histogram(angles, DIRECTIONS, range=(0, np.pi), weights=strength)
    total = counts.sum()
    shares: Floats = np.sort(counts / total) if total > 0 else np.full(DIRECTIONS, 1 / DIRECTIONS)
    return shares


def _hellinger(one: Floats, other: Floats) -> float:
    return float(np.sqrt(max(0.0, 1 - np.sqrt(one * other).sum())))
