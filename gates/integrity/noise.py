"""Pixels in, whether they are noise out.

In a picture neighbours resemble each other, at every scale; in noise they do not. Five tiles are
looked at in full resolution and four must be noise, so a television showing static is a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sentinel.contracts import Pixels

Plane = NDArray[np.float32]

PLACES = 5
"""The four corners and the middle; fewer in a small picture, where they would overlap."""

TILE = 256
"""Pixels a side of a tile: enough for a correlation that is known to within 0.02."""

ALIGNED = 16
"""Tiles begin at multiples of this, so that blocks of a decoder stay whole."""

SCALES = (2, 4, 8, 16)
"""Block sizes at which noise is looked for; 8 is what one latent pixel of a common VAE covers."""

FEWEST = 12
"""Cells a side below which a scale is left out: the correlation would be too uncertain."""

GREY_LIMITS, LENIENT_LIMITS = (0.65, 0.18, 0.20), (0.65, 0.30, 0.20)
"""Highest correlation of neighbours at 1, 2 and 4 pixels that is still noise; the second where red,
green and blue know nothing of each other, or where there is next to nothing but the noise. Uniform
noise has 0.00 at each; enlarged 1.5 times 0.57, 0.25, 0.12; the most noise-like picture at hand, a
grey photo of gravel shrunk to a quarter, 0.55, 0.26, 0.12 (benchmarks/integrity.py)."""

FAINT = 8.0
"""Standard deviation of the luma, in levels, below which a tile is one colour under something."""

FLAT_BLOCKS, SMOOTH_BLOBS = 0.85, 0.88
"""Share of the variance that blocks of one value, or their smooth enlargement, must explain."""

BLOCK_CORRELATION, NEXT_CORRELATION = 0.35, 0.20
"""Highest correlation of neighbouring blocks, and of blocks twice as wide. Bilinear enlargement
alone gives neighbours 0.32."""

MIDDLE = 0.2
"""Least share of blocks with values in the middle half of their range; a QR code has none."""

COLOURS_APART = 0.5
"""Mean correlation of red, green and blue below which they count as independent; the colours of a
photograph rise and fall together."""

SPARSE, SPARSE_LEVELS = 0.03, 8.0
"""A sky of stars is one-pixel points on a plain ground: fewer than 3 % of pixels more than 8
levels from the median is no noise."""


@dataclass(frozen=True, slots=True)
class Noise:
    """`correlation` of neighbouring pixels (the tiles' highest); the scale in pixels if noise."""

    correlation: float
    scale: int | None


def measure(pixels: Pixels) -> Noise:
    """Look at five tiles; noise if all but one of them are, or the only one is."""
    found: list[int] = []
    correlation, pictures = 0.0, 0
    tiles = _tiles(pixels)
    for tile in tiles:
        plane: Plane = tile.mean(axis=2)
        correlation = max(correlation, _correlation(plane))
        scale = _scale(tile, plane)
        pictures += scale is None
        found += [scale] if scale is not None else []
        if pictures > (len(tiles) >= PLACES):
            return Noise(correlation, None)
    return Noise(correlation, max(found))


def _tiles(pixels: Pixels) -> list[NDArray[np.float32]]:
    height, width = pixels.shape[:2]
    down, across = max(0, height - TILE), max(0, width - TILE)
    places = {(0, 0), (0, across), (down, 0), (down, across), (down // 2, across // 2)}
    aligned = sorted({(y // ALIGNED * ALIGNED, x // ALIGNED * ALIGNED) for y, x in places})
    return [pixels[y : y + TILE, x : x + TILE].astype(np.float32) for y, x in aligned]


def _scale(tile: NDArray[np.float32], plane: Plane) -> int | None:
    """1 for noise in pixels, k for noise in blocks or blobs of k, None for a picture."""
    if _sparse(plane):
        return None
    if _is_white(tile, plane):
        return 1
    return next((scale for scale in SCALES if _is_blocks(tile, plane, scale)), None)


def _sparse(plane: Plane) -> bool:
    away = np.abs(plane - np.median(plane)) > SPARSE_LEVELS
    return bool(away.mean() < SPARSE)


def _is_white(tile: NDArray[np.float32], plane: Plane) -> bool:
    if _correlation(plane) > LENIENT_LIMITS[0]:
        return False
    reduced = [_means(plane, k) for k in (1, 2, 4) if k == 1 or min(plane.shape) // k >= FEWEST]
    lenient = float(plane.std()) < FAINT or _colours_apart(tile, 1)
    limits = LENIENT_LIMITS if lenient else GREY_LIMITS
    return all(
        _correlation(one) <= limit + _uncertainty(one)
        for one, limit in zip(reduced, limits, strict=False)
    )


def _is_blocks(tile: NDArray[np.float32], plane: Plane, scale: int) -> bool:
    if min(plane.shape) // (2 * scale) < FEWEST // 2:
        return False
    means = _means(plane, scale)
    wider = _means(plane, 2 * scale)
    if _correlation(means) > BLOCK_CORRELATION + _uncertainty(means):
        return False
    if _correlation(wider) > NEXT_CORRELATION + _uncertainty(wider) or _is_code(means):
        return False
    whole = plane[: means.shape[0] * scale, : means.shape[1] * scale]
    if _explained(whole, np.repeat(np.repeat(means, scale, 0), scale, 1)) >= FLAT_BLOCKS:
        return True
    size = (whole.shape[1], whole.shape[0])
    smooth = np.asarray(Image.fromarray(means).resize(size, Image.Resampling.BICUBIC))
    return _explained(whole, smooth) >= SMOOTH_BLOBS and _colours_apart(tile, scale)


def _is_code(means: Plane) -> bool:
    """Whether the blocks are dark or light and nothing between, as in a QR code."""
    low, high = float(means.min()), float(means.max())
    quarter = (high - low) / 4
    between = (means > low + quarter) & (means < high - quarter)
    return bool(between.mean() < MIDDLE)


def _colours_apart(tile: NDArray[np.float32], scale: int) -> bool:
    planes = [_means(tile[:, :, channel], scale).ravel() for channel in range(3)]
    if min(float(plane.std()) for plane in planes) < 1.0:
        return False
    pairs = np.asarray(np.corrcoef(planes))[np.triu_indices(3, 1)]
    return bool(pairs.mean() < COLOURS_APART)


def _means(plane: Plane, scale: int) -> Plane:
    rows, columns = plane.shape[0] // scale, plane.shape[1] // scale
    whole = plane[: rows * scale, : columns * scale]
    means: Plane = whole.reshape(rows, scale, columns, scale).mean(axis=(1, 3))
    return means


def _explained(plane: Plane, model: Plane) -> float:
    variance = float(plane.var())
    return 1 - float(((plane - model) ** 2).mean()) / variance if variance > 0 else 1.0


def _correlation(plane: Plane) -> float:
    """Of neighbours, across or down, whichever is the stronger; 1 for a flat plane."""
    centred = plane - plane.mean()
    variance = float((centred**2).mean())
    if variance <= 0 or min(plane.shape) < 2:  # noqa: PLR2004 - a neighbour needs two
        return 1.0
    across = float((centred[:, 1:] * centred[:, :-1]).mean()) / variance
    down = float((centred[1:] * centred[:-1]).mean()) / variance
    return max(abs(across), abs(down))


def _uncertainty(plane: Plane) -> float:
    """Twice the standard error of a correlation over so few cells, beyond that of a full tile."""
    return float(2 / np.sqrt(plane.size)) if plane.size < TILE * TILE // 16 else 0.0
