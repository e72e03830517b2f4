"""A verdict and another policy in, the verdict that it would have been out. Pure.

No model runs: the readings that were taken are stamped with the other policy's thresholds and
weights, and decided anew. What that policy asks for and nobody measured is a fault of the kind
`missing`, so that it never counts as a pass; what it does not ask for is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel import verdict
from sentinel.contracts import Fault, GateOutcome, Outcome, Verdict
from sentinel.policy import JudgeRule, Policy

UNMEASURED = "not measured in this trace"


def suppose(given: Verdict, policy: Policy, *, enforce: bool = True) -> Verdict:
    """The verdict over the same readings under `policy`, with no retry left."""
    return verdict.decide(*under(given.gates, given.outcomes, policy), policy, enforce=enforce)


def under(
    gates: Sequence[GateOutcome], outcomes: Sequence[Outcome], policy: Policy
) -> tuple[tuple[GateOutcome, ...], tuple[Outcome, ...]]:
    """What gates and judges said, as `policy` weighs it; no judge is heard where a gate refuses."""
    kept = tuple(_gates(gates, policy))
    return kept, () if verdict.refusals(kept) else tuple(_outcomes(outcomes, policy))


def unmeasured(given: Verdict, policy: Policy) -> tuple[str, ...]:
    """The judges that `policy` asks and that said nothing then, in its order."""
    return missing_from(given.outcomes, policy)


def missing_from(outcomes: Sequence[Outcome], policy: Policy) -> tuple[str, ...]:
    """The judges that `policy` asks and that are not among these, in its order."""
    answered = {outcome.judge for outcome in outcomes}
    return tuple(name for name in policy.judges if name not in answered)


def _gates(gates: Sequence[GateOutcome], policy: Policy) -> list[GateOutcome]:
    return [
        gate.model_copy(update={"required": policy.gates[gate.gate].required})
        if gate.kind == "fault"
        else gate
        for gate in gates
        if gate.gate in policy.gates
    ]


def _outcomes(outcomes: Sequence[Outcome], policy: Policy) -> list[Outcome]:
    known = {outcome.judge: outcome for outcome in outcomes}
    return [
        _stamped(known[name], rule) if name in known else _missing(name, rule)
        for name, rule in policy.judges.items()
    ]


def _stamped(outcome: Outcome, rule: JudgeRule) -> Outcome:
    stamp = (outcome.threshold, outcome.weight, outcome.required)
    if stamp == (rule.threshold, rule.weight, rule.is_required):
        return outcome  # most are under the very rule, and a copy costs more than a decision
    return outcome.model_copy(
        update={
            "threshold": rule.threshold,
            "weight": rule.weight,
            "required": rule.is_required,
        }
    )


def _missing(name: str, rule: JudgeRule) -> Fault:
    return Fault(
        judge=name, version="", threshold=rule.threshold, weight=rule.weight,
        required=rule.is_required, cause="missing", reason=UNMEASURED,
    )  # fmt: skip
