"""A picture and a severity (0 to 4) in, the picture with one of ten faults out."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sentinel.contracts import Pixels

Dice = np.random.Generator
Fault = Callable[[Pixels, int, Dice], NDArray[np.generic]]


def blur(pixels: Pixels, severity: int, _: Dice) -> NDArray[np.generic]:
    radius = (1, 1.5, 2.5, 4, 6)[severity]
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def noise(pixels: Pixels, severity: int, dice: Dice) -> NDArray[np.generic]:
    return pixels + dice.normal(0, (6, 10, 16, 25, 40)[severity], pixels.shape)


def blocking(pixels: Pixels, severity: int, _: Dice) -> NDArray[np.generic]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=(40, 25, 15, 10, 5)[severity])
    return np.asarray(Image.open(buffer).convert("RGB"))


def banding(pixels: Pixels, severity: int, _: Dice) -> NDArray[np.generic]:
    top = (48, 32, 20, 12, 6)[severity] - 1
    return np.round(np.round(pixels / 255 * top) / top * 255)


def checkerboard(pixels: Pixels, severity: int, _: Dice) -> NDArray[np.generic]:
    rows, columns = np.indices(pixels.shape[:2])
    board = 1 - 2 * ((rows + columns) % 2)
    return pixels + (2, 4, 8, 12, 20)[severity] * board[..., None]


def seam(pixels: Pixels, severity: int, dice: Dice) -> NDArray[np.generic]:
    tiles, made = int(dice.integers(2, 5)), pixels.astype(float)
    high, wide = pixels.shape[:2]
    for row in range(tiles):
        for column in range(tiles):
            step = dice.choice([-1, 1]) * (4, 6, 9, 13, 18)[severity] * dice.uniform(0.5, 1)
            made[
                row * high // tiles : (row + 1) * high // tiles,
                column * wide // tiles : (column + 1) * wide // tiles,
            ] += step
    return made


def clipping(pixels: Pixels, severity: int, _: Dice) -> NDArray[np.generic]:
    return (pixels - 128.0) * (1.3, 1.6, 2, 2.6, 3.5)[severity] + 128


def cast(pixels: Pixels, severity: int, dice: Dice) -> NDArray[np.generic]:
    gain = (0.06, 0.1, 0.16, 0.24, 0.34)[severity]
    return pixels * dice.permutation([1 + gain, 1 - gain, 1.0])


def repetition(pixels: Pixels, severity: int, dice: Dice) -> NDArray[np.generic]:
    made, (high, wide) = pixels.copy(), pixels.shape[:2]
    for _ in range(severity + 1):
        side = int(dice.integers(56, 90))
        top, left, down, right = (int(dice.integers(0, n - side)) for n in (high, wide, high, wide))
        made[down : down + side, right : right + side] = pixels[
            top : top + side, left : left + side
        ]
    return made


def smear(pixels: Pixels, severity: int, dice: Dice) -> NDArray[np.generic]:
    length, turn = (9, 15, 21, 31, 41)[severity], dice.uniform(0, np.pi)
    half, side = length // 2, int(dice.integers(110, 190))
    kernel = np.zeros((length, length), np.float32)
    reach = np.array([np.cos(turn), np.sin(turn)]) * half
    ends = [tuple(int(v) for v in np.round(half + sign * reach)) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1)
    top, left = (int(dice.integers(0, n - side)) for n in pixels.shape[:2])
    area, made = (slice(top, top + side), slice(left, left + side)), pixels.copy()
    made[area] = cv2.filter2D(pixels, -1, kernel / kernel.sum())[area]
    return made


FAULTS: dict[str, Fault] = {
    "blur": blur,
    "noise": noise,
    "blocking": blocking,
    "banding": banding,
    "checkerboard": checkerboard,
    "seam": seam,
    "clipping": clipping,
    "cast": cast,
    "repetition": repetition,
    "smear": smear,
}
