"""Bytes in, their sha256 out; and back again until they expire.

Bytes lie on a shelf (`sentinel.store.shelves`: a folder, or any target that fsspec reaches) under
their sha256; the database knows until when. Where nothing is to be kept (`days` 0), `put` names
the bytes and stores nothing. Files are not flushed to the disk: one torn by a power cut no longer
matches its name, and counts as gone.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Insert, Row, bindparam, delete, select, update

from sentinel.errors import ConfigError, MediaAway, NotFound, SentinelError
from sentinel.store.engines import Engines
from sentinel.store.rollups import DAY_MS
from sentinel.store.shelves import SHA256, Shelf, shelf
from sentinel.store.tables import MediaRow, insert_into, table_of

MEDIA = table_of(MediaRow)

ALIVE = select(MEDIA.c.sha256).where(
    MEDIA.c.sha256 == bindparam("name"), MEDIA.c.expires_ms > bindparam("now")
)

log = logging.getLogger(__name__)

SIGNATURES = (
    (0, b"\x89PNG\r\n", "image/png"), (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"), (0, b"GIF8", "image/gif"), (4, b"ftypavi", "image/avif"),
)  # fmt: skip
"""Offset, bytes and type of what Sentinel reads; everything else is served as plain bytes."""


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


class Media:
    """Pictures by sha256, each kept `days` days from the last time it was put."""

    def __init__(
        self,
        engines: Engines,
        place: str | Path | Shelf,
        days: float,
        clock: Callable[[], int] = now_ms,
        *,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """ConfigError if `days` makes no sense or the folder or target cannot be written."""
        if not (math.isfinite(days) and days >= 0):
            raise ConfigError(f"media_days is {days}: give days to keep pictures, 0 to keep none")
        self._engines = engines
        self._keep_ms = round(days * DAY_MS)
        self._clock = clock
        self._place = place
        self._options = options
        self._opened: Shelf | None = None
        self.elsewhere: Callable[[str], bytes | None] = lambda _: None
        """Who is asked for a picture first: what is not kept may wait for its caller there."""
        if self._keep_ms:
            self._shelf()

    @property
    def keeps(self) -> bool:
        """False where nothing is kept, and no address of a picture would lead anywhere."""
        return bool(self._keep_ms)

    def put(self, data: bytes) -> str:
        """Keep the bytes (again) and return their sha256; MediaAway where the target is away."""
        sha256 = hashlib.sha256(data).hexdigest()
        if self._keep_ms:
            now = self._clock()
            entered = False
            try:
                with self._shelf().lay(sha256, data) as settle:
                    entered = self._enter(sha256, data, now, settle)
            except MediaAway:
                if entered:
                    self._withdraw(sha256, now)
                raise
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes; NotFound if they were never kept, have expired or are damaged.

        MediaAway where the target does not answer.
        """
        if (waiting := self.elsewhere(sha256)) is not None:
            return waiting
        self._known(sha256)
        try:
            data = self._shelf().fetch(sha256)
        except FileNotFoundError:
            data = b""
        if hashlib.sha256(data).hexdigest() != sha256:
            raise NotFound(f"picture {sha256} is gone or damaged where pictures are kept")
        return data

    def content_type(self, sha256: str) -> str:
        """The media type by the bytes' own signature; NotFound as for `get`."""
        return str(self._known(sha256).content_type)

    def sweep(self) -> int:
        """Delete what has expired and what dead processes left; returns the pictures deleted.

        MediaAway where the target does not answer; what is left is deleted the next time.
        """
        if self._keep_ms:
            self._adopt_strays()
        now = self._clock()
        with self._engines.read.begin() as connection:
            expired = select(MEDIA.c.sha256).where(MEDIA.c.expires_ms <= now)
            names = list(connection.execute(expired).scalars())
        if names:
            self._shelf().reach()  # nobody is to hold the database's lock to find out
        return sum(self._drop(name, now) for name in names)

    def _shelf(self) -> Shelf:
        """Opened when it is first needed: nothing may ever have been kept."""
        if self._opened is None:
            place = self._place
            self._opened = shelf(place, self._options) if isinstance(place, str | Path) else place
        return self._opened

    def _known(self, sha256: str) -> Row[Any]:
        if not SHA256.fullmatch(sha256):
            raise NotFound(f"{sha256[:80]!r} names no picture; a sha256 is 64 hex digits")
        wanted = select(MEDIA).where(MEDIA.c.sha256 == sha256, MEDIA.c.expires_ms > self._clock())
        with self._engines.read.begin() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f"picture {sha256} is not kept; it expired or never was")
        return row

    def _enter(self, sha256: str, data: bytes, now: int, settle: Callable[[], None]) -> bool:
        """The row, and within its lock whatever goes with it; whether it is a new one."""
        row = _row(sha256, data, now) | {"expires_ms": now + self._keep_ms}
        with self._engines.write.begin() as connection:
            found = connection.execute(ALIVE, {"name": sha256, "now": now})
            fresh = found.first() is None
            connection.execute(_upsert(connection.dialect.name), row)
            settle()
        return fresh

    def _withdraw(self, sha256: str, now: int) -> None:
        """Take back a row whose bytes did not get there, unless somebody else put them."""
        same = (MEDIA.c.sha256 == sha256, MEDIA.c.expires_ms == now + self._keep_ms)
        try:
            with self._engines.write.begin() as connection:
                connection.execute(update(MEDIA).where(*same).values(expires_ms=0))
        except SentinelError as error:  # the row says more than there is, until it expires
            log.warning("the row of picture %s stays: %s", sha256, error)

    def _drop(self, sha256: str, now: int) -> int:
        gone = delete(MEDIA).where(MEDIA.c.sha256 == sha256, MEDIA.c.expires_ms <= now)
        with self._engines.write.begin() as connection:
            if not connection.execute(gone).rowcount:
                return 0  # put again meanwhile
            self._shelf().drop(sha256)
        return 1

    def _adopt_strays(self) -> None:
        """Enter files without a row as expired, so that they go the way of all others."""
        for sha256 in self._shelf().strays():
            with self._engines.write.begin() as connection:
                insert = insert_into(MediaRow, connection.dialect.name).on_conflict_do_nothing()
                connection.execute(insert, _row(sha256, b"", 0) | {"expires_ms": 0})


@cache
def _upsert(dialect: str) -> Insert:
    """A new row, or a longer life for the old one; building it takes as long as running it."""
    insert = insert_into(MediaRow, dialect)
    longer = {"expires_ms": insert.excluded.expires_ms}
    return insert.on_conflict_do_update(index_elements=["sha256"], set_=longer)


def _row(sha256: str, data: bytes, now: int) -> dict[str, Any]:
    return {
        "sha256": sha256, "bytes": len(data), "content_type": content_type_of(data),
        "created_ms": now,
    }  # fmt: skip


def content_type_of(data: bytes) -> str:
    """The media type by the bytes' own signature."""
    known = (kind for at, mark, kind in SIGNATURES if data[at : at + len(mark)] == mark)
    return next(known, "application/octet-stream")
