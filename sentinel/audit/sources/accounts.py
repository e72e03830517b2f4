"""What was understood of a source and what was not, counted while it is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sentinel.audit.entries import Entry, Found

MANY = 50
"""Tables and notes that are told; a source with thousands of folders may have as many tables."""


@dataclass(frozen=True, slots=True)
class TableTold:
    """A table: its name, which column it took for what, and the columns it made nothing of."""

    name: str
    used: dict[str, tuple[str, ...]]
    unused: tuple[str, ...]


@dataclass(slots=True)
class Account:
    """Counts; filled in as a source is gone through, and begun anew each time."""

    entries: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    """Things that can be no entry, by code."""
    prompted: Counter[str] = field(default_factory=Counter)
    """Where prompts came from; "" counts entries that have none beside them."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Files that are neither pictures nor beside one, by the end of their name."""
    tables: list[TableTold] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def count(self, found: Found) -> Found:
        """Count one thing found, and give it back."""
        if isinstance(found, Entry):
            self.entries += 1
            self.prompted[found.prompted] += 1
        else:
            self.problems[found.code] += 1
        return found

    def note(self, text: str) -> None:
        """Keep a note, once, and not too many."""
        if text not in self.notes and len(self.notes) < MANY:
            self.notes.append(text)

    def table(self, told: TableTold) -> None:
        """Keep what was made of a table, and not of too many."""
        if len(self.tables) < MANY:
            self.tables.append(told)
