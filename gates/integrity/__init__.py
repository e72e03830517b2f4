"""A picture in, "is this a picture at all" out.

Refuses what a broken decode, a dead model or a cache delivers: black, white, one colour, noise,
the green of a NaN decode, a half-decoded frame, a copy of a reference or of an earlier picture.
Bytes that cannot be decoded never get here: `sentinel.imaging` refuses them as a PictureError.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
from PIL import Image, ImageFilter
from pydantic import JsonValue

from gates.integrity import copies, noise
from sentinel import imaging
from sentinel.contracts import Box, Evidence, FailureMode, Finding, Pixels, Sample
from sentinel.errors import ConfigError

SIDE = 512
"""Pixels of the longer side of the reduced copy that flatness is measured on."""

SMALLEST = 16
"""Pixels of the shorter side below which there is nothing to judge."""

FLAT = 12.0
"""Levels of spread up to which a picture is one colour. The flattest of the good pictures at hand
(a crop of a retina) has 52; dark grey under noise of 8 levels, compressed as JPEG, has 11."""

OUTLIERS = 1e-4
"""Share of pixels that the spread leaves out: a hot pixel makes no picture."""

POINT_LEVELS, FEWEST_POINTS = 48, 16
"""Single bright pixels vanish in the reduced copy: this many pixels in full resolution, this far
from the ground, are a sky of stars and no flat frame."""

GREEN_SPREAD, GREEN_LEAST, GREEN_OTHERS = 40.0, 60, 40
"""A decode of zeros or NaN in YUV is RGB (0, 135, 0) by BT.601 and (0, 77, 0) by BT.709, sometimes
with faint structure: green at least 60, red and blue at most 40, spread up to 40 levels."""

BAND_LEAST = 0.06
"""Least share of the height that a band left by a cut-off decode covers."""

BAND_EVEN, BAND_EDGE, BAND_DIFFERENT = 3, 12, 0.6
"""Levels within which a band is even; levels by which, and the share of pixels in which, the rows
above it differ: a truncated picture differs from edge to edge, a cut-out only where it stands."""

BLOCK_ROWS, EDGE_ROWS = 16, 3
"""Rows between the band and the picture: the last row of JPEG blocks is decoded in part, and the
reduced copy blends the edge."""

GREY = 128
"""What libjpeg leaves where the file ends: luma and chroma of zero."""


class Refusal(NamedTuple):
    """Why a picture is refused, and where to look."""

    kind: str
    reason: str
    box: Box | None = None


class IntegrityGate:
    """Refuses frames that are no picture; knows nothing of good or bad pictures.

    Measures `mean`, `std`, `entropy` (bits of the luma histogram), `levels` (distinct luma
    values), `spread` (levels between the median colour and the pixel farthest from it, on a
    smoothed copy of at most 512 pixels), `noise_correlation` (of neighbouring pixels, 0 is noise)
    and, where there was something to compare with, `nearest_bits` (0 to 64).
    Blind to a black or white band below a cut-off picture, to noise of one-pixel points on a
    plain ground (it looks like stars) and to a frame that repeats with other colours.
    """

    version: ClassVar[str] = "1"
    typical_ms: ClassVar[float] = 20.0

    def __init__(self, *, smallest: int = SMALLEST, duplicate_bits: int | None = None) -> None:
        """`duplicate_bits`: bits up to which an earlier picture is repeated, -1 for never."""
        self.smallest = _whole("smallest", smallest, 1, 4096)
        chosen = copies.BITS if duplicate_bits is None else duplicate_bits
        self.duplicate_bits = _whole("duplicate_bits", chosen, -1, 32)

    def check(self, sample: Sample) -> Finding:
        """Look at one picture; the first thing that is wrong is what is said."""
        if min(sample.width, sample.height) < self.smallest:
            size = f"{sample.width}×{sample.height}"
            reason = f"the picture is {size} pixels; at least {self.smallest} a side are needed"
            return _refused(Refusal("too_small", reason), {})
        small = imaging.fit(sample.pixels, SIDE)
        colour, spread = _ground(small)
        grain = noise.measure(sample.pixels)
        measurements = {
            **_measured(small, spread),
            "noise_correlation": round(grain.correlation, 3),
        }
        refusal = (
            _flat(sample.pixels, colour, spread)
            or _noisy(grain)
            or _half_decoded(small, sample)
        )  # fmt: skip
        if refusal is None:
            likest = copies.compare(sample, self.duplicate_bits)
            measurements |= likest.measurements
            refusal = Refusal(likest.kind, likest.reason) if likest.kind else None
        if refusal is not None:
            return _refused(refusal, measurements)
        reason = "it is a picture: neither flat nor noise, whole, and no copy"
        return Finding(passed=True, reason=reason, measurements=measurements)


def _refused(refusal: Refusal, measurements: dict[str, JsonValue]) -> Finding:
    return Finding(
        passed=False,
        reason=refusal.reason,
        measurements=measurements,
        evidence=(Evidence(claim=refusal.reason, box=refusal.box),),
        issues=(
            FailureMode(category="integrity", subcategory=refusal.kind, detail=refusal.reason),
        ),
    )


def _measured(small: Pixels, spread: float) -> dict[str, JsonValue]:
    luma = np.asarray(Image.fromarray(small).convert("L"))
    counts = np.bincount(luma.ravel(), minlength=256)
    shares = counts[counts > 0] / luma.size
    return {
        "mean": round(float(luma.mean()), 2),
        "std": round(float(luma.std()), 2),
        "entropy": round(max(0.0, float(-(shares * np.log2(shares)).sum())), 3),
        "levels": int((counts > 0).sum()),
        "spread": round(spread, 1),
    }


def _ground(small: Pixels) -> tuple[tuple[int, int, int], float]:
    """The median colour, and how far the farthest pixels of a smoothed copy are from it."""
    smooth = np.asarray(Image.fromarray(small).filter(ImageFilter.BoxBlur(1)), dtype=np.int16)
    red, green, blue = (int(value) for value in np.median(smooth.reshape(-1, 3), axis=0))
    away = np.abs(smooth - np.array((red, green, blue), np.int16)).max(axis=2)
    return (red, green, blue), float(np.quantile(away, 1 - OUTLIERS))


def _flat(pixels: Pixels, colour: tuple[int, int, int], spread: float) -> Refusal | None:
    red, green, blue = colour
    shown = "#{:02x}{:02x}{:02x}".format(*colour)
    if green >= GREEN_LEAST and max(red, blue) <= GREEN_OTHERS and spread <= GREEN_SPREAD:
        reason = f"the picture is plain green ({shown}), as a failed decode leaves it"
        return Refusal("decoder_green", reason)
    if spread > FLAT or _has_points(pixels, colour):
        return None
    if max(colour) <= FLAT * 2:
        return Refusal("black", f"the picture is black ({shown}, spread {spread:.0f} levels)")
    if min(colour) >= 255 - FLAT * 2:
        return Refusal("white", f"the picture is white ({shown}, spread {spread:.0f} levels)")
    reason = f"the picture is one colour ({shown}, spread {spread:.0f} levels)"
    return Refusal("single_colour", reason)


def _has_points(pixels: Pixels, colour: tuple[int, int, int]) -> bool:
    """Whether full resolution holds points that the reduced copy has averaged away."""
    ground, points = np.array(colour, np.int16), 0
    for top in range(0, pixels.shape[0], SIDE):
        strip = pixels[top : top + SIDE].astype(np.int16)
        points += int((np.abs(strip - ground).max(axis=2) > POINT_LEVELS).sum())
        if points >= FEWEST_POINTS:
            return True
    return False


def _noisy(grain: noise.Noise) -> Refusal | None:
    if grain.scale is None:
        return None
    blocks = "single pixels" if grain.scale == 1 else f"spots of about {grain.scale} pixels"
    reason = f"the picture is noise in {blocks} (neighbours correlate {grain.correlation:.2f})"
    return Refusal("noise", reason)


def _half_decoded(small: Pixels, sample: Sample) -> Refusal | None:
    """A band of a decoder's grey or green from the bottom up, with a picture above it."""
    rows = small.astype(np.int16)
    colour = np.median(rows[-1], axis=0)
    if not _decoders_own(colour):
        return None
    uneven = np.abs(rows - colour).max(axis=(1, 2)) > BAND_EVEN
    height = len(rows)
    band = height if not uneven.any() else int(np.argmax(uneven[::-1]))
    above = height - band - EDGE_ROWS - round(BLOCK_ROWS * height / sample.height)
    if band < BAND_LEAST * height or above < 0:
        return None
    if (np.abs(rows[above] - colour).max(axis=1) > BAND_EDGE).mean() < BAND_DIFFERENT:
        return None
    share = band / height
    top = min(sample.height - 1, round((1 - share) * sample.height))
    reason = f"the lowest {share:.0%} of the picture were not decoded and are one plain colour"
    return Refusal("half_decoded", reason, Box(0, top, sample.width, sample.height))


def _decoders_own(colour: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    red, green, blue = (float(value) for value in colour)
    if max(abs(value - GREY) for value in (red, green, blue)) <= BAND_EVEN:
        return True
    return green >= GREEN_LEAST and max(red, blue) <= GREEN_OTHERS


def _whole(key: str, value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        text = f"{key} is {value!r}; it is a whole number from {least} to {most}"
        raise ConfigError(f"integrity gate: {text}")
    return value
