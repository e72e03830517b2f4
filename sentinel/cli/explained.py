"""A trace in, the brief's changes from attempt to attempt out: as words that went and came."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from sentinel.cli.display import BAD, GOOD, QUIET, plain, safe
from sentinel.contracts import Attempt, Brief, Change, Trace

FIELDS = ("steps", "width", "height", "guidance")
"""Numbers of a brief that feedback may change; its texts are shown word by word."""

TEXTS = {"prompt": "prompt", "negative_prompt": "not wanted"}

WORD = re.compile(r"(?:\w+(?:[-'’]\w+)*|[^\w\s])\s*|\s+")
"""A word or a sign, with the space behind it."""

COMPARED = 2_000_000
"""Pairs of words that are compared, a second's work; beyond them all went and all is new."""

Step = tuple[Literal["same", "gone", "new"], str]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What came between two attempts; `after` is None where no other attempt followed."""

    before: Attempt
    after: Attempt | None
    brief: Brief
    changes: tuple[Change, ...]

    @property
    def texts(self) -> dict[str, list[Step]]:
        """Each text of the brief that differs, word by word."""
        pairs = {name: (getattr(self.before.brief, name) or "", getattr(self.brief, name) or "")
                 for name in TEXTS}  # fmt: skip
        return {name: list(words(old, new)) for name, (old, new) in pairs.items() if old != new}

    @property
    def numbers(self) -> dict[str, tuple[object, object]]:
        """Each number of the brief that differs, and the seed that the next attempt got."""
        old, new = self.before.brief, self.brief
        found = {name: (getattr(old, name), getattr(new, name)) for name in FIELDS}
        if self.after is not None:
            found["seed"] = (_seed(self.before), _seed(self.after))
        return {name: pair for name, pair in found.items() if pair[0] != pair[1]}

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "attempt": self.before.number,
            "next": self.after.number if self.after else None,
            "lever": self.after.lever if self.after else None,
            "reason": self.before.verdict.reason,
            "texts": self.texts,
            "numbers": self.numbers,
            "changes": [change.model_dump() for change in self.changes],
        }


def rewrites(trace: Trace) -> tuple[Rewrite, ...]:
    """One for each attempt that feedback was drawn from."""
    return tuple(
        Rewrite(each, _following(trace, each), each.feedback.brief, each.feedback.changes)
        for each in trace.attempts
        if each.feedback is not None
    )


def words(old: str, new: str) -> Iterator[Step]:
    """Two texts as words that stayed, went and came, with the spaces behind them."""
    before, after = WORD.findall(old), WORD.findall(new)
    if len(before) * len(after) > COMPARED:
        yield from (("gone", old), ("new", new))
        return
    bare = [[word.rstrip() for word in each] for each in (before, after)]
    matcher = difflib.SequenceMatcher(a=bare[0], b=bare[1], autojunk=False)
    for tag, low, high, start, end in matcher.get_opcodes():
        if tag == "equal":
            yield "same", "".join(after[start:end])
            continue
        if low < high:
            yield "gone", "".join(before[low:high])
        if start < end:
            yield "new", "".join(after[start:end])


def show(console: Console, trace: Trace, found: tuple[Rewrite, ...]) -> None:
    """Every rewrite, then how it ended."""
    attempts = len(trace.attempts)
    counted = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    facts = f"  {counted} · policy {plain(trace.policy)}"
    console.print(Text.assemble(safe(trace.id, "bold"), (facts, QUIET)))
    for rewrite in found:
        console.print(_title(rewrite))
        for line in (*_texts(rewrite), *_numbers(rewrite), *_reasons(rewrite)):
            console.print(Padding(line, (0, 0, 0, 2)))
    if not found:
        console.print("no attempt was told anything")
    if trace.reason:
        console.print(safe(f"ended: {trace.reason}", QUIET))


def _title(rewrite: Rewrite) -> Text:
    after = f" → attempt {rewrite.after.number}" if rewrite.after else ", and no attempt after it"
    lever = f" by {rewrite.after.lever}" if rewrite.after and rewrite.after.lever else ""
    why = safe(f"  {rewrite.before.error or rewrite.before.verdict.reason}", QUIET)
    title = f"\nattempt {rewrite.before.number}{after}{plain(lever)}"
    return Text.assemble((title, "bold"), why)


def _texts(rewrite: Rewrite) -> Iterator[Text]:
    marks = {"same": ("", "", ""), "gone": ("[-", "-]", BAD), "new": ("{+", "+}", GOOD)}
    for name, steps in rewrite.texts.items():
        line = Text(f"{TEXTS[name]}: ")
        for kind, told in steps:
            opening, closing, style = marks[kind]
            bare = told.rstrip()
            gap = " " if bare != told or kind == "gone" else ""
            line.append_text(safe(f"{opening}{bare}{closing}", style)).append(gap)
        line.rstrip()
        yield line


def _numbers(rewrite: Rewrite) -> Iterator[Text]:
    for name, (old, new) in rewrite.numbers.items():
        was, now = ("the generator's own" if each is None else str(each) for each in (old, new))
        yield Text.assemble(f"{name}: ", (was, BAD), " → ", (now, GOOD))


def _reasons(rewrite: Rewrite) -> Iterator[Text]:
    for change in rewrite.changes:
        told = safe(f"- {change.category}: {change.change}")
        yield told.append("\n  ").append_text(safe(f"because {change.reason}", QUIET))


def _following(trace: Trace, attempt: Attempt) -> Attempt | None:
    """The first attempt of the next round; the next one where nobody counted rounds."""
    later = (each for each in trace.attempts if each.number > attempt.number)
    return next((each for each in later if not each.round or each.round > attempt.round), None)


def _seed(attempt: Attempt) -> int | None:
    return attempt.seed if attempt.seed is not None else attempt.brief.seed
