"""A picture's bytes and its verdict in, a small picture with numbered boxes out, to embed."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from sentinel import imaging
from sentinel.annotation.marks import Tone, marks_of
from sentinel.contracts import Verdict
from sentinel.errors import PictureError
from sentinel.imaging import Limits

SIDE = 448
"""Pixels of the longer side: sharp at 224 CSS pixels on a fine screen."""

QUALITY = 68
"""Of WebP: some 15 kB a picture, 1 MB for a whole wall."""

LARGEST = 0.98
"""Share of the picture from which a box says no more than "the whole picture"."""


@dataclass(frozen=True, slots=True)
class Boxed:
    """A box in pixels of the small picture; `number` joins it to its claim."""

    number: int
    tone: Tone
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says of the picture; `number` is None where it is said of the whole."""

    number: int | None
    tone: Tone
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """What the page embeds; `source` is a data: URI."""

    source: str
    width: int
    height: int
    boxes: tuple[Boxed, ...] = ()
    claims: tuple[Claim, ...] = ()


def thumbnail_of(data: bytes, verdict: Verdict | None, limits: Limits) -> Thumbnail | None:
    """The picture to embed; None where the bytes are no picture any more."""
    try:
        pixels = imaging.read(data, limits).pixels
    except PictureError:
        return None
    small = Image.fromarray(imaging.fit(pixels, SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=QUALITY, method=4)
    marks, _ = marks_of(verdict) if verdict is not None else ([], 0)
    scale = small.width / pixels.shape[1]
    boxes = [
        Boxed(mark.number, mark.tone, *_within(mark.box, scale, small.size))
        for mark in marks
        if mark.box is not None and mark.number is not None
    ]
    return Thumbnail(
        source="data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode(),
        width=small.width,
        height=small.height,
        boxes=tuple(box for box in boxes if not _whole(box, small.size)),
        claims=tuple(Claim(mark.number, mark.tone, mark.source, mark.claim) for mark in marks),
    )


def _within(
    box: tuple[int, int, int, int], scale: float, size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Left, top, width and height on the small picture, inside it and at least 4 pixels wide."""
    left, right = sorted((box[0] * scale, box[2] * scale))
    top, bottom = sorted((box[1] * scale, box[3] * scale))
    left, top = min(max(left, 0), size[0] - 4), min(max(top, 0), size[1] - 4)
    right, bottom = min(max(right, left + 4), size[0]), min(max(bottom, top + 4), size[1])
    return round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1)


def _whole(box: Boxed, size: tuple[int, int]) -> bool:
    return box.width >= LARGEST * size[0] and box.height >= LARGEST * size[1]
