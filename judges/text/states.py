"""Windows found in several looks in, the state of one phrase out. Pure.

The first look decides unless it failed to match. A later look may turn that into a match only if
it is surer of every line than whatever contradicted it: a retry is there to help legible text that
was missed, not to try a misspelling until it happens to be misread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from judges.text.letters import scripts
from judges.text.windows import NOTHING, Window

State = Literal["match", "mismatch", "unreadable"]

SEVERITY: dict[State, int] = {"match": 0, "unreadable": 1, "mismatch": 2}

CONFIDENT = 0.8
"""Mean letter probability of a line from which other letters are taken as what is written
(PP-OCRv6 small; benchmarks/text.py prints the readings above and below)."""

LEGIBLE = 0.6
"""Below it even the expected letters do not count as read."""

RETRY = 0.9
"""What a later look must reach to be believed."""

ALIKE = 0.5
"""Similarity from which a window is the phrase misspelled; below it the phrase is missing."""

UNREADABLE = 0.25
"""Value of a phrase that could not be read: below every mismatch of a letter or two (those are
closer to what was asked), above one that shares few letters with it."""

MISSPELLED = 0.5
"""Value that a mismatch can come near and never reach: one wrong letter fails any threshold."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One phrase: its state, value in [0, 1], the window, and what kind of failure it is."""

    phrase: str
    state: State
    value: float
    window: Window
    subcategory: str = ""
    detail: str = ""


def matched(window: Window, first: bool) -> bool:  # noqa: FBT001 - which look it is
    """Whether one look's window is a match that counts by itself."""
    return window.similarity >= 1.0 and window.confidence >= (LEGIBLE if first else RETRY)


def settle(phrase: str, windows: Sequence[Window]) -> Judged:
    """The phrase's state over the windows of all looks, the first look's first."""
    best = windows[0]
    if matched(best, first=True):
        return Judged(phrase, "match", 1.0, best)
    for window in windows[1:]:
        if matched(window, first=False) and not any(_denies(other, window) for other in windows):
            return Judged(phrase, "match", 1.0, window)
    best = max(windows, key=lambda window: (window.similarity < 1.0, _evident(window)))
    return _failed(phrase, best)


def decided(windows: Sequence[Window]) -> bool:
    """Whether another look would be idle: it matches, or two looks read the same other letters."""
    if settle("", windows).state == "match":
        return True
    sure = [found.read for found in windows if _other(found) and found.confidence >= RETRY]
    return len(set(sure)) < len(sure)


def unsaid(phrase: str, missing: str, backend: str, remedy: str = "") -> Judged:
    """A phrase with letters that the reader's alphabet does not hold; `remedy` says what does."""
    shown = missing if len(missing) <= SHOWN else missing[:SHOWN] + "…"
    detail = (
        f"{phrase!r} cannot be judged: the {backend} model reads no {scripts(missing)} "
        f"letters such as {shown!r}{remedy}"
    )
    return Judged(phrase, "unreadable", UNREADABLE, NOTHING, "unsupported_script", detail)


SHOWN = 12
"""Letters named in a reason."""


def _other(window: Window) -> bool:
    """Whether the window is the phrase with other letters.

    A look that merely lacks the phrase's first or last letters found no box around them.
    """
    return ALIKE <= window.similarity < 1.0 and not window.partial


def _denies(other: Window, match: Window) -> bool:
    """Whether another look speaks against a match.

    Letters too many or other ones, read with confidence, always do: a box that cuts the first
    letter off turns "TThank You" into a match. Letters too few do if they are read more surely.
    """
    return _other(other) and other.confidence >= (match.confidence if other.short else RETRY)


def _evident(window: Window) -> float:
    return window.similarity * window.confidence


def _failed(phrase: str, window: Window) -> Judged:
    if not window.read:
        detail = f"{phrase!r} is missing: no writing was found"
        return Judged(phrase, "unreadable", UNREADABLE, window, "missing", detail)
    if window.confidence < CONFIDENT or window.similarity >= 1.0:
        detail = (
            f"{phrase!r} cannot be made out: the nearest is {window.read!r}, "
            f"read with confidence {window.confidence:.2f}"
        )
        return Judged(phrase, "unreadable", UNREADABLE, window, "unreadable", detail)
    value = MISSPELLED * min(window.similarity, 0.99)
    if window.similarity < ALIKE:
        detail = f"{phrase!r} is missing: the nearest writing is {window.read!r}"
        return Judged(phrase, "mismatch", value, window, "missing", detail)
    detail = f"{phrase!r} is written {window.read!r}: {window.diff}"
    return Judged(phrase, "mismatch", value, window, "misspelled", detail)
