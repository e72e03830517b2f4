# ruff: noqa: RUF001 - letters that look alike are what is told apart here
"""Text and the rules of comparison in, its key out; and what a reader's alphabet cannot say. Pure.

Two texts are the same if their keys are equal. A key remembers which character each of its
letters came from, so that a difference can be shown in the words as written.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Strictness = Literal["ignore", "exact"]
Accents = Literal["ignore", "marked", "exact"]

KEPT = frozenset("%‰&@#+=<>°")
"""Signs that carry meaning and count as letters even where punctuation is ignored: 50% is not 50.
Currency signs (Unicode category Sc) count too."""

ACUTE = "\u0301"
VOICED = frozenset("\u3099\u309a")
"""The combining marks of kana, which make other letters: が is no accented か."""

SAME_MARK = {
    **dict.fromkeys("’‘‚‛′´`ʼ＇", "'"), **dict.fromkeys("“”„‟″«»„", '"'),
    **dict.fromkeys("‐‑‒–—―−﹣", "-"), "…": "...", "·": "・", "•": "・",
}  # fmt: skip
"""Marks that differ in kind only; one stands for all where punctuation is compared."""

GREEK_LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))
"""Greek capitals that are drawn as Latin ones (Unicode TR 39, the identical shapes)."""

KANA_HAN = dict(zip("エロニハカタトヘベペー", "工口二八力夕卜へべぺ一", strict=True))
"""Katakana that are drawn as Chinese characters or Hiragana (Unicode TR 39). Readers mix them, and
the picture cannot tell them apart either."""

CYRILLIC_LATIN = dict(zip("АВЕЅІЈКМНОРСТХ", "ABESIJKMHOPCTX", strict=True))
"""Cyrillic capitals that are drawn as Latin ones (Unicode TR 39, the identical shapes). Small
letters are left out: the reader misses most of those whose Latin twin is a small capital, and
passes slips. benchmarks/text.py prints how capitals fare."""

TWINS = CYRILLIC_LATIN | GREEK_LATIN
SHAPES = GREEK_LATIN | KANA_HAN


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as a difference: "exact" all, "ignore" none.

    Accents are "marked" unless said otherwise: a letter with a mark is not the bare letter, but
    any mark counts as the one expected. Readers tell û from u well and û from ü badly.
    """

    case: Strictness = "ignore"
    spacing: Strictness = "ignore"
    punctuation: Strictness = "ignore"
    accents: Accents = "marked"


@dataclass(frozen=True, slots=True)
class Key:
    """The letters that are compared, and for each the index of the character it came from."""

    letters: str
    origins: tuple[int, ...]


def key(text: str, rules: Rules) -> Key:
    """What of `text` is compared under the rules."""
    letters: list[str] = []
    origins: list[int] = []
    for index, letter in enumerate(text):
        before, after = text[index - 1 : index], text[index + 1 : index + 2]
        for folded in _folded(letter, rules) if _counts(letter, before, after, rules) else "":
            if folded == " " and (not letters or letters[-1] == " "):
                continue
            letters.append(folded)
            origins.append(index)
    if letters and letters[-1] == " ":
        letters.pop()
        origins.pop()
    return Key("".join(letters), tuple(origins))


def unsayable(phrase: str, characters: frozenset[str], rules: Rules) -> str:
    """Letters and digits of the phrase that a reader with this alphabet can never answer."""
    missing = dict.fromkeys(
        letter
        for letter in unicodedata.normalize("NFKC", phrase)
        if letter.isalnum() and not _sayable(letter, characters, rules)
    )
    return "".join(missing)


def scripts(letters: str) -> str:
    """The scripts of these letters, in words: "Cyrillic", "Hangul and Thai"."""
    names = dict.fromkeys(unicodedata.name(letter, "unknown").split()[0] for letter in letters)
    return " and ".join("Han" if name == "CJK" else name.title() for name in names)


def lookalikes(phrase: str) -> str | None:
    """A Cyrillic or Greek phrase in the Latin capitals it is drawn like; None if it has none."""
    drawn = "".join(TWINS.get(letter, letter) for letter in phrase)
    foreign = any(
        unicodedata.name(letter, "").startswith(("CYRILLIC", "GREEK")) for letter in drawn
    )
    return None if foreign or drawn == phrase else drawn


def _counts(letter: str, before: str, after: str, rules: Rules) -> bool:
    if letter.isspace():
        return rules.spacing == "exact"
    if rules.punctuation == "exact" or letter.isalnum() or letter in KEPT:
        return True
    category = unicodedata.category(letter)
    if category in ("Sc", "Mn", "Mc"):
        return True
    return letter in ".,:/" and before.isdigit() and after.isdigit()


def _folded(letter: str, rules: Rules) -> str:
    return _fold(letter, rules.case == "ignore", rules.accents)


@lru_cache(maxsize=65536)
def _fold(letter: str, fold_case: bool, accents: Accents) -> str:  # noqa: FBT001 - a cache key
    if letter.isspace():
        return " "
    text = SAME_MARK.get(letter) or unicodedata.normalize("NFKC", letter)
    text = text.upper() if fold_case else text
    if accents == "ignore" or (fold_case and _greek(text)):
        text = _bare(text)
    elif accents == "marked":
        text = _marked(text)
    return "".join(SHAPES.get(part, part) for part in text if not part.isspace())


def _greek(text: str) -> bool:
    return unicodedata.name(text[:1] or " ", "").startswith("GREEK")


def _bare(text: str) -> str:
    """Without combining marks: Greek capitals carry no tonos, so case folding drops it."""
    apart = unicodedata.normalize("NFD", text)
    kept = "".join(part for part in apart if part in VOICED or unicodedata.category(part) != "Mn")
    return unicodedata.normalize("NFC", kept)


def _marked(text: str) -> str:
    """One mark for all: a base letter with any accents becomes the letter and ACUTE."""
    bare = _bare(text)
    return bare + ACUTE if bare != text else text


def _sayable(letter: str, characters: frozenset[str], rules: Rules) -> bool:
    ways: list[Callable[[str], str]] = [str]
    if rules.case == "ignore":
        ways += [str.upper, str.lower]
    forms = {way(letter) for way in ways}
    if rules.case == "ignore" or rules.accents == "ignore":
        forms |= {_bare(form) for form in forms if rules.accents == "ignore" or _greek(form)}
    return any(form and all(part in characters for part in form) for form in forms)
