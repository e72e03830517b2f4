"""Trace in, the answer's JSON out. The field names are fixed: clients are written against them.

Every field is always present, null or empty where there is nothing. Fields may be added, none
is renamed or taken away. The command line's `--json` prints the same object.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, JsonValue

from sentinel.contracts import (
    Abstention,
    Action,
    Attempt,
    Evidence,
    FailureMode,
    Fault,
    GateFault,
    GateOutcome,
    Mode,
    Outcome,
    Score,
    Standing,
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
        return cls.model_validate(answer_of(trace, tuple(judges)))


def trace_url(trace_id: str, part: str = "", attempt: int | None = None) -> str:
    """Where a trace, or a picture of it, is served."""
    query = "" if attempt is None else f"?attempt={attempt}"
    return f"/v1/traces/{trace_id}{part}{query}"


def answer_of(trace: Trace, judges: tuple[str, ...]) -> dict[str, object]:
    """The fields of a trace's answer."""
    return {
        **judged_of(_shown(trace), judges),
        "trace_id": trace.id,
        "policy": trace.policy,
        "mode": trace.mode,
        "model": trace.model,
        "seconds": trace.seconds,
        "annotated_url": trace_url(trace.id, "/annotated.png"),
        "picture_url": trace_url(trace.id, "/picture"),
        "trace_url": trace_url(trace.id),
    }


def _shown(trace: Trace) -> Attempt:
    """The attempt that the answer is about; one without a picture where none was made."""
    if trace.attempts:
        return trace.last
    maker = trace.model or "unknown"
    return Attempt(
        number=1, brief=trace.brief, generator=maker, verdict=trace.verdict, notes=trace.notes,
        judged=False,
    )  # fmt: skip


def judged_of(attempt: Attempt, judges: tuple[str, ...]) -> dict[str, object]:
    """The fields of one picture's verdict."""
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
