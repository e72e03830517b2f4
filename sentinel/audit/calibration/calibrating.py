"""Labels, an audit's rows and its policy in, a calibration with a policy of its own out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.audit import stats
from sentinel.audit.calibration.cases import Cases, Matrix, cases_of
from sentinel.audit.calibration.crossing import Crossed, accuracy, crossed, kappa_of, points
from sentinel.audit.calibration.findings import Calibration, JudgeSet, Kappa, Wrong
from sentinel.audit.calibration.fitting import Aim, Flags, Rule, fitted, informative
from sentinel.audit.calibration.labels import Labels
from sentinel.audit.report.findings import Head
from sentinel.audit.rows import Rows
from sentinel.errors import ConfigError
from sentinel.policy import JudgeRule, Policy

FEW = 50
"""Pictures of each verdict below which the figures are too wide to choose by."""

LEAST = 5
"""Pictures of each verdict without which nothing is fitted."""


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What was fitted, to what."""

    cases: Cases
    values: Matrix
    """Of those that no gate refused, as `good`."""
    good: Flags
    kept: tuple[float | None, ...]
    rule: Rule
    found: Crossed


def calibrated(labels: Labels, rows: Rows, head: Head, aim: Aim, name: str) -> Calibration:
    """Fit, cross-validate, and say how sure it is. ConfigError where the labels do not suffice."""
    cases = cases_of(labels, rows, tuple(head.policy.judges))
    open_ = ~cases.refused
    good, values = cases.labels[open_], cases.values[open_]
    _enough(cases, good)
    known = informative(values)
    rules = head.policy.judges.values()
    kept = tuple(
        None if fits else _or_none(rule.threshold) for fits, rule in zip(known, rules, strict=True)
    )
    if not known.any():
        raise ConfigError("no judge scored ten of the labelled pictures differently; label others")
    rule = fitted(values, good, aim, kept)
    made = _Fitted(cases, values, good, kept, rule, crossed(values, good, aim, kept))
    return _told(made, labels, head, name)


def _or_none(threshold: float | None) -> float:
    return -1.0 if threshold is None else threshold


def _enough(cases: Cases, good: Flags) -> None:
    fewer = min(int(good.sum()), int((~good).sum()))
    if fewer < LEAST:
        told = (
            f"the labels match {len(cases.rows)} pictures of the audit, {int(good.sum())} good and "
            f"{int((~good).sum())} bad that no gate refused; at least {LEAST} of each are needed"
        )
        lost = f" ({len(cases.unknown)} labels match no picture)" if cases.unknown else ""
        raise ConfigError(told + lost)


def _told(made: _Fitted, labels: Labels, head: Head, name: str) -> Calibration:
    cases, good = made.cases, made.cases.labels
    after = np.zeros(len(good), bool)
    after[~cases.refused] = made.found.passed
    before = cases.passed
    lost = int(np.sum((before == good) & (after != good)))
    won = int(np.sum((before != good) & (after == good)))
    judges = _judges(made, head.policy)
    return Calibration(
        source=head.source,
        pictures=len(good),
        good=int(good.sum()),
        bad=int((~good).sum()),
        folds=made.found.folds,
        before=accuracy(before, good),
        after=accuracy(after, good),
        p=stats.mcnemar(lost, won),
        judges=judges,
        mark_before=head.policy.pass_mark,
        mark=made.rule.mark,
        points=points(made.found, good, cases.refused),
        wrong=_wrong(made, after),
        raters=_raters(labels),
        warnings=_warnings(made, labels),
        policy=policy_of(head.policy, judges, made.rule.mark, name, len(good)),
    )


def policy_of(
    policy: Policy, judges: tuple[JudgeSet, ...], mark: float, name: str, labels: int
) -> Policy:  # fmt: skip
    """The policy with what was fitted; gates, options and budget stay."""
    rules: dict[str, JudgeRule] = {}
    for judge in judges:
        before = policy.judges[judge.name]
        changes: dict[str, object] = {"threshold": judge.threshold, "weight": judge.weight}
        if judge.threshold is None and before.threshold is not None:
            changes["required"] = before.is_required  # its fault weighs as much as it did
        rules[judge.name] = before.model_copy(update=changes)
    told = f"{policy.name}, calibrated on {labels} labelled pictures. {policy.description}".strip()
    changes_of_all = {"name": name, "description": told, "pass_mark": mark, "judges": rules}
    return policy.model_copy(update=changes_of_all)


def _judges(made: _Fitted, policy: Policy) -> tuple[JudgeSet, ...]:
    told = []
    for at, (name, rule) in enumerate(policy.judges.items()):
        threshold = made.rule.thresholds[at]
        told.append(
            JudgeSet(
                name=name,
                fitted=made.kept[at] is None,
                auc=_auc(made.values[:, at], made.good),
                threshold_before=rule.threshold,
                threshold=None if threshold < 0 else threshold,
                weight_before=rule.weight,
                weight=made.rule.weights[at],
            )
        )
    return tuple(told)


def _auc(values: Matrix, good: Flags) -> float | None:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - an extra

    there = ~np.isnan(values)
    if len(set(good[there].tolist())) < 2:  # noqa: PLR2004 - one class cannot be told apart
        return None
    return float(roc_auc_score(good[there], values[there]))


def _wrong(made: _Fitted, after: Flags) -> tuple[Wrong, ...]:
    """The surest mistakes first."""
    rows = [row for row in made.cases.rows if row.status != "refused"]
    wrong = [
        Wrong(key=row.key, people=bool(good), score=float(score), mark=float(mark))
        for row, good, passed, score, mark in zip(
            rows, made.good, made.found.passed, made.found.scores, made.found.marks, strict=True
        )
        if good != passed
    ]
    refused = [
        Wrong(key=row.key, people=True, score=0.0, mark=0.0)
        for row, good, passed in zip(made.cases.rows, made.cases.good, after, strict=True)
        if row.status == "refused" and good and not passed
    ]
    return tuple(sorted(wrong + refused, key=lambda each: (-abs(each.score - each.mark), each.key)))


def _raters(labels: Labels) -> Kappa | None:
    pairs = labels.pairs
    cells = [pairs[one, other] for one in (True, False) for other in (True, False)]
    return kappa_of(stats.kappa(*cells))


def _warnings(made: _Fitted, labels: Labels) -> tuple[str, ...]:
    cases = made.cases
    good, bad = int(cases.labels.sum()), int((~cases.labels).sum())
    told = []
    if min(good, bad) < FEW:
        told.append(
            f"Only {good} good and {bad} bad pictures are labelled: from {FEW} of each on "
            "the figures begin to be narrow enough to choose by."
        )
    if not any(made.rule.weights[at] for at, each in enumerate(made.kept) if each is None):
        told.append("No judge agrees with people better than chance does.")
    for count, what in (
        (len(cases.unknown), "labelled pictures are not in the audit"),
        (cases.undecided, "labelled pictures could not be decided or read, and are left out"),
        (cases.tied, "pictures have as many good as bad labels, and are left out"),
        (len(labels.problems), "rows of the labels could not be used"),
    ):
        if count:
            told.append(f"{count} {what}.")
    raters = _raters(labels)
    if raters is not None and raters.value < 0.6:  # noqa: PLR2004 - Landis and Koch, 1977: moderate
        told.append(
            f"People agree with each other only moderately (kappa {raters.value:.2f}); "
            "no policy can agree with them better."
        )
    return tuple(told)
