"""A prompt in, what is asked of its picture out: clauses, phrases and their contrasts. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import JsonValue

from judges.alignment.clauses import clauses
from judges.alignment.counterfactuals import (
    Contrast,
    asked_for,
    contrast_of_place,
    contrasts,
    knows,
)
from judges.alignment.phrases import Phrase, Phrases, phrases
from sentinel.detectors.clip_folders import World

SHOWN = 120
"""Characters of a clause that a reading repeats."""
NAMED = 20
"""Style words, negations and surplus phrases named in a reading; the rest is counted."""


class Limits(NamedTuple):
    """How much of a prompt is judged; `context` (in tokens) and `world` are the model's."""

    context: int
    phrases: int
    clauses: int
    world: World | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a picture for one prompt."""

    judged: tuple[str, ...]
    """Clauses, each within the model's context, in the prompt's order."""
    checks: tuple[Contrast, ...]
    phrases: tuple[Phrase, ...]
    tokens_used: int
    tokens_total: int
    left_out: dict[str, JsonValue]
    """What was recognised and not judged, by why."""


def clean(prompt: str | None) -> str:
    """The prompt without control characters; empty where it holds nothing that could be seen."""
    spaced = "".join(
        character
        if unicodedata.category(character)[0] != "C"
        else " "
        if character in "\t\r\n"
        else ""
        for character in prompt or ""
    )
    seen = any(unicodedata.category(character)[0] in "LNS" for character in spaced)
    return spaced.strip() if seen else ""


def plan(prompt: str, tokens: Callable[[str], int], limits: Limits) -> Plan:
    """Split, read and contrast a prompt; `tokens` counts a text's tokens without cutting."""

    def fits(text: str) -> bool:
        return tokens(text) <= limits.context

    every, world = clauses(prompt, fits), limits.world
    worth = [clause for clause in every if _worth(clause, world, style=False)]
    worth = worth or [clause for clause in every if _worth(clause, world, style=True)]
    judged = tuple(worth[: limits.clauses])
    found, asked = phrases(prompt), asked_for(prompt)
    named = tuple(dict.fromkeys(found.phrases))
    known = tuple(phrase for phrase in named if knows(world, phrase.text))
    unknown = [phrase for phrase in named if phrase not in known]
    kept, surplus = known[: limits.phrases], known[limits.phrases :]
    made = [contrast for phrase in kept for contrast in contrasts(phrase, asked, world)]
    made += _placed(found, kept, limits)
    told = [each for each in made if world is None or each.kind in world.tells]
    checks = tuple(each for each in told if all(map(fits, (each.true, *each.others))))
    return Plan(
        judged=judged,
        checks=checks,
        phrases=kept,
        tokens_used=sum(map(tokens, judged)),
        tokens_total=sum(map(tokens, every)),
        left_out={
            "style": [text[:SHOWN] for text in found.style[:NAMED]],
            "negated": [text[:SHOWN] for text in found.negated[:NAMED]],
            "phrases": [phrase.text[:SHOWN] for phrase in surplus[:NAMED]],
            "phrases_left_out": len(surplus),
            "unknown": [phrase.text[:SHOWN] for phrase in unknown[:NAMED]],
            "kinds": [*dict.fromkeys(each.kind for each in made if each not in told)],
            "checks_too_long": len(told) - len(checks),
            "clauses_left_out": len(every) - len(judged),
        },
    )


def _placed(found: Phrases, kept: tuple[Phrase, ...], limits: Limits) -> list[Contrast]:
    """The contrasts of the places of phrases that are kept, said in words that the model knows."""
    places = dict.fromkeys(place for place in found.places if place.subject in kept)
    known = [place for place in places if knows(limits.world, place.text)]
    return [contrast_of_place(place) for place in known[: limits.phrases]]


def _worth(clause: str, world: World | None, *, style: bool) -> bool:
    """Whether a clause says what should be seen: not a negation, and no manner alone.

    To a model of a small world it must say something that this model knows.
    """
    found = phrases(clause)
    if world:
        return any(knows(world, phrase.text) for phrase in found.phrases)
    return bool(found.phrases) or not (found.negated or (found.style and not style))
