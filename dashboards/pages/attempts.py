"""A trace in, its attempts as a page shows them out: boxes, readings, texts, what changed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dashboards.differences import Piece, letters, words
from sentinel.contracts import Attempt, Brief, Change, GateOutcome, Outcome, Score, Trace

WITHHELD = "SENTINEL_RETENTION is none"
"""What a trace's notes say where no word or picture was kept."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of evidence in the picture, in pixels; `tone` is good, bad or open."""

    number: int
    judge: str
    claim: str
    tone: str
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What one judge said: `state` is passed, failed, advisory, abstained or fault."""

    judge: str
    state: str
    value: float | None
    threshold: float | None
    weight: float
    reason: str
    seconds: float
    issues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """What one gate said: `state` is passed, refused or fault."""

    gate: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Text:
    """A phrase that was wanted, and what was read in its place."""

    wanted: str
    state: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One attempt. `start` and `length` are its place in the request's time, in per cent."""

    attempt: Attempt
    standing: str
    delivered: bool
    picture: str | None
    marks: tuple[Mark, ...]
    gates: tuple[Looked, ...]
    readings: tuple[Reading, ...]
    texts: tuple[Text, ...]
    prompt: tuple[Piece, ...]
    changes: tuple[Change, ...]
    """What it was told by the attempt before, and why."""
    start: float
    making: float
    judging: float


def shown(trace: Trace, address: Callable[[str], str | None]) -> tuple[Shown, ...]:
    """Every attempt of a trace, each compared with what was asked and told before it."""
    places = list(_places(trace))
    return tuple(
        _attempt(trace, attempt, before, address, places[at])
        for at, (attempt, before) in enumerate(_with_before(trace.attempts))
    )


def gates_of(gates: Sequence[GateOutcome]) -> tuple[Looked, ...]:
    """What gates said, in their order."""
    return tuple(
        Looked(g.gate, "fault" if g.kind == "fault" else "passed" if g.passed else "refused",
               g.reason)
        for g in gates
    )  # fmt: skip


def bare(trace: Trace) -> bool:
    """Whether nothing of the prompt and the picture was kept."""
    return any(WITHHELD in note for note in trace.notes)


def _with_before(attempts: Sequence[Attempt]) -> Iterator[tuple[Attempt, Attempt | None]]:
    """Each attempt, and the one of an earlier round whose feedback it was told."""
    for attempt in attempts:
        own = attempt.round or attempt.number
        earlier = [each for each in attempts if (each.round or each.number) < own]
        told = [each for each in earlier if each.feedback is not None]
        before = told or earlier
        yield attempt, before[-1] if before else None


def _attempt(
    trace: Trace, attempt: Attempt, before: Attempt | None,
    address: Callable[[str], str | None], place: tuple[float, float, float],
) -> Shown:  # fmt: skip
    outcomes = attempt.verdict.outcomes
    fed = before is not None and attempt.lever in (None, "feedback")
    return Shown(
        attempt=attempt,
        standing=attempt.verdict.standing if attempt.judged else "unjudged",
        delivered=attempt.number == trace.delivered,
        picture=address(attempt.picture) if attempt.picture else None,
        marks=tuple(_marks(attempt)),
        gates=gates_of(attempt.verdict.gates),
        readings=tuple(_reading(outcome) for outcome in outcomes),
        texts=tuple(_texts(outcomes)),
        prompt=_prompt(trace.brief, before, attempt),
        changes=before.feedback.changes if fed and before and before.feedback else (),
        start=place[0], making=place[1], judging=place[2],
    )  # fmt: skip


def _prompt(asked: Brief, before: Attempt | None, attempt: Attempt) -> tuple[Piece, ...]:
    """The prompt as it was sent, against the one that was sent before, or that was asked."""
    old = (before.brief if before else asked).prompt or ""
    return words(old, attempt.brief.prompt or "")


def _marks(attempt: Attempt) -> Iterator[Mark]:
    found = [
        (each.judge, _tone(each), item)
        for each in attempt.verdict.outcomes
        if isinstance(each, Score)
        for item in each.evidence
    ]
    found += [
        (gate.gate, "good" if gate.passed else "bad", item)
        for gate in attempt.verdict.gates
        if gate.kind == "result"
        for item in gate.evidence
    ]
    boxed = [(who, tone, item, item.box) for who, tone, item in found if item.box is not None]
    for number, (who, tone, item, box) in enumerate(boxed, start=1):
        size = max(0, box.right - box.left), max(0, box.bottom - box.top)
        yield Mark(number, who, item.claim, tone, box.left, box.top, *size)


def _tone(score: Score) -> str:
    return "open" if score.passed is None else "good" if score.passed else "bad"


def _reading(outcome: Outcome) -> Reading:
    states = {"abstention": "abstained", "fault": "fault"}
    value, state = None, states.get(outcome.kind, "")
    issues: tuple[str, ...] = ()
    if isinstance(outcome, Score):
        value, issues = outcome.value, tuple(issue.detail for issue in outcome.issues)
        state = "advisory" if outcome.passed is None else "passed" if outcome.passed else "failed"
    return Reading(
        outcome.judge, state, value, outcome.threshold, outcome.weight, outcome.reason,
        outcome.seconds, issues,
    )  # fmt: skip


def _texts(outcomes: Sequence[Outcome]) -> Iterator[Text]:
    """The phrases of whichever judge measured phrases: wanted, read, and the letters between."""
    for outcome in outcomes:
        phrases = outcome.measurements.get("phrases") if isinstance(outcome, Score) else None
        for phrase in phrases if isinstance(phrases, list) else ():
            if isinstance(phrase, Mapping) and isinstance(phrase.get("expected"), str):
                diff = phrase.get("diff")
                pieces = letters(diff) if isinstance(diff, str) else ()
                yield Text(str(phrase["expected"]), str(phrase.get("state", "")), pieces)


def _places(trace: Trace) -> Iterator[tuple[float, float, float]]:
    """Where each attempt lies in the time of all: start, making, judging, in per cent.

    Attempts of one round share what it took to make them, and begin together.
    """
    total = max(trace.seconds, sum(each.seconds for each in trace.attempts)) or 1.0
    at = 0.0
    for attempt in trace.attempts:
        made = min(attempt.made_in, attempt.seconds)
        yield at / total * 100, made / total * 100, (attempt.seconds - made) / total * 100
        at += attempt.seconds
