"""A seed in, the spec of a poster out: what it shows, where, and which word it carries.

The picture of a spec is made by scene.py and painting.py, its captions by captions.py. Some pairs
of colour and shape and some words never occur in training; `held_out_pairs` and words.py say
which, by rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

import numpy as np

from training import words

T = TypeVar("T")
Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (214, 38, 48),
    "orange": (245, 138, 30),
    "yellow": (250, 218, 60),
    "green": (36, 156, 78),
    "blue": (36, 86, 208),
    "purple": (126, 50, 166),
    "pink": (245, 160, 198),
    "brown": (112, 68, 40),
    "black": (22, 22, 26),
    "white": (248, 248, 246),
}
"""sRGB; every two are at least 25 apart in CIE 1976 ΔE (tested), ten times what an eye notices."""

SHAPES = (
    "circle",
    "square",
    "triangle",
    "star",
    "heart",
    "cross",
    "ring",
    "diamond",
    "moon",
    "cup",
)
SIZES = ((128, 128), (128, 160), (160, 128))
"""Native sizes, width and height in pixels: square, portrait, landscape; multiples of 16."""

FACES = ("aileron", "rubik", "rubik bold", "rubik italic")
"""Typefaces that ship in wheels of the base install: Pillow's, and three of OpenCV's. System
fonts are left out on purpose: the same seed must give the same picture on every machine."""

WORD_PLACES = ("top", "middle", "bottom")
MOST = 4
"""Objects on a poster at most."""

APART = 33.0
"""Least difference in CIE lightness between the letters' ink and the background: letters of equal
lightness are hard to read in any hue."""

HELD_OUT_SHARE = 9
"""One pair of colour and shape in so many is never trained on."""

MIDDLE = 50.0
"""CIE lightness from which a background counts as light."""

CHOICES = 8
"""Numbers that decide what a caption leaves open."""

OPEN = {"background": 0.05, "ink": 0.7, "word place": 0.4}
"""How often captions of a poster leave these out."""

ANYHOW = 0.3
"""Share of posters whose captions do not say where objects stand."""

WORDLESS = 0.08
"""Share of posters without a word, so that a brief without one is inside the world."""


@dataclass(frozen=True, slots=True)
class Group:
    """Equal objects: one to four of a colour and a shape."""

    count: int
    colour: str
    shape: str


@dataclass(frozen=True, slots=True)
class Spec:
    """What a poster shows.

    `arrangement` is "left", "right", "top", "bottom" or "centre" for a lone object; "beside" or
    "stacked" for two groups (the first left of, or above, the second); "row" for three groups or
    several equal objects; "" where they lie anyhow. `open` names what captions leave out:
    "background", "ink" or "word place"; then it is what `imagine` chooses for all such posters.
    """

    width: int
    height: int
    background: str
    groups: tuple[Group, ...]
    arrangement: str
    word: str
    word_place: str
    ink: str
    face: str
    open: frozenset[str] = frozenset()


@cache
def lab(colour: Colour) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of an sRGB colour."""
    rgb = np.asarray(colour) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - IEC 61966-2-1
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)  # noqa: PLR2004 - CIE 15
    x, y, z = (float(value) for value in root)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: str, other: str) -> float:
    """CIE 1976 ΔE between two named colours."""
    pairs = zip(lab(COLOURS[one]), lab(COLOURS[other]), strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)


def is_held_out(colour: str, shape: str) -> bool:
    """Whether training never shows this shape in this colour."""
    digest = hashlib.sha256(f"{colour} {shape}".encode()).digest()
    return int.from_bytes(digest[:4]) % HELD_OUT_SHARE == 0


def held_out_pairs() -> list[tuple[str, str]]:
    """Every (colour, shape) that training never shows."""
    return [(c, s) for c in COLOURS for s in SHAPES if is_held_out(c, s)]


def is_trained(spec: Spec) -> bool:
    """Whether training may show this spec: no held-out pair and no held-out word in it."""
    pairs = any(is_held_out(group.colour, group.shape) for group in spec.groups)
    return not pairs and not (spec.word and words.is_held_out(spec.word))


def pick(random: np.random.Generator, choices: Sequence[T]) -> T:
    """One of the choices, each as likely."""
    return choices[int(random.integers(len(choices)))]


def choices(seed: int) -> tuple[float, ...]:
    """What decides all that a caption leaves open: `CHOICES` numbers from 0 to below 1.

    In this order: the word's place, its typeface, how large or in how many lines the objects
    stand, column and row of the first line, of the second, and the word's column.
    """
    return tuple(np.random.default_rng((seed, 2)).random(CHOICES).tolist())


def imagine(seed: int, *, held_out: bool = False) -> Spec:
    """The spec of that seed.

    With `held_out` its word, and the pair of colour and shape of its first group, are such as
    training never shows; without, nothing in it is held out.
    """
    random, chosen = np.random.default_rng((seed, int(held_out))), choices(seed)
    untold = {what for what, chance in OPEN.items() if random.random() < chance}
    background = "" if "background" in untold else pick(random, tuple(COLOURS))
    groups = _groups(random, background, held_out=held_out)
    background = background or _plain(groups)
    word = "" if random.random() < WORDLESS else words.draw(random, held_out=held_out)
    place = chosen[0] if "word place" in untold else random.random()
    word_place = WORD_PLACES[int(place * len(WORD_PLACES))] if word else ""
    width, height = SIZES[0] if random.random() < 0.5 else pick(random, SIZES[1:])  # noqa: PLR2004 - a coin
    inkings = inks(background, groups)
    possible = arrangements(groups, word_place)
    return Spec(
        width=width,
        height=height,
        background=background,
        groups=groups,
        arrangement="" if random.random() < ANYHOW else pick(random, possible[1:]),
        word=word,
        word_place=word_place,
        ink=inkings[0] if "ink" in untold else pick(random, inkings),
        face=FACES[int(chosen[1] * len(FACES))],
        open=frozenset(untold),
    )


def _plain(groups: tuple[Group, ...]) -> str:
    """The background where none is asked for: white, or the next that no object has."""
    taken = {group.colour for group in groups}
    return next(name for name in ("white", "yellow", "blue", "green") if name not in taken)


def _groups(random: np.random.Generator, background: str, *, held_out: bool) -> tuple[Group, ...]:
    """One to three groups, four objects at most, no two alike, none in the background's colour."""
    kinds = int(random.choice((1, 2, 3), p=(0.5, 0.35, 0.15)))
    found: dict[tuple[str, str], Group] = {}
    while len(found) < kinds:
        pair = pick(random, tuple(COLOURS)), pick(random, SHAPES)
        wanted = held_out and not found
        if pair[0] == background or pair in found or is_held_out(*pair) != wanted:
            continue
        found[pair] = Group(int(random.integers(1, MOST // kinds + 1)), *pair)
    return tuple(found.values())


def arrangements(groups: Sequence[Group], word_place: str) -> tuple[str, ...]:
    """The arrangements that these groups can have; a word at the top leaves no room above it."""
    if len(groups) == 1 and groups[0].count == 1:
        taken = {"middle": "centre"}.get(word_place, word_place)
        places = ("left", "right", "top", "bottom", "centre")
        return "", *(place for place in places if place != taken)
    if len(groups) == 2:  # noqa: PLR2004 - one beside the other
        return "", "beside", "stacked"
    return "", "row"


def inks(background: str, groups: Sequence[Group]) -> tuple[str, ...]:
    """Colours the letters can have: legible, and not one of the objects' while there is another.

    The first is the plain one: black on light and white on dark where it can be.
    """
    light = lab(COLOURS[background])[0]
    order = sorted(COLOURS, key=lambda name: name not in ("black", "white"))
    if light < MIDDLE:
        order.sort(key=lambda name: name != "white")
    legible = tuple(name for name in order if abs(lab(COLOURS[name])[0] - light) >= APART)
    objects = {group.colour for group in groups}
    return tuple(name for name in legible if name not in objects) or legible


ATTRIBUTES = ("colour", "background", "shape", "count", "position", "word")


def with_one_wrong(spec: Spec, attribute: str, random: np.random.Generator) -> Spec | None:
    """The spec with one of `ATTRIBUTES` wrong; None where it has no such attribute."""
    if attribute == "background":
        taken = {spec.background, spec.ink, *(group.colour for group in spec.groups)}
        return replace(spec, background=pick(random, [c for c in COLOURS if c not in taken]))
    if attribute == "word":
        return replace(spec, word=_misspelled(spec.word, random)) if spec.word else None
    if attribute == "position":
        return _elsewhere(spec, random)
    at = int(random.integers(len(spec.groups)))
    group = spec.groups[at]
    others = {(other.colour, other.shape) for other in spec.groups}
    if attribute == "count":
        changed = replace(group, count=pick(random, [n for n in range(1, 5) if n != group.count]))
    elif attribute == "colour":
        free = [c for c in COLOURS if c != spec.background and (c, group.shape) not in others]
        changed = replace(group, colour=pick(random, free))
    else:
        free = [shape for shape in SHAPES if (group.colour, shape) not in others]
        changed = replace(group, shape=pick(random, free))
    return replace(spec, groups=(*spec.groups[:at], changed, *spec.groups[at + 1 :]))


def _elsewhere(spec: Spec, random: np.random.Generator) -> Spec | None:
    """The same objects placed otherwise: groups swapped, or the lone object elsewhere."""
    if spec.arrangement in ("beside", "stacked") or (spec.arrangement and len(spec.groups) > 1):
        return replace(spec, groups=spec.groups[::-1])
    if spec.arrangement in ("", "row"):
        return None
    free = [
        a for a in arrangements(spec.groups, spec.word_place) if a not in ("", spec.arrangement)
    ]
    return replace(spec, arrangement=pick(random, free))


def _misspelled(word: str, random: np.random.Generator) -> str:
    """The word with one letter exchanged."""
    at = int(random.integers(len(word)))
    letter = pick(random, [each for each in words.LETTERS if each != word[at]])
    return word[:at] + letter + word[at + 1 :]
