"""Chance in, a word out: a real one or any letters.

A rule keeps an eighth of both out of training.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

SHORTEST, LONGEST = 3, 6
"""Letters a word has: each takes a column of eight, and one stays free at either end."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HELD_OUT_SHARE = 8
"""One word in so many is never trained on."""

REAL_SHARE = 0.4
"""Share of trained words that are real; the others are letters drawn at random, so that the model
must copy what stands in the brief instead of choosing from a list."""

REAL = tuple(
    word
    for word in Path(__file__).with_name("words.txt").read_text("utf-8").split()
    if len(word) <= LONGEST
)
"""Words that posters carry."""


def is_held_out(word: str) -> bool:
    """Whether training never shows this word: a rule over any string, so no list can grow stale."""
    return hashlib.sha256(word.upper().encode()).digest()[0] % HELD_OUT_SHARE == 0


@cache
def known(*, held_out: bool) -> tuple[str, ...]:
    """The real words on one side of the rule."""
    return tuple(word for word in REAL if is_held_out(word) == held_out)


def draw(random: np.random.Generator, *, held_out: bool = False) -> str:
    """A word from one side of the rule: a real one (`REAL_SHARE`) or letters at random."""
    if random.random() < REAL_SHARE:
        choices = known(held_out=held_out)
        return choices[random.integers(len(choices))]
    while True:
        length = random.integers(SHORTEST, LONGEST + 1)
        word = "".join(LETTERS[at] for at in random.integers(len(LETTERS), size=length))
        if is_held_out(word) == held_out:
            return word
