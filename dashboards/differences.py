"""Two texts in, what stayed, went and came out, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

LONGEST = 4_000
"""Characters of a text that are compared; a difference takes quadratic time at worst."""

LETTERS = re.compile(r"\[-(.*?)-\]|\[\+(.*?)\+\]", re.DOTALL)
"""What the text judge writes: [-wanted, but not there-] and [+there, but not wanted+]."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: `kept` is in both, `gone` in the first alone, `come` in the second."""

    kind: Literal["kept", "gone", "come"]
    text: str


def words(before: str, after: str) -> tuple[Piece, ...]:
    """What changed between two texts, in whole words."""
    return tuple(_calm(list(_pieces(_split(before), _split(after)))))


def letters(diff: str) -> tuple[Piece, ...]:
    """The pieces of the text judge's difference, as it is written in its measurements."""
    pieces: list[Piece] = []
    at = 0
    for found in LETTERS.finditer(diff):
        pieces.append(Piece("kept", diff[at : found.start()]))
        gone, come = found.groups()
        pieces.append(Piece("come", come) if gone is None else Piece("gone", gone))
        at = found.end()
    pieces.append(Piece("kept", diff[at:]))
    return tuple(piece for piece in pieces if piece.text)


def _calm(pieces: list[Piece]) -> Iterator[Piece]:
    """Changes with nothing but a gap between them as one: a sentence that was written anew."""
    gone = come = ""
    for at, piece in enumerate(pieces):
        if piece.kind == "kept":
            between = 0 < at < len(pieces) - 1 and not any(map(str.isalnum, piece.text))
            if between and (gone or come):
                gone, come = gone + piece.text, come + piece.text
                continue
            yield from _changed(gone, come)
            gone = come = ""
            yield piece
        elif piece.kind == "gone":
            gone += piece.text
        else:
            come += piece.text
    yield from _changed(gone, come)


def _changed(gone: str, come: str) -> Iterator[Piece]:
    if gone:
        yield Piece("gone", gone)
    if come:
        yield Piece("come", come)


def _split(text: str) -> list[str]:
    return re.findall(r"\s+|[^\s,.;:]+|[,.;:]", text[:LONGEST])


def _pieces(old: list[str], new: list[str]) -> Iterator[Piece]:
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("kept", "".join(old[a:b]))
            continue
        if b > a:
            yield Piece("gone", "".join(old[a:b]))
        if d > c:
            yield Piece("come", "".join(new[c:d]))
