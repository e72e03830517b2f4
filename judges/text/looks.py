"""A picture in, looks at its writing out: lines in reading order, at several sizes and turns.

Text is found on a reduced copy and read from the full picture. The first look suffices for most;
the others (smaller, turned upright, contrast evened out, larger) are taken only when asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from judges.text.expectation import plain
from judges.text.lines import (
    TALL,
    Line,
    Point,
    Quad,
    dominant_angle,
    in_reading_order,
    joined,
)  # fmt: skip
from judges.text.readers import Reader, Text
from sentinel import imaging
from sentinel.contracts import Pixels

FIRST, LARGER, SMALLER, SMALLEST = 960, 1280, 512, 352
"""Longer side, in pixels, on which text is found. Time and memory go by the pixel (1280 takes
250 MB); 1280 finds small letters, 512 and 352 those that fill the picture."""

ENLARGED = 4.0
"""A picture is enlarged at most this many times for a look: beyond it only blur is read."""

FULL = 3072
"""Longer side of the copy that letters are cut from; bounds memory for pictures of 40 MP."""

LINES = 160
"""Lines read in one look, the largest first: a full page. Bounds the time a picture can ask for."""

LETTER = 96
"""Height to which taller crops are reduced (area-averaged) before the recogniser's own 48 pixels;
its plain resize would alias."""

WIDEST = 40
"""Width over height beyond which a crop is squeezed: a line of about 100 letters."""

SLANTED = math.radians(4)
"""Slant from which a look at the picture turned upright is worth taking."""

PAD = 64
"""Shortest side of the copy on which text is found; below it the detector's strides run out."""

LINE_LETTERS = 400
"""Characters kept of one line."""

MARGIN = 0.5
"""Share of a box's height by which a match is read again, wider: a letter is about that wide, and
a box may have cut one off."""

STRETCHED = 1.4
"""How much wider a match is read again: the reader (CTC) merges narrow twin letters, and takes
"Daiily" for "Daily" until they are apart."""

UPRIGHT = 0.85
"""Mean score from which text is taken to stand upright: upside down it was read with 0.5 to 0.8."""

STACK = range(-1, 2)
"""Vertical columns are cut into as many cells as squares fit, and one more and one fewer; the
surest reading wins, whatever was expected."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look: its name and the lines it read, in reading order, in pixels of the picture."""

    name: str
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """All that was read."""
        return " ".join(line.text for line in self.lines)

    @property
    def sure(self) -> float:
        """The lines' mean score, weighted by their letters; 0 where nothing was read."""
        letters = sum(len(line.text) for line in self.lines)
        return sum(line.score * len(line.text) for line in self.lines) / max(1, letters)


def looks(reader: Reader, pixels: Pixels) -> Iterator[Look]:
    """Looks, likeliest to help first; each is taken when asked for."""
    full = imaging.fit(pixels, FULL)
    plain = _Variant(full, np.array([[pixels.shape[1] / full.shape[1], 0, 0],
                                     [0, pixels.shape[0] / full.shape[0], 0]]))  # fmt: skip
    first = _look("first", reader, plain, FIRST)
    yield first
    yield _look("smaller", reader, plain, SMALLER)
    yield _look("smallest", reader, plain, SMALLEST)
    angle = dominant_angle(first.lines)
    if abs(angle) > SLANTED:
        yield _look("upright", reader, _turned(plain, angle), FIRST)
    yield _look("contrast", reader, _evened(plain), FIRST)
    yield _look("larger", reader, plain, LARGER)
    if first.sure < UPRIGHT:
        yield _look("upside down", reader, _turned(plain, math.pi), FIRST)


def reread(reader: Reader, pixels: Pixels, quad: Quad) -> tuple[Text, Text]:
    """What stands in the box with MARGIN of its height at both ends; and in the box, stretched."""
    first, second, third, fourth = quad
    share = MARGIN * math.dist(second, third) / max(1.0, math.dist(first, second))
    wide = (_beyond(second, first, share), _beyond(first, second, share),
            _beyond(fourth, third, share), _beyond(third, fourth, share))  # fmt: skip
    crops = [_fitted(_cut(pixels, wide)), _fitted(_cut(pixels, quad), STRETCHED)]
    margin, stretched = ((_clean(text), score) for text, score in reader.read(crops))
    return margin, stretched


def _beyond(start: Point, end: Point, share: float) -> Point:
    return end[0] + (end[0] - start[0]) * share, end[1] + (end[1] - start[1]) * share


@dataclass(frozen=True, slots=True)
class _Variant:
    """A copy of the picture and the affine map (2 x 3) from its pixels to the picture's."""

    pixels: Pixels
    back: NDArray[np.float64]


def _look(name: str, reader: Reader, variant: _Variant, side: int) -> Look:
    found = _reduced(variant.pixels, side)
    scale = variant.pixels.shape[1] / found.shape[1], variant.pixels.shape[0] / found.shape[0]
    quads = [_stretched(quad, scale) for quad in reader.find(_padded(found))]
    quads = sorted(joined(quads), key=_area, reverse=True)
    lines = [_read(reader, variant.pixels, quad) for quad in quads[:LINES]]
    kept = [line for line in lines if line.text]
    return Look(name, tuple(_mapped(line, variant.back) for line in in_reading_order(kept)))


def _reduced(pixels: Pixels, side: int) -> Pixels:
    """The copy on which text is found: its longer side `side`, enlarged if need be."""
    import cv2  # noqa: PLC0415 - heavy, needed where text is read only

    height, width = pixels.shape[:2]
    scale = min(side / max(height, width), ENLARGED)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=how))


def _padded(pixels: Pixels) -> Pixels:
    """At least PAD pixels a side, repeated at the right and the bottom, for the detector's sake."""
    height, width = pixels.shape[:2]
    more = ((0, max(0, PAD - height)), (0, max(0, PAD - width)), (0, 0))
    return np.pad(pixels, more, mode="edge")


def _read(reader: Reader, pixels: Pixels, quad: Quad) -> Line:
    """What stands in the box; a tall one is read downwards, upwards and as a column."""
    crop = _cut(pixels, quad)
    height, width = crop.shape[:2]
    if height < TALL * width:
        ((text, score),) = reader.read([_fitted(crop)])
        return Line(_clean(text), score, quad)
    first, second, third, fourth = quad
    turned = [
        ((second, third, fourth, first), False, np.rot90(crop)),
        ((fourth, first, second, third), False, np.rot90(crop, -1)),
    ]
    cells = max(2, round(height / width))
    columns = [(turned[0][0], True, _unstacked(crop, cells + more))
               for more in STACK if cells + more > 1]  # fmt: skip
    ways = [*turned, *columns]
    texts = reader.read([_fitted(np.ascontiguousarray(way[2])) for way in ways])
    best = max(range(len(ways)), key=lambda index: (texts[index][1], -index))
    text, score = texts[best]
    return Line(_clean(text), score, ways[best][0], stacked=ways[best][1])


def _cut(pixels: Pixels, quad: Quad) -> Pixels:
    """The box, straightened."""
    import cv2  # noqa: PLC0415 - heavy, needed where text is read only

    first, second, third, fourth = quad
    width = max(1, round(max(math.dist(first, second), math.dist(fourth, third))))
    height = max(1, round(max(math.dist(first, fourth), math.dist(second, third))))
    scale = min(1.0, FULL / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    target = np.array([(0, 0), (size[0], 0), size, (0, size[1])], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(np.array(quad, dtype=np.float32), target)
    return np.asarray(cv2.warpPerspective(
        pixels, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    ))  # fmt: skip


def _fitted(crop: Pixels, stretch: float = 1.0) -> Pixels:
    """Not taller than LETTER, not wider than WIDEST times its height."""
    import cv2  # noqa: PLC0415 - heavy, needed where text is read only

    height, width = crop.shape[:2]
    tall = min(height, LETTER)
    wide = max(1, min(round(width * stretch * tall / height), WIDEST * tall))
    if (tall, wide) == (height, width):
        return crop
    how = cv2.INTER_AREA if wide <= width else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(crop, (wide, tall), interpolation=how))


def _unstacked(crop: Pixels, cells: int) -> Pixels:
    """A vertical column's cells, side by side."""
    height, width = crop.shape[:2]
    cuts = [round(index * height / cells) for index in range(cells + 1)]
    tall = max(1, height // cells)
    pieces = [crop[top : top + tall] for top in cuts[:-1]]
    padding = [np.pad(piece, ((0, tall - len(piece)), (0, 0), (0, 0)), mode="edge")
               for piece in pieces]  # fmt: skip
    return np.concatenate(padding, axis=1) if width else crop


def _turned(variant: _Variant, angle: float) -> _Variant:
    """The picture turned so that text at `angle` stands upright, on a canvas that holds it all."""
    import cv2  # noqa: PLC0415 - heavy, needed where text is read only

    pixels = imaging.fit(variant.pixels, LARGER)
    scale = variant.pixels.shape[1] / pixels.shape[1]
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), math.degrees(angle), 1.0)
    reach = abs(turn[:, :2])
    canvas = np.ceil(reach @ (width, height)).astype(int)
    turn[:, 2] += canvas / 2 - (width / 2, height / 2)
    turned = cv2.warpAffine(pixels, turn, (int(canvas[0]), int(canvas[1])),
                            flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    inverse = cv2.invertAffineTransform(turn) * scale
    return _Variant(np.asarray(turned), _after(inverse, variant.back))


def _evened(variant: _Variant) -> _Variant:
    """Lightness evened out locally (CLAHE): pale letters on a busy ground stand out."""
    import cv2  # noqa: PLC0415 - heavy, needed where text is read only

    pixels = imaging.fit(variant.pixels, LARGER)
    scale = variant.pixels.shape[1] / pixels.shape[1]
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(lab[:, :, 0])
    evened = np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))
    return _Variant(evened, _after(np.array([[scale, 0, 0], [0, scale, 0]]), variant.back))


def _after(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The affine map that applies `first`, then `second`."""
    whole = np.vstack([second, [0, 0, 1]]) @ np.vstack([first, [0, 0, 1]])
    return np.asarray(whole[:2])


def _mapped(line: Line, back: NDArray[np.float64]) -> Line:
    moved = (np.array(line.corners) @ back[:, :2].T + back[:, 2]).tolist()
    first, second, third, fourth = ((float(x), float(y)) for x, y in moved)
    return replace(line, corners=(first, second, third, fourth))


def _stretched(quad: Quad, scale: tuple[float, float]) -> Quad:
    first, second, third, fourth = ((x * scale[0], y * scale[1]) for x, y in quad)
    return first, second, third, fourth


def _area(quad: Quad) -> float:
    return math.dist(quad[0], quad[1]) * math.dist(quad[1], quad[2])


def _clean(text: str) -> str:
    """What was read is as untrusted as any input: printable, and not longer than a line."""
    return plain(text)[:LINE_LETTERS]
