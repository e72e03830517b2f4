"""Filters in, counts out of the rollups alone: whole, by hour or day, by group, by failure mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Engine, func, select

from sentinel.store.queries.counts import Counts, Span, counts_of, quantile, sums
from sentinel.store.queries.filters import Filters, matching
from sentinel.store.rollup_tables import FailureDay, HistDay
from sentinel.store.rollups import DAY_MS, HOUR_MS, SCORE_STEPS
from sentinel.store.tables import FailureHour, HistHour, RollupDay, RollupHour, Row, table_of

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
    """Counts of all evaluations that share a name; "" where they have none."""

    name: str
    counts: Counts


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
        table = table_of(RollupHour if filters.hourly else RollupDay)
        wanted = select(*sums(table)).where(*matching(table, filters, _width(filters)))
        with self._engine.begin() as connection:
            return counts_of(connection.execute(wanted).one())

    def scores(self, filters: Filters) -> tuple[int, ...]:
        """How many evaluations have a score in each twentieth from 0 to 1."""
        found = dict(self._buckets("score", filters))
        return tuple(found.get(k, 0) for k in range(SCORE_STEPS))

    def by_hour(self, filters: Filters | None = None) -> tuple[Span, ...]:
        """Counts of every hour that has any, oldest first."""
        return self._spans(RollupHour, filters or Filters(), HOUR_MS)

    def by_day(self, filters: Filters | None = None) -> tuple[Span, ...]:
        """Counts of every UTC day that has any, oldest first."""
        return self._spans(RollupDay, filters or Filters(), DAY_MS)

    def by(self, grouping: Grouping, filters: Filters, limit: int = 50) -> tuple[Group, ...]:
        """Counts by name of a group, most evaluations first."""
        table = table_of(RollupHour if filters.hourly else RollupDay)
        column, total = table.c[grouping], func.sum(table.c.evaluations)
        wanted = (
            select(column.label("group"), *sums(table))
            .where(*matching(table, filters, _width(filters)))
            .group_by(column)
            .order_by(total.desc(), column)
            .limit(limit)
        )
        with self._engine.begin() as connection:
            return tuple(Group(row.group, counts_of(row)) for row in connection.execute(wanted))

    def failure_modes(
        self, filters: Filters | None = None, limit: int = 20
    ) -> tuple[FailureCount, ...]:
        """The failure modes that most evaluations have, most frequent first."""
        filters = filters or Filters()
        table = table_of(FailureHour if filters.hourly else FailureDay)
        total = func.sum(table.c.n).label("total")
        wanted = (
            select(table.c.quality, table.c.subcategory, total)
            .where(*matching(table, filters, _width(filters)))
            .group_by(table.c.quality, table.c.subcategory)
            .order_by(total.desc(), table.c.quality, table.c.subcategory)
            .limit(limit)
        )
        with self._engine.begin() as connection:
            rows = connection.execute(wanted).all()
        return tuple(FailureCount(quality, kind, int(n)) for quality, kind, n in rows)

    def _buckets(self, metric: str, filters: Filters) -> list[tuple[int, int]]:
        table = table_of(HistHour if filters.hourly else HistDay)
        wanted = (
            select(table.c.k, func.sum(table.c.n))
            .where(table.c.metric == metric, *matching(table, filters, _width(filters)))
            .group_by(table.c.k)
            .order_by(table.c.k)
        )
        with self._engine.begin() as connection:
            return [(k, int(n)) for k, n in connection.execute(wanted)]

    def _spans(self, model: type[Row], filters: Filters, width: int) -> tuple[Span, ...]:
        table = table_of(model)
        start = table.c.start_ms
        wanted = (
            select(start, *sums(table))
            .where(*matching(table, filters, width))
            .group_by(start)
            .order_by(start)
        )
        with self._engine.begin() as connection:
            rows = connection.execute(wanted).all()
        return tuple(Span(row.start_ms, counts_of(row)) for row in rows)


def _width(filters: Filters) -> int:
    return HOUR_MS if filters.hourly else DAY_MS
