"""Samples in, readings out: is the writing that was asked for in the picture, letter by letter.

Real OCR against the expected text (the brief's `expected_text`, or the quotes in its prompt).
Each phrase is compared with the best window of what was read and is in one of three states:
`match` (equal by the rules of case, spacing, punctuation and accents), `mismatch` (read with
confidence, other letters), `unreadable` (nothing read, read without confidence, or letters that
the reader's alphabet does not hold). The worst phrase decides.

Blind spots: the model reads letters as drawn, so a match is to be trusted; a non-match may be bad
writing or good writing that OCR cannot read (thin scripts, low contrast on texture). Shapes that
are malformed and still read as the right letter pass.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice
from typing import ClassVar

from pydantic import JsonValue

from judges.text.expectation import Expectation, expect
from judges.text.letters import Accents, Rules, Strictness, lookalikes, scripts, unsayable
from judges.text.lines import box_of
from judges.text.looks import looks, reread
from judges.text.matching import best_window, cut_off, merged, page
from judges.text.readers import EASYOCR, RAPIDOCR, SCRIPTS, EasyReader, RapidReader, Reader
from judges.text.states import CONFIDENT, SEVERITY, Judged, decided, settle, unsaid
from judges.text.windows import Window, compared
from sentinel.contracts import (
    Declined,
    Evidence,
    FailureMode,
    ModelCard,
    Reading,
    Runtime,
    Sample,
)  # fmt: skip
from sentinel.errors import ConfigError

CHOICES = {
    "backend": ("rapidocr", "easyocr"),
    "case": ("ignore", "exact"),
    "spacing": ("ignore", "exact"),
    "punctuation": ("ignore", "exact"),
    "accents": ("marked", "ignore", "exact"),
}
"""What each option may be."""

LOOKS = 7
"""Looks taken at most; a picture that matches at first takes one."""

READ = 1_000
"""Characters of all that was read which a reading repeats."""


Drawn = tuple[str, Rules]
"""What to look for in what was read, and what counts as a difference."""


class Text:
    """Spelling of the writing in a picture, letter by letter, against the text asked for.

    Options: `backend` "rapidocr" (default, in the wheel) or "easyocr"; `case`, `spacing`,
    `punctuation` "ignore" (default) or "exact"; `accents` "marked" (default), "ignore" or "exact";
    `looks` 1 to 7; `languages`, easyocr's codes; `scripts`, further recognisers of rapidocr
    (`sentinel models list` names them). Values: match 1.0; mismatch below 0.5 by similarity;
    unreadable 0.25; the worst phrase decides.
    """

    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ("expected_text",)
    copies: ClassVar[int] = 2
    models: ClassVar[tuple[ModelCard, ...]] = (RAPIDOCR, *SCRIPTS.values(), EASYOCR)

    def __init__(  # noqa: PLR0913 - each is an option of the policy
        self, *, backend: str = "rapidocr", case: Strictness = "ignore",
        spacing: Strictness = "ignore", punctuation: Strictness = "ignore",
        accents: Accents = "marked", looks: int = LOOKS,
        languages: Sequence[str] = ("en",), scripts: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Check the options; ConfigError names the key, its value and the way out."""
        chosen = {"backend": backend, "case": case, "spacing": spacing,
                  "punctuation": punctuation, "accents": accents}  # fmt: skip
        for name, value in chosen.items():
            _choice(name, value)
        if type(looks) is not int or not 1 <= looks <= LOOKS:
            raise ConfigError(
                f"judge 'text': looks is {looks!r}; give a whole number, 1 to {LOOKS}"
            )
        self.backend = backend
        self.looks = looks
        self.languages = _names("languages", languages, None)
        self.scripts = _names("scripts", scripts, SCRIPTS)
        self.rules = Rules(case, spacing, punctuation, accents)
        self._readers: tuple[Reader, ...] = ()

    def load(self, runtime: Runtime) -> None:
        """Load the readers' models; MissingRequirement says what is not installed."""
        if self.backend == "easyocr":
            self._readers = (EasyReader(runtime, self.languages),)
            return
        more = (RapidReader(runtime, script) for script in self.scripts)
        self._readers = (RapidReader(runtime), *more)

    def close(self) -> None:
        """Let go of the models."""
        self._readers = ()

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """One reading for each sample that asks for text."""
        return [self._one(sample) for sample in samples]

    def _one(self, sample: Sample) -> Reading | Declined:
        asked = expect(sample.brief)
        if not asked.phrases:
            return Declined(reason="no text asked for")
        if not self._readers:
            raise RuntimeError("judge 'text' was asked before load(); the engine loads it first")
        judged: dict[str, Judged] = {}
        read = []
        for reader in self._readers:
            mine = {text: drawn for text in asked.phrases
                    if text not in judged and (drawn := self._drawn(text, reader))}  # fmt: skip
            if mine or reader is self._readers[0]:
                found, seen = self._read(reader, sample, mine)
                judged |= found
                read.append(seen)
        states = [judged.get(text) or self._unsaid(text) for text in asked.phrases]
        return _reading(sample, states, " ".join(filter(None, read)), asked, self.backend)

    def _drawn(self, phrase: str, reader: Reader) -> Drawn | None:
        """The phrase in letters the reader can say: its own, or Latin capitals of the same shape.

        Shapes are compared with case: a soft sign is drawn like a small b, not like a capital.
        """
        shape = lookalikes(phrase)
        for drawn, rules in ((phrase, self.rules), (shape, replace(self.rules, case="exact"))):
            if drawn and not unsayable(drawn, reader.characters, rules):
                return drawn, rules
        return None

    def _read(
        self, reader: Reader, sample: Sample, phrases: dict[str, Drawn]
    ) -> tuple[dict[str, Judged], str]:
        """Each phrase's state, after as many looks as it takes; and all that the first one read."""
        windows: dict[str, list[Window]] = {phrase: [] for phrase in phrases}
        expected = [drawn for drawn, _ in phrases.values()]
        read = ""
        for look in islice(looks(reader, sample.pixels), self.looks):
            read = read or look.text
            sheets = {rules: page(look.lines, rules, expected) for _, rules in phrases.values()}
            for phrase, (drawn, rules) in phrases.items():
                window = best_window(drawn, sheets[rules], rules)
                windows[phrase].append(_confirmed(window, drawn, rules, (reader, sample)))
            if all(decided(found) for found in windows.values()):
                break
        return {phrase: settle(phrase, found) for phrase, found in windows.items()}, read

    def _unsaid(self, phrase: str) -> Judged:
        """Say which letters no reader knows, and what would read them."""
        first = self._readers[0]
        missing = unsayable(phrase, first.characters, self.rules)
        needed = [script for script in SCRIPTS
                  if script in scripts(missing).lower() and script not in self.scripts]  # fmt: skip
        remedy = ""
        if needed and self.backend == "rapidocr":
            names = " ".join(SCRIPTS[script].name for script in needed)
            remedy = f"; option scripts = {needed} does, after: sentinel models pull {names}"
        return unsaid(phrase, missing, first.name, remedy)


def _confirmed(window: Window, drawn: str, rules: Rules, at: tuple[Reader, Sample]) -> Window:
    """A match is read again, with a margin and stretched: letters may be cut off or merged."""
    if window.similarity < 1.0:
        return window
    read = []
    sure = window.confidence
    for piece, quad in window.pieces:
        (wide, wide_sure), (long, long_sure) = reread(at[0], at[1].pixels, quad)
        seen, score = piece, sure
        if wide_sure >= CONFIDENT and cut_off(piece, wide, drawn, rules):
            seen, score = wide, wide_sure
        elif long_sure >= CONFIDENT and merged(piece, long, rules):
            seen, score = long, long_sure
        read.append(seen)
        sure = min(sure, score)
    if read == [piece for piece, _ in window.pieces]:
        return window
    return replace(compared(window, drawn, " ".join(read), rules), confidence=sure)


def _choice(name: str, value: str) -> None:
    if value not in CHOICES[name]:
        ways = " or ".join(repr(choice) for choice in CHOICES[name])
        raise ConfigError(f"judge 'text': {name} is {value!r}; give {ways}")


def _names(option: str, names: Sequence[str], known: Collection[str] | None) -> tuple[str, ...]:
    listed = not isinstance(names, str) and all(isinstance(name, str) for name in names)
    if listed and (known is None or all(name in known for name in names)):
        return tuple(names)
    choice = "a list of easyocr's codes: ['en']" if known is None else f"a list of {list(known)}"
    raise ConfigError(f"judge 'text': {option} is {names!r}; give {choice}")


def _reading(
    sample: Sample, judged: list[Judged], read: str, asked: Expectation, backend: str
) -> Reading:
    worst = min(judged, key=lambda phrase: phrase.value)
    state = max((phrase.state for phrase in judged), key=SEVERITY.__getitem__)
    phrases: list[JsonValue] = [_details(phrase) for phrase in judged]
    return Reading(
        value=worst.value,
        reason=_reason(judged, worst),
        measurements={
            "state": state,
            "read": read[:READ],
            "confidence": round(worst.window.confidence, 4),
            "similarity": round(worst.window.similarity, 4),
            "backend": backend,
            "expected_from": asked.source,
            "phrases": phrases,
            "notes": list(asked.notes),
        },
        evidence=tuple(_evidence(sample, phrase) for phrase in judged if phrase.window.quads),
        issues=tuple(
            FailureMode(category="text", subcategory=phrase.subcategory, detail=phrase.detail)
            for phrase in judged
            if phrase.state != "match"
        ),
    )


def _details(phrase: Judged) -> JsonValue:
    return {
        "expected": phrase.phrase,
        "read": phrase.window.read,
        "state": phrase.state,
        "similarity": round(phrase.window.similarity, 4),
        "confidence": round(phrase.window.confidence, 4),
        "diff": phrase.window.diff,
    }


def _reason(judged: list[Judged], worst: Judged) -> str:
    if worst.state != "match":
        return worst.detail
    if len(judged) == 1:
        return f"the picture says {worst.phrase!r}, as asked"
    return f"the picture says all {len(judged)} phrases, as asked"


def _evidence(sample: Sample, phrase: Judged) -> Evidence:
    box = box_of(phrase.window.quads, sample.width, sample.height)
    claim = f"reads {phrase.window.read!r}"
    if phrase.state != "match":
        claim += f", expected {phrase.phrase!r}"
    return Evidence(claim=claim, box=box)
