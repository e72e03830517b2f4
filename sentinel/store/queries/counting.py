"""Filters in, counts out of the rollups alone: whole, by hour or day, by group, by failure mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Engine, FromClause, func, select, union_all

from sentinel.store.queries.counts import (
    Counts,
    Span,
    counts_of,
    quantile,
    share,
    sums,
    wilson,
)
from sentinel.store.queries.filters import Filters, matching, within
from sentinel.store.rollup_tables import (
    GlanceDay,
    GlanceFailureDay,
    GlanceFailureHour,
    GlanceHour,
)
from sentinel.store.rollups import DAY_MS, HOUR_MS, SCORE_STEPS
from sentinel.store.tables import FailureHour, HistHour, RollupDay, RollupHour, table_of

Grouping = Literal["project", "model", "policy", "category", "mode"]


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts over the whole range, with latency in seconds at the median and at 95 %."""

    counts: Counts
    median_seconds: float | None
    p95_seconds: float | None


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How many evaluations failed (among other things) by this failure mode."""

    category: str
    subcategory: str
    evaluations: int


@dataclass(frozen=True, slots=True)
class Group:
    """Evaluations that share a name ("" where they have none), and how many of them passed."""

    name: str
    evaluations: int
    passed: int

    @property
    def pass_rate(self) -> float | None:
        """Share of them that passed."""
        return share(self.passed, self.evaluations)

    @property
    def pass_interval(self) -> tuple[float, float] | None:
        """Where that lies with 95 % confidence (Wilson)."""
        return wilson(self.passed, self.evaluations)


Source = tuple[FromClause, list[ColumnElement[bool]]]
"""A table of rollups, and the conditions that pick the rows that a question is about."""


class Counting:
    """What is answered from rollups: milliseconds, however many evaluations there are."""

    _engine: Engine

    def overview(self, filters: Filters | None = None) -> Overview:
        """Counts and latencies over the whole range."""
        filters = filters or Filters()
        buckets = self._buckets("seconds", filters)
        counts = self.counts(filters)
        return Overview(counts, quantile(buckets, 0.5), quantile(buckets, 0.95))

    def counts(self, filters: Filters) -> Counts:
        """Counts over the whole range."""
        table, conditions = _rollup(filters, hourly=filters.hourly)
        wanted = select(*sums(table)).where(*conditions)
        with self._engine.begin() as connection:
            return counts_of(connection.execute(wanted).one())

    def scores(self, filters: Filters) -> tuple[int, ...]:
        """How many evaluations have a score in each twentieth from 0 to 1."""
        found = dict(self._buckets("score", filters))
        return tuple(found.get(k, 0) for k in range(SCORE_STEPS))

    def by_hour(self, filters: Filters | None = None) -> tuple[Span, ...]:
        """Counts of every hour that has any, oldest first."""
        return self._spans(filters or Filters(), hourly=True)

    def by_day(self, filters: Filters | None = None) -> tuple[Span, ...]:
        """Counts of every UTC day that has any, oldest first."""
        return self._spans(filters or Filters(), hourly=False)

    def by(self, grouping: Grouping, filters: Filters, limit: int = 50) -> tuple[Group, ...]:
        """Evaluations by name of a group, most first."""
        table, conditions = _grouped(grouping, filters)
        column = table.c.name if "name" in table.c else table.c[grouping]
        total, passed = func.sum(table.c.evaluations), func.sum(table.c.passed)
        wanted = (
            select(column, total, passed)
            .where(*conditions)
            .group_by(column)
            .order_by(total.desc(), column)
            .limit(limit)
        )
        with self._engine.begin() as connection:
            rows = connection.execute(wanted).all()
        return tuple(Group(name, int(n), int(good)) for name, n, good in rows)

    def failure_modes(
        self, filters: Filters | None = None, limit: int = 20
    ) -> tuple[FailureCount, ...]:
        """The failure modes that most evaluations have, most frequent first."""
        table, conditions = _failures(filters or Filters())
        total = func.sum(table.c.n).label("total")
        wanted = (
            select(table.c.quality, table.c.subcategory, total)
            .where(*conditions)
            .group_by(table.c.quality, table.c.subcategory)
            .order_by(total.desc(), table.c.quality, table.c.subcategory)
            .limit(limit)
        )
        with self._engine.begin() as connection:
            rows = connection.execute(wanted).all()
        return tuple(FailureCount(quality, kind, int(n)) for quality, kind, n in rows)

    def _buckets(self, metric: str, filters: Filters) -> list[tuple[int, int]]:
        table = table_of(HistHour)
        wanted = (
            select(table.c.k, func.sum(table.c.n))
            .where(table.c.metric == metric, *matching(table, filters, _width(filters.hourly)))
            .group_by(table.c.k)
            .order_by(table.c.k)
        )
        with self._engine.begin() as connection:
            return [(k, int(n)) for k, n in connection.execute(wanted)]

    def _spans(self, filters: Filters, *, hourly: bool) -> tuple[Span, ...]:
        table, conditions = _rollup(filters, hourly=hourly)
        start = table.c.start_ms
        wanted = select(start, *sums(table)).where(*conditions).group_by(start).order_by(start)
        with self._engine.begin() as connection:
            rows = connection.execute(wanted).all()
        return tuple(Span(row.start_ms, counts_of(row)) for row in rows)


def _rollup(filters: Filters, *, hourly: bool) -> Source:
    """Counts: of one name or of all where that is asked, else of every combination of names."""
    if len(filters.named) > 1:
        table = table_of(RollupHour if hourly else RollupDay)
        return table, matching(table, filters, _width(hourly))
    table = table_of(GlanceHour if hourly else GlanceDay)
    return table, _glance(table, filters, hourly=hourly)


def _grouped(grouping: Grouping, filters: Filters) -> Source:
    """Counts that can be told apart by the names of one kind."""
    if any(kind != grouping for kind, _ in filters.named):
        if filters.hourly:
            return _days_and_hours(grouping, filters), []
        table = table_of(RollupDay)
        return table, matching(table, filters, DAY_MS)
    table = table_of(GlanceHour if filters.hourly else GlanceDay)
    times = within(table.c.start_ms, filters, _width(filters.hourly))
    names = [table.c.name == name for _, name in filters.named]
    return table, [table.c.kind == grouping, *times, *names]


def _days_and_hours(grouping: Grouping, filters: Filters) -> FromClause:
    """Every combination of names over a range of hours: by the day where it holds days whole.

    A week read by the hour alone has some twenty times as many rows.
    """
    hour, day = table_of(RollupHour), table_of(RollupDay)
    since = filters.since_ms - filters.since_ms % HOUR_MS
    until = None if filters.until_ms is None else -(-filters.until_ms // HOUR_MS) * HOUR_MS
    first = -(-since // DAY_MS) * DAY_MS
    last = None if until is None else max(first, until // DAY_MS * DAY_MS)
    # one bound a side: of two, SQLite may look at the wider one
    ranges = [(day, first, last), (hour, since, first if until is None else min(first, until))]
    if last is not None:
        ranges.append((hour, last, until))
    return union_all(*(
        select(each.c[grouping], each.c.evaluations, each.c.passed).where(
            *(each.c[kind] == name for kind, name in filters.named),
            each.c.start_ms >= low,
            *(() if high is None else (each.c.start_ms < high,)),
        )
        for each, low, high in ranges
    )).subquery()  # fmt: skip


def _failures(filters: Filters) -> Source:
    """Failure modes: of one name or of all, else of every combination (kept by the hour alone)."""
    if len(filters.named) > 1:
        table = table_of(FailureHour)
        return table, matching(table, filters, _width(filters.hourly))
    table = table_of(GlanceFailureHour if filters.hourly else GlanceFailureDay)
    return table, _glance(table, filters, hourly=filters.hourly)


def _glance(table: FromClause, filters: Filters, *, hourly: bool) -> list[ColumnElement[bool]]:
    kind, name = next(iter(filters.named), ("", ""))
    times = within(table.c.start_ms, filters, _width(hourly))
    return [table.c.kind == kind, table.c.name == name, *times]


def _width(hourly: bool) -> int:  # noqa: FBT001 - the one thing it depends on
    return HOUR_MS if hourly else DAY_MS
