"""A judged attempt in, its evaluation in Runflow's words out.

Nothing is invented: what we do not know is null. Plain blocking code: where pictures are is looked
up in the store.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from sentinel.api.evaluation import ActionLine, EvaluationAnswer, ReferenceLine
from sentinel.api.judge_lines import line_of
from sentinel.api.wire import trace_url
from sentinel.contracts import (
    Abstention,
    Attempt,
    Fault,
    GateFault,
    Outcome,
    Score,
    Trace,
    Verdict,
)
from sentinel.verdict import refusals

DELIVER = {"pass": "deliver", "score": "deliver"}
"""Runflow's word for our actions; the others are called the same."""

REVIEW = "review"
"""What is advised where a judge that had to answer did not: a person has to look."""

Address = Callable[[str], str | None]
"""A picture's sha256 in, where it can be read out; None where it is not kept."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of an evaluation beside its trace: who asked for what, what people say of it.

    Times are milliseconds since 1970-01-01 UTC.
    """

    id: str | None = None
    task_type: str | None = None
    task_description: str | None = None
    generated_image_url: str | None = None
    input_attributes: Mapping[str, JsonValue] = field(default_factory=dict)
    evaluation_instructions: str | None = None
    reference_images: tuple[ReferenceLine, ...] | None = None
    run_id: str | None = None
    client_ref: str | None = None
    callback_url: str | None = None
    created_ms: int | None = None
    completed_ms: int | None = None
    is_positive: bool | None = None
    reason: str | None = None
    feedback_ms: int | None = None


NOTHING = Said()


@dataclass(frozen=True, slots=True)
class Times:
    """ISO 8601, UTC."""

    created: str
    updated: str
    completed: str | None
    superseded: str | None


def evaluation_id(trace_id: str, number: int) -> str:
    """What an attempt's evaluation is called."""
    return f"{trace_id}-{number}"


def evaluable(trace: Trace, attempt: Attempt) -> bool:
    """Whether there is an evaluation: somebody looked, or was to look, at a picture."""
    return attempt.picture is not None and trace.mode != "off"


def evaluation_of(
    trace: Trace, attempt: Attempt, address: Address | None = None, said: Said = NOTHING
) -> EvaluationAnswer:
    """The evaluation of one attempt of a trace."""
    named = said.id or evaluation_id(trace.id, attempt.number)
    times = _times(trace, attempt, said)
    return EvaluationAnswer(
        id=named,
        org_id=trace.project,
        trace_id=trace.id,
        attempt_number=attempt.number,
        parent_evaluation_id=_parent(trace, attempt),
        links=links_of(named, trace.id, attempt.number),
        judges=tuple(line_of(each, named, times.completed) for each in attempt.verdict.outcomes),
        **_asked(trace, attempt, address, said),
        **_stands(trace, attempt, times),
        **_found(attempt),
    )


def _asked(trace: Trace, attempt: Attempt, address: Address | None, said: Said) -> dict[str, Any]:
    """What the picture was made for, and what people say of the verdict."""
    client = trace.brief.client
    return {
        "run_id": said.run_id or client.get("run_id"),
        "model_id": None if attempt.generator == "unknown" else attempt.generator,
        "task_type": said.task_type or trace.brief.category,
        "task_description": said.task_description,
        "generation_prompt": attempt.brief.prompt,
        "generated_image_url": said.generated_image_url or _picture(trace, attempt, address),
        "input_attributes": dict(said.input_attributes),
        "evaluation_instructions": said.evaluation_instructions,
        "reference_images": _references(trace, said, address),
        "client_ref": said.client_ref or client.get("client_ref"),
        "callback_url": said.callback_url,
        "feedback_is_positive": said.is_positive,
        "feedback_reason": said.reason,
    }


def _stands(trace: Trace, attempt: Attempt, times: Times) -> dict[str, Any]:
    """Where it stands, and when it came there."""
    pending = trace.mode == "score" and not attempt.judged
    unjudged = not attempt.judged and not pending
    return {
        "status_code": "pending" if pending else "failed" if unjudged else "completed",
        "failure_code": "not_judged" if unjudged else None,
        "failure_message": attempt.verdict.reason if unjudged else None,
        "superseded_at": times.superseded,
        "eval_duration_ms": None if pending else round((attempt.seconds - attempt.made_in) * 1000),
        "created_at": times.created,
        "submitted_at": times.created,
        "updated_at": times.updated,
        "completed_at": None if pending else times.completed,
    }


def _found(attempt: Attempt) -> dict[str, Any]:
    """The verdict."""
    verdict, action = attempt.verdict, _action(attempt)
    changes = attempt.feedback.changes if attempt.feedback else ()
    return {
        "overall_passed": _overall(verdict),
        "weighted_pass_rate": _pass_rate(verdict.outcomes),
        "score": verdict.score,
        "top_issues": verdict.top_issues,
        "top_strengths": verdict.top_strengths,
        "check_summary": _summary(verdict),
        "analysis_modules_executed": _executed(verdict),
        "primary_action_code": action,
        "action": ActionLine(code=action, reason=verdict.reason, changes=changes),
        "gate_failures": tuple(gate.gate for gate in refusals(verdict.gates)),
    }


def links_of(named: str, trace_id: str, number: int) -> dict[str, str]:
    """Where an evaluation, its trace and its pictures are."""
    here = f"/v1/evaluations/{named}"
    return {
        "self": here, "feedback": f"{here}/feedback", "trace": trace_url(trace_id),
        "picture": trace_url(trace_id, "/picture", number),
        "annotated": trace_url(trace_id, "/annotated.png", number),
    }  # fmt: skip


def written(ms: int) -> str:
    """A time as it is told: ISO 8601, UTC, +00:00."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def _times(trace: Trace, attempt: Attempt, said: Said) -> Times:
    """By the seconds that each round took: a round is replaced when its own are over."""
    rounds: dict[int, float] = {}
    for each in trace.attempts:
        if 0 < each.round <= attempt.round:
            rounds[each.round] = max(each.seconds, rounds.get(each.round, 0.0))
    ended = said.completed_ms or trace.created_ms + round(sum(rounds.values()) * 1000)
    replaced = attempt.round > 0 and any(each.round > attempt.round for each in trace.attempts)
    return Times(
        created=written(said.created_ms or trace.created_ms),
        updated=written(max(ended, said.feedback_ms or 0)),
        completed=written(ended),
        superseded=written(ended) if replaced else None,
    )


def _picture(trace: Trace, attempt: Attempt, address: Address | None) -> str | None:
    if address is None or attempt.picture is None:
        return trace_url(trace.id, "/picture", attempt.number)
    return address(attempt.picture)


def _references(trace: Trace, said: Said, address: Address | None) -> tuple[ReferenceLine, ...]:
    if said.reference_images is not None:
        return said.reference_images
    lines = []
    for each in trace.brief.references:
        sha256 = hashlib.sha256(each.image).hexdigest()
        url = address(sha256) if address and each.image else None
        lines.append(ReferenceLine(url=url, kind=each.kind, description=None))
    return tuple(lines)


def _action(attempt: Attempt) -> str:
    """What was done with a picture of ours; what is advised for one that was made elsewhere."""
    verdict = attempt.verdict
    if attempt.round:
        return DELIVER.get(verdict.action, verdict.action)
    match verdict.standing:
        case "passed":
            return "deliver"
        case "failed":
            return "regenerate"
        case "undecided":
            return REVIEW
        case "refused":
            mendable = all(gate.mendable for gate in refusals(verdict.gates))
            return "regenerate" if mendable else "reject"


def _overall(verdict: Verdict) -> bool | None:
    """No gate refused, and every judge with a threshold passed; None while undecided."""
    if verdict.standing == "undecided":
        return None
    failed = any(isinstance(each, Score) and each.passed is False for each in verdict.outcomes)
    return not failed and not refusals(verdict.gates)


def _pass_rate(outcomes: Iterable[Outcome]) -> float | None:
    """Share of the weight of judges with a threshold that passed."""
    asked = [each for each in outcomes if isinstance(each, Score) and each.passed is not None]
    total = sum(each.weight for each in asked)
    return sum(each.weight for each in asked if each.passed) / total if total else None


def _summary(verdict: Verdict) -> dict[str, int]:
    """How many of each kind there were."""
    judges = Counter(_kind(each) for each in verdict.outcomes)
    refused = len(refusals(verdict.gates))
    broken = sum(isinstance(gate, GateFault) for gate in verdict.gates)
    return {
        "judges": len(verdict.outcomes), "judges_passed": judges["passed"],
        "judges_failed": judges["failed"], "judges_advisory": judges["advisory"],
        "judges_skipped": judges["skipped"], "judges_broken": judges["broken"],
        "gates": len(verdict.gates), "gates_passed": len(verdict.gates) - refused - broken,
        "gates_failed": refused, "gates_broken": broken,
    }  # fmt: skip


def _kind(outcome: Outcome) -> str:
    match outcome:
        case Abstention():
            return "skipped"
        case Fault():
            return "broken"
        case Score():
            return {True: "passed", False: "failed", None: "advisory"}[outcome.passed]


def _executed(verdict: Verdict) -> int:
    gates = sum(not isinstance(gate, GateFault) for gate in verdict.gates)
    return gates + sum(isinstance(each, Score) for each in verdict.outcomes)


def _parent(trace: Trace, attempt: Attempt) -> str | None:
    """The attempt whose feedback led here: that of the round before that was told something."""
    earlier = [each for each in trace.attempts if 0 < each.round < attempt.round]
    told = [each for each in earlier if each.feedback and each.round == attempt.round - 1]
    before = [*(each for each in earlier if evaluable(trace, each)), *told]
    return evaluation_id(trace.id, before[-1].number) if before else None
