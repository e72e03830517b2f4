"""Trace in, all of it on the wire out: the answer that was given, the brief, every attempt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Self

from sentinel.api.wire import (
    GateAnswer,
    Judged,
    ScoreAnswer,
    Wire,
    answer_of,
    judged_of,
    trace_url,
)
from sentinel.contracts import Attempt, Brief, Change, ReferenceKind, StoppedBecause, Trace


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
    """One attempt of a trace: a picture, or a generation that gave none."""

    number: int
    round: int
    """Candidates of one batch share it."""
    lever: str | None
    """What made it different from the round before: feedback, seeds, strength, generator."""
    prompt: str | None
    """As it was sent."""
    generator: str
    seed: int | None
    cost: float
    error: str | None
    """Why there is no picture."""
    judged: bool
    """False where no panel looked."""
    feedback: tuple[Change, ...]
    """What the next attempt was told, and why."""
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
    ended: str
    """Why it ended so, in a sentence."""
    cost: float
    screened: tuple[GateAnswer, ...]
    """What the gates said of the brief, before anything was spent."""
    brief: BriefAnswer
    attempts: tuple[AttemptAnswer, ...]

    @classmethod
    def of(cls, trace: Trace, judges: Iterable[str] = ()) -> Self:
        """The whole trace on the wire."""
        known = tuple(judges)
        created = datetime.fromtimestamp(trace.created_ms / 1000, UTC)
        return cls.model_validate(
            {
                **answer_of(trace, known),
                "created": created.isoformat(timespec="milliseconds"),
                "created_ms": trace.created_ms,
                "policy_fingerprint": trace.policy_fingerprint,
                "project": trace.project,
                "delivered": trace.delivered,
                "stopped_because": trace.stopped_because,
                "ended": trace.reason,
                "cost": trace.cost,
                "screened": tuple(GateAnswer.of(gate) for gate in trace.screened),
                "brief": BriefAnswer.of(trace.brief),
                "attempts": tuple(attempt_of(trace.id, item, known) for item in trace.attempts),
            }
        )


def attempt_of(trace_id: str, attempt: Attempt, judges: tuple[str, ...]) -> AttemptAnswer:
    """The wire form of an attempt."""
    return AttemptAnswer.model_validate(
        {
            **judged_of(attempt, judges),
            "number": attempt.number,
            "round": attempt.round or attempt.number,
            "lever": attempt.lever,
            "prompt": attempt.brief.prompt,
            "generator": attempt.generator,
            "seed": attempt.seed,
            "cost": attempt.cost,
            "error": attempt.error,
            "judged": attempt.judged,
            "feedback": attempt.feedback.changes if attempt.feedback else (),
            "annotated_url": trace_url(trace_id, "/annotated.png", attempt.number),
            "picture_url": trace_url(trace_id, "/picture", attempt.number),
        }
    )
