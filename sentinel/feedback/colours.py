"""Palette in, its colours by name and hex out; and the plain colour words. Pure.

A hex gets the nearest of the eleven basic colour terms of English (Berlin and Kay 1969): that is
how briefs and captions name colours, and "crimson" for a plain red misleads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

RGB = tuple[int, int, int]

BASIC: dict[str, RGB] = {
    "red": (210, 35, 45), "orange": (245, 135, 30), "yellow": (250, 220, 50),
    "green": (40, 150, 70), "blue": (35, 90, 205), "purple": (125, 50, 165),
    "pink": (245, 160, 195), "brown": (115, 70, 40), "black": (20, 20, 20),
    "white": (250, 250, 248), "grey": (128, 128, 128),
}  # fmt: skip
"""A typical sRGB of each."""

MOST = 8
"""Colours of a palette that are named; a longer one fits no prompt."""


def named(palette: Sequence[str]) -> tuple[str, ...]:
    """Such as "red #d62630", each once, in the palette's order, without what is no colour."""
    told = (name_and_hex(text) for text in palette[: 4 * MOST])
    return tuple(dict.fromkeys(each for each in told if each))[:MOST]


def name_and_hex(text: str) -> str:
    """A CSS colour as its name and hex; empty where it is none."""
    from PIL import ImageColor  # noqa: PLC0415 - heavy for a start that gives no feedback

    try:
        red, green, blue = ImageColor.getrgb(text.strip())[:3]
    except ValueError:
        return ""
    word = text.strip().lower()
    name = word if word.isalpha() else nearest((red, green, blue))
    return f"{name} #{red:02x}{green:02x}{blue:02x}"


def nearest(rgb: RGB) -> str:
    """The basic colour term nearest in CIELAB."""
    lab = _lab(rgb)
    return min(BASIC, key=lambda name: math.dist(lab, _lab(BASIC[name])))


def _lab(rgb: RGB) -> tuple[float, float, float]:
    """CIELAB under D65 (IEC 61966-2-1 and CIE 15)."""
    red, green, blue = (_linear(part / 255) for part in rgb)
    x = _root((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505)
    y = _root(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    z = _root((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB


def _root(part: float) -> float:
    return part ** (1 / 3) if part > 216 / 24389 else (24389 / 27 * part + 16) / 116
