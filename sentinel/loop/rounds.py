"""A round and what came of it in, attempts that nobody has judged yet out. Pure but for the clock.

A candidate that is a picture is an attempt; so is one that is none, with the flaw told.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.contracts import Attempt, Brief
from sentinel.loop.closing import unjudged
from sentinel.loop.levers import Step
from sentinel.loop.looking import Seen


@dataclass(frozen=True, slots=True)
class Round:
    """One generation: its number, why it is made so, what was sent to whom, and since when."""

    number: int
    step: Step
    sent: Brief
    generator: str
    notes: tuple[str, ...]
    begun: float


def attempts_of(
    current: Round, seen: Sequence[Seen], earlier: Sequence[Attempt]
) -> tuple[Attempt, ...]:
    """One attempt per candidate, numbered after the earlier ones."""
    seconds = time.perf_counter() - current.begun
    known = {each.picture: each.number for each in earlier if each.picture}
    fresh = []
    for number, each in enumerate(seen, start=len(earlier) + 1):
        made = _attempt(current, each, number, seconds)
        if (before := known.get(made.picture or "")) is not None:
            told = f"the very picture of attempt {before}: the generator heeds no seed"
            made = made.model_copy(update={"notes": (*made.notes, told)})
        fresh.append(made)
    return tuple(fresh)


def _attempt(current: Round, seen: Seen, number: int, seconds: float) -> Attempt:
    picture = seen.picture
    flaw = None if picture else seen.flaw
    return Attempt(
        number=number,
        brief=current.sent,
        generator=seen.maker or current.generator,
        verdict=unjudged(f"no picture: {flaw}" if flaw else "not judged yet"),
        seed=seen.seed,
        cost=seen.cost,
        seconds=seconds,
        picture=picture.sha256 if picture else None,
        width=picture.pixels.shape[1] if picture else 0,
        height=picture.pixels.shape[0] if picture else 0,
        notes=(*current.notes, *seen.notes, *(picture.notes if picture else ())),
        error=flaw,
        judged=False,
        round=current.number,
        lever=current.step.lever,
        made_in=seconds,
    )
