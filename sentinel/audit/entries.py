"""What a source holds: entries that can be read, and what cannot be one, with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from sentinel.contracts import ReferenceKind

Code = Literal["unreadable", "missing", "invalid"]
"""Why something is no entry; the status of its row."""

Prompted = Literal["table", "json", "text", "embedded", ""]
"""Where a prompt came from: a column, a sidecar of either kind, the picture itself, nowhere."""


class Location(Protocol):
    """Where bytes lie. Survives pickling, so that another process may read them."""

    def read(self, most: int) -> bytes:
        """Up to `most` bytes; PictureError where there are more, or none can be had."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reference that an entry is compared with."""

    kind: ReferenceKind
    picture: Location


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture and what was asked of it."""

    key: str
    """Stable and unique: its path inside the source, or its row's number."""
    where: str
    """For people."""
    picture: Location
    prompt: str | None = None
    negative_prompt: str | None = None
    expected_text: tuple[str, ...] = ()
    palette: tuple[str, ...] = ()
    category: str | None = None
    references: tuple[Wanted, ...] = ()
    group: dict[str, str] = field(default_factory=dict)
    made_by: str | None = None
    prompted: Prompted = ""

    def read(self, most: int) -> bytes:
        """The picture's bytes, at most `most`; PictureError where they cannot be had."""
        return self.picture.read(most)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands in a source and can be no entry; it becomes a row all the same."""

    key: str
    where: str
    reason: str
    code: Code
    group: dict[str, str] = field(default_factory=dict)
    prompt: str | None = None


Found = Entry | Unreadable
