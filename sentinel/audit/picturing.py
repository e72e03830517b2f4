"""Keys in, their pictures out of the source again: for what a report shows, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel.audit.entries import Entry
from sentinel.audit.sources import Source
from sentinel.errors import PictureError


def pictures_of(source: Source, keys: set[str], most: int) -> Iterator[tuple[str, bytes]]:
    """Each wanted entry's key and bytes, at most `most` of them, in the source's order.

    One that cannot be read any more is left out. Stops when all are found.
    """
    wanted = set(keys)
    for found in source.entries():
        if not wanted:
            return
        if found.key not in wanted:
            continue
        wanted.discard(found.key)
        if isinstance(found, Entry):
            try:
                data = found.read(most)
            except PictureError:
                continue
            yield found.key, data
