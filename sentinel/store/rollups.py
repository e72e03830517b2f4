"""Evaluations in, rollups changed out: by what a save adds and takes away, or built anew.

A rollup holds whole numbers only, so adding and then subtracting an evaluation leaves exactly
what was there. Hours and days are UTC. Latency falls into buckets of a quarter of a power of two
milliseconds, scores into buckets of 0.05.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, delete, select, text

from sentinel.store.rollup_tables import (
    GlanceDay,
    GlanceFailureDay,
    GlanceFailureHour,
    GlanceHour,
    InForceHour,
)
from sentinel.store.tables import (
    EvaluationRow,
    FailureHour,
    FailureRow,
    HistHour,
    RollupDay,
    RollupHour,
    Row,
    insert_into,
    table_of,
)

if TYPE_CHECKING:
    from sentinel.store import Store

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

STEPS_PER_OCTAVE = 4
"""Latency buckets per factor of two: the interpolated p95 is within 4 % of the exact one."""

SCORE_STEPS = 20
"""Score buckets between 0 and 1."""

LARGEST = 10**12
"""No single evaluation adds more than this to a sum, so that a sum fits in 64 bits."""

ROLLUPS: tuple[type[Row], ...] = (
    RollupHour, RollupDay, HistHour, FailureHour, InForceHour, GlanceHour, GlanceDay,
    GlanceFailureHour, GlanceFailureDay,
)  # fmt: skip
"""In the order in which every writer touches them, so that no two wait for each other."""

Values = Mapping[str, Any]
Key = tuple[Any, ...]


def whole(value: float, per_unit: int) -> int:
    """A sum's share as a whole number, within bounds; NaN counts as nothing."""
    scaled = value * per_unit
    return 0 if math.isnan(scaled) else round(max(-LARGEST, min(LARGEST, scaled)))


def latency_bucket(seconds: float) -> int:
    """Bucket k holds 2^(k/4) to 2^((k+1)/4) milliseconds; bucket 0 everything faster."""
    milliseconds = whole(seconds, 1_000_000) / 1000
    return math.floor(STEPS_PER_OCTAVE * math.log2(max(1.0, milliseconds)))


def score_bucket(score: float) -> int:
    """Bucket k holds k/20 to (k+1)/20; a score of exactly 1 is in the last one."""
    return min(SCORE_STEPS - 1, math.floor(score * SCORE_STEPS))


@dataclass(slots=True)
class Change:
    """What is to be added to each rollup row, by table and key."""

    tables: dict[type[Row], defaultdict[Key, Counter[str]]] = field(
        default_factory=lambda: {table: defaultdict(Counter) for table in ROLLUPS}
    )

    def count(
        self, evaluations: Iterable[Values], failures: Iterable[Values], sign: int = 1
    ) -> None:
        """Add (or with sign -1 take away) evaluations and their failure modes."""
        places: dict[Key, Values] = {}
        for row in evaluations:
            measures = _measures(row)
            places[row["trace_id"], row["number"]] = row
            hour = _key(row, HOUR_MS)
            _add(self.tables[RollupHour][hour], measures, sign)
            _add(self.tables[RollupDay][_key(row, DAY_MS)], measures, sign)
            self.tables[InForceHour][*(row[each] for each in IN_FORCE), hour[0]]["n"] += sign
            for bucket in _buckets(row):
                self.tables[HistHour][*hour, *bucket]["n"] += sign
            for table, width in ((GlanceHour, HOUR_MS), (GlanceDay, DAY_MS)):
                for key in _glances(row, width):
                    _add(self.tables[table][key], measures, sign)
        for failure in failures:
            row = places[failure["trace_id"], failure["attempt"]]
            mode = failure["quality"], failure["subcategory"]
            self.tables[FailureHour][*_key(row, HOUR_MS), *mode]["n"] += sign
            for key in _glances(row, HOUR_MS):
                self.tables[GlanceFailureHour][*key, *mode]["n"] += sign
            for key in _glances(row, DAY_MS):
                self.tables[GlanceFailureDay][*key, *mode]["n"] += sign

    def apply(self, connection: Connection, *, shrinking: bool = False) -> None:
        """Upsert; `shrinking` says that something was taken away and rows may be empty now."""
        for table, changes in self.tables.items():
            keys, counted = _columns(table)
            rows = [
                dict(zip(keys, key, strict=True)) | {name: change[name] for name in counted}
                for key, change in sorted(changes.items())
                if any(change.values())
            ]
            if not rows:
                continue
            connection.execute(_upsert(table, connection.dialect.name), rows)
            if shrinking:
                connection.execute(
                    _forget(table), [{f"old_{k}": row[k] for k in keys} for row in rows]
                )


def rebuild(store: Store, since_ms: int = 0) -> int:
    """Build every rollup from the day of `since_ms` on anew; returns the evaluations counted.

    One transaction a day, so that writers wait for a day and no longer. Rollups outlive raw rows
    where those were dropped: do not rebuild from before that day.
    """
    first = since_ms - since_ms % DAY_MS
    with store.engines.read.begin() as connection:
        days = _days(connection, first)
    return sum(_rebuild_day(store, day) for day in days)


def contribution(
    connection: Connection, trace_id: str
) -> tuple[Sequence[Values], Sequence[Values]]:
    """What a stored trace has put into the rollups: its evaluations and its failure modes."""
    raw = table_of(EvaluationRow)
    return _raw(connection, raw.c.trace_id == trace_id)


def _days(connection: Connection, first: int) -> list[int]:
    created, built = table_of(EvaluationRow).c.created_ms, table_of(RollupDay).c.start_ms
    raw = select((created - created % DAY_MS).label("day")).where(created >= first)
    return sorted(connection.execute(raw.union(select(built).where(built >= first))).scalars())


def _rebuild_day(store: Store, day: int) -> int:
    created = table_of(EvaluationRow).c.created_ms
    change = Change()
    with store.engines.write.begin() as connection:
        if connection.dialect.name == "postgresql":
            # a save in flight is waited for; one that comes later adds to what is built here
            names = ", ".join(table_of(table).name for table in ROLLUPS)
            connection.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
        for table in ROLLUPS:
            start = table_of(table).c.start_ms
            connection.execute(delete(table).where(start >= day, start < day + DAY_MS))
        evaluations, failures = _raw(connection, (created >= day) & (created < day + DAY_MS))
        change.count(evaluations, failures)
        change.apply(connection)
    return len(evaluations)


def _raw(connection: Connection, which: Any) -> tuple[Sequence[Values], Sequence[Values]]:
    evaluation, failure = table_of(EvaluationRow), table_of(FailureRow)
    own = (failure.c.trace_id == evaluation.c.trace_id) & (failure.c.attempt == evaluation.c.number)
    counted = select(*(evaluation.c[name] for name in MEASURED)).where(which)
    modes = select(failure).join(evaluation, own).where(which)
    evaluations = [dict(row) for row in connection.execute(counted).mappings()]
    return evaluations, [dict(row) for row in connection.execute(modes).mappings()]


PLACE = ("project", "model", "policy", "category", "mode")
"""Columns of an evaluation that place it in a rollup, after its time."""

IN_FORCE = ("policy", "policy_fingerprint", "model")
"""Columns of an evaluation that say what was in force, before the hour."""

MEASURED = ("trace_id", "number", "created_ms", *PLACE, "policy_fingerprint", "standing", "first",
            "failed_judges", "score", "seconds", "cost", "delivered", "retried", "guarded",
            "added")  # fmt: skip
"""Columns of an evaluation that a rollup is made of."""


def _key(row: Values, width: int) -> Key:
    created = row["created_ms"]
    return (created - created % width, *(row[name] for name in PLACE))


def _glances(row: Values, width: int) -> list[Key]:
    """Where it counts among all, and among those of each of its names."""
    start = row["created_ms"] - row["created_ms"] % width
    return [("", start, ""), *((kind, start, row[kind]) for kind in PLACE)]


def _measures(row: Values) -> dict[str, int]:
    standing = row["standing"]
    score = row["score"]
    return {
        "evaluations": 1,
        standing: 1,
        "traces": int(row["first"]),
        "first_passed": int(row["first"] and standing == "passed"),
        "failed_judges": row["failed_judges"],
        "scored": int(score is not None),
        "score_millionths": whole(score or 0.0, 1_000_000),
        "microseconds": whole(row["seconds"], 1_000_000),
        "nanodollars": whole(row["cost"], 1_000_000_000),
        "delivered": int(row["delivered"]),
        "retried": int(row["retried"]),
        "guarded": int(row["guarded"]),
        "added_microseconds": whole(row["added"], 1_000_000),
    }


def _buckets(row: Values) -> list[tuple[str, int]]:
    """Where it falls in each histogram."""
    seconds = ("seconds", latency_bucket(row["seconds"]))
    score = row["score"]
    return [seconds] if score is None else [seconds, ("score", score_bucket(score))]


def _add(counter: Counter[str], measures: dict[str, int], sign: int) -> None:
    for name, value in measures.items():
        counter[name] += sign * value


@cache
def _columns(model: type[Row]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    columns = table_of(model).columns
    keys = tuple(column.name for column in columns if column.primary_key)
    return keys, tuple(column.name for column in columns if not column.primary_key)


@cache
def _upsert(model: type[Row], dialect: str) -> Any:
    """Building this statement takes SQLAlchemy longer than SQLite takes to run it."""
    keys, counted = _columns(model)
    insert = insert_into(model, dialect)
    sums = {name: table_of(model).c[name] + insert.excluded[name] for name in counted}
    return insert.on_conflict_do_update(index_elements=list(keys), set_=sums)


@cache
def _forget(model: type[Row]) -> Any:
    """Delete one row where nothing is left in it; only rows that this transaction has locked."""
    table = table_of(model)
    counted = table.c.n if "n" in table.c else table.c.evaluations
    same = [table.c[name] == bindparam(f"old_{name}") for name in _columns(model)[0]]
    return delete(table).where(counted == 0, *same)
