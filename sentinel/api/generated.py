"""A guarded trace in, the answer of POST /v1/generate out: Runflow's shape, and ours around it.

`id` to `evaluation` are what Runflow's clients read; the rest is what we tell besides. The command
line's `sentinel guard --json` prints the same object.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from sentinel.api.traced import AttemptAnswer, attempt_of
from sentinel.api.wire import GateAnswer, Wire, trace_url
from sentinel.contracts import (
    Abstention,
    Action,
    Attempt,
    Mode,
    Outcome,
    Score,
    Standing,
    StoppedBecause,
    Trace,
)
from sentinel.verdict import refusals

DELIVER = {"pass": "deliver", "score": "deliver"}
"""Runflow's word for our actions; the others are called the same."""


class ImageAnswer(Wire):
    """Where the picture is, and how large."""

    url: str
    width: int
    height: int
    content_type: str


class JudgeLine(Wire):
    """A judge in Runflow's words; one that had nothing to judge is skipped."""

    name: str
    category: str
    passed: bool | None
    score: float | None
    weight: float
    confidence: float | None
    skipped: bool


class EvaluationAnswer(Wire):
    """The verdict over the delivered picture in Runflow's words."""

    id: str
    trace_id: str
    status_code: Literal["pending", "completed"]
    overall_passed: bool | None
    weighted_pass_rate: float | None
    score: float | None
    judges: tuple[JudgeLine, ...]
    gate_failures: tuple[str, ...]
    primary_action_code: str
    attempt_number: int
    top_issues: tuple[str, ...]


class MadeAttempt(AttemptAnswer):
    """An attempt of the answer."""

    image_url: str | None
    """Null where no picture came."""


class GenerateAnswer(Wire):
    """The answer of POST /v1/generate."""

    id: str
    trace_id: str
    status: Literal["completed", "rejected"]
    """`rejected`: nothing is delivered; `reason` says why."""
    model: str | None
    seed: int | None
    images: tuple[ImageAnswer, ...]
    cost: float
    evaluation: EvaluationAnswer | None
    """Null where no picture was made."""
    action: Action
    standing: Standing
    score: float | None
    passed: bool | None
    stopped_because: StoppedBecause | None
    reason: str
    delivered_attempt: int | None
    attempts: tuple[MadeAttempt, ...]
    screened: tuple[GateAnswer, ...]
    """What the gates said of the brief, before anything was spent."""
    notes: tuple[str, ...]
    policy: str
    mode: Mode
    seconds: float
    trace_url: str

    @classmethod
    def of(cls, trace: Trace, content_type: str = "", judges: Iterable[str] = ()) -> Self:
        """The answer for a trace; `content_type` is the delivered picture's."""
        known = tuple(judges)
        verdict = trace.verdict
        shown = trace.last if trace.attempts else None
        return cls(
            id=trace.id,
            trace_id=trace.id,
            status="completed" if trace.delivered else "rejected",
            model=trace.model,
            seed=None if shown is None else shown.seed,
            images=_images(trace, content_type),
            cost=trace.cost,
            evaluation=_evaluation(trace, shown) if shown and shown.picture else None,
            action=verdict.action,
            standing=verdict.standing,
            score=verdict.score,
            passed=verdict.passed,
            stopped_because=trace.stopped_because,
            reason=trace.reason,
            delivered_attempt=trace.delivered,
            attempts=tuple(_attempt(trace.id, each, known) for each in trace.attempts),
            screened=tuple(GateAnswer.of(gate) for gate in trace.screened),
            notes=trace.notes,
            policy=trace.policy,
            mode=trace.mode,
            seconds=trace.seconds,
            trace_url=trace_url(trace.id),
        )


def _images(trace: Trace, content_type: str) -> tuple[ImageAnswer, ...]:
    if trace.delivered is None:
        return ()
    shown = trace.last
    url = trace_url(trace.id, "/picture")
    return (
        ImageAnswer(url=url, width=shown.width, height=shown.height, content_type=content_type),
    )


def _attempt(trace_id: str, attempt: Attempt, judges: tuple[str, ...]) -> MadeAttempt:
    told = attempt_of(trace_id, attempt, judges)
    return MadeAttempt(**dict(told), image_url=told.picture_url if attempt.picture else None)


def _evaluation(trace: Trace, shown: Attempt) -> EvaluationAnswer:
    verdict = shown.verdict
    pending = trace.mode == "score" and not shown.judged
    return EvaluationAnswer(
        id=f"{trace.id}-{shown.number}",
        trace_id=trace.id,
        status_code="pending" if pending else "completed",
        overall_passed=verdict.passed,
        weighted_pass_rate=_pass_rate(verdict.outcomes),
        score=verdict.score,
        judges=tuple(_line(outcome) for outcome in verdict.outcomes),
        gate_failures=tuple(gate.gate for gate in refusals(verdict.gates)),
        primary_action_code=DELIVER.get(verdict.action, verdict.action),
        attempt_number=shown.number,
        top_issues=verdict.top_issues,
    )


def _line(outcome: Outcome) -> JudgeLine:
    scored = outcome if isinstance(outcome, Score) else None
    return JudgeLine(
        name=outcome.judge,
        category=outcome.judge,
        passed=scored.passed if scored else None,
        score=scored.value if scored else None,
        weight=outcome.weight,
        confidence=None,
        skipped=isinstance(outcome, Abstention),
    )


def _pass_rate(outcomes: Iterable[Outcome]) -> float | None:
    """Share of the weight of judges with a threshold that passed."""
    asked = [each for each in outcomes if isinstance(each, Score) and each.passed is not None]
    total = sum(each.weight for each in asked)
    return sum(each.weight for each in asked if each.passed) / total if total else None
