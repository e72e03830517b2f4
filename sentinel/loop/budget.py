"""A policy's budget and a request's wishes in, what may be spent out; and why it ends. Pure.

A request may lower what its policy allows and never raise it: the policy is the operator's word,
the request is anybody's. What was cut is told. An attempt is a picture, so a batch of four
candidates spends four; a generation that gave no picture spends one attempt and no money.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.contracts import Attempt, StoppedBecause, Value
from sentinel.errors import BriefError
from sentinel.loop.ranking import best_of
from sentinel.policy import Budget
from sentinel.verdict import refusals


class Wish(Value):
    """What a request says of its budget; None leaves it to the policy, 0 spends nothing."""

    attempts: int | None = None
    seconds: float | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What may be spent, and whether another round fits into what is left."""

    attempts: int
    seconds: float
    cost: float | None
    notes: tuple[str, ...] = ()

    def left(self, attempts: Sequence[Attempt]) -> int:
        """Attempts that may still be made."""
        return self.attempts - len(attempts)


MOMENT = 0.01
"""Seconds in which nothing can be painted: below it the time is over."""

WAY_OUT = "use 0 or more, or leave it out"


def allowed(budget: Budget, wish: Wish) -> Spent:
    """The lower of both, item by item; BriefError for a wish that is no amount."""
    notes: list[str] = []
    for name in ("attempts", "seconds", "cost"):
        asked, most = getattr(wish, name), getattr(budget, name)
        if asked is None:
            continue
        if not math.isfinite(asked) or asked < 0:
            raise BriefError(f"max_{name}", asked, WAY_OUT)
        if most is not None and asked > most:
            notes.append(f"max_{name} is {asked:g}: the policy allows {most:g}, which is used")
    costs = [cost for cost in (budget.cost, wish.cost) if cost is not None]
    return Spent(
        attempts=budget.attempts if wish.attempts is None else min(budget.attempts, wish.attempts),
        seconds=budget.seconds if wish.seconds is None else min(budget.seconds, wish.seconds),
        cost=min(costs, default=None),
        notes=tuple(notes),
    )


def stop(
    attempts: Sequence[Attempt], spent: Spent, seconds: float, price: float | None
) -> tuple[StoppedBecause, str] | None:
    """Why no further round is made, and that in words; None where one may be.

    `seconds` have passed; `price` is what a picture of the next generator costs at most, None
    where it does not say. What the latest round decided comes before what is left to spend.
    """
    return _decided(attempts) or _over(attempts, spent, seconds, price)


def _over(
    attempts: Sequence[Attempt], spent: Spent, seconds: float, price: float | None
) -> tuple[StoppedBecause, str] | None:
    left = spent.seconds - seconds
    if left < MOMENT:
        return "deadline", f"the {spent.seconds:g} s are over, with {len(attempts)} attempts made"
    if spent.left(attempts) < 1:
        return "budget", f"all {spent.attempts} attempts that were allowed are made"
    if told := _dear(attempts, spent, price):
        return "budget", told
    fastest = min((each.seconds for each in attempts if each.judged), default=0.0)
    if fastest > left:  # a picture that cannot be judged in time would be paid for nothing
        return "deadline", f"{left:.2g} s are left, and the fastest attempt took {fastest:.2g} s"
    return None


def batch(attempts: Sequence[Attempt], spent: Spent, price: float | None, wanted: int) -> int:
    """Candidates of the next round: as many as wanted, or as the budget still has."""
    most = min(wanted, spent.left(attempts))
    expected = _expected(attempts, price)
    if spent.cost is None or not expected:
        return most
    paid = sum(attempt.cost for attempt in attempts)
    return max(1, min(most, math.floor((spent.cost - paid) / expected + 1e-9)))


def last_round(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """The attempts of the latest round."""
    return tuple(each for each in attempts if each.round == attempts[-1].round)


def _decided(attempts: Sequence[Attempt]) -> tuple[StoppedBecause, str] | None:
    """What the latest round decided for good."""
    seen = [each for each in last_round(attempts) if each.judged] if attempts else []
    best = best_of(seen)
    if best is None:
        return None
    verdict = best.verdict
    match verdict.standing:
        case "passed":
            return "passed", f"attempt {best.number} passed: {verdict.reason}"
        case "undecided":
            told = "another picture cannot mend that"
            return "undecided", f"attempt {best.number} {verdict.reason}; {told}"
        case "refused" if not any(_mendable(each) for each in seen):
            return "rejected", f"{verdict.reason}; another picture cannot mend that"
    return None


def _mendable(attempt: Attempt) -> bool:
    return all(gate.mendable for gate in refusals(attempt.verdict.gates))


def _dear(attempts: Sequence[Attempt], spent: Spent, price: float | None) -> str:
    """Why the money does not allow another picture; "" where it does."""
    if spent.cost is None:
        return ""
    paid = sum(attempt.cost for attempt in attempts)
    expected = _expected(attempts, price)
    if expected is None:
        unknown = "the generator does not say what a picture costs"
        return f"${spent.cost:g} may be spent, and {unknown}" if spent.cost <= paid else ""
    if paid + expected > spent.cost * (1 + 1e-9):
        return f"${paid:.4g} of ${spent.cost:g} are spent, and a picture costs ${expected:.4g}"
    return ""


def _expected(attempts: Sequence[Attempt], price: float | None) -> float | None:
    """What the next picture costs: what the generator says, else the dearest one so far."""
    if price is not None:
        return price
    paid = [attempt.cost for attempt in attempts if attempt.picture is not None]
    return max(paid, default=None)
