"""What somebody asks about in, conditions of a statement out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause

from sentinel.store.rollups import DAY_MS
from sentinel.store.tables import name

HOURLY_UP_TO_MS = 7 * DAY_MS
"""Ranges up to a week are counted by the hour, longer ones by the day: an hourly count over 90
days takes thirty times as long as a daily one."""

PLACES = ("project", "model", "policy", "category", "mode")
"""What can be filtered by, as columns."""


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

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """What is filtered by but time, as column and name."""
        found = ((place, getattr(self, place)) for place in PLACES)
        return tuple((place, name(wanted)) for place, wanted in found if wanted is not None)


def matching(table: FromClause, filters: Filters, width: int) -> list[ColumnElement[bool]]:
    """Conditions on a rollup (by the start of its `width`) or, with width 1, on single rows."""
    moment = table.c.created_ms if width == 1 else table.c.start_ms
    conditions = within(moment, filters, width)
    return conditions + [table.c[column] == wanted for column, wanted in filters.named]


def within(moment: ColumnElement[Any], filters: Filters, width: int) -> list[ColumnElement[bool]]:
    """Conditions on a time: whole widths that the range touches."""
    conditions = [moment >= filters.since_ms - filters.since_ms % width]
    if filters.until_ms is not None:
        conditions.append(moment < -(-filters.until_ms // width) * width)
    return conditions
