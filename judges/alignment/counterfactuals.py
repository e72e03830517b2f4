"""A phrase in, contrasting phrases out: another thing, colour, count or place. Pure.

A contrast is what the picture would show had the generator got one thing wrong. What the prompt
itself asks for elsewhere is never held against a phrase: with "a red car and a blue house" the
picture is blue too, and telling whose blue it is (binding) is what CLIP models cannot do. A model
of a small world is asked in its own words and things only: of others it knows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

from judges.alignment import words
from judges.alignment.decoys import BASIC, DECOYS, KINDS, NEIGHBOURS, OBJECTS, OPPOSITES, SIBLINGS
from judges.alignment.phrases import Phrase, Place
from sentinel.detectors.clip_folders import World

Kind = Literal["object", "colour", "count", "position"]

COLOURS_HELD = 6
"""Colours contrasted per phrase; each costs one text embedding."""
COUNTS_HELD = 3
WORD = re.compile(r"[^\W_]+")
SMALL = words.DETERMINERS | words.PREPOSITIONS | words.CONJUNCTIONS | words.COLOURS.keys()

IRREGULAR = {"men": "man", "women": "woman", "children": "child", "people": "person",
             "mice": "mouse", "wolves": "wolf", "knives": "knife", "leaves": "leaf",
             "geese": "goose", "buses": "bus", "feet": "foot", "teeth": "tooth"}  # fmt: skip
PLURALS = {singular: plural for plural, singular in IRREGULAR.items()}
UNCHANGED = {"sheep", "fish", "deer", "skis", "scissors", "pants", "aircraft"}


@dataclass(frozen=True, slots=True)
class Contrast:
    """`true` is what was asked for, `others` what the picture may show instead."""

    kind: Kind
    phrase: str
    true: str
    others: tuple[str, ...]


def contrasts(
    phrase: Phrase, asked: frozenset[str], world: World | None = None
) -> tuple[Contrast, ...]:
    """The contrasts of a phrase; `asked` is every word of the prompt (`asked_for`)."""
    made = (_objects(phrase, asked, world), _colours(phrase, asked), _counts(phrase))
    known = (_within(world, contrast) for contrast in made if contrast)
    return tuple(contrast for contrast in known if contrast.others)


def knows(world: World | None, text: str) -> bool:
    """Whether a model of that world has read every word of a text."""
    return world is None or all(word in world.words for word in WORD.findall(text.lower()))


def _within(world: World | None, contrast: Contrast) -> Contrast:
    """The contrast with those others that the model can read."""
    others = tuple(other for other in contrast.others if knows(world, other))
    return Contrast(contrast.kind, contrast.phrase, contrast.true, others)


def contrast_of_place(place: Place) -> Contrast:
    """The opposite place, and the two things exchanged."""
    opposite = OPPOSITES[place.place]
    others = [f"{place.subject.text} {opposite}"]
    if place.beside:
        others = [
            f"{place.subject.text} {opposite} {place.beside.text}",
            f"{place.beside.text} {place.place} {place.subject.text}",
        ]
    return Contrast("position", place.text, place.text, tuple(others))


def decoys(clause: str, world: World | None = None) -> tuple[str, ...]:
    """The decoys that share no word with a clause, small words aside; all if every one does."""
    said = asked_for(clause) - SMALL
    every = decoys_of(world)
    apart = tuple(decoy for decoy in every if not (asked_for(decoy) - SMALL) & said)
    return apart or every


def decoys_of(world: World | None) -> tuple[str, ...]:
    """The fixed decoys; of a small world each of its things, in one colour after another."""
    if world is None:
        return DECOYS
    colours = [colour for colour in BASIC if colour in world.words]
    return tuple(with_article(pair) for pair in zip(cycle(colours), world.things, strict=False))


def things_of(world: World | None) -> tuple[str, ...]:
    """What may be held against anything, in the singular."""
    return tuple(thing for thing, _ in OBJECTS) if world is None else world.things


def asked_for(prompt: str) -> frozenset[str]:
    """Every word of a prompt, lower case, plurals also as singulars."""
    said = WORD.findall(prompt.lower())
    return frozenset(said) | {singular(word) for word in said}


def singular(word: str) -> str:
    """One of what the word names, by the usual endings."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word in UNCHANGED or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > len("ties"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("sses", "xes", "ches", "shes")) else word[:-1]


def plural(word: str) -> str:
    """Several of what the word names, by the usual endings."""
    if word in PLURALS:
        return PLURALS[word]
    if word in UNCHANGED:
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def with_article(said: Sequence[str]) -> str:
    """The words with "a" or "an" as their first sound asks."""
    vowel = said[0][0] in "aeiou" and not said[0].startswith(("uni", "eu", "one"))
    return " ".join(["an" if vowel else "a", *said])


def _objects(phrase: Phrase, asked: frozenset[str], world: World | None) -> Contrast | None:
    """The bare thing against other things; these texts are the same for every prompt."""
    noun = phrase.noun.split()
    if noun[-1] in words.UNSEEN:
        return None
    head = singular(noun[-1])
    rivals = _rivals(head, asked) if world is None else list(world.things)
    rivals = [rival for rival in dict.fromkeys(rivals) if rival not in asked]
    if world:
        return _in_world(phrase, rivals) if head in world.things else None
    if phrase.plural:
        return Contrast("object", phrase.text, phrase.noun, tuple(map(plural, rivals)))
    one = phrase.words[0] in words.DETERMINERS or phrase.count is not None
    bare = with_article(noun) if one else phrase.noun
    return Contrast("object", phrase.text, bare, tuple(with_article([rival]) for rival in rivals))


def _in_world(phrase: Phrase, rivals: Sequence[str]) -> Contrast:
    """The whole phrase with another thing in it: a small model never read of a thing alone."""
    last = len(phrase.words) - 1
    said = [plural(rival) if phrase.plural else rival for rival in rivals]
    others = tuple(_replaced(phrase, last, each) for each in said)
    return Contrast("object", phrase.text, phrase.text, others)


def _rivals(head: str, asked: frozenset[str]) -> list[str]:
    """What a thing is taken for, then things that seldom stand anywhere by chance."""
    rivals = [other for group in SIBLINGS if head in group.split() for other in group.split()]
    return rivals + [thing for thing, kind in OBJECTS if not asked & {*KINDS[kind].split()}]


def _colours(phrase: Phrase, asked: frozenset[str]) -> Contrast | None:
    if phrase.colour is None:
        return None
    said = phrase.words[phrase.colour]
    basic = words.COLOURS[said]
    elsewhere = {words.COLOURS[word] for word in asked if word in words.COLOURS}
    near = NEIGHBOURS[basic] if said != basic else ()
    held = [each for each in BASIC if each != basic and each not in elsewhere and each not in near]
    others = [_replaced(phrase, phrase.colour, colour) for colour in held[:COLOURS_HELD]]
    return Contrast("colour", phrase.text, phrase.text, tuple(others))


def _counts(phrase: Phrase) -> Contrast | None:
    if phrase.count is None:
        return None
    number = words.COUNTS[phrase.words[phrase.count]]
    if number > len(words.COUNTED):
        return None
    near = sorted(range(1, len(words.COUNTED) + 1), key=lambda other: (abs(other - number), other))
    others = []
    for other in near[1 : COUNTS_HELD + 1]:
        said = list(phrase.words)
        said[phrase.count] = words.COUNTED[other - 1]
        said[-1] = singular(said[-1]) if other == 1 else plural(singular(said[-1]))
        others.append(" ".join(said))
    return Contrast("count", phrase.text, phrase.text, tuple(others))


def _replaced(phrase: Phrase, at: int, word: str) -> str:
    """The phrase with one word exchanged and its article mended."""
    said = [*phrase.words[:at], word, *phrase.words[at + 1 :]]
    return with_article(said[1:]) if said[0] in ("a", "an") and len(said) > 1 else " ".join(said)
