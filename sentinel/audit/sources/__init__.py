"""A path in, a source of entries out: a folder, a zip or tar, or a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from sentinel.audit.entries import Entry, Found
from sentinel.audit.sources.accounts import Account
from sentinel.audit.sources.archives import ENDINGS, Archive
from sentinel.audit.sources.columns import Map, mapping
from sentinel.audit.sources.filling import filled
from sentinel.audit.sources.gallery import Gallery
from sentinel.audit.sources.listing import Listing
from sentinel.audit.sources.places import let_go
from sentinel.audit.sources.tables import KINDS, kind_of
from sentinel.audit.sources.trees import Disk
from sentinel.audit.sources.words import embedded
from sentinel.errors import ConfigError

__all__ = ["Source", "completed", "embedded", "let_go", "mapping", "open_source"]


class Source(Protocol):
    """Entries that can be gone through again and again, in one order."""

    account: Account

    def entries(self) -> Iterator[Found]:
        """Everything it holds; `account` is complete at the end."""
        ...


def open_source(path: Path, said: Map, without: Path | None = None) -> Source:
    """The source at a path; ConfigError where it is none.

    `said` names columns (`mapping`); `without` is a folder that is not looked into.
    """
    if path.is_dir():
        return Gallery(Disk(path, without), said)
    if not path.is_file():
        raise ConfigError(f"{str(path)!r} is neither a folder nor a file; name what to audit")
    if path.name.lower().endswith(ENDINGS):
        return Gallery(Archive(path), said)
    if kind_of(path.name) is not None:
        return Listing(path, said)
    known = ", ".join((*ENDINGS, *KINDS))
    raise ConfigError(f"{path} is no source: name a folder or a file that ends with {known}")


def completed(entry: Entry, data: bytes, formats: tuple[str, ...]) -> Entry:
    """The entry with the words that its picture tells, where nothing else told its prompt."""
    if entry.prompt is not None:
        return entry
    return filled(entry, embedded(data, formats), "embedded")
