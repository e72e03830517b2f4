"""A brief in, "is it worth spending on" out: the input is scored before anything is generated.

Nothing here looks at a picture, so whatever is wrong is the input's fault and no other picture
mends it.
"""

from __future__ import annotations

import difflib
import importlib.resources
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from PIL import ImageColor

from gates.request.contradictions import contradictions
from gates.request.problem import BIDI, REFUSES, REMARK, WRONG, Problem, shown, visible
from gates.request.words import WordList
from sentinel.contracts import Brief, Evidence, FailureMode, Finding
from sentinel.errors import ConfigError

PASSES_FROM = 0.5
REMARKS_AT_MOST = 0.4
"""A score of half passes; remarks alone take off no more than 0.4, so they never refuse."""

MOST_COLOURS = 64
LIMITS: dict[str, tuple[float, float]] = {
    "side": (64, 2048),
    "steps": (1, 150),
    "guidance": (0, 30),
    "count": (1, 16),
}
"""Least and most. Sides in pixels as the common open generators take them; 150 steps and a
guidance of 30 are where public interfaces end their sliders."""

LIMITED = {"width": "side", "height": "side", "steps": "steps", "guidance": "guidance",
           "count": "count"}  # fmt: skip
"""Each limited field of the brief, and which limit holds for it."""


class RequestGate:
    """Refuses a brief that is empty, contradicts itself, is out of range or asks for the unsafe.

    Measures `score` (1 is a brief without fault, 0 one that must not be spent on), `lowered_by`
    (what took how much off), `characters` of the prompt and `wrong` (how many problems refuse).
    Rules, not understanding: a contradiction in other words and an unsafe wish without an unsafe
    word pass. Its own word list is short, English, and the operator's to extend.
    """

    version: ClassVar[str] = "1"
    typical_ms: ClassVar[float] = 0.5

    def __init__(
        self, *, words: Sequence[str] = (), words_file: str | None = None,
        allow: Sequence[str] = (), max_characters: int = 20_000,
        limits: Mapping[str, Sequence[float]] | None = None,
    ) -> None:  # fmt: skip
        """Take the policy's options.

        `words` and `words_file` add rules to the shipped list, `allow` takes phrases out of it.
        `limits` replaces least and most of `side`, `steps`, `guidance` and `count`.
        """
        self.max_characters = int(_number("max_characters", max_characters, 1, 1_000_000))
        self.limits = LIMITS | _limits(limits or {})
        lines = [*_shipped(), *_read(words_file), *_texts("words", words)]
        self.words = WordList(lines, allow=_texts("allow", allow))

    def screen(self, brief: Brief) -> Finding:
        """Look at the brief alone."""
        problems = [*self._numbers(brief), *_colours(brief)]
        problems += self._written(brief)
        hard = [problem for problem in problems if problem.cost >= WRONG]
        soft = [problem for problem in problems if problem.cost < WRONG]
        taken = sum(problem.cost for problem in hard)
        taken += min(REMARKS_AT_MOST, sum(problem.cost for problem in soft))
        score = round(max(0.0, 1.0 - taken), 3)
        lowered: dict[str, float] = {}
        for problem in problems:
            lowered[problem.kind] = round(lowered.get(problem.kind, 0) + problem.cost, 3)
        passed = score >= PASSES_FROM
        return Finding(
            passed=passed,
            reason=_reason([*hard, *soft], passed=passed),
            mendable=False,
            measurements={
                "score": score, "lowered_by": dict(lowered), "wrong": len(hard),
                "characters": len(brief.prompt or ""),
            },
            evidence=tuple(Evidence(claim=problem.reason) for problem in [*hard, *soft]),
            issues=tuple(
                FailureMode(category="input", subcategory=problem.kind, detail=problem.reason)
                for problem in (problems if not passed else ())
            ),
        )  # fmt: skip

    def _numbers(self, brief: Brief) -> Iterator[Problem]:
        for field, limit in LIMITED.items():
            value = getattr(brief, field)
            least, most = self.limits[limit]
            if value is not None and not (math.isfinite(value) and least <= value <= most):
                kind = "size" if limit == "side" else field
                yield Problem(kind, f"{field} is {value}; {least:g} to {most:g} are possible")

    def _written(self, brief: Brief) -> Iterator[Problem]:
        long = list(self._too_long(brief))
        if long:
            yield from long
            return
        texts = {"prompt": brief.prompt, "negative_prompt": brief.negative_prompt}
        texts |= {f"expected_text[{n}]": text for n, text in enumerate(brief.expected_text)}
        for name, text in texts.items():
            yield from _characters(name, text or "")
        if brief.prompt is not None and not visible(brief.prompt):
            yield Problem(
                "empty", "the prompt is blank; say what to make, or leave it out", REFUSES
            )
            return
        asked = "\n".join((brief.prompt or "", *brief.expected_text))
        for words in self.words.find(asked):
            yield Problem("unsafe_words", f"the prompt asks for {shown(words)}", REFUSES)
        yield from contradictions(brief)

    def _too_long(self, brief: Brief) -> Iterator[Problem]:
        lengths = {
            "prompt": len(brief.prompt or ""),
            "negative_prompt": len(brief.negative_prompt or ""),
            "expected_text": sum(len(text) for text in brief.expected_text),
        }
        for name, length in lengths.items():
            if length > self.max_characters:
                limit = f"at most {self.max_characters:,} are read"
                yield Problem("too_long", f"{name} has {length:,} characters; {limit}")


def _reason(problems: list[Problem], *, passed: bool) -> str:
    if not problems:
        return "the brief is complete and within limits"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{'accepted with a remark: ' if passed else ''}{problems[0].reason}{more}"


def _characters(name: str, text: str) -> Iterator[Problem]:
    if "\0" in text:
        yield Problem("nul", f"{name} holds a NUL character; remove it")
    codes = sorted({letter for letter in text if _odd(letter)})
    if codes:
        listed = ", ".join(f"U+{ord(code):04X}" for code in codes[:4])
        yield Problem("control_characters", f"{name} holds control characters ({listed})", REMARK)
    turned = sorted({letter for letter in text if letter in BIDI})
    if turned:
        listed = ", ".join(f"U+{ord(code):04X}" for code in turned[:4])
        reason = f"{name} holds characters that turn the reading direction ({listed})"
        yield Problem("bidirectional_override", reason, REMARK)
    if name.startswith("expected") and not visible(text):
        yield Problem("blank_text", f"{name} is blank and asks for nothing", REMARK)


def _odd(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs"} and letter not in "\0\t\n\r"


def _colours(brief: Brief) -> Iterator[Problem]:
    if len(brief.palette) > MOST_COLOURS:
        count = len(brief.palette)
        yield Problem("palette", f"the palette has {count} colours; {MOST_COLOURS} are possible")
        return
    for colour in brief.palette:
        try:
            ImageColor.getrgb(colour.strip()[:100])
        except ValueError:
            near = difflib.get_close_matches(colour.strip().lower()[:100], ImageColor.colormap, 1)
            way_out = f"did you mean {near[0]}?" if near else "write #c8102e or a CSS colour name"
            yield Problem("palette", f"{shown(colour)} in the palette is no colour; {way_out}")


def _shipped() -> list[str]:
    words = importlib.resources.files("gates.request").joinpath("words.txt")
    return words.read_text(encoding="utf-8").splitlines()


def _read(path: str | None) -> list[str]:
    if path is None:
        return []
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, TypeError) as error:
        text = f"words_file is {path!r}, which cannot be read ({error})"
        raise ConfigError(f"request gate: {text}; name a text file in UTF-8") from error


def _texts(key: str, values: Iterable[object]) -> list[str]:
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise ConfigError(f"request gate: {key} is {values!r}; it is a list of texts")
    return [str(value) for value in values]


def _limits(given: Mapping[str, object]) -> dict[str, tuple[float, float]]:
    found = {}
    for name, pair in dict(given).items():
        if name not in LIMITS:
            text = f"limits holds {name!r}; it may hold {', '.join(LIMITS)}"
            raise ConfigError(f"request gate: {text}")
        if (
            isinstance(pair, str)
            or not isinstance(pair, Sequence)
            or len(pair) != len(LIMITS[name])
        ):
            text = f"limits.{name} is {pair!r}; it is a list of least and most"
            raise ConfigError(f"request gate: {text}")
        least = _number(f"limits.{name}", pair[0], 0, 100_000)
        found[name] = (least, _number(f"limits.{name}", pair[1], least, 100_000))
    return found


def _number(key: str, value: object, least: float, most: float) -> float:
    whole = not isinstance(value, bool) and isinstance(value, int | float)
    if not whole or not least <= float(str(value)) <= most:
        text = f"{key} is {value!r}; it is a number from {least:g} to {most:g}"
        raise ConfigError(f"request gate: {text}")
    return float(str(value))
