"""Columns in, findings out. Pure: what is counted here is what the page, JSON and CI tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from sentinel.audit import stats
from sentinel.audit.report.columns import Columns, GateColumn, JudgeColumn
from sentinel.audit.report.findings import (
    Comparison,
    Findings,
    GateFound,
    Head,
    JudgeFound,
    Mode,
    Moved,
    Share,
    Together,
)
from sentinel.audit.report.groupings import groupings_of
from sentinel.audit.report.sentences import told

STEPS = 24
"""Points of a judge's line over the order of the source, at most."""

REASONS = 5
"""Reasons for saying nothing that are told of a judge, at most: its commonest."""

STEP = 10
"""Values that a point of that line is the mean of, at least."""


def findings_of(columns: Columns, head: Head, comparison: Comparison | None = None) -> Findings:
    """Everything that is said of these rows."""
    standings = Counter(_standings(columns))
    evaluations = sum(standings.values())
    clusters = Counter(number for number in columns.clusters if number is not None)
    scores = [score for score in columns.scores if score is not None]
    found = Findings(
        head=head,
        entries=len(columns),
        statuses=dict(sorted(Counter(columns.statuses).items())),
        standings={name: standings[name] for name in STANDINGS},
        rate=Share.of_rate(stats.rate(standings["passed"], evaluations)),
        score_histogram=stats.histogram(scores),
        modes=_modes(columns, evaluations),
        judges=tuple(_judge(columns.judges[name]) for name in _order(columns, head)),
        gates=tuple(_gate(gate) for gate in columns.gates.values()),
        together=_together(columns, _order(columns, head)),
        groupings=groupings_of(columns),
        clusters=len(clusters),
        clustered=sum(clusters.values()),
        comparison=comparison,
    )
    return found.model_copy(update={"says": told(found)})


STANDINGS = ("passed", "failed", "refused", "undecided")


def _standings(columns: Columns) -> list[str]:
    known = zip(columns.statuses, columns.passed, strict=True)
    named = {"scored": "failed", "refused": "refused", "undecided": "undecided"}
    return ["passed" if passed else named[status] for status, passed in known if passed is not None]


def _order(columns: Columns, head: Head) -> list[str]:
    """The judges in the policy's order; one that the policy no longer names comes last."""
    return sorted(columns.judges, key=lambda name: (
        list(head.policy.judges).index(name) if name in head.policy.judges else len(columns), name
    ))  # fmt: skip


def _modes(columns: Columns, evaluations: int) -> tuple[Mode, ...]:
    counted = Counter(mode for modes in columns.modes for mode in modes)
    ranked = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(
        Mode(name=name, pictures=count, share=count / evaluations) for name, count in ranked
    )


def _judge(column: JudgeColumn) -> JudgeFound:
    values = np.asarray(column.values)
    passed = len(values) - len(column.failing)
    rated = stats.rate(passed, len(values)) if column.threshold is not None else None
    half = len(values) // 2
    return JudgeFound(
        name=column.name,
        version=column.version,
        threshold=column.threshold,
        weight=column.weight,
        scored=len(values),
        abstained=column.abstained.total(),
        abstentions=dict(column.abstained.most_common(REASONS)),
        faults=dict(sorted(column.faults.items())),
        passed=Share.of_rate(rated),
        mean=float(values.mean()) if len(values) else None,
        quartiles=_quartiles(column.values),
        histogram=stats.histogram(column.values),
        trend=_trend(column.values),
        drift=moved(stats.drift(values[:half], values[half:])),
    )


def moved(drift: stats.Drift | None) -> Moved | None:
    """Drift as a value that survives JSON."""
    return Moved(index=drift.index, distance=drift.distance, p=drift.p) if drift else None


def _quartiles(values: Sequence[float]) -> tuple[float, float, float] | None:
    if not values:
        return None
    low, middle, high = (float(value) for value in np.quantile(values, [0.25, 0.5, 0.75]))
    return low, middle, high


def _trend(values: Sequence[float]) -> tuple[float, ...]:
    steps = min(STEPS, len(values) // STEP)
    if steps < 2:  # noqa: PLR2004 - one point is no line
        return ()
    return tuple(float(part.mean()) for part in np.array_split(np.asarray(values), steps))


def _gate(gate: GateColumn) -> GateFound:
    return GateFound(
        name=gate.name,
        version=gate.version,
        looked=gate.looked,
        refused=gate.refused,
        faults=dict(sorted(gate.faults.items())),
    )


def _together(columns: Columns, names: Sequence[str]) -> tuple[Together, ...]:
    return tuple(
        _pair(columns.judges[one], columns.judges[other]) for one, other in combinations(names, 2)
    )


def _pair(one: JudgeColumn, other: JudgeColumn) -> Together:
    ones = dict(zip(one.places, one.values, strict=True))
    others = dict(zip(other.places, other.values, strict=True))
    shared = sorted(ones.keys() & others.keys())
    fails, other_fails = one.failing & set(shared), other.failing & set(shared)
    both = len(fails & other_fails)
    return Together(
        one=one.name,
        other=other.name,
        pictures=len(shared),
        spearman=stats.spearman([ones[at] for at in shared], [others[at] for at in shared]),
        both=both,
        only_one=len(fails) - both,
        only_other=len(other_fails) - both,
        by_chance=len(fails) * len(other_fails) / len(shared) if shared else 0.0,
    )
