"""A spec and a seed in, where everything stands out: circles for objects, a box for the word.

Nothing overlaps: objects keep a gap to each other, to the word and to the edge. What the spec
leaves open (places, sizes, turns) the seed decides, so that one spec has many pictures. As
designers do, everything stands on a grid, and letters are set in cells of one width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.world import Group, Spec, pick

Floats = NDArray[np.float64]
Box = tuple[float, float, float, float]

GAP = 3.0
"""Pixels that stay free between any two things."""

GRID = 8
"""Middles of objects stand on multiples of so many pixels; words on half of that."""

PITCHES = {96: (16, 12), 128: (16,), 160: (20, 16)}
"""Widths of a letter's cell by the poster's width, in pixels; the widest that fits is likeliest."""

CELL = (1.2, 1.35)
"""Height of a letter's cell to its width."""

FULL = 0.92
"""Share of the poster's width that a word takes at most."""

RADII = {1: (0.17, 0.22), 2: (0.14, 0.165), 3: (0.12, 0.135), 4: (0.11, 0.125)}
"""Radius by number of objects, in parts of the square root of the picture's area."""

TRIES = 192
"""Placements tried before the objects are made smaller."""

SMALLER = 0.94
TURN = 8.0
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
    word_box: Box | None


def arrange(spec: Spec, seed: int) -> Scene:
    """The scene of that spec and seed."""
    random = np.random.default_rng((seed, 2))
    groups = [group for group in spec.groups for _ in range(group.count)]
    box = _word_box(spec, random)
    radius = random.uniform(*RADII[len(groups)]) * (spec.width * spec.height) ** 0.5
    while True:
        radii = radius * random.uniform(0.95, 1.0, len(groups))
        places = _places(spec, box, random, radii)
        if places is not None:
            turns = random.uniform(-TURN, TURN, len(groups))
            placed = [
                Placed(group, float(x), float(y), float(r), float(turn))
                for group, (x, y), r, turn in zip(groups, places, radii, turns, strict=True)
            ]
            return Scene(spec, tuple(placed), box)
        radius *= SMALLER


def _word_box(spec: Spec, random: np.random.Generator) -> Box | None:
    """A band as wide as the word needs, at its place."""
    if not spec.word:
        return None
    fitting = [p for p in PITCHES[spec.width] if p * len(spec.word) <= FULL * spec.width]
    pitch = pick(random, (fitting[0], *fitting))
    width, height = pitch * len(spec.word), round(pitch * random.uniform(*CELL))
    aside = random.integers(-2, 3) * GRID / 2
    slackest = 0.04 * spec.width
    left = min(max((spec.width - width) / 2 + aside, slackest), spec.width - width - slackest)
    slack = GRID / 2 * random.integers(2, 4)
    top = {
        "top": slack,
        "middle": (spec.height - height) / 2 + random.integers(-1, 2) * GRID / 2,
        "bottom": spec.height - height - slack,
    }[spec.word_place]
    return left, top, left + width, top + height


def _places(
    spec: Spec, box: Box | None, random: np.random.Generator, radii: Floats
) -> Floats | None:
    """Middles of all objects, N×2; None where none of `TRIES` tries keeps apart and in order."""
    reach = radii + GAP
    tries = np.stack([_on_grid(random, reach, side) for side in (spec.width, spec.height)], axis=2)
    if spec.arrangement == "row":
        tries[..., 0].sort(axis=1)
        tries[..., 1] = tries[:, :1, 1]
    apart = np.linalg.norm(tries[:, :, None] - tries[:, None], axis=3)
    near = apart < reach[:, None] + radii
    good = ~near[:, ~np.eye(len(radii), dtype=bool)].any(axis=1) & _obeys(spec, tries, radii)
    if box is not None:
        left, top, right, bottom = box
        x, y = tries[..., 0], tries[..., 1]
        across, down = (
            (left - reach < x) & (x < right + reach),
            (top - reach < y) & (y < bottom + reach),
        )
        good &= ~(across & down).any(axis=1)
    return tries[good.argmax()] if good.any() else None


def _on_grid(random: np.random.Generator, margins: Floats, side: int) -> Floats:
    """Places at least the margins from either end, `TRIES`×N."""
    first, last = np.ceil(margins / GRID), np.floor((side - margins) / GRID)
    found: Floats = GRID * np.floor(
        first + random.random((TRIES, len(margins))) * (last - first + 1)
    )
    return found


def _obeys(spec: Spec, tries: Floats, radii: Floats) -> NDArray[np.bool_]:
    """Which of the tries hold the spec's arrangement."""
    mine = spec.groups[0].count
    if spec.arrangement in ("beside", "stacked"):
        along = tries[..., int(spec.arrangement == "stacked")]
        first, rest = (along + radii)[:, :mine], (along - radii)[:, mine:]
        return first.max(axis=1) < rest.min(axis=1)
    across, down = tries[:, 0, 0] / spec.width, tries[:, 0, 1] / spec.height
    lone = {
        "left": across < THIRD,
        "right": across > 1 - THIRD,
        "top": down < THIRD,
        "bottom": down > 1 - THIRD,
        "centre": (abs(across - 0.5) < 0.5 - THIRD) & (abs(down - 0.5) < 2 * (0.5 - THIRD)),
    }
    return lone.get(spec.arrangement, np.ones(len(tries), dtype=bool))
