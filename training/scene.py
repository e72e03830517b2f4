"""A spec and a seed in, where everything stands out: circles for objects, a box for the word.

Nothing overlaps: objects keep a gap to each other, to the word and to the edge. What the spec
leaves open (places, sizes, turns) the seed decides, so that one spec has many pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.world import Group, Spec

GAP = 3.0
"""Pixels that stay free between any two things."""

RADII = {1: (0.15, 0.22), 2: (0.125, 0.17), 3: (0.105, 0.14), 4: (0.1, 0.125)}
"""Radius by number of objects, in parts of the square root of the picture's area."""

TRIES = 150
"""Placements tried before everything is made smaller."""

SMALLER = 0.94
TURN = 10.0
"""Degrees an object is turned at most, either way."""

THIRD = 0.42
"""A lone object is "left" where its centre lies in so much of the width; likewise the others."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One object: its circle in pixels and its turn in degrees."""

    group: Group
    x: float
    y: float
    radius: float
    turn: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Where everything stands; `word_box` is left, top, right, bottom in pixels, or None."""

    spec: Spec
    objects: tuple[Placed, ...]
    word_box: tuple[float, float, float, float] | None


def arrange(spec: Spec, seed: int) -> Scene:
    """The scene of that spec and seed."""
    random = np.random.default_rng((seed, 2))
    groups = [group for group in spec.groups for _ in range(group.count)]
    low, high = RADII[len(groups)]
    unit = (spec.width * spec.height) ** 0.5
    radius = random.uniform(low, high) * unit
    share = 1.0
    while True:
        box = _word_box(spec, random, share)
        for _ in range(TRIES):
            placed = _placed(spec, groups, box, random, radius * share)
            if placed is not None:
                return Scene(spec, placed, box)
        share *= SMALLER


def _word_box(
    spec: Spec, random: np.random.Generator, share: float
) -> tuple[float, float, float, float] | None:
    """A band as wide as the word needs, at its place."""
    if not spec.word:
        return None
    letter = random.uniform(0.13, 0.17) * spec.width * share
    width = min(letter * len(spec.word), random.uniform(0.8, 0.92) * spec.width)
    height = min(width / len(spec.word) * random.uniform(1.15, 1.4), 0.24 * spec.height)
    left = random.uniform(0.04 * spec.width, 0.96 * spec.width - width)
    slack = random.uniform(0.05, 0.09) * spec.height
    top = {
        "top": slack,
        "middle": (spec.height - height) / 2 + random.uniform(-0.06, 0.06) * spec.height,
        "bottom": spec.height - height - slack,
    }[spec.word_place]
    return left, top, left + width, top + height


def _placed(
    spec: Spec,
    groups: list[Group],
    box: tuple[float, float, float, float] | None,
    random: np.random.Generator,
    radius: float,
) -> tuple[Placed, ...] | None:
    """One try at placing all objects; None where two would touch or the order is wrong."""
    found: list[Placed] = []
    for group in groups:
        mine = radius * random.uniform(0.92, 1.0)
        x = random.uniform(mine + GAP, spec.width - mine - GAP)
        y = random.uniform(mine + GAP, spec.height - mine - GAP)
        each = Placed(group, x, y, mine, random.uniform(-TURN, TURN))
        if _touches(each, found, box):
            return None
        found.append(each)
    if spec.arrangement == "row":
        found = _in_row(found)
    fits = _obeys(spec, found) and not any(
        _touches(each, found[:at], box) for at, each in enumerate(found)
    )
    return tuple(found) if fits else None


def _touches(
    each: Placed, others: list[Placed], box: tuple[float, float, float, float] | None
) -> bool:
    reach = each.radius + GAP
    for other in others:
        if (each.x - other.x) ** 2 + (each.y - other.y) ** 2 < (reach + other.radius) ** 2:
            return True
    if box is None:
        return False
    left, top, right, bottom = box
    return left - reach < each.x < right + reach and top - reach < each.y < bottom + reach


def _in_row(found: list[Placed]) -> list[Placed]:
    """The same objects on one height, in their order from left to right."""
    xs = sorted(each.x for each in found)
    y = found[0].y
    return [
        Placed(each.group, x, y, each.radius, each.turn) for each, x in zip(found, xs, strict=True)
    ]


def _obeys(spec: Spec, found: list[Placed]) -> bool:
    """Whether the spec's arrangement holds."""
    first = [each for each in found if each.group == spec.groups[0]]
    rest = [each for each in found if each.group != spec.groups[0]]
    across, down = found[0].x / spec.width, found[0].y / spec.height
    if spec.arrangement == "beside":
        return max(a.x + a.radius for a in first) < min(b.x - b.radius for b in rest)
    if spec.arrangement == "stacked":
        return max(a.y + a.radius for a in first) < min(b.y - b.radius for b in rest)
    lone = {
        "left": across < THIRD <= 1 - THIRD,
        "right": across > 1 - THIRD,
        "top": down < THIRD,
        "bottom": down > 1 - THIRD,
        "centre": abs(across - 0.5) < 0.5 - THIRD and abs(down - 0.5) < 2 * (0.5 - THIRD),
    }
    return lone.get(spec.arrangement, True)
