"""Cases in, verdicts by rules that had not seen them out: cross-validation, and its figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentinel.audit import stats
from sentinel.audit.calibration.cases import Matrix
from sentinel.audit.calibration.findings import Accuracy, Kappa, Point
from sentinel.audit.calibration.fitting import Aim, Flags, fitted
from sentinel.audit.report.findings import Share

FOLDS = 5
"""Parts; each is judged by a rule that was fitted to the others."""

MARKS = 41
"""Pass marks whose precision and recall are told."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """Each picture as a rule judged it that had not seen it."""

    scores: NDArray[np.float64]
    vetoed: Flags
    marks: NDArray[np.float64]
    folds: int

    @property
    def passed(self) -> Flags:
        """The verdicts."""
        return np.asarray(~self.vetoed & (self.scores >= self.marks), bool)


def crossed(values: Matrix, good: Flags, aim: Aim, kept: tuple[float | None, ...]) -> Crossed:
    """Stratified folds (scikit-learn), shuffled with a fixed seed."""
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415 - an extra

    folds = int(min(FOLDS, good.sum(), (~good).sum()))
    split = StratifiedKFold(folds, shuffle=True, random_state=stats.SEED)
    scores, vetoed = np.zeros(len(good)), np.zeros(len(good), bool)
    marks = np.zeros(len(good))
    for seen, unseen in split.split(values, good):
        rule = fitted(values[seen], good[seen], aim, kept)
        scores[unseen] = rule.scores(values[unseen])
        vetoed[unseen] = rule.vetoed(values[unseen])
        marks[unseen] = rule.mark
    return Crossed(scores, vetoed, marks, folds)


def accuracy(passed: Flags, good: Flags) -> Accuracy:
    """How verdicts agree with people's."""
    hits, missed = int(np.sum(passed & good)), int(np.sum(~passed & good))
    slipped, caught = int(np.sum(passed & ~good)), int(np.sum(~passed & ~good))
    return Accuracy(
        good_passed=hits,
        good_failed=missed,
        bad_passed=slipped,
        bad_failed=caught,
        precision=Share.of_rate(stats.rate(hits, hits + slipped)),
        recall=Share.of_rate(stats.rate(hits, hits + missed)),
        caught=Share.of_rate(stats.rate(caught, caught + slipped)),
        kappa=kappa_of(stats.kappa(hits, slipped, missed, caught)),
    )


def kappa_of(agreement: stats.Agreement | None) -> Kappa | None:
    """The same, as a value that survives JSON."""
    if agreement is None:
        return None
    return Kappa(value=agreement.value, low=agreement.low, high=agreement.high)


def points(found: Crossed, good: Flags, refused: Flags) -> tuple[Point, ...]:
    """Precision and recall by the pass mark, of rules that had not seen the picture."""
    made = []
    for mark in np.linspace(0, 1, MARKS):
        passed = ~refused
        passed[~refused] = ~found.vetoed & (found.scores >= mark)
        hits = int(np.sum(passed & good))
        if passed.any():
            made.append(
                Point(
                    mark=round(float(mark), 4),
                    precision=hits / int(passed.sum()),
                    recall=hits / max(1, int(good.sum())),
                    passed=float(passed.mean()),
                )
            )
    return tuple(made)
