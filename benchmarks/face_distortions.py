"""A face on its canvas in, the same face badly formed out: what a generator does to faces.

A `Canvas` is square, the face in its middle, `side` pixels wide; landmarks are those of the
undistorted face. `HARMLESS` changes must cost a judge nothing, `DEFECTS` must cost it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sentinel.contracts import Pixels

Plane = NDArray[np.float64]
Spot = tuple[float, float]


@dataclass(frozen=True)
class Canvas:
    """A face in the middle of a square, its five landmarks and a source of chance."""

    pixels: Pixels
    side: float
    landmarks: tuple[Spot, ...]
    chance: np.random.Generator

    @property
    def middle(self) -> Spot:
        """The middle of the face."""
        return self.pixels.shape[1] / 2.0, self.pixels.shape[0] / 2.0

    @property
    def eyes(self) -> tuple[Spot, Spot]:
        """The middles of the eyes, the one on the right of the picture first."""
        one, two, three, four, _ = (np.array(spot) for spot in self.landmarks)
        right, left = (one + two) / 2.0, (three + four) / 2.0
        return (float(right[0]), float(right[1])), (float(left[0]), float(left[1]))

    @property
    def nose(self) -> Spot:
        """The base of the nose."""
        return self.landmarks[4]

    def an_eye(self) -> Spot:
        """One of the two eyes, by chance."""
        return self.eyes[int(self.chance.integers(2))]

    def sign(self) -> float:
        """1 or -1, by chance."""
        return float(self.chance.choice([-1.0, 1.0]))


Change = Callable[[Canvas], Pixels]


def disc(canvas: Canvas, spot: Spot, radius: float, soft: float = 0.25) -> Plane:
    """1 inside, 0 outside, a soft edge between; `radius` in face sides."""
    rows, columns = np.mgrid[0 : canvas.pixels.shape[0], 0 : canvas.pixels.shape[1]]
    away = np.hypot(columns - spot[0], rows - spot[1]) / (radius * canvas.side)
    inside: Plane = np.clip((1 + soft - away) / (2 * soft), 0, 1)
    return inside


def warp(canvas: Canvas, right: Plane, down: Plane) -> Pixels:
    rows, columns = np.mgrid[0 : canvas.pixels.shape[0], 0 : canvas.pixels.shape[1]]
    x, y = (columns + right).astype(np.float32), (rows + down).astype(np.float32)
    return np.asarray(
        cv2.remap(canvas.pixels, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )


def copy(canvas: Canvas, source: Spot, target: Spot, radius: float) -> Pixels:
    """What is at `source` also at `target`, with a soft edge."""
    moved = shift(canvas.pixels, target[0] - source[0], target[1] - source[1])
    mask = disc(canvas, target, radius)[..., None]
    return (canvas.pixels * (1 - mask) + moved * mask).astype(np.uint8)


def shift(pixels: Pixels, right: float, down: float) -> Pixels:
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    size = (pixels.shape[1], pixels.shape[0])
    return np.asarray(cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REPLICATE))


def wavy(canvas: Canvas) -> Pixels:
    rows, columns = np.mgrid[0 : canvas.pixels.shape[0], 0 : canvas.pixels.shape[1]]
    mask = disc(canvas, canvas.middle, 0.6) * 0.035 * canvas.side
    turn, (one, other) = 2 * np.pi / (0.28 * canvas.side), canvas.chance.uniform(0, 6.28, 2)
    return warp(canvas, mask * np.sin(rows * turn + one), mask * np.sin(columns * turn + other))


def melted(canvas: Canvas) -> Pixels:
    mask = disc(canvas, canvas.middle, 0.6) * 0.05 * canvas.side
    fields = []
    for _ in range(2):
        noise = canvas.chance.normal(0, 1, canvas.pixels.shape[:2])
        smooth = cv2.GaussianBlur(noise, (0, 0), 0.12 * canvas.side)
        fields.append(mask * smooth / smooth.std())
    return warp(canvas, *fields)


def eye_erased(canvas: Canvas, eye: Spot | None = None) -> Pixels:
    eye = eye or canvas.an_eye()
    return copy(canvas, (eye[0], eye[1] + 0.2 * canvas.side), eye, 0.12)


def eye_moved(canvas: Canvas) -> Pixels:
    eye = canvas.an_eye()
    target = (eye[0], eye[1] + canvas.sign() * 0.12 * canvas.side)
    moved = shift(canvas.pixels, 0.0, target[1] - eye[1])
    mask = disc(canvas, target, 0.1)[..., None]
    return (eye_erased(canvas, eye) * (1 - mask) + moved * mask).astype(np.uint8)


def eye_resized(canvas: Canvas, amount: float) -> Pixels:
    eye = canvas.an_eye()
    x, y = eye
    mask = disc(canvas, eye, 0.17, 0.4) * amount
    rows, columns = np.mgrid[0 : canvas.pixels.shape[0], 0 : canvas.pixels.shape[1]]
    return warp(canvas, mask * (x - columns), mask * (y - rows))


def third_eye(canvas: Canvas) -> Pixels:
    right, left = canvas.eyes
    return copy(canvas, right, ((right[0] + left[0]) / 2, (right[1] + left[1]) / 2), 0.09)


def half_shifted(canvas: Canvas) -> Pixels:
    axis = (canvas.eyes[0][0] + canvas.eyes[1][0]) / 2
    columns = np.mgrid[0 : canvas.pixels.shape[0], 0 : canvas.pixels.shape[1]][1]
    mask = disc(canvas, canvas.middle, 0.65)
    return warp(canvas, 0 * mask, mask * (columns > axis) * 0.08 * canvas.side * canvas.sign())


def mouth_displaced(canvas: Canvas) -> Pixels:
    (x, y), side = canvas.nose, canvas.side
    return copy(
        canvas, (x, y + 0.2 * side), (x + canvas.sign() * 0.14 * side, y + 0.22 * side), 0.16
    )


def mouth_erased(canvas: Canvas) -> Pixels:
    (x, y), side = canvas.nose, canvas.side
    return copy(canvas, (x + 0.02 * side, y + 0.36 * side), (x, y + 0.19 * side), 0.15)


def nose_erased(canvas: Canvas) -> Pixels:
    (x, y), side = canvas.nose, canvas.side
    return copy(canvas, (x + canvas.sign() * 0.24 * side, y), (x, y - 0.06 * side), 0.13)


def doubled(canvas: Canvas) -> Pixels:
    mask = disc(canvas, canvas.middle, 0.65)[..., None] * 0.5
    ghost = shift(canvas.pixels, 0.07 * canvas.side, 0.03 * canvas.side)
    return (canvas.pixels * (1 - mask) + ghost * mask).astype(np.uint8)


def stretched(canvas: Canvas) -> Pixels:
    rows = np.mgrid[0 : canvas.pixels.shape[0], 0 : canvas.pixels.shape[1]][0]
    down = np.clip((rows - canvas.middle[1]) / canvas.side, -0.6, 0.6)
    mask = disc(canvas, canvas.middle, 0.6)
    return warp(canvas, 0 * mask, mask * canvas.side * 0.11 * np.sin(down * 2 * np.pi))


def blurred(canvas: Canvas, amount: float = 0.035) -> Pixels:
    return np.asarray(cv2.GaussianBlur(canvas.pixels, (0, 0), canvas.side * amount))


def smeared(canvas: Canvas) -> Pixels:
    mask = disc(canvas, canvas.middle, 0.5)[..., None]
    width = max(3, int(canvas.side * 0.14) | 1)
    streaks = cv2.blur(canvas.pixels, (width, 1))
    return (canvas.pixels * (1 - mask) + streaks * mask).astype(np.uint8)


def pixelated(canvas: Canvas, cells: int) -> Pixels:
    """The face as `cells` × `cells` flat squares."""
    height, width = canvas.pixels.shape[:2]
    block = max(2, round(canvas.side / cells))
    small = Image.fromarray(canvas.pixels).resize(
        (width // block, height // block), Image.Resampling.BOX
    )
    return np.asarray(small.resize((width, height), Image.Resampling.NEAREST))


def tilted(canvas: Canvas, degrees: float) -> Pixels:
    return np.asarray(Image.fromarray(canvas.pixels).rotate(degrees, Image.Resampling.BICUBIC))


def compressed(canvas: Canvas) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(canvas.pixels).save(buffer, "JPEG", quality=50)
    return np.asarray(Image.open(buffer).convert("RGB"))


def lit(canvas: Canvas, gamma: float) -> Pixels:
    return ((canvas.pixels / 255.0) ** gamma * 255).astype(np.uint8)


HARMLESS: dict[str, Change] = {
    "plain": lambda canvas: canvas.pixels,
    "mirrored": lambda canvas: np.ascontiguousarray(canvas.pixels[:, ::-1]),
    "tilted 8°": partial(tilted, degrees=8),
    "tilted -15°": partial(tilted, degrees=-15),
    "JPEG 50": compressed,
    "darker": partial(lit, gamma=1.5),
    "brighter": partial(lit, gamma=0.7),
    "softer": partial(blurred, amount=0.006),
    "grey": lambda canvas: np.repeat(
        cv2.cvtColor(canvas.pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=-1
    ),
}

DEFECTS: dict[str, Change] = {
    "eye erased": eye_erased,
    "eye moved": eye_moved,
    "eye enlarged": partial(eye_resized, amount=0.45),
    "eye shrunk": partial(eye_resized, amount=-0.8),
    "third eye": third_eye,
    "half shifted": half_shifted,
    "wavy": wavy,
    "melted": melted,
    "stretched": stretched,
    "doubled": doubled,
    "mouth displaced": mouth_displaced,
    "mouth erased": mouth_erased,
    "nose erased": nose_erased,
    "strong blur": blurred,
    "smeared": smeared,
    "pixelated 28": partial(pixelated, cells=28),
    "pixelated 14": partial(pixelated, cells=14),
}
