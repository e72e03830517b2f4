"""Filters in, what a dashboard shows out. Counts come from rollups, lists from the rows.

A room each: `filters` what is asked about, `counts` what is counted, `counting` from rollups,
`wall` pictures, `listing` traces, `history` what was in force,
`readings` what every judge said. A page that needs another question adds a class in a file of its
own, and names it among the bases of `Queries`.
"""

from __future__ import annotations

from sqlalchemy import Engine

from sentinel.store.queries.counting import Counting, FailureCount, Group, Grouping, Overview
from sentinel.store.queries.counts import Counts, Span, quantile, share, together, wilson
from sentinel.store.queries.filters import HOURLY_UP_TO_MS, PLACES, Filters
from sentinel.store.queries.history import History, Names, Turn
from sentinel.store.queries.listing import Listed, Listing, Page
from sentinel.store.queries.readings import READINGS_CAP, Judged, Readings
from sentinel.store.queries.wall import (
    Order,
    Pictured,
    PicturePage,
    Place,
    Said,
    Wall,
    Wanted,
)

__all__ = [
    "HOURLY_UP_TO_MS", "PLACES", "READINGS_CAP", "Counts", "FailureCount", "Filters", "Group",
    "Grouping", "Judged", "Listed", "Names", "Order", "Overview", "Page", "PicturePage",
    "Pictured", "Place", "Queries", "Said", "Span", "Turn", "Wanted", "quantile", "share",
    "together", "wilson",
]  # fmt: skip


class Queries(Counting, Wall, Listing, History, Readings):
    """The store as dashboards see it. Blocking; safe in threads."""

    def __init__(self, engine: Engine) -> None:
        """Read through `engine`."""
        self._engine = engine
