"""A run's attempts and why it ended in, what is delivered out, and each attempt's action. Pure.

While a run goes on, every attempt is judged as if another could follow. Once it has ended that is
known, and the actions are put right: what another round replaced stays `regenerate`, what is
delivered without having passed is `score`, and what ended up nowhere is `reject`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.contracts import Attempt, StoppedBecause, Verdict
from sentinel.loop.ranking import best_of
from sentinel.policy import Policy
from sentinel.verdict import decide


def delivered(
    attempts: Sequence[Attempt], stopped: StoppedBecause | None, policy: Policy
) -> int | None:
    """The number of the attempt that is delivered: the best one, or none."""
    best = best_of(attempts)
    if best is None or best.picture is None or stopped in (None, "rejected"):
        return None
    if not best.judged:
        return best.number if policy.on_undecided == "fail_open" else None
    allowed = {
        "passed": True,
        "undecided": policy.on_undecided == "fail_open",
        "failed": policy.on_exhausted == "best",
        "refused": False,
    }
    return best.number if allowed[best.verdict.standing] else None


def settled(attempts: Sequence[Attempt], chosen: int | None, policy: Policy) -> tuple[Attempt, ...]:
    """The attempts with the actions that the end of the run gives them."""
    final = attempts[-1].round if attempts else 0
    strict = policy.model_copy(update={"on_exhausted": "reject", "on_undecided": "fail_closed"})
    done = []
    for each in attempts:
        if each.number == chosen:
            verdict = _decided(each, policy, retries_left=False)
        else:
            verdict = _decided(each, strict, retries_left=each.round < final)
        done.append(each.model_copy(update={"verdict": verdict}))
    return tuple(done)


def unjudged(reason: str, *, delivered: bool = False) -> Verdict:
    """The verdict of an attempt that no panel saw."""
    action = "score" if delivered else "reject"
    return Verdict(action=action, standing="undecided", score=None, reason=reason)


def _decided(attempt: Attempt, policy: Policy, *, retries_left: bool) -> Verdict:
    verdict = attempt.verdict
    if not attempt.judged:
        again = "score" if policy.on_undecided == "fail_open" else "reject"
        action = "regenerate" if retries_left else again
        return verdict.model_copy(update={"action": action})
    return decide(verdict.gates, verdict.outcomes, policy, enforce=True, retries_left=retries_left)
