"""A trace in, the same trace without a word of its caller's, or of its picture, out. Pure.

What stays are names (policy, judges, gates, generators, failure modes), numbers, boxes, seeds,
costs, times, and the picture's sha256, by which who has the picture finds what became of it. What
goes are prompts, texts, palettes, references, what the client told of itself, whatever was read
in the picture, every sentence, and the picture's fingerprint.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import JsonValue

from sentinel.contracts import (
    Attempt,
    Brief,
    Evidence,
    FailureMode,
    Feedback,
    GateFault,
    GateOutcome,
    Outcome,
    Score,
    Trace,
    Value,
    Verdict,
)

WITHHELD = "not kept: SENTINEL_RETENTION is none"
"""Stands where a trace needs a sentence, and among its notes."""

ASKED = (
    "prompt", "negative_prompt", "references", "expected_text", "palette", "client",
)  # fmt: skip
"""What a caller said, by a brief's fields; each goes back to what it is where nothing is said."""

KEYS = 40
"""Characters of a measurement's name: those that judges give are shorter."""

V = TypeVar("V", bound=Value)


def bare(trace: Trace) -> Trace:
    """The trace as it may be kept where nothing of the prompt or picture is to be kept."""
    return _with(
        trace,
        brief=_brief(trace.brief),
        attempts=tuple(_attempt(each) for each in trace.attempts),
        screened=tuple(_gate(each) for each in trace.screened),
        reason=WITHHELD if trace.reason else "",
        notes=(WITHHELD,),
    )


def measured(value: JsonValue) -> JsonValue:
    """Numbers and truth values out of measurements; a word becomes null, as does its name."""
    match value:
        case dict():  # names in a table may be phrases of the prompt, so only the values stay
            return [measured(each) for each in value.values()]
        case list():
            return [measured(each) for each in value]
        case str():
            return None
        case _:
            return value


def _brief(brief: Brief) -> Brief:
    nothing = Brief()
    return _with(brief, **{name: getattr(nothing, name) for name in ASKED})


def _attempt(attempt: Attempt) -> Attempt:
    return _with(
        attempt,
        brief=_brief(attempt.brief),
        verdict=_verdict(attempt.verdict),
        feedback=None if attempt.feedback is None else _feedback(attempt.feedback),
        error=None if attempt.error is None else WITHHELD,
        fingerprint=None,
        notes=(),
    )


def _verdict(verdict: Verdict) -> Verdict:
    return _with(
        verdict,
        gates=tuple(_gate(each) for each in verdict.gates),
        outcomes=tuple(_outcome(each) for each in verdict.outcomes),
        top_issues=(),
        top_strengths=(),
        reason="",
    )


def _gate(gate: GateOutcome) -> GateOutcome:
    if isinstance(gate, GateFault):
        return _with(gate, reason="")
    return _with(
        gate,
        reason="",
        measurements=_measurements(gate.measurements),
        evidence=_evidence(gate.evidence),
        issues=_issues(gate.issues),
    )


def _outcome(outcome: Outcome) -> Outcome:
    match outcome:
        case Score():
            return _with(
                outcome,
                reason="",
                measurements=_measurements(outcome.measurements),
                evidence=_evidence(outcome.evidence),
                issues=_issues(outcome.issues),
            )
        case _ if outcome.kind == "abstention":
            return _with(outcome, reason="", measurements=_measurements(outcome.measurements))
        case _:
            return _with(outcome, reason="")


def _feedback(feedback: Feedback) -> Feedback:
    changes = tuple(_with(each, change="", reason="") for each in feedback.changes)
    return _with(
        feedback, issues=_issues(feedback.issues), changes=changes, brief=_brief(feedback.brief)
    )


def _measurements(found: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: measured(value) for name, value in found.items() if _named(name)}


def _named(name: str) -> bool:
    """Whether a measurement has a name that code gave it, and no phrase."""
    return name.isidentifier() and name.isascii() and len(name) <= KEYS


def _evidence(found: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    return tuple(_with(each, claim="") for each in found)


def _issues(found: tuple[FailureMode, ...]) -> tuple[FailureMode, ...]:
    return tuple(_with(each, detail="") for each in found)


def _with(value: V, **fields: object) -> V:
    return value.model_copy(update=fields)
