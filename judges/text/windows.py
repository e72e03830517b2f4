"""The words nearest to a phrase, and the phrase in; how they differ out. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rapidfuzz.distance import Levenshtein

from judges.text.letters import Key, Rules, key
from judges.text.lines import Quad

CUT_OFF = 2
"""Letters missing at an end from which a box is taken to have been missed; one may be a slip."""

Piece = tuple[str, Quad]
"""Words of one line, and where they stand."""


@dataclass(frozen=True, slots=True)
class Window:
    """The words that come nearest to a phrase; `similarity` is 1 if they equal it by the rules.

    `confidence` is the least sure line's; `diff` shows what is missing as [-x-] and what is too
    much as [+x+]; `partial` that only letters at the beginning or end are missing, CUT_OFF or
    more; `short` that letters are missing anywhere and none is other or too many; `pieces` are
    the words of each line and where they stand.
    """

    read: str
    similarity: float
    confidence: float
    diff: str = ""
    partial: bool = False
    short: bool = False
    pieces: tuple[Piece, ...] = ()

    @property
    def quads(self) -> tuple[Quad, ...]:
        """Where the words stand."""
        return tuple(quad for _, quad in self.pieces)


NOWHERE: Quad = ((0, 0), (1, 0), (1, 1), (0, 1))
NOTHING = Window(read="", similarity=0.0, confidence=0.0)


def compared(window: Window, phrase: str, read: str, rules: Rules) -> Window:
    """The window, with what is different if it reads `read`."""
    wanted, got = key(phrase, rules).letters, key(read, rules).letters
    cut = len(wanted) - len(got) >= CUT_OFF and bool(got)
    steps = {step.tag for step in Levenshtein.editops(wanted, got)}
    return replace(
        window,
        read=read,
        similarity=Levenshtein.normalized_similarity(wanted, got),
        diff=difference(phrase, read, rules),
        partial=cut and (wanted.startswith(got) or wanted.endswith(got)),
        short=steps == {"delete"},
    )


def difference(phrase: str, read: str, rules: Rules) -> str:
    """The phrase as expected, with [-missing-] and [+added+] characters marked."""
    wanted, got = key(phrase, rules), key(read, rules)
    shown = ""
    for step in Levenshtein.opcodes(wanted.letters, got.letters):
        before = _original(phrase, wanted, step.src_start, step.src_end)
        after = _original(read, got, step.dest_start, step.dest_end)
        if step.tag == "equal":
            shown += before
            continue
        shown += f"[-{before}-]" if before else ""
        shown += f"[+{after}+]" if after else ""
    return shown


def _original(text: str, letters: Key, start: int, end: int) -> str:
    """The characters of the text that these letters came from, with what stands between them."""
    if start == end:
        return ""
    return text[letters.origins[start] : letters.origins[end - 1] + 1]
