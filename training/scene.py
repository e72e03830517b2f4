"""A spec and a seed in, where everything stands out: circles for objects, a box for the word.

As designers do, everything stands on a grid: objects fill squares of its cells, a letter one
column. Nothing overlaps. What a caption leaves open is decided by `CHOICES` numbers between 0 and
1, the seed's `choices`; so one spec has many pictures, and a generator can learn which noise means
which of them (coupling.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from training.world import Group, Spec, choices

T = TypeVar("T")
Box = tuple[float, float, float, float]

GRID = 16
"""Pixels a side of a cell: what one token of the transformer sees."""

BAND = 2
"""Rows that a word takes."""

LETTER_HEIGHT = 20
"""Pixels, in the middle of the word's rows."""

RADII = {2: 14.0, 3: 21.0, 4: 28.0}
"""Radius of an object in pixels by the cells a side of its square: a tenth stays free around it."""

THIRD = 0.42
"""A lone object is "left" where its centre lies in so much of the width; likewise the others."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One object: its circle in pixels."""

    group: Group
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Where everything stands; `word_box` is left, top, right, bottom in pixels, or None."""

    spec: Spec
    objects: tuple[Placed, ...]
    word_box: Box | None


@dataclass(frozen=True, slots=True)
class _Line:
    """Objects beside each other: how many, in which columns, and their two choices."""

    groups: Sequence[Group]
    columns: range
    across: float


def arrange(spec: Spec, seed: int) -> Scene:
    """The scene of that spec and seed."""
    chosen = choices(seed)
    box, bands = _word(spec, chosen[7])
    groups = [group for group in spec.groups for _ in range(group.count)]
    if len(groups) == 1:
        return Scene(spec, (_lone(spec, bands, chosen),), box)
    side = 3 if len(groups) == 2 else 2  # noqa: PLR2004 - a pair
    rows = [row for first, end in bands for row in range(first, end - side + 1)]
    lines, apart = _lines(spec, groups, chosen)
    upper = _chosen(chosen[4], [row for row in rows if not apart or row + side <= rows[-1]])
    lower = _chosen(chosen[6], [row for row in rows if row >= upper + side]) if apart else upper
    if spec.arrangement == "beside":
        lower = _chosen(chosen[6], rows)
    placed = [
        each
        for line, row in zip(lines, (upper, lower), strict=False)
        for each in _in_line(line, row, side)
    ]
    return Scene(spec, tuple(placed), box)


def _word(spec: Spec, aside: float) -> tuple[Box | None, list[tuple[int, int]]]:
    """Its box, and the bands of rows (first, one past the last) that it leaves free."""
    columns, rows = spec.width // GRID, spec.height // GRID
    if not spec.word:
        return None, [(0, rows)]
    slack = columns - len(spec.word)
    near = range(max(1, slack // 2 - 1), max(1, min(slack - 1, (slack + 1) // 2 + 1)) + 1)
    left = GRID * _chosen(aside, near)
    first = {"top": 0, "middle": (rows - BAND) // 2, "bottom": rows - BAND}[spec.word_place]
    top = GRID * first + (GRID * BAND - LETTER_HEIGHT) / 2
    free = [band for band in ((0, first), (first + BAND, rows)) if band[1] > band[0]]
    return (left, top, left + GRID * len(spec.word), top + LETTER_HEIGHT), free


def _lone(spec: Spec, bands: list[tuple[int, int]], chosen: Sequence[float]) -> Placed:
    """One object anywhere that its arrangement allows; large or, where it must, smaller."""
    for side in (4, 3) if chosen[2] < 0.5 else (3,):  # noqa: PLR2004 - a coin
        columns = range(spec.width // GRID - side + 1)
        rows = [row for first, end in bands for row in range(first, end - side + 1)]
        free = [
            (column, row)
            for column, row in product(columns, rows)
            if _obeys(spec, (column + side / 2) * GRID, (row + side / 2) * GRID)
        ]
        if free:
            column = _chosen(chosen[3], sorted({each[0] for each in free}))
            row = _chosen(chosen[4], [each[1] for each in free if each[0] == column])
            return _placed(spec.groups[0], column, row, side)
    raise ValueError(f"{spec} has no place for its object")


def _obeys(spec: Spec, x: float, y: float) -> bool:
    """Whether a lone object there holds the spec's arrangement."""
    across, down = x / spec.width, y / spec.height
    return {
        "left": across < THIRD,
        "right": across > 1 - THIRD,
        "top": down < THIRD,
        "bottom": down > 1 - THIRD,
        "centre": abs(across - 0.5) < 0.5 - THIRD and abs(down - 0.5) < 2 * (0.5 - THIRD),
    }.get(spec.arrangement, True)


def _lines(spec: Spec, groups: list[Group], chosen: Sequence[float]) -> tuple[list[_Line], bool]:
    """One line or two, and whether the second stands below the first."""
    whole, mine = range(spec.width // GRID), spec.groups[0].count
    left, right = whole[: len(whole) // 2], whole[len(whole) // 2 :]
    if spec.arrangement == "beside":
        halves = _Line(groups[:mine], left, chosen[3]), _Line(groups[mine:], right, chosen[5])
        return list(halves), False
    if spec.arrangement == "row" or (not spec.arrangement and chosen[2] < 0.5):  # noqa: PLR2004 - a coin
        return [_Line(groups, whole, chosen[3])], False
    first = mine if spec.arrangement == "stacked" else (len(groups) + 1) // 2
    return [_Line(groups[:first], whole, chosen[3]), _Line(groups[first:], whole, chosen[5])], True


def _in_line(line: _Line, row: int, side: int) -> list[Placed]:
    """Its objects from left to right, a column between them where there is room."""
    count, room = len(line.groups), len(line.columns)
    step = side + int(room >= count * side + count - 1)
    first = _chosen(line.across, line.columns[: room - (count - 1) * step - side + 1])
    return [_placed(group, first + at * step, row, side) for at, group in enumerate(line.groups)]


def _placed(group: Group, column: int, row: int, side: int) -> Placed:
    return Placed(group, (column + side / 2) * GRID, (row + side / 2) * GRID, RADII[side])


def _chosen(share: float, among: Sequence[T]) -> T:
    """The one that lies at that share of them."""
    return among[int(share * len(among))]
