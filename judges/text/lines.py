"""Lines as a reader found them in, lines in reading order out. Pure.

A line is a quadrilateral with what stands in it. Reading order is taken along the dominant angle
of the lines: sorting slanted text by its vertical position alone swaps the words of one row
("Calm Keep"). Vertical CJK columns run from right to left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.contracts import Box

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
"""Corners in reading direction: where the text begins (top), ends (top), ends (bottom), begins."""

SAME_ROW = 0.5
"""Two lines share a row if their middles differ by less than this share of the lower one."""

TALL = 1.5
"""Height over width from which a box holds turned or vertical text (as PP-OCR decides)."""


TOUCHING = 0.25
"""Share of the height up to which boxes continue each other, along and across; less than the space
of most fonts. They may overlap by a letter: a cut through one leaves it in both."""

ALIGNED = 0.8
"""Share of the height that boxes of one line have in common."""

STRAIGHT = math.radians(6)
"""Angle up to which boxes of one line may differ."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its text, how sure the reader is (0 to 1), where it stands.

    `stacked` says that its letters stand under each other (a vertical column).
    """

    text: str
    score: float
    corners: Quad
    stacked: bool = False

    @property
    def angle(self) -> float:
        """Direction of reading, in radians, positive clockwise (as pixels grow downwards)."""
        (left, top), (right, bottom) = self.corners[0], self.corners[1]
        return math.atan2(bottom - top, right - left)

    @property
    def length(self) -> float:
        """Pixels in reading direction."""
        return math.dist(self.corners[0], self.corners[1])

    @property
    def thickness(self) -> float:
        """Pixels across the reading direction: about the letters' height."""
        return math.dist(self.corners[1], self.corners[2])

    def part(self, start: float, end: float) -> Quad:
        """The corners of the part from `start` to `end` (shares of the length, 0 to 1)."""
        first, second, third, fourth = self.corners
        return (_between(first, second, start), _between(first, second, end),
                _between(fourth, third, end), _between(fourth, third, start))  # fmt: skip


def in_reading_order(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Rows along the dominant angle, top to bottom, each left to right; columns right to left."""
    stacked = [line for line in lines if line.stacked]
    flat = [line for line in lines if not line.stacked]
    turn = dominant_angle(flat)
    placed = [(*_turned(_middle(line), -turn), line) for line in flat]
    placed.sort(key=lambda item: (item[1], item[0]))
    rows: list[list[tuple[float, float, Line]]] = []
    for item in placed:
        if rows and _same_row(rows[-1][-1], item):
            rows[-1].append(item)
        else:
            rows.append([item])
    ordered = [item[2] for row in rows for item in sorted(row, key=lambda item: item[0])]
    columns = sorted(stacked, key=lambda line: (-_middle(line)[0], _middle(line)[1]))
    return (*ordered, *columns)


def joined(quads: Sequence[Quad]) -> list[Quad]:
    """Boxes that continue each other on one line, made one: a cut may go through a letter."""
    left = sorted(quads, key=lambda quad: quad[0])
    whole: list[Quad] = []
    for quad in left:
        before = next((other for other in whole if _continues(other, quad)), None)
        if before is None:
            whole.append(quad)
            continue
        whole[whole.index(before)] = (before[0], quad[1], quad[2], before[3])
    return whole


def _continues(one: Quad, other: Quad) -> bool:
    """Whether `other` begins where `one` ends, in its direction and as high as it."""
    first, second = Line("", 0, one), Line("", 0, other)
    high = min(first.thickness, second.thickness)
    if high < ALIGNED * max(first.thickness, second.thickness) or TALL * first.length < high:
        return False
    if abs(first.angle - second.angle) > STRAIGHT or second.length * TALL < high:
        return False
    steps = [_turned((start[0] - end[0], start[1] - end[1]), -first.angle)
             for end, start in ((one[1], other[0]), (one[2], other[3]))]  # fmt: skip
    return all(-high < gap < TOUCHING * high and abs(drop) < TOUCHING * high
               for gap, drop in steps)  # fmt: skip


def dominant_angle(lines: Sequence[Line]) -> float:
    """The angle that half of all line length lies below: the median weighted by length."""
    ranked = sorted((line.angle, line.length) for line in lines)
    half = sum(length for _, length in ranked) / 2
    passed = 0.0
    for angle, length in ranked:
        passed += length
        if passed >= half:
            return angle
    return 0.0


def box_of(quads: Sequence[Quad], width: int, height: int) -> Box:
    """The smallest upright box around the corners, inside a picture of width x height."""
    xs = [x for quad in quads for x, _ in quad]
    ys = [y for quad in quads for _, y in quad]
    left, top = _clamp(math.floor(min(xs)), width), _clamp(math.floor(min(ys)), height)
    right, bottom = _clamp(math.ceil(max(xs)), width), _clamp(math.ceil(max(ys)), height)
    return Box(left, top, max(left, right), max(top, bottom))


def _same_row(one: tuple[float, float, Line], other: tuple[float, float, Line]) -> bool:
    lower = min(one[2].thickness, other[2].thickness)
    return abs(one[1] - other[1]) < SAME_ROW * lower


def _middle(line: Line) -> Point:
    return sum(x for x, _ in line.corners) / 4, sum(y for _, y in line.corners) / 4


def _turned(point: Point, angle: float) -> Point:
    x, y = point
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def _between(one: Point, other: Point, share: float) -> Point:
    return one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share


def _clamp(value: int, limit: int) -> int:
    return max(0, min(value, limit))
