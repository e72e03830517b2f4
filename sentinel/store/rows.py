"""Trace in, table rows out; and stored JSON in, trace out. Pure but for where bytes are kept."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sentinel.contracts import Attempt, GateOutcome, GateResult, Outcome, Score, Trace
from sentinel.store.tables import name, words

Values = dict[str, Any]
Keep = Callable[[bytes], str]

SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Rows:
    """A trace as rows, parents first."""

    trace: Values
    evaluations: list[Values]
    gates: list[Values]
    outcomes: list[Values]
    failures: list[Values]


def rows_of(trace: Trace, keep: Keep) -> Rows:
    """Every row of a trace; `keep` takes the bytes of references and returns their sha256."""
    key = _key(trace)
    evaluations, gates, outcomes, failures = [], [], [], []
    for attempt in judged(trace):
        where = {"trace_id": words(trace.id), "attempt": attempt.number}
        evaluations.append(key | _evaluation(trace, attempt, keep))
        gates += [where | {"position": n} | _gate(g) for n, g in enumerate(attempt.verdict.gates)]
        outcomes += [
            where | {"position": n} | _outcome(o) for n, o in enumerate(attempt.verdict.outcomes)
        ]
        failures += [
            where | {"quality": quality, "subcategory": subcategory}
            for quality, subcategory in sorted(set(_failure_modes(attempt)))
        ]
    return Rows(key | _trace(trace, keep), evaluations, gates, outcomes, failures)


def judged(trace: Trace) -> list[Attempt]:
    """The attempts that are evaluations; the others stand in the trace's own payload."""
    return [attempt for attempt in trace.attempts if attempt.judged]


def written(value: BaseModel | Values, keep: Keep) -> str:
    """JSON text, exact: NUL and lone surrogates are escaped, NaN stays, bytes become a sha256."""
    plain = value.model_dump() if isinstance(value, BaseModel) else value
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), default=keep)
    return SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def restored(brief: Values, fetch: Callable[[str], bytes]) -> Values:
    """A brief with the bytes of its references back in place."""
    references = [
        reference | {"image": fetch(reference["image"])} for reference in brief["references"]
    ]
    return brief | {"references": references}


def finite(value: float) -> float:
    """What a column can hold and sum: 0 for what is not finite (JSON keeps what was said)."""
    return value if math.isfinite(value) else 0.0


def _key(trace: Trace) -> Values:
    return {
        "created_ms": trace.created_ms,
        "project": name(trace.project),
        "model": name(trace.model),
        "policy": name(trace.policy),
        "category": name(trace.brief.category),
        "mode": trace.mode,
    }


def _trace(trace: Trace, keep: Keep) -> Values:
    verdict = trace.verdict if trace.attempts or trace.reason else None
    payload = trace.model_dump(exclude={"brief", "attempts"})
    if unjudged := [attempt.model_dump() for attempt in trace.attempts if not attempt.judged]:
        payload["unjudged"] = unjudged
    return {
        "id": words(trace.id),
        "policy_fingerprint": name(trace.policy_fingerprint),
        "action": verdict and verdict.action,
        "standing": verdict and verdict.standing,
        "score": verdict and verdict.score,
        "delivered": trace.delivered,
        "stopped_because": trace.stopped_because,
        "attempts": len(trace.attempts),
        "seconds": finite(trace.seconds),
        "cost": finite(sum(attempt.cost for attempt in trace.attempts)),
        "brief": written(trace.brief, keep),
        "payload": written(payload, keep),
    }


def _evaluation(trace: Trace, attempt: Attempt, keep: Keep) -> Values:
    verdict = attempt.verdict
    payload = attempt.model_dump(
        exclude={"brief": True, "verdict": {"gates": True, "outcomes": True}}
    )
    return {
        "trace_id": words(trace.id),
        "number": attempt.number,
        "policy_fingerprint": name(trace.policy_fingerprint),
        "standing": verdict.standing,
        "superseded_by": _superseded_by(trace, attempt),
        **_request(trace, attempt),
        "score": verdict.score,
        "rank": -1.0 if verdict.score is None else verdict.score,
        "failed_judges": sum(_passed(outcome) is False for outcome in verdict.outcomes),
        "picture": attempt.picture and words(attempt.picture),
        "fingerprint": attempt.fingerprint and words(attempt.fingerprint),
        "width": attempt.width,
        "height": attempt.height,
        "seconds": finite(attempt.seconds),
        "cost": finite(attempt.cost),
        "brief": None if attempt.brief == trace.brief else written(attempt.brief, keep),
        "payload": written(payload, keep),
    }


def _request(trace: Trace, attempt: Attempt) -> Values:
    """What a picture tells of its request, so that sums over pictures are sums over requests."""
    first = attempt is judged(trace)[0]
    guarded = first and trace.mode == "guard"
    ours = trace.mode == "guard" or attempt.round > 0  # a picture that was sent in has no round
    delivered = ours and attempt.number == trace.delivered
    return {
        "first": first,
        "delivered": delivered,
        "retried": delivered and (attempt.round or attempt.number) > 1,
        "guarded": guarded,
        "added": max(0.0, finite(trace.seconds - trace.attempts[0].made_in)) if guarded else 0.0,
    }


def _superseded_by(trace: Trace, attempt: Attempt) -> int | None:
    """The first attempt of the next round: candidates of one round do not supersede each other."""
    own = attempt.round or attempt.number
    later = [other.number for other in trace.attempts if (other.round or other.number) > own]
    return min(later, default=None)


def _outcome(outcome: Outcome) -> Values:
    return {
        "judge": name(outcome.judge),
        "version": name(outcome.version),
        "kind": outcome.kind,
        "value": outcome.value if isinstance(outcome, Score) else None,
        "threshold": outcome.threshold,
        "weight": outcome.weight,
        "required": outcome.required,
        "passed": _passed(outcome),
        "seconds": finite(outcome.seconds),
        "cause": outcome.cause if outcome.kind == "fault" else None,
        "reason": words(outcome.reason),
        "payload": written(outcome, _no_bytes),
    }


def _gate(gate: GateOutcome) -> Values:
    return {
        "gate": name(gate.gate),
        "version": name(gate.version),
        "kind": gate.kind,
        "passed": gate.passed if isinstance(gate, GateResult) else None,
        "seconds": finite(gate.seconds),
        "reason": words(gate.reason),
        "payload": written(gate, _no_bytes),
    }


def _passed(outcome: Outcome) -> bool | None:
    return outcome.passed if isinstance(outcome, Score) else None


def _failure_modes(attempt: Attempt) -> Iterator[tuple[str, str]]:
    for gate in attempt.verdict.gates:
        if isinstance(gate, GateResult) and not gate.passed:
            yield from ((name(issue.category), name(issue.subcategory)) for issue in gate.issues)
    for outcome in attempt.verdict.outcomes:
        if isinstance(outcome, Score) and outcome.passed is False:
            yield from ((name(issue.category), name(issue.subcategory)) for issue in outcome.issues)


def _no_bytes(value: object) -> str:
    raise TypeError(f"a {type(value).__name__} is no JSON; measurements hold plain values")
