"""Briefs in, six posters painted by the generator `embedded` out, as a small model paints them.

Nothing is chosen: the seeds are 1 to 6, and what comes out wrong is the model's own mistake. They
are judged by the policy `poster-demo`, whose CLIP knows this model's world and no other.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sentinel import registry
from sentinel.contracts import Brief, Runtime
from sentinel.demo.pictures import Case

GENERATOR, POLICY = "embedded", "poster-demo"

PROMPTS = (
    ("poster-open", 'a poster of two red cups on a white background, with the word "OPEN"'),
    ("poster-jazz", 'a yellow star above a pink heart, on a blue background, that says "JAZZ"'),
    ("poster-garden", 'a poster with three green circles in a row, on black, reading "GARDEN"'),
    ("poster-moon", 'a white moon on the left, on a purple background, with the word "NIGHT"'),
    ("poster-sale", 'a flyer showing four orange diamonds, brown background, the word "SALE"'),
    ("poster-music", 'a black ring to the left of a red cross, on yellow, with the text "MUSIC"'),
)


def posters() -> tuple[Case, ...]:
    """The six, each painted when it is made."""
    return tuple(
        Case(name, f"painted by {GENERATOR}: {prompt}", Brief(prompt=prompt, seed=seed),
             lambda seed=seed, prompt=prompt: _painted(prompt, seed), POLICY)
        for seed, (name, prompt) in enumerate(PROMPTS, start=1)
    )  # fmt: skip


def _painted(prompt: str, seed: int) -> bytes:
    [candidate] = _painter().generate(Brief(prompt=prompt, seed=seed))
    image: bytes = candidate.image
    return image


@cache
def _painter() -> Any:
    made = registry.load_class("generator", GENERATOR)()
    made.load(Runtime())
    return made
