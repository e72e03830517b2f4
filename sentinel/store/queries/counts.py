"""Sums over rollup rows in, rates with what they are rates of out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import FromClause, func

from sentinel.store.rollups import STEPS_PER_OCTAVE

Z = 1.959964
"""Standard deviations that hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Counts:
    """passed + failed + refused + undecided = evaluations. Seconds are per evaluation.

    `traces` are requests whose picture was judged, `first_passed` those whose first picture
    passed. `delivered` are pictures that we had painted and gave out, `retried` those of them that
    were not of the first round; `guarded` are requests in guard mode, and `added_seconds` what
    each waited longer, on the mean, than for its first picture alone. `scored` are evaluations that
    `mean_score` is the mean of. `cost` is in US dollars.
    """

    evaluations: int
    passed: int
    failed: int
    refused: int
    undecided: int
    traces: int
    first_passed: int
    failed_judges: int
    mean_score: float | None
    mean_seconds: float | None
    cost: float
    delivered: int = 0
    retried: int = 0
    guarded: int = 0
    added_seconds: float | None = None
    scored: int = 0

    @property
    def pass_rate(self) -> float | None:
        """Share of evaluations that passed; None where there are none."""
        return share(self.passed, self.evaluations)

    @property
    def pass_interval(self) -> tuple[float, float] | None:
        """Where the pass rate lies with 95 % confidence (Wilson); None where there are none."""
        return wilson(self.passed, self.evaluations)

    @property
    def first_pass_rate(self) -> float | None:
        """Share of requests whose first picture passed; None where there are none."""
        return share(self.first_passed, self.traces)

    @property
    def regenerate_rate(self) -> float | None:
        """Share of evaluations that failed by their scores; None where there are none."""
        return share(self.failed, self.evaluations)

    @property
    def cost_per_delivered(self) -> float | None:
        """US dollars for all pictures, over those given out; None where none was."""
        return self.cost / self.delivered if self.delivered else None


@dataclass(frozen=True, slots=True)
class Span:
    """Counts of one hour or day that begins at `start_ms`."""

    start_ms: int
    counts: Counts


def share(part: int, whole: int) -> float | None:
    """Part of a whole, 0 to 1; None of nothing."""
    return part / whole if whole else None


def wilson(successes: int, trials: int) -> tuple[float, float] | None:
    """The 95 % interval of a share (Wilson, 1927): honest for few trials and near 0 and 1."""
    if not trials:
        return None
    rate, square = successes / trials, Z * Z
    centre = rate + square / (2 * trials)
    reach = Z * math.sqrt(rate * (1 - rate) / trials + square / (4 * trials * trials))
    low, high = ((centre + sign * reach) / (1 + square / trials) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


def sums(table: FromClause) -> list[Any]:
    """The sum of every counted column, by its own name."""
    columns = [column for column in table.c if not column.primary_key]
    return [func.coalesce(func.sum(column), 0).label(column.name) for column in columns]


def together(every: Sequence[Counts]) -> Counts:
    """Counts of several ranges as one: what is summed from a line cannot disagree with it."""
    evaluations = sum(each.evaluations for each in every)
    scored = sum(each.scored for each in every)
    guarded = sum(each.guarded for each in every)
    return Counts(
        evaluations=evaluations,
        passed=sum(each.passed for each in every),
        failed=sum(each.failed for each in every),
        refused=sum(each.refused for each in every),
        undecided=sum(each.undecided for each in every),
        traces=sum(each.traces for each in every),
        first_passed=sum(each.first_passed for each in every),
        failed_judges=sum(each.failed_judges for each in every),
        mean_score=_mean([(e.mean_score, e.scored) for e in every], scored),
        mean_seconds=_mean([(e.mean_seconds, e.evaluations) for e in every], evaluations),
        cost=sum(each.cost for each in every),
        delivered=sum(each.delivered for each in every),
        retried=sum(each.retried for each in every),
        guarded=guarded,
        added_seconds=_mean([(e.added_seconds, e.guarded) for e in every], guarded),
        scored=scored,
    )


def _mean(values: Sequence[tuple[float | None, int]], whole: int) -> float | None:
    if not whole:
        return None
    return sum(value * n for value, n in values if value is not None) / whole


def counts_of(row: Any) -> Counts:
    """One row of `sums` as counts."""
    evaluations, scored, guarded = int(row.evaluations), int(row.scored), int(row.guarded)
    return Counts(
        evaluations=evaluations,
        passed=int(row.passed),
        failed=int(row.failed),
        refused=int(row.refused),
        undecided=int(row.undecided),
        traces=int(row.traces),
        first_passed=int(row.first_passed),
        failed_judges=int(row.failed_judges),
        mean_score=int(row.score_millionths) / 1e6 / scored if scored else None,
        mean_seconds=int(row.microseconds) / 1e6 / evaluations if evaluations else None,
        cost=int(row.nanodollars) / 1e9,
        delivered=int(row.delivered),
        retried=int(row.retried),
        guarded=guarded,
        added_seconds=int(row.added_microseconds) / 1e6 / guarded if guarded else None,
        scored=scored,
    )


def quantile(buckets: Sequence[tuple[int, int]], part: float) -> float | None:
    """Seconds below which `part` of the evaluations lie, interpolated inside its bucket."""
    rank = part * sum(n for _, n in buckets)
    passed = 0
    for k, n in buckets:
        if n and passed + n >= rank:
            within = (rank - passed) / n
            return float(2 ** ((k + within) / STEPS_PER_OCTAVE) / 1000)
        passed += n
    return None
