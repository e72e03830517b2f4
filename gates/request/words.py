"""A text and a list of rules in, the unsafe words it asks for out.

Whole words only, so that "cocktail" is no match; compared after Unicode NFKC, case folding and
what people do to get past a list: look-alike letters, p0rn, p*rn, p o r n, poooorn.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from sentinel.errors import ConfigError

Phrase = tuple[frozenset[str], ...]
Span = tuple[int, int]

WINDOW = 8
"""Words within which the parts of a rule with a plus must stand: a clause, not a page."""

PLURAL_FROM = 4
"""Letters of a word from which a trailing s is taken for its plural."""

SPACED_FROM = 4
"""Single letters in a row that are read as one word."""

MOST_STARRED = 200
"""Words with starred-out letters that are read in one text; more would only cost time."""

NEGATIONS = frozenset({"no", "non", "not", "without", "avoid"})

LOOK_ALIKES = str.maketrans(
    "абвгдеёзийкмнорстухіјѕһԁԛԝαβγεικνορτυχωı",
    "abbrdeeзийkmhopctyxijshdqwabyeikvoptuxwi",
)
"""Cyrillic and Greek letters that look Latin, from Unicode's confusables (UTS #39), shortened to
what is used against word lists. The few left alone have no Latin double."""

LEET = str.maketrans("013457@$!", "oieastasi")
LEET_L = str.maketrans("013457@$!", "oleastasl")
"""The customary digits and signs; 1 and ! are i or l."""

WORD = re.compile(r"[@$]?[^\W_]+(?:[@$!*]+[^\W_]+)*")
UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
"""Thai, Lao, Burmese, Khmer, Chinese, Japanese, Korean: words are found inside longer runs."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a list; all `parts` must be found, near each other."""

    text: str
    parts: tuple[Phrase, ...]

    @property
    def unspaced(self) -> bool:
        """Whether it is searched inside runs of letters."""
        return UNSPACED.search(self.text) is not None


class WordList:
    """Rules and exceptions, ready to search."""

    def __init__(self, lines: Iterable[str], *, allow: Iterable[str] = ()) -> None:
        """Read the lines of a list; `allow` holds phrases that are never meant."""
        stripped = (line.strip() for line in lines)
        rules = [line for line in stripped if line and not line.startswith("#")]
        allowed = {_key(line[1:]) for line in rules if line.startswith("-")}
        allowed |= {_key(phrase) for phrase in allow}
        kept = (line for line in rules if not line.startswith("-") and _key(line) not in allowed)
        self.rules = tuple(_rule(line) for line in dict.fromkeys(kept))
        self.allowed = tuple(_phrase(phrase) for phrase in sorted(allowed) if phrase)

    def find(self, text: str) -> list[str]:
        """The words of each rule that the text breaks, as the text has them, each once."""
        folded = fold(text)
        read = _Text(folded)
        masked = {
            index
            for phrase in self.allowed
            for span in read.spans(phrase)
            for index in range(*span)
        }
        found: dict[str, None] = {}
        for rule in self.rules:
            if rule.unspaced:
                found |= {rule.text: None} if fold(rule.text) in folded else {}
                continue
            spans = (s for s in read.broken(rule) if not masked.intersection(range(*s)))
            for start, end in islice(spans, 1):
                found[" ".join(read.words[start:end])] = None
        return list(found)


def fold(text: str) -> str:
    """NFKC, no invisible characters, no accents, case folded."""
    seen = "".join(c for c in text if unicodedata.category(c) not in {"Cf", "Cc"} or c.isspace())
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", seen))
    plain = "".join(c for c in apart if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", plain).casefold()


def _key(line: str) -> str:
    return " ".join(fold(line).split())


def _rule(line: str) -> Rule:
    parts = tuple(_phrase(part) for part in line.split("+"))
    if any(not part for part in parts):
        text = f"word list line {line!r} holds no word around a plus or at all"
        raise ConfigError(f"request gate: {text}; write words, or a comment after #")
    return Rule(line, parts)


def _phrase(text: str) -> Phrase:
    """One set of alternatives for each word, in order."""
    steps = (step for step in fold(text).split() if step.strip("|"))
    found = (frozenset(word for one in step.split("|") for word in WORD.findall(one))
             for step in steps)  # fmt: skip
    return tuple(step for step in found if step)


class _Text:
    """A text's words, and where each reading of them stands."""

    def __init__(self, folded: str) -> None:
        self.words = list(_words(folded))
        self.places: dict[str, list[int]] = {}
        for index, word in enumerate(self.words):
            for form in _forms(word):
                self.places.setdefault(form, []).append(index)
        self.starred = [form for form in self.places if "*" in form][:MOST_STARRED]

    def at(self, word: str) -> list[int]:
        """Where the word stands, as it is or with up to half of its letters starred out."""
        found = list(self.places.get(word, ()))
        for form in self.starred:
            if len(form) == len(word) and form.count("*") * 2 <= len(form):
                same = all(a in ("*", b) for a, b in zip(form, word, strict=True))
                found += self.places[form] if same else []
        return found

    def spans(self, phrase: Phrase) -> Iterator[Span]:
        """Where the phrase stands, as half-open ranges of words."""
        steps = [{index for word in step for index in self.at(word)} for step in phrase]
        for start in sorted(steps[0]):
            if all(start + offset in step for offset, step in enumerate(steps)):
                yield start, start + len(phrase)

    def broken(self, rule: Rule) -> Iterator[Span]:
        """Where the rule is broken, as the range from its first word to its last."""
        if len(rule.parts) == 1:
            yield from (span for span in self.spans(rule.parts[0]) if not self._negated(span))
            return
        spans = [list(self.spans(part)) for part in rule.parts]
        for first in spans[0]:
            near = [_near(first, others) for others in spans[1:]]
            chosen = [first, *(span for span in near if span)]
            if len(chosen) == len(spans):
                yield min(start for start, _ in chosen), max(end for _, end in chosen)

    def _negated(self, span: Span) -> bool:
        before = self.words[max(0, span[0] - 2) : span[0]]
        return bool(before) and (before[-1] in NEGATIONS or before == ["without", "any"])


def _near(span: Span, others: list[Span]) -> Span | None:
    """The first of the sorted `others` that begins within the window of `span`."""
    index = bisect_left(others, (span[0] - WINDOW, 0))
    found = others[index] if index < len(others) else None
    return found if found and found[0] <= span[0] + WINDOW else None


def _words(folded: str) -> Iterator[str]:
    """The words in order; a run of single letters is also read as one word, after it."""
    run: list[str] = []
    for match in WORD.finditer(folded):
        word = match.group()
        if len(word) > 1:
            if len(run) >= SPACED_FROM:
                yield "".join(run)
            run = []
        else:
            run.append(word)
        yield word
    if len(run) >= SPACED_FROM:
        yield "".join(run)


@lru_cache(maxsize=4096)
def _forms(word: str) -> frozenset[str]:
    """What the word may be read as."""
    latin = word.translate(LOOK_ALIKES)
    forms = {word, latin} if latin.isascii() else {word}
    if any(letter.isalpha() for letter in word):
        forms |= {form.translate(table) for form in tuple(forms) for table in (LEET, LEET_L)}
    forms |= {
        re.sub(r"(.)\1{2,}", short, form) for form in tuple(forms) for short in (r"\1", r"\1\1")
    }
    return frozenset(forms | {form[:-1] for form in forms if _plural(form)})


def _plural(form: str) -> bool:
    return len(form) >= PLURAL_FROM and form.endswith("s") and not form.endswith("ss")
