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
"""Pixels of the longer side, at most: sharp at 224 CSS pixels on a fine screen. It is also the
longer side of the frame that boxes are drawn in, however small the picture is."""

TAG = 24
"""Height of a number's tag in that frame."""

QUALITY = 68
"""Of WebP: some 15 kB a picture, 1 MB for a whole wall."""

LARGEST = 0.98
"""Share of the picture from which a box says no more than "the whole picture"."""


@dataclass(frozen=True, slots=True)
class Boxed:
    """A box in units of the frame; `number` joins it to its claim."""

    number: int
    tone: Tone
    x: float
    y: float
    width: float
    height: float

    @property
    def tag(self) -> tuple[float, float, int]:
        """Left, top and width of its number: above the box, or within where there is no room."""
        top = self.y - TAG - 2 if self.y >= TAG + 2 else self.y + 3
        return max(2.0, round(self.x, 1)), max(2.0, round(top, 1)), 14 + 9 * len(str(self.number))


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says of the picture; `number` is None where it is said of the whole."""

    number: int | None
    tone: Tone
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """What the page embeds; `source` is a data: URI, `width` and `height` are the frame's."""

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
    frame = _frame(small.size)
    scale = frame[0] / pixels.shape[1]
    boxes = [
        Boxed(mark.number, mark.tone, *_within(mark.box, scale, frame))
        for mark in marks
        if mark.box is not None and mark.number is not None
    ]
    return Thumbnail(
        source="data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode(),
        width=frame[0],
        height=frame[1],
        boxes=tuple(box for box in boxes if not _whole(box, frame)),
        claims=tuple(Claim(mark.number, mark.tone, mark.source, mark.claim) for mark in marks),
    )


def _frame(size: tuple[int, int]) -> tuple[int, int]:
    """A frame of the picture's shape whose longer side is SIDE."""
    longer = max(size)
    return max(1, round(SIDE * size[0] / longer)), max(1, round(SIDE * size[1] / longer))


def _within(
    box: tuple[int, int, int, int], scale: float, size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Left, top, width and height in the frame, inside it and at least 4 pixels wide."""
    left, right = sorted((box[0] * scale, box[2] * scale))
    top, bottom = sorted((box[1] * scale, box[3] * scale))
    left, top = min(max(left, 0), size[0] - 4), min(max(top, 0), size[1] - 4)
    right, bottom = min(max(right, left + 4), size[0]), min(max(bottom, top + 4), size[1])
    return round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1)


def _whole(box: Boxed, size: tuple[int, int]) -> bool:
    return box.width >= LARGEST * size[0] and box.height >= LARGEST * size[1]
