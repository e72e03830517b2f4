"""Filters in, what a dashboard shows out. Counts come from rollups, lists from the rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, FromClause, func, select, tuple_

from sentinel.store.rollups import DAY_MS, HOUR_MS, STEPS_PER_OCTAVE
from sentinel.store.tables import (
    FailureHour,
    HistHour,
    RollupDay,
    RollupHour,
    Row,
    TraceRow,
    name,
    table_of,
)

HOURLY_UP_TO_MS = 7 * DAY_MS
"""Ranges up to a week are counted by the hour, longer ones by the day: an hourly count over 90
days takes thirty times as long as a daily one."""

PAGE_CAP = 500
"""Most traces that one page may list."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is counted. None means all; "" means those that name none.

    Times are milliseconds since 1970 UTC; `until_ms` is exclusive. Counts are of whole hours,
    or of whole UTC days where the range (up to now, where it is open) is longer than a week.
    """

    since_ms: int = 0
    until_ms: int | None = None
    project: str | None = None
    model: str | None = None
    policy: str | None = None
    category: str | None = None
    mode: str | None = None

    @property
    def hourly(self) -> bool:
        """Whether the range is short enough for hours."""
        until = time.time() * 1000 if self.until_ms is None else self.until_ms
        return until - self.since_ms <= HOURLY_UP_TO_MS


@dataclass(frozen=True, slots=True)
class Counts:
    """passed + failed + refused + undecided = evaluations. Seconds are per evaluation."""

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

    @property
    def pass_rate(self) -> float | None:
        """Share of evaluations that passed; None where there are none."""
        return self.passed / self.evaluations if self.evaluations else None


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts over the whole range, with latency in seconds at the median and at 95 %."""

    counts: Counts
    median_seconds: float | None
    p95_seconds: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """Counts of one hour or day that begins at `start_ms`."""

    start_ms: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How many evaluations failed (among other things) by this failure mode."""

    category: str
    subcategory: str
    evaluations: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A trace in a list."""

    id: str
    created_ms: int
    project: str
    model: str
    policy: str
    category: str
    mode: str
    action: str | None
    standing: str | None
    score: float | None
    attempts: int
    seconds: float
    cost: float


@dataclass(frozen=True, slots=True)
class Page:
    """Traces, newest first; `next` is what `recent(before=…)` continues from."""

    traces: tuple[Listed, ...]
    next: tuple[int, str] | None


class Queries:
    """The store as dashboards see it."""

    def __init__(self, engine: Engine) -> None:
        """Read through `engine`."""
        self._engine = engine

    def overview(self, filters: Filters | None = None) -> Overview:
        """Counts and latencies over the whole range."""
        filters = filters or Filters()
        table = table_of(RollupHour if filters.hourly else RollupDay)
        hist = table_of(HistHour)
        width = HOUR_MS if filters.hourly else DAY_MS
        sums = select(*_sums(table)).where(*_matching(table, filters, width))
        buckets = (
            select(hist.c.k, func.sum(hist.c.n))
            .where(hist.c.metric == "seconds", *_matching(hist, filters, width))
            .group_by(hist.c.k)
            .order_by(hist.c.k)
        )
        with self._engine.begin() as connection:
            counts = _counts(connection.execute(sums).one())
            latencies = [(k, int(n)) for k, n in connection.execute(buckets)]
        return Overview(counts, quantile(latencies, 0.5), quantile(latencies, 0.95))

    def by_hour(self, filters: Filters | None = None) -> tuple[Span, ...]:
        """Counts of every hour that has any, oldest first."""
        return self._spans(RollupHour, filters or Filters(), HOUR_MS)

    def by_day(self, filters: Filters | None = None) -> tuple[Span, ...]:
        """Counts of every UTC day that has any, oldest first."""
        return self._spans(RollupDay, filters or Filters(), DAY_MS)

    def failure_modes(
        self, filters: Filters | None = None, limit: int = 20
    ) -> tuple[FailureCount, ...]:
        """The failure modes that most evaluations have, most frequent first."""
        filters = filters or Filters()
        table = table_of(FailureHour)
        total = func.sum(table.c.n).label("total")
        wanted = (
            select(table.c.quality, table.c.subcategory, total)
            .where(*_matching(table, filters, HOUR_MS if filters.hourly else DAY_MS))
            .group_by(table.c.quality, table.c.subcategory)
            .order_by(total.desc(), table.c.quality, table.c.subcategory)
            .limit(limit)
        )
        with self._engine.begin() as connection:
            rows = connection.execute(wanted).all()
        return tuple(FailureCount(quality, kind, int(n)) for quality, kind, n in rows)

    def recent(
        self,
        filters: Filters | None = None,
        *,
        standing: str | None = None,
        before: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> Page:
        """Traces, newest first, a page at a time; times are exact here."""
        table = table_of(TraceRow)
        limit = max(1, min(limit, PAGE_CAP))
        conditions = _matching(table, filters or Filters(), 1)
        if standing is not None:
            conditions.append(table.c.standing == standing)
        if before is not None:
            conditions.append(tuple_(table.c.created_ms, table.c.id) < before)
        columns = [table.c[column] for column in Listed.__slots__]
        newest = (table.c.created_ms.desc(), table.c.id.desc())
        wanted = select(*columns).where(*conditions).order_by(*newest).limit(limit + 1)
        with self._engine.begin() as connection:
            found = [Listed(**row) for row in connection.execute(wanted).mappings()]
        page, more = tuple(found[:limit]), len(found) > limit
        return Page(page, (page[-1].created_ms, page[-1].id) if more else None)

    def _spans(self, model: type[Row], filters: Filters, width: int) -> tuple[Span, ...]:
        table = table_of(model)
        start = table.c.start_ms
        wanted = (
            select(start, *_sums(table))
            .where(*_matching(table, filters, width))
            .group_by(start)
            .order_by(start)
        )
        with self._engine.begin() as connection:
            rows = connection.execute(wanted).all()
        return tuple(Span(row.start_ms, _counts(row)) for row in rows)


def quantile(buckets: Sequence[tuple[int, int]], share: float) -> float | None:
    """Seconds below which `share` of the evaluations lie, interpolated inside its bucket."""
    rank = share * sum(n for _, n in buckets)
    passed = 0
    for k, n in buckets:
        if n and passed + n >= rank:
            within = (rank - passed) / n
            return float(2 ** ((k + within) / STEPS_PER_OCTAVE) / 1000)
        passed += n
    return None


def _matching(table: FromClause, filters: Filters, width: int) -> list[ColumnElement[bool]]:
    """Conditions on a rollup (by the start of its `width`) or, with width 1, on traces."""
    moment = table.c.created_ms if width == 1 else table.c.start_ms
    conditions: list[ColumnElement[bool]] = [moment >= filters.since_ms - filters.since_ms % width]
    if filters.until_ms is not None:
        conditions.append(moment < -(-filters.until_ms // width) * width)
    for column in ("project", "model", "policy", "category", "mode"):
        wanted = getattr(filters, column)
        if wanted is not None:
            conditions.append(table.c[column] == name(wanted))
    return conditions


def _sums(table: FromClause) -> list[Any]:
    columns = [column for column in table.c if not column.primary_key]
    return [func.coalesce(func.sum(column), 0).label(column.name) for column in columns]


def _counts(row: Any) -> Counts:
    evaluations, scored = int(row.evaluations), int(row.scored)
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
    )
