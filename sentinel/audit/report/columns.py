"""Rows in, what a report counts of them in columns out: one pass, little of a row kept.

A row with its evidence takes tens of kilobytes in memory, its columns some hundred bytes. So a
report over 20,000 pictures needs hardly more memory than one over 2,000.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sentinel.audit.rows import Row, Status
from sentinel.contracts import Abstention, GateFault, GateResult, Outcome, Score, Verdict
from sentinel.verdict import refusals

BELOW_MARK = "score.below_pass_mark"
"""Failure mode of a picture that every judge passed and the weighted score failed."""


UNNAMED = "no_kind_named"
"""Kind of a fault whose judge or gate gives a reason in words only."""


@dataclass(slots=True)
class JudgeColumn:
    """What one judge said: values by the place of their row, and why it said nothing, how often."""

    name: str
    version: str
    threshold: float | None
    weight: float
    places: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    abstained: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def failing(self) -> set[int]:
        """Places of rows below its threshold."""
        if self.threshold is None:
            return set()
        return {
            place
            for place, value in zip(self.places, self.values, strict=True)
            if value < self.threshold
        }


@dataclass(slots=True)
class GateColumn:
    """What one gate said."""

    name: str
    version: str
    looked: int = 0
    refused: int = 0
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Columns:
    """The rows, a list a column, all of one length; judges and gates in the policy's order."""

    keys: list[str] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    passed: list[bool | None] = field(default_factory=list)
    """Of evaluations, undecided ones have not; None where nothing was judged, and of duplicates."""
    scores: list[float | None] = field(default_factory=list)
    modes: list[tuple[str, ...]] = field(default_factory=list)
    """Why it did not pass: "category.subcategory" of each issue of what failed, once."""
    clusters: list[int | None] = field(default_factory=list)
    groups: dict[str, dict[int, str]] = field(default_factory=dict)
    judges: dict[str, JudgeColumn] = field(default_factory=dict)
    gates: dict[str, GateColumn] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many rows."""
        return len(self.keys)

    @property
    def judged(self) -> dict[str, bool]:
        """Whether it passed, by key, of every evaluation."""
        known = zip(self.keys, self.passed, strict=True)
        return {key: passed for key, passed in known if passed is not None}

    def values_of(self, judge: str) -> dict[str, float]:
        """The values of one judge by key."""
        column = self.judges[judge]
        return {
            self.keys[at]: value for at, value in zip(column.places, column.values, strict=True)
        }


def columns_of(rows: Iterable[Row]) -> Columns:
    """The columns of rows, read once, in their order."""
    columns = Columns()
    for place, row in enumerate(rows):
        counted = row.verdict if row.counted else None
        columns.keys.append(row.key)
        columns.statuses.append(row.status)
        columns.passed.append(counted.standing == "passed" if counted is not None else None)
        columns.scores.append(counted.score if counted is not None else None)
        columns.clusters.append(row.cluster)
        columns.modes.append(modes_of(counted) if counted is not None else ())
        for name, value in row.group.items():
            columns.groups.setdefault(name, {})[place] = sys.intern(value)
        if counted is not None:
            _take(columns, place, counted)
    return columns


def modes_of(verdict: Verdict) -> tuple[str, ...]:
    """Why a picture did not pass, worst first; () where it did or nobody knows."""
    if verdict.standing not in ("failed", "refused"):
        return ()
    failed = [item for item in verdict.outcomes if isinstance(item, Score) and not _fine(item)]
    blamed = [(gate.gate, gate.issues) for gate in refusals(verdict.gates)]
    blamed += [(item.judge, item.issues) for item in sorted(failed, key=lambda item: item.value)]
    named = [f"{issue.category}.{issue.subcategory}" for _, issues in blamed for issue in issues]
    named += [f"{who}.{UNNAMED}" for who, issues in blamed if not issues]
    return tuple(sys.intern(name) for name in dict.fromkeys(named or [BELOW_MARK]))


def _fine(score: Score) -> bool:
    return score.passed is not False


def _take(columns: Columns, place: int, verdict: Verdict) -> None:
    for gate in verdict.gates:
        seen = columns.gates.setdefault(gate.gate, GateColumn(gate.gate, gate.version))
        if isinstance(gate, GateFault):
            seen.faults[gate.reason] += 1
        elif isinstance(gate, GateResult):
            seen.looked += 1
            seen.refused += not gate.passed
    for outcome in verdict.outcomes:
        column = columns.judges.get(outcome.judge) or _column(columns, outcome)
        if isinstance(outcome, Score):
            column.places.append(place)
            column.values.append(outcome.value)
        elif isinstance(outcome, Abstention):
            column.abstained[outcome.reason] += 1
        else:
            column.faults[outcome.reason] += 1


def _column(columns: Columns, outcome: Outcome) -> JudgeColumn:
    made = JudgeColumn(outcome.judge, outcome.version, outcome.threshold, outcome.weight)
    return columns.judges.setdefault(outcome.judge, made)
