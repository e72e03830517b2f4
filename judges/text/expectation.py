# ruff: noqa: RUF001, RUF002 - quotation marks are what is parsed here
"""Brief in, expected phrases out: the words that the picture must show. Pure.

They are the brief's `expected_text`, or else what stands in quotes in its prompt: straight (""),
curly (“ ” ‘ ’), low-high („ “ ‚ ‘), guillemets (« » ‹ › and the reverse) and CJK brackets
(「」 『』). An apostrophe is no quote: a single straight or curly quote counts only where it
clearly wraps a phrase.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from sentinel.contracts import Brief

PHRASES = 16
"""Phrases judged of one brief. More than any poster holds; bounds the work a prompt can ask for."""

LETTERS = 600
"""Characters judged of one phrase: a paragraph. Longer ones are shortened, and that is said."""

QUOTED = 300
"""Characters a quote in a prompt may span; a longer one is an unbalanced quotation mark."""

PROMPT = 20_000
"""Characters of the prompt in which quotes are sought."""

PAIRS = {
    '"': '"', "＂": "＂", "“": "”“", "”": "”", "„": "“”„", "«": "»", "»": "«»", "‹": "›", "›": "‹›",
    "「": "」", "『": "』", "｢": "｣", "'": "'", "‘": "’", "‚": "‘’",
}  # fmt: skip
"""An opening mark and the marks that may close it (English, German, French, Swedish, CJK)."""

BRACKETS = frozenset("「『｢")
SPACED = frozenset("«‹")
"""Opening marks that may be followed by a space (French)."""

SINGLE = frozenset("'‘‚")
ELISION = re.compile(
    r"(?:tis|twas|twere|twill|em|til|till|cause|cos|bout|round|neath|n|\d0s)\b", re.IGNORECASE
)
"""English words that begin with an apostrophe: 'tis, rock 'n' roll, the '90s."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The phrases, where they came from ("brief" or "prompt"), and what was cut to stay bounded."""

    phrases: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()


def expect(brief: Brief) -> Expectation:
    """The phrases a picture for this brief must show; none where no text was asked for."""
    given = brief.expected_text
    source = "brief" if given else "prompt"
    found = given or quotes(brief.prompt or "")
    cleaned = dict.fromkeys(plain(text) for text in found[: 4 * PHRASES])
    phrases = [text for text in cleaned if _speaks(text)]
    notes = []
    if len(phrases) > PHRASES or len(found) > 4 * PHRASES:
        notes.append(f"only the first {PHRASES} phrases were judged")
    if any(len(text) > LETTERS for text in phrases[:PHRASES]):
        notes.append(f"phrases were judged by their first {LETTERS} characters")
    return Expectation(tuple(text[:LETTERS] for text in phrases[:PHRASES]), source, tuple(notes))


def plain(text: str) -> str:
    """One line without control or direction characters; white space runs become one space."""
    text = unicodedata.normalize("NFC", text[: 4 * LETTERS])
    kept = (" " if letter.isspace() else letter for letter in text if _printable(letter))
    return " ".join("".join(kept).split())


def quotes(prompt: str) -> tuple[str, ...]:
    """What stands between quotation marks, outermost first, in the order written."""
    prompt = prompt[:PROMPT]
    found = []
    index = 0
    while index < len(prompt):
        end = _closing(prompt, index) if prompt[index] in PAIRS else None
        if end is None:
            index += 1
            continue
        found.append(prompt[index + 1 : end])
        index = end + 1
    return tuple(found)


def _printable(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")


def _speaks(text: str) -> bool:
    return any(not letter.isspace() for letter in text)


def _closing(prompt: str, opening: int) -> int | None:
    """Where the quote that opens at `opening` closes; None if it opens none."""
    mark = prompt[opening]
    if mark not in BRACKETS and not _opens(prompt, opening):
        return None
    if mark in SINGLE and ELISION.match(prompt, opening + 1):
        return None
    if mark in SINGLE:
        return _closing_single(prompt, opening)
    for index in range(opening + 1, min(len(prompt), opening + QUOTED + 2)):
        if prompt[index] in PAIRS[mark] and index > opening + 1:
            return index
    return None


def _opens(prompt: str, index: int) -> bool:
    """A mark opens where no word runs into it (5" is an inch mark) and text follows."""
    before = prompt[index - 1] if index else " "
    after = prompt[index + 1] if index + 1 < len(prompt) else " "
    return not _of_word(before) and (not after.isspace() or prompt[index] in SPACED)


def _closing_single(prompt: str, opening: int) -> int | None:
    """The first fit closing mark; a plural's apostrophe (the dogs' bowl) only if no other fits."""
    ends = _ends(prompt, opening)
    if not ends:
        return None
    first = ends[0]
    if len(ends) > 1 and _plural(prompt, first) and not _plural(prompt, ends[1]):
        return ends[1]
    return first


def _ends(prompt: str, opening: int) -> list[int]:
    """Marks that could close the single quote, up to where another one opens."""
    found = []
    for index in range(opening + 2, min(len(prompt), opening + QUOTED + 2)):
        if prompt[index] in SINGLE and _opens(prompt, index):
            break
        if prompt[index] not in PAIRS[prompt[opening]] or prompt[index - 1].isspace():
            continue
        if not _of_word(prompt[index + 1 : index + 2] or " "):
            found.append(index)
    return found


def _plural(prompt: str, index: int) -> bool:
    after = prompt[index + 1 : index + 3]
    return prompt[index - 1] in "sS" and len(after) > 1 and after[0] == " " and after[1].isalpha()


def _of_word(letter: str) -> bool:
    """A letter or digit of a script that puts spaces between words (CJK does not)."""
    return letter.isalnum() and ord(letter) < CJK


CJK = 0x2E80
"""First code point of the CJK blocks (Unicode: CJK Radicals Supplement)."""
