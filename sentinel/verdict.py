"""Outcomes and policy in, verdict out. Pure.

The decision, in the order it is taken (docs/decisions/0003-the-decision-rule.md):

1. a gate refuses                                             -> refused
2. a judge is below its threshold, or the weighted score is
   below the policy's pass mark                               -> failed
3. a required gate or judge has a fault, or judges ran and
   none of them could score                                   -> undecided
4. otherwise                                                  -> passed

Weighted score = Σ weight·value / Σ weight over the judges that scored.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.contracts import (
    Action,
    Fault,
    GateFault,
    GateOutcome,
    GateResult,
    Outcome,
    Score,
    Standing,
    Verdict,
)
from sentinel.policy import Policy

TOP = 5
"""Issues and strengths that a verdict names; the rest stands in the outcomes."""

WEAK = 0.5
"""An advisory judge's reading below this is worth naming among the issues."""

STRONG = 0.8
"""A reading from here on is worth naming among the strengths."""

DIGITS = 7
"""Numbers that differ by less than a millionth are told in full."""

Gates = Sequence[GateOutcome]
Outcomes = Sequence[Outcome]


def decide(
    gates: Gates, outcomes: Outcomes, policy: Policy, *, enforce: bool, retries_left: bool = False
) -> Verdict:
    """The verdict over one picture.

    `enforce` is guard mode; without it nothing is held back for its scores and nothing retried.
    `retries_left` says whether the budget allows another attempt.
    """
    score = weighted_score(outcomes)
    standing, reason = _standing(gates, outcomes, policy, score)
    return Verdict(
        action=_action(standing, gates, policy, enforce=enforce, retries_left=retries_left),
        standing=standing,
        score=score,
        gates=tuple(gates),
        outcomes=tuple(outcomes),
        top_issues=_issues(gates, outcomes),
        top_strengths=_strengths(outcomes),
        reason=reason,
    )


def weighted_score(outcomes: Outcomes) -> float | None:
    """The mean of the values by weight; None where nothing with a weight scored."""
    scores = [outcome for outcome in outcomes if isinstance(outcome, Score)]
    total = sum(score.weight for score in scores)
    if total == 0:
        return None
    mean = sum(score.weight * (score.value / total) for score in scores)
    weighed = [score.value for score in scores if score.weight > 0]
    return min(max(mean, min(weighed)), max(weighed))  # rounding never leaves the range


def refusals(gates: Gates) -> list[GateResult]:
    """The gates that refused."""
    return [gate for gate in gates if isinstance(gate, GateResult) and not gate.passed]


def _standing(
    gates: Gates, outcomes: Outcomes, policy: Policy, score: float | None
) -> tuple[Standing, str]:
    if refused := refusals(gates):
        return "refused", f"{refused[0].gate} refused: {refused[0].reason}"
    failed = [item for item in outcomes if isinstance(item, Score) and item.passed is False]
    if failed:
        names = ", ".join(f"{item.judge} {_below(item.value, item.threshold)}" for item in failed)
        return "failed", f"below the threshold: {names}"
    if score is not None and score < policy.pass_mark:
        told = _below(score, policy.pass_mark, " is below the pass mark ")
        return "failed", f"weighted score {told}"
    if broken := _undecided(gates, outcomes):
        return "undecided", f"could not be decided: {broken}"
    return "passed", "every gate and every judge with a threshold passed"


def _below(value: float, limit: float | None, sign: str = " < ") -> str:
    """Two numbers with two digits, or as many as tell them apart: never "0.75 < 0.75"."""
    for digits in range(2, DIGITS):
        told = f"{value:.{digits}f}", f"{limit:.{digits}f}"
        if told[0] != told[1]:
            return sign.join(told)
    return f"{value!r}{sign}{limit!r}"


def _undecided(gates: Gates, outcomes: Outcomes) -> str:
    """Who is missing for a decision, in words; empty where nobody is."""
    faulty = [gate for gate in gates if isinstance(gate, GateFault) and gate.required]
    faults = [item for item in outcomes if isinstance(item, Fault)]
    required = [fault for fault in faults if fault.required]
    told = [f"gate {gate.gate} ({gate.reason})" for gate in faulty]
    told += [f"judge {fault.judge} ({fault.reason})" for fault in required]
    if not told and faults and not any(isinstance(item, Score) for item in outcomes):
        told = [f"no judge could score; {fault.judge} ({fault.reason})" for fault in faults[:1]]
    return "; ".join(told)


def _action(
    standing: Standing, gates: Gates, policy: Policy, *, enforce: bool, retries_left: bool
) -> Action:
    match standing:
        case "passed":
            return "pass"
        case "refused":
            mendable = all(gate.mendable for gate in refusals(gates))
            return "regenerate" if enforce and retries_left and mendable else "reject"
        case "failed":
            return _after_failure(policy, enforce=enforce, retries_left=retries_left)
        case "undecided":
            return "reject" if enforce and policy.on_undecided == "fail_closed" else "score"


def _after_failure(policy: Policy, *, enforce: bool, retries_left: bool) -> Action:
    if not enforce:
        return "score"
    if retries_left:
        return "regenerate"
    return "score" if policy.on_exhausted == "best" else "reject"


def _issues(gates: Gates, outcomes: Outcomes) -> tuple[str, ...]:
    """Refusals first, then failed judges by how much they cost, then weak advisory ones."""
    told = [f"{gate.gate}: {gate.reason}" for gate in refusals(gates)]
    scores = [item for item in outcomes if isinstance(item, Score)]
    failed = [item for item in scores if item.passed is False]
    weak = [item for item in scores if item.passed is None and item.value < WEAK]
    for item in sorted(failed, key=_cost) + sorted(weak, key=_cost):
        details = [issue.detail for issue in item.issues] or [item.reason]
        told += [f"{item.judge}: {detail}" for detail in details]
    return tuple(dict.fromkeys(told))[:TOP]


def _strengths(outcomes: Outcomes) -> tuple[str, ...]:
    scores = [item for item in outcomes if isinstance(item, Score)]
    strong = [item for item in scores if item.passed is not False and item.value >= STRONG]
    ranked = sorted(strong, key=lambda item: (-item.weight * item.value, item.judge))
    return tuple(f"{item.judge}: {item.reason}" for item in ranked)[:TOP]


def _cost(score: Score) -> tuple[float, str]:
    """Sort key: the most weight lost first, names break ties."""
    return (-score.weight * (1 - score.value), score.judge)
