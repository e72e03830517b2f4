"""A painted picture in, the size that was asked for out: enlarged without ringing."""

from __future__ import annotations

import math

import cv2
import numpy as np

from sentinel.contracts import Pixels

NATIVE = ((128, 128), (128, 160), (160, 128))
"""Width and height of what the model was trained on."""

NEIGHBOURS = np.ones((3, 3), np.uint8)


def nearest(width: int, height: int) -> tuple[int, int]:
    """The native size whose ratio of sides is nearest, in octaves; the square wins a tie."""
    asked = math.log(width / height)
    return min(NATIVE, key=lambda size: abs(math.log(size[0] / size[1]) - asked))


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """The picture at this size; sides that shrink are averaged, sides that grow interpolated."""
    tall, wide = pixels.shape[:2]
    small = min(width, wide), min(height, tall)
    if small != (wide, tall):
        pixels = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
    return pixels if small == (width, height) else _enlarged(pixels, (width, height))


def _enlarged(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Cubic, kept between the darkest and the lightest of the nine pixels around.

    Flat posters show every halo: beside a letter plain cubic goes 42 levels beyond its source and
    Lanczos 48, this none, with edges as steep (benchmarks/embedded.py --enlarging).
    """
    low, high = (
        cv2.resize(edge(pixels, NEIGHBOURS), size, interpolation=cv2.INTER_NEAREST_EXACT)
        for edge in (cv2.erode, cv2.dilate)
    )
    smooth = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    kept: Pixels = np.clip(smooth, low, high)
    return kept
