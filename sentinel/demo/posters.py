"""A house in, six posters guarded out: painted by a small model, judged, and painted again.

Nothing is chosen: the seeds are 1 to 6, and what comes out wrong is the model's own mistake. They
are judged by the policy `poster-demo`, whose CLIP knows this model's world and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from sentinel.annotation.contact_sheet import cells, contact_sheet
from sentinel.contracts import Brief, Pixels, Trace
from sentinel.guarding import Guarded, Wanted
from sentinel.wiring import Sentinel

GENERATOR, POLICY = "embedded", "poster-demo"

PROMPTS = (
    ("open", 'a poster of two red cups on a white background, with the word "OPEN"'),
    ("jazz", 'a yellow star above a pink heart, on a blue background, that says "JAZZ"'),
    ("garden", 'a poster with three green circles in a row, on black, reading "GARDEN"'),
    ("night", 'a white moon on the left, on a purple background, with the word "NIGHT"'),
    ("sale", 'a flyer showing four orange diamonds, brown background, the word "SALE"'),
    ("music", 'a black ring to the left of a red cross, on yellow, with the text "MUSIC"'),
)


@dataclass(frozen=True, slots=True, eq=False)
class Poster:
    """A name, and how its picture came about."""

    name: str
    guarded: Guarded

    @property
    def trace(self) -> Trace:
        """Every attempt, and why it ended."""
        return self.guarded.trace


async def posters(house: Sentinel, step: Callable[[str], None]) -> tuple[Poster, ...]:
    """The six, one after the other; `step` hears each name before it is painted."""
    made = []
    for seed, (name, prompt) in enumerate(PROMPTS, start=1):
        step(f"poster {name}")
        wanted = Wanted(policy=POLICY, generator=GENERATOR)
        made.append(Poster(name, await house.guard(Brief(prompt=prompt, seed=seed), wanted)))
    return tuple(made)


def sheet(made: tuple[Poster, ...]) -> Pixels:
    """Every attempt at every poster, with its verdict."""
    found = [cells(each.trace, each.guarded.pictures, f"{each.name}, ") for each in made]
    return contact_sheet(list(chain.from_iterable(found)))
