"""A prompt in, clauses that fit a model's context out. Pure; nothing of the prompt is dropped.

CLIP models see 64 or 77 tokens and cut the rest without a word. Here the prompt becomes sentences;
a sentence that does not fit is split at commas and conjunctions, a part that does not fit between
words, and a word that does not fit between characters. Put together again, without spaces, the
clauses are the prompt: nothing is lost and nothing comes twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

Fits = Callable[[str], bool]

SENTENCE = re.compile(r"(?<=[.!?;])\s+|(?<=[。\uff01\uff1f\uff1b])|[\r\n\u2028\u2029]+")
COMMA = re.compile(r"(?<=[,:])\s+|(?<=[，、：])|\s+(?=(?:and|or|but|while|with|as|where|which)\s)")
LONGEST_WORD = 48
"""Characters of a word before it is split whatever its tokens; keeps counting tokens cheap."""
AT_ONCE = 256
"""Units looked at for one clause: more words than any model's context holds."""


def clauses(prompt: str, fits: Fits) -> tuple[str, ...]:
    """The prompt's clauses in order; `fits` says whether a text lies within the context."""
    found: list[str] = []
    for sentence in SENTENCE.split(prompt):
        text = " ".join(sentence.split())
        if not text:
            continue
        if len(text) <= AT_ONCE * LONGEST_WORD and _short(text) and fits(text):
            found.append(text)
        else:
            found += _packed(list(_parts(text, fits)), fits)
    return tuple(found)


def _short(text: str) -> bool:
    return all(len(word) <= LONGEST_WORD for word in text.split())


def _parts(sentence: str, fits: Fits) -> Iterator[str]:
    """The sentence at its commas and conjunctions, each part within the context."""
    for part in COMMA.split(sentence):
        if _short(part) and fits(part):
            yield part
        else:
            yield from _packed(list(_pieces(part, fits)), fits)


def _pieces(part: str, fits: Fits) -> Iterator[str]:
    """The words of a part; an endless or unfit word in pieces."""
    for word in part.split():
        for start in range(0, len(word), LONGEST_WORD):
            yield from _halves(word[start : start + LONGEST_WORD], fits)


def _halves(word: str, fits: Fits) -> Iterator[str]:
    if len(word) <= 1 or fits(word):
        yield word
        return
    middle = len(word) // 2
    yield from _halves(word[:middle], fits)
    yield from _halves(word[middle:], fits)


def _packed(units: Sequence[str], fits: Fits) -> Iterator[str]:
    """As many neighbouring units per clause as fit."""
    start = 0
    while start < len(units):
        count = _most(units[start : start + AT_ONCE], fits)
        yield " ".join(units[start : start + count])
        start += count


def _most(units: Sequence[str], fits: Fits) -> int:
    """How many of the first units fit together, at least one; found by halving."""
    fit, unfit = 1, len(units) + 1
    while unfit - fit > 1:
        middle = (fit + unfit) // 2
        if fits(" ".join(units[:middle])):
            fit = middle
        else:
            unfit = middle
    return fit
