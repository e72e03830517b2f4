"""A spec in, a caption out: said many ways, in full or in part, and as feedback rewrites a brief.

`full` tells everything that a checker checks; `vary` leaves out what the spec has open;
`reworded` is what a second attempt is asked: the missing phrase first, the word quoted again and
spelled out, the palette by name and hex. Where a caption does not say how objects stand, it names
them from left to right, or from top to bottom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.world import COLOURS, Group, Spec, pick

NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}
PLURALS = {"cross": "crosses"}
QUOTES = (('"', '"'), ('"', '"'), ("'", "'"), ("“", "”"))
REWORDED = 0.25
"""Share of training captions in the words of feedback."""

OPENINGS = ("a poster of {}", "a poster with {}", "poster: {}", "a flyer showing {}", "{}",
            "a simple poster of {}", "flat poster, {}", "a sign with {}", "a picture of {}",
            "graphic design of {}", "a bare poster with {}", "an illustration of {}")  # fmt: skip
GROUNDS = ("on a {} background", "on {}", "{} background", "against a {} background",
           "on a plain {} background", "with a {} background", "the background is {}",
           "over a clean {} background")  # fmt: skip
SAYINGS = ("that says {}", "with the word {}", "with the text {}", "reading {}", "and the word {}",
           "text {}", "the word {}", "that reads {}", "labelled {}", "with {} written")  # fmt: skip
SAYINGS_AT = ("at the {}", "in the {}", "{}")
ALONE = {
    "left": ("on the left", "at the left", "on the left side"),
    "right": ("on the right", "at the right", "on the right side"),
    "top": ("at the top", "in the upper part"),
    "bottom": ("at the bottom", "in the lower part"),
    "centre": ("in the centre", "in the middle", "in the center", "centered"),
}
BETWEEN = {
    "beside": ("{a} to the left of {b}", "{a} left of {b}", "{b} to the right of {a}",
               "{b} right of {a}", "{a} on the left and {b} on the right"),
    "stacked": ("{a} above {b}", "{a} over {b}", "{b} below {a}", "{b} under {a}",
                "{a} at the top and {b} at the bottom"),
}  # fmt: skip
ROWS = ("{} in a row", "a row of {}", "{} side by side")
IN_ORDER = "from left to right {}"


@dataclass(frozen=True, slots=True)
class _Parts:
    """A caption's phrases; an empty one is left out."""

    objects: str
    ground: str
    saying: str


def full(spec: Spec, random: np.random.Generator) -> str:
    """Everything told: background, objects, places, and the word."""
    return _joined(_parts(replace(spec, open=frozenset({"ink"})), random), random)


def vary(spec: Spec, random: np.random.Generator) -> str:
    """A training caption: one of many ways, sometimes not all of it, sometimes reworded."""
    if random.random() < REWORDED:
        return reworded(spec, random)
    return _cased(_joined(_parts(spec, random), random), random)


def reworded(spec: Spec, random: np.random.Generator) -> str:
    """What feedback makes of a brief: things moved to the front, quoted again, spelled out."""
    told = _joined(_parts(spec, random), random)
    front, back = [], []
    if spec.word and random.random() < 0.6:  # noqa: PLR2004 - a chance, as all below
        again = _quoted(spec.word, random)
        spelled = "-".join(spec.word)
        ways = (
            f"The text reads exactly {again}, spelled {spelled}.",
            f"Text: {again} ({spelled}).",
            f"Large, clear letters: {again}, {spelled}.",
        )
        back.append(pick(random, ways))
    if random.random() < 0.4:  # noqa: PLR2004
        front.append(_group(pick(random, spec.groups), random))
    if random.random() < 0.3:  # noqa: PLR2004
        back.append(_palette(spec, random))
    if "background" not in spec.open and random.random() < 0.3:  # noqa: PLR2004
        front.append(f"plain {spec.background} background")
    return ". ".join((", ".join([*front, told]), *back)).replace("..", ".")


def part(spec: Spec, attribute: str, random: np.random.Generator) -> str:
    """The one phrase that tells this attribute (world.ATTRIBUTES), as judges split a brief."""
    if attribute == "background":
        return pick(random, GROUNDS).format(spec.background)
    if attribute == "word":
        return pick(random, SAYINGS).format(_quoted(spec.word, random))
    return _objects(spec, random, placed=attribute == "position")


def _parts(spec: Spec, random: np.random.Generator) -> _Parts:
    ground = pick(random, GROUNDS).format(spec.background)
    saying = ""
    if spec.word:
        saying = pick(random, SAYINGS).format(_quoted(spec.word, random))
        if "ink" not in spec.open:
            saying += pick(random, (f" in {spec.ink}", f" in {spec.ink} letters"))
        if "word place" not in spec.open:
            saying += " " + pick(random, SAYINGS_AT).format(_place(spec.word_place, random))
    placed = _objects(spec, random, placed=True)
    return _Parts(placed, "" if "background" in spec.open else ground, saying)


def _place(place: str, random: np.random.Generator) -> str:
    return pick(random, ("middle", "centre", "center")) if place == "middle" else place


def _objects(spec: Spec, random: np.random.Generator, *, placed: bool) -> str:
    groups = [_group(group, random) for group in spec.groups]
    if placed and spec.arrangement in ALONE:
        return f"{groups[0]} {pick(random, ALONE[spec.arrangement])}"
    if placed and spec.arrangement in BETWEEN:
        return pick(random, BETWEEN[spec.arrangement]).format(a=groups[0], b=groups[1])
    if placed and spec.arrangement == "row":
        way = IN_ORDER if len(groups) > 1 else pick(random, ROWS)
        return way.format(_listed(groups))
    return _listed(groups)


def _listed(phrases: list[str]) -> str:
    if len(phrases) == 1:
        return phrases[0]
    return ", ".join(phrases[:-1]) + " and " + phrases[-1]


def _group(group: Group, random: np.random.Generator) -> str:
    """Such as "two red cups"."""
    if group.count == 1:
        article = "an" if group.colour == "orange" else "a"
        number = pick(random, (article, article, article, "one", "a single"))
        return f"{number} {group.colour} {group.shape}"
    number = pick(random, (NUMBERS[group.count], NUMBERS[group.count], str(group.count)))
    return f"{number} {group.colour} {PLURALS.get(group.shape, group.shape + 's')}"


def _joined(parts: _Parts, random: np.random.Generator) -> str:
    """The phrases in one of the orders that people use."""
    opened = pick(random, OPENINGS).format(parts.objects)
    order = [[opened, parts.ground, parts.saying], [opened, parts.saying, parts.ground],
             [parts.saying, parts.objects, parts.ground]]  # fmt: skip
    phrases = [phrase for phrase in pick(random, order) if phrase]
    return pick(random, (", ", ", ", " ")).join(phrases).replace(" a orange", " an orange")


def _quoted(word: str, random: np.random.Generator) -> str:
    """The word in quotes; posters are in capitals, briefs not always."""
    cased = pick(random, (word, word, word, word, word.lower(), word.capitalize()))
    left, right = pick(random, QUOTES)
    return f"{left}{cased}{right}"


def _palette(spec: Spec, random: np.random.Generator) -> str:
    """The colours by name and hex."""
    grounds = [] if "background" in spec.open else [spec.background]
    names = dict.fromkeys([*grounds, *(group.colour for group in spec.groups)])
    shown = ", ".join(f"{name} #{bytes(COLOURS[name]).hex()}" for name in names)
    return f"{pick(random, ('Palette', 'Colors', 'Colours'))}: {shown}."


def _cased(caption: str, random: np.random.Generator) -> str:
    """As people write: sometimes with a capital and a full stop."""
    if random.random() < 0.3:  # noqa: PLR2004 - a chance
        return caption[0].upper() + caption[1:] + "."
    return caption
