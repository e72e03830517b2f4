"""What judges say and what people say in, thresholds, weights and a pass mark out. Pure.

The rule that is fitted is Sentinel's own (`sentinel.verdict`): a picture passes where each judge
reaches its threshold and the weighted mean reaches the pass mark.

1. Weights are the coefficients of a logistic regression (scikit-learn, L2, C = 1) of people's
   verdicts on the values. A judge with a negative one says the opposite of people: it is left out
   and the rest fitted anew.
2. The pass mark and then each threshold is moved to where the aim is best, by turns, twice. A
   threshold is set only where it mends at least two pictures: else the weighted mean does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sentinel.audit.calibration.cases import Matrix

Flags = NDArray[np.bool_]

STEPS = 64
"""Places that are tried for a threshold, by quantiles of the values."""

LEAST = 10
"""Pictures that a judge must have scored to be fitted."""

MENDS = 2
"""Pictures that a threshold of its own must put right."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What is made best: the mean of both classes' shares right, or one share held first."""

    precision: float | None = None
    recall: float | None = None

    def worth(self, passed: Flags, good: Flags) -> tuple[float, float]:
        """How good these verdicts are; compared in order."""
        hits = int(np.sum(passed & good))
        recall = hits / max(1, int(good.sum()))
        right_bad = int(np.sum(~passed & ~good)) / max(1, int((~good).sum()))
        precision = hits / max(1, int(passed.sum()))
        if self.precision is not None:
            return min(precision, self.precision), recall
        if self.recall is not None:
            return min(recall, self.recall), right_bad
        return (recall + right_bad) / 2, precision


@dataclass(frozen=True, slots=True)
class Rule:
    """Weights, thresholds (−1 for none) and the pass mark, in the judges' order."""

    weights: tuple[float, ...]
    thresholds: tuple[float, ...]
    mark: float

    def scores(self, values: Matrix) -> NDArray[np.float64]:
        """The weighted mean over what is there; 1 where nothing with a weight is."""
        there = ~np.isnan(values)
        weights = np.where(there, np.array(self.weights), 0.0)
        total = weights.sum(axis=1)
        summed = (weights * np.nan_to_num(values)).sum(axis=1)
        means: NDArray[np.float64] = np.divide(
            summed, total, out=np.ones_like(total), where=total > 0
        )
        return means

    def vetoed(self, values: Matrix) -> Flags:
        """Below a threshold of some judge."""
        low = np.nan_to_num(values, nan=1.0) < np.array(self.thresholds)
        return np.asarray(low.any(axis=1), bool)

    def passes(self, values: Matrix) -> Flags:
        """The verdicts."""
        return np.asarray(~self.vetoed(values) & (self.scores(values) >= self.mark), bool)


def fitted(values: Matrix, good: Flags, aim: Aim, kept: tuple[float | None, ...]) -> Rule:
    """The rule that agrees best with people over these pictures. Both verdicts must occur.

    `kept` holds, for each judge that cannot be fitted, the threshold it keeps (−1 for none); None
    for those that are fitted.
    """
    weights = _weights(values, good, np.array([each is None for each in kept], bool))
    rule = Rule(weights, tuple(-1.0 if each is None else each for each in kept), 0.0)
    rule = _with_mark(rule, values, good, aim)
    for _ in range(2):
        for judge in range(values.shape[1]):
            if weights[judge] > 0:
                rule = _with_threshold(rule, judge, values, good, aim)
        rule = _with_mark(rule, values, good, aim)
    return rule


def informative(values: Matrix) -> Flags:
    """Judges that scored enough pictures and not all alike."""
    there = (~np.isnan(values)).sum(axis=0) >= LEAST
    filled = np.where(np.isnan(values), np.inf, values)
    low = filled.min(axis=0, initial=np.inf)
    high = np.where(np.isnan(values), -np.inf, values).max(axis=0, initial=-np.inf)
    known: Flags = there & (high > low)
    return known


def _weights(values: Matrix, good: Flags, known: Flags) -> tuple[float, ...]:
    """Nothing below zero; they add up to how many judges have one. All alike if none helps."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - an extra

    known = known & informative(values)
    kept = np.flatnonzero(known)
    while kept.size:
        part = values[:, kept]
        filled = np.where(np.isnan(part), np.nanmean(part, axis=0), part)
        found = LogisticRegression().fit(filled, good).coef_[0]
        if found.min() > 0:
            weights = np.zeros(values.shape[1])
            weights[kept] = np.round(found / found.sum() * kept.size, 2)
            return tuple(float(weight) for weight in weights)
        kept = kept[found > 0]
    return tuple(float(each) for each in known)


def _with_mark(rule: Rule, values: Matrix, good: Flags, aim: Aim) -> Rule:
    scores = rule.scores(values)
    return _best(rule, _between(scores), lambda mark: replace(rule, mark=mark), (values, good, aim))


def _with_threshold(rule: Rule, judge: int, values: Matrix, good: Flags, aim: Aim) -> Rule:
    """The rule with a threshold where that puts pictures right, else with none."""

    def at(threshold: float) -> Rule:
        moved = (*rule.thresholds[:judge], threshold, *rule.thresholds[judge + 1 :])
        return replace(rule, thresholds=moved)

    without = at(-1.0)
    column = values[:, judge]
    found = _best(without, _between(column[~np.isnan(column)]), at, (values, good, aim))
    mended = int(np.sum(found.passes(values) == good)) - int(np.sum(without.passes(values) == good))
    return found if mended >= MENDS else without


def _best(
    rule: Rule, places: list[float], made: Callable[[float], Rule],
    over: tuple[Matrix, Flags, Aim],
) -> Rule:  # fmt: skip
    """The best of the rules; in the middle of the places that are equally good."""
    values, good, aim = over
    worth = [aim.worth(made(place).passes(values), good) for place in places]
    if not worth or max(worth) <= aim.worth(rule.passes(values), good):
        return rule
    first = worth.index(max(worth))
    last = first
    while last + 1 < len(worth) and worth[last + 1] == worth[first]:
        last += 1
    return made(places[(first + last) // 2])


def _between(values: NDArray[np.float64]) -> list[float]:
    """Places midway between neighbours among the values, four digits, at most STEPS."""
    if values.size == 0:
        return []
    seen = np.unique(np.quantile(values, np.linspace(0, 1, STEPS)))
    middles = (seen[:-1] + seen[1:]) / 2
    return sorted({float(round(place, 4)) for place in middles})
