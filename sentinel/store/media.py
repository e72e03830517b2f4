"""Bytes in, their sha256 out; and back again until they expire.

Bytes lie in files named by their sha256, two folders deep; the database knows until when. Where
nothing is to be kept (`days` 0), `put` names the bytes and stores nothing. Files are not flushed
to the disk: one torn by a power cut no longer matches its name, and counts as gone.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Row, delete, select

from sentinel.errors import ConfigError, NotFound
from sentinel.store.engines import Engines
from sentinel.store.rollups import DAY_MS
from sentinel.store.tables import MediaRow, insert_into, table_of

MEDIA = table_of(MediaRow)

SHA256 = re.compile("[0-9a-f]{64}")

STALE_SECONDS = 3600
"""A file that no row knows and that is older than this was left by a process that died."""

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
        self, engines: Engines, root: Path, days: float, clock: Callable[[], int] = now_ms
    ) -> None:
        """ConfigError if `days` makes no sense or the folder cannot be written."""
        if not (math.isfinite(days) and days >= 0):
            raise ConfigError(f"media_days is {days}: give days to keep pictures, 0 to keep none")
        self._engines = engines
        self._root = root
        self._keep_ms = round(days * DAY_MS)
        self._clock = clock
        if self._keep_ms:
            _writable(root)

    def put(self, data: bytes) -> str:
        """Keep the bytes (again) and return their sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if self._keep_ms:
            temporary = self._write(sha256, data)
            try:
                self._enter(sha256, data, temporary)
            finally:
                temporary.unlink(missing_ok=True)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes; NotFound if they were never kept, have expired or are damaged."""
        self._known(sha256)
        try:
            data = self._path(sha256).read_bytes()
        except FileNotFoundError:
            data = b""
        if hashlib.sha256(data).hexdigest() != sha256:
            raise NotFound(f"picture {sha256} is gone or damaged on this machine's disk")
        return data

    def content_type(self, sha256: str) -> str:
        """The media type by the bytes' own signature; NotFound as for `get`."""
        return str(self._known(sha256).content_type)

    def sweep(self) -> int:
        """Delete what has expired and what dead processes left; returns the pictures deleted."""
        self._adopt_strays()
        now = self._clock()
        with self._engines.read.begin() as connection:
            expired = select(MEDIA.c.sha256).where(MEDIA.c.expires_ms <= now)
            names = list(connection.execute(expired).scalars())
        return sum(self._drop(name, now) for name in names)

    def _known(self, sha256: str) -> Row[Any]:
        if not SHA256.fullmatch(sha256):
            raise NotFound(f"{sha256[:80]!r} names no picture; a sha256 is 64 hex digits")
        wanted = select(MEDIA).where(MEDIA.c.sha256 == sha256, MEDIA.c.expires_ms > self._clock())
        with self._engines.read.begin() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f"picture {sha256} is not kept; it expired or never was")
        return row

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def _write(self, sha256: str, data: bytes) -> Path:
        folder = self._path(sha256).parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = folder / f"{sha256}.{secrets.token_hex(6)}.part"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        return temporary

    def _enter(self, sha256: str, data: bytes, temporary: Path) -> None:
        """Row and file name appear together: a sweep waits for the row's lock."""
        now = self._clock()
        row = _row(sha256, data, now) | {"expires_ms": now + self._keep_ms}
        with self._engines.write.begin() as connection:
            insert = insert_into(MediaRow, connection.dialect.name)
            longer = {"expires_ms": insert.excluded.expires_ms}
            connection.execute(
                insert.on_conflict_do_update(index_elements=["sha256"], set_=longer), row
            )
            temporary.replace(self._path(sha256))

    def _drop(self, sha256: str, now: int) -> int:
        gone = delete(MEDIA).where(MEDIA.c.sha256 == sha256, MEDIA.c.expires_ms <= now)
        with self._engines.write.begin() as connection:
            if not connection.execute(gone).rowcount:
                return 0  # put again meanwhile
            self._path(sha256).unlink(missing_ok=True)
        return 1

    def _adopt_strays(self) -> None:
        """Enter files without a row as expired, so that they go the way of all others."""
        before = time.time() - STALE_SECONDS
        for path in [path for path in self._root.glob("*/*/*") if _changed(path) < before]:
            if SHA256.fullmatch(path.name):
                with self._engines.write.begin() as connection:
                    insert = insert_into(MediaRow, connection.dialect.name).on_conflict_do_nothing()
                    connection.execute(insert, _row(path.name, b"", 0) | {"expires_ms": 0})
            elif path.suffix == ".part":
                path.unlink(missing_ok=True)


def _row(sha256: str, data: bytes, now: int) -> dict[str, Any]:
    return {
        "sha256": sha256, "bytes": len(data), "content_type": content_type_of(data),
        "created_ms": now,
    }  # fmt: skip


def content_type_of(data: bytes) -> str:
    """The media type by the bytes' own signature."""
    known = (kind for at, mark, kind in SIGNATURES if data[at : at + len(mark)] == mark)
    return next(known, "application/octet-stream")


def _changed(path: Path) -> float:
    """When a file last changed; now, if it went meanwhile."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return time.time()


def _writable(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = root / f".{secrets.token_hex(6)}.part"
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"media folder {str(root)!r} cannot be written ({error.strerror}); make it writable, "
            "set SENTINEL_MEDIA_FOLDER to another one, or SENTINEL_MEDIA_DAYS=0 to keep no pictures"
        ) from error
