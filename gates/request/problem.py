"""What is wrong with a brief: the shape that every check of the request gate shares."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

REFUSES, WRONG, REMARK = 1.0, 0.6, 0.1
"""What a problem takes off the score. Half and more refuses by itself: nothing to make or nothing
that may be made (1.0), a value or a contradiction to mend (0.6). A remark only lowers."""

SHOWN = 40
"""Characters of a caller's text that a finding repeats."""

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Bidirectional embeddings, overrides and isolates: they make text read other than it is."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in a sentence; `cost` is what it takes off the score."""

    kind: str
    reason: str
    cost: float = WRONG


def shown(text: str) -> str:
    """A caller's text in quotes, short, without anything invisible or disordering."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    plain = re.sub(r"\s+", " ", plain).strip()
    return f"“{plain[:SHOWN]}…”" if len(plain) > SHOWN else f"“{plain}”"


def visible(text: str) -> str:
    """The text without control, format and filler characters, and without space around it."""
    kept = (letter for letter in text if unicodedata.category(letter) not in HIDDEN)
    return "".join(letter for letter in kept if letter not in FILLERS).strip()


HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
FILLERS = "\u115f\u1160\u2800\u3164\uffa0\u034f"
"""Letters by category that show nothing: Hangul fillers, the blank Braille cell and a joiner."""
