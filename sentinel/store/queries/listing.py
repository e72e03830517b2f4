"""Filters in, traces out, newest first, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select, tuple_

from sentinel.store.queries.filters import Filters, matching
from sentinel.store.tables import TraceRow, table_of

PAGE_CAP = 500
"""Most traces that one page may list."""


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


class Listing:
    """Traces one by one."""

    _engine: Engine

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
        conditions = matching(table, filters or Filters(), 1)
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
