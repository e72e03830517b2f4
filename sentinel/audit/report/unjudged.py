"""Rows that could not be judged in, their reasons out: the commonest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sentinel.audit.rows import Row

NAMED = 5
"""Entries that are named for a reason; a folder of a thousand foreign files is one line."""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A reason, how many entries have it, and the first of them by key."""

    status: str
    reason: str
    entries: int
    keys: tuple[str, ...]


def by_reason(rows: Iterable[Row]) -> tuple[Unjudged, ...]:
    """The reasons of these rows; equally common ones in the order of the source."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        found.setdefault((row.status, row.reason), []).append(row.key)
    lines = [
        Unjudged(status, reason, len(keys), tuple(keys[:NAMED]))
        for (status, reason), keys in found.items()
    ]
    return tuple(sorted(lines, key=lambda each: -each.entries))
