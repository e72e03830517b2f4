"""Trace in, the answer's JSON out. The field names are fixed: clients are written against them.

Every field is always present, null or empty where there is nothing. Fields may be added, none
is renamed or taken away. The command line's `--json` prints the same object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, JsonValue

from sentinel.contracts import (
    Abstention,
    Action,
    Attempt,
    Brief,
    Evidence,
    FailureMode,
    Fault,
    GateFault,
    GateOutcome,
    Mode,
    Outcome,
    ReferenceKind,
    Score,
    Standing,
    StoppedBecause,
    Trace,
)


class Wire(BaseModel):
    """A frozen part of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GateAnswer(Wire):
    """What a gate said; `passed` is null where it could not say anything (kind `fault`)."""

    gate: str
    version: str
    kind: Literal["result", "fault"]
    passed: bool | None
    reason: str
    mendable: bool | None
    """Whether another picture for the same brief could pass."""
    required: bool | None
    """For a fault: whether it makes the verdict undecided."""
    measurements: dict[str, JsonValue]
    evidence: tuple[Evidence, ...]
    issues: tuple[FailureMode, ...]
    seconds: float

    @classmethod
    def of(cls, gate: GateOutcome) -> Self:
        """The wire form of a gate's result or fault."""
        if isinstance(gate, GateFault):
            return cls(
                **gate.model_dump(), passed=None, mendable=None, measurements={}, evidence=(),
                issues=(),
            )  # fmt: skip
        return cls(**dict(gate), required=None)


class OutcomeAnswer(Wire):
    """What became of a judge: a score, an abstention (nothing to judge) or a fault."""

    judge: str
    version: str
    kind: Literal["score", "abstention", "fault"]
    value: float | None
    """0 to 1, where 1 is good; null unless kind is `score`."""
    threshold: float | None
    """Null is an advisory judge: it weighs in and fails nobody."""
    weight: float
    required: bool
    passed: bool | None
    reason: str
    measurements: dict[str, JsonValue]
    evidence: tuple[Evidence, ...]
    issues: tuple[FailureMode, ...]
    cause: Literal["error", "timeout", "contract", "missing"] | None
    """Why there is a fault."""
    seconds: float

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """The wire form of an outcome, with nulls for what its kind does not have."""
        passed = outcome.passed if isinstance(outcome, Score) else None
        return cls.model_validate({**NOTHING, **dict(outcome), "passed": passed})


NOTHING: dict[str, object] = {
    "value": None, "passed": None, "measurements": {}, "evidence": (), "issues": (), "cause": None,
}  # fmt: skip
"""What an outcome has whose kind lacks a field."""


class PictureAnswer(Wire):
    """The picture as it was judged."""

    sha256: str | None
    width: int
    height: int


class Judged(Wire):
    """One picture's verdict with everything it rests on."""

    action: Action
    score: float | None
    """The weighted score, 0 to 1; null where no judge scored."""
    passed: bool | None
    """Null while undecided."""
    standing: Standing
    reason: str
    gates: tuple[GateAnswer, ...]
    outcomes: tuple[OutcomeAnswer, ...]
    not_run: tuple[str, ...]
    """Judges of the policy that gave no answer: faulty, missing, or never asked."""
    top_issues: tuple[str, ...]
    top_strengths: tuple[str, ...]
    notes: tuple[str, ...]
    """What decoding had to do ("animated: the first frame of 5 is judged")."""
    picture: PictureAnswer
    seconds: float


class ScoreAnswer(Judged):
    """The answer of POST /v1/score."""

    trace_id: str
    policy: str
    mode: Mode
    model: str | None
    annotated_url: str
    picture_url: str
    trace_url: str

    @classmethod
    def of(cls, trace: Trace, judges: Iterable[str] = ()) -> Self:
        """The answer for a trace; `judges` are the policy's, so that none goes unmentioned."""
        return cls.model_validate(_answer(trace, tuple(judges)))


class ReferenceAnswer(Wire):
    """A reference without its bytes."""

    kind: ReferenceKind
    sha256: str
    bytes: int


class BriefAnswer(Wire):
    """The brief as it was understood, without image bytes."""

    prompt: str | None
    negative_prompt: str | None
    expected_text: tuple[str, ...]
    palette: tuple[str, ...]
    category: str | None
    references: tuple[ReferenceAnswer, ...]

    @classmethod
    def of(cls, brief: Brief) -> Self:
        """The wire form of a brief."""
        references = tuple(
            ReferenceAnswer(
                kind=reference.kind,
                sha256=hashlib.sha256(reference.image).hexdigest(),
                bytes=len(reference.image),
            )
            for reference in brief.references
        )
        return cls(
            prompt=brief.prompt,
            negative_prompt=brief.negative_prompt,
            expected_text=brief.expected_text,
            palette=brief.palette,
            category=brief.category,
            references=references,
        )


class AttemptAnswer(Judged):
    """One attempt of a trace."""

    number: int
    generator: str
    seed: int | None
    cost: float
    annotated_url: str
    picture_url: str


class TraceAnswer(ScoreAnswer):
    """The answer of GET /v1/traces/{id}: the score's answer and what led to it."""

    created: str
    """ISO 8601, UTC."""
    created_ms: int
    policy_fingerprint: str
    project: str
    delivered: int | None
    stopped_because: StoppedBecause | None
    brief: BriefAnswer
    attempts: tuple[AttemptAnswer, ...]

    @classmethod
    def of(cls, trace: Trace, judges: Iterable[str] = ()) -> Self:
        """The whole trace on the wire."""
        known = tuple(judges)
        created = datetime.fromtimestamp(trace.created_ms / 1000, UTC)
        return cls.model_validate(
            {
                **_answer(trace, known),
                "created": created.isoformat(timespec="milliseconds"),
                "created_ms": trace.created_ms,
                "policy_fingerprint": trace.policy_fingerprint,
                "project": trace.project,
                "delivered": trace.delivered,
                "stopped_because": trace.stopped_because,
                "brief": BriefAnswer.of(trace.brief),
                "attempts": tuple(_attempt(trace.id, item, known) for item in trace.attempts),
            }
        )


def trace_url(trace_id: str, part: str = "", attempt: int | None = None) -> str:
    """Where a trace, or a picture of it, is served."""
    query = "" if attempt is None else f"?attempt={attempt}"
    return f"/v1/traces/{trace_id}{part}{query}"


def _answer(trace: Trace, judges: tuple[str, ...]) -> dict[str, object]:
    return {
        **_judged(trace.last, judges),
        "trace_id": trace.id,
        "policy": trace.policy,
        "mode": trace.mode,
        "model": trace.model,
        "seconds": trace.seconds,
        "annotated_url": trace_url(trace.id, "/annotated.png"),
        "picture_url": trace_url(trace.id, "/picture"),
        "trace_url": trace_url(trace.id),
    }


def _attempt(trace_id: str, attempt: Attempt, judges: tuple[str, ...]) -> AttemptAnswer:
    return AttemptAnswer.model_validate(
        {
            **_judged(attempt, judges),
            "number": attempt.number,
            "generator": attempt.generator,
            "seed": attempt.seed,
            "cost": attempt.cost,
            "annotated_url": trace_url(trace_id, "/annotated.png", attempt.number),
            "picture_url": trace_url(trace_id, "/picture", attempt.number),
        }
    )


def _judged(attempt: Attempt, judges: tuple[str, ...]) -> dict[str, object]:
    verdict = attempt.verdict
    answered = {item.judge for item in verdict.outcomes if isinstance(item, Score | Abstention)}
    faults = [item.judge for item in verdict.outcomes if isinstance(item, Fault)]
    silent = [name for name in dict.fromkeys((*faults, *judges)) if name not in answered]
    return {
        "action": verdict.action,
        "score": verdict.score,
        "passed": verdict.passed,
        "standing": verdict.standing,
        "reason": verdict.reason,
        "gates": tuple(GateAnswer.of(gate) for gate in verdict.gates),
        "outcomes": tuple(OutcomeAnswer.of(outcome) for outcome in verdict.outcomes),
        "not_run": tuple(silent),
        "top_issues": verdict.top_issues,
        "top_strengths": verdict.top_strengths,
        "notes": attempt.notes,
        "picture": PictureAnswer(
            sha256=attempt.picture, width=attempt.width, height=attempt.height
        ),
        "seconds": attempt.seconds,
    }
