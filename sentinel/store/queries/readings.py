"""Filters in, judged pictures with what every gate and judge said of them out, newest first.

Measurements, evidence and issues stay in the store: what is read here is what a decision is made
of, and what a judge's health is told by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, select

from sentinel.contracts import (
    Abstention,
    Fault,
    GateFault,
    GateOutcome,
    GateResult,
    Outcome,
    Score,
)
from sentinel.store.evaluation_tables import EvaluationFeedbackRow
from sentinel.store.queries.filters import Filters, matching
from sentinel.store.tables import EvaluationRow, GateResultRow, OutcomeRow, table_of

EVALUATION = table_of(EvaluationRow)
OUTCOME = table_of(OutcomeRow)
GATE = table_of(GateResultRow)
SAID = table_of(EvaluationFeedbackRow)

READINGS_CAP = 5_000
"""Most pictures whose readings are read at once: about a second's work."""

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged picture and what was said of it; `cost` in US dollars, `said` by a person.

    `gates` and `outcomes` carry no measurements, evidence or issues.
    """

    trace_id: str
    number: int
    created_ms: int
    model: str
    policy: str
    policy_fingerprint: str
    standing: str
    score: float | None
    first: bool
    picture: str | None
    cost: float
    seconds: float
    said: bool | None
    gates: tuple[GateOutcome, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


OWN = tuple(c for c in Judged.__slots__ if c not in ("said", "gates", "outcomes"))

GATES = ("gate", "version", "kind", "passed", "seconds", "reason")
OUTCOMES = (
    "judge", "version", "kind", "value", "threshold", "weight", "required", "seconds", "cause",
    "reason",
)  # fmt: skip


class Readings:
    """What gates and judges said, picture by picture."""

    _engine: Engine

    def readings(self, filters: Filters, limit: int = 1_000) -> tuple[Judged, ...]:
        """The newest `limit` judged pictures, with their readings; times are exact here."""
        with self._engine.begin() as connection:
            return _read(connection, _newest(filters, limit))

    def readings_over(self, filters: Sequence[Filters], each: int) -> tuple[Judged, ...]:
        """The newest `each` pictures of every one of these ranges, in their order."""
        found: list[Judged] = []
        with self._engine.begin() as connection:
            for one in filters:
                found += _read(connection, _newest(one, each))
        return tuple(found)

    def readings_said(self, filters: Filters, limit: int = READINGS_CAP) -> tuple[Judged, ...]:
        """The newest pictures whose verdict a person called right or wrong."""
        with self._engine.begin() as connection:
            return _read(connection, _newest(filters, limit, said=True))


def _newest(filters: Filters, limit: int, *, said: bool = False) -> Select[Any]:
    own = (SAID.c.trace_id == EVALUATION.c.trace_id) & (SAID.c.attempt == EVALUATION.c.number)
    columns = [EVALUATION.c[column] for column in OWN]
    conditions = matching(EVALUATION, filters, 1)
    if said:
        conditions.append(SAID.c.is_positive.is_not(None))
    c = EVALUATION.c
    return (
        select(*columns, SAID.c.is_positive.label("said"))
        .outerjoin(SAID, own)
        .where(*conditions)
        .order_by(c.created_ms.desc(), c.trace_id.desc(), c.number.desc())
        .limit(max(1, min(limit, READINGS_CAP)))
    )


def _read(connection: Connection, wanted: Select[Any]) -> tuple[Judged, ...]:
    rows = connection.execute(wanted).mappings().all()
    if not rows:
        return ()
    chosen = wanted.subquery()
    gates = _parts(connection, GATE, GATES, chosen)
    outcomes = _parts(connection, OUTCOME, OUTCOMES, chosen)
    return tuple(
        Judged(
            **row,
            gates=tuple(_gate(part) for part in gates[row["trace_id"], row["number"]]),
            outcomes=tuple(_outcome(part) for part in outcomes[row["trace_id"], row["number"]]),
        )
        for row in rows
    )


def _parts(
    connection: Connection, table: Any, columns: tuple[str, ...], chosen: Any
) -> dict[Key, list[RowMapping]]:
    """The parts of each evaluation, in the order they were given."""
    c = table.c
    own = (c.trace_id == chosen.c.trace_id) & (c.attempt == chosen.c.number)
    wanted = (
        select(c.trace_id, c.attempt, *(c[column] for column in columns))
        .join(chosen, own)
        .order_by(c.trace_id, c.attempt, c.position)
    )
    found: dict[Key, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(wanted).mappings():
        found[row["trace_id"], row["attempt"]].append(row)
    return found


def _gate(row: RowMapping) -> GateOutcome:
    told = {key: row[key] for key in ("gate", "version", "seconds", "reason")}
    if row["kind"] == "fault":
        return GateFault(**told)
    return GateResult(**told, passed=bool(row["passed"]))


def _outcome(row: RowMapping) -> Outcome:
    told = {
        key: row[key]
        for key in ("judge", "version", "threshold", "weight", "required", "seconds", "reason")
    }
    match row["kind"]:
        case "score":
            return Score(**told, value=row["value"])
        case "fault":
            return Fault(**told, cause=row["cause"])
        case _:
            return Abstention(**told)
