"""An address's query in, filters out; and filters in, an address that shows the same again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from sentinel.store.queries import HOURLY_UP_TO_MS, PLACES, Filters

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

RANGES: Mapping[str, tuple[int, str]] = {
    "24h": (DAY_MS, "24 hours"),
    "7d": (7 * DAY_MS, "7 days"),
    "30d": (30 * DAY_MS, "30 days"),
    "90d": (90 * DAY_MS, "90 days"),
    "1y": (365 * DAY_MS, "year"),
}
"""Ranges on offer: milliseconds, and as it is said ("the last 7 days")."""

USUAL = "7d"

LONGEST = 100
"""Characters of a name in an address that are looked at; kept names are no longer."""

NOBODY = "(none)"
"""Stands in an address for those that name none; a name cannot be told from an absent one else."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for. `span` is a key of RANGES; None is "all of this kind"."""

    span: str = USUAL
    project: str | None = None
    model: str | None = None
    policy: str | None = None
    category: str | None = None
    mode: str | None = None

    @property
    def length_ms(self) -> int:
        """Milliseconds of the range."""
        return RANGES[self.span][0]

    @property
    def words(self) -> str:
        """The range as it is said: "the last 7 days"."""
        return f"the last {RANGES[self.span][1]}"

    def filters(self, now_ms: int | None = None, *, back: int = 0) -> Filters:
        """Whole hours (or UTC days, beyond a week) up to the one under way; `back` ranges ago."""
        now = int(time.time() * 1000) if now_ms is None else now_ms
        width = HOUR_MS if self.length_ms <= HOURLY_UP_TO_MS else DAY_MS
        until = now - now % width + width - back * self.length_ms
        names = {place: getattr(self, place) for place in PLACES}
        return Filters(since_ms=until - self.length_ms, until_ms=until, **names)

    def query(self, **changed: str | None) -> str:
        """The query of an address that asks for this, but for what is changed (None takes away)."""
        told = {"range": None if self.span == USUAL else self.span}
        told |= {place: _told(getattr(self, place)) for place in PLACES}
        told |= changed
        kept = {key: value for key, value in told.items() if value is not None}
        return f"?{urlencode(kept)}" if kept else "?"

    @property
    def narrowed(self) -> bool:
        """Whether anything but the range is filtered by."""
        return any(getattr(self, place) is not None for place in PLACES)


def read(query: Mapping[str, str]) -> Asked:
    """What a query asks for; what it cannot ask for is left out, so that a link always opens."""
    span = query.get("range", USUAL)
    named = {place: _named(query.get(place, "")) for place in PLACES}
    return Asked(span if span in RANGES else USUAL, **named)


def _named(text: str) -> str | None:
    if text == NOBODY:
        return ""
    return text[:LONGEST] or None


def _told(name: str | None) -> str | None:
    return NOBODY if name == "" else name
