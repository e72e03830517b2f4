"""A place in, its bytes out: a file, a member of an archive, a cell of a parquet file.

A place is a small value that another process can read. Reading is bounded: whoever declares a
small size and holds a large one is found out at the bound.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import threading
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast

from sentinel.errors import MissingRequirement, PictureError

OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
"""How a compressed tar is opened, by its first bytes."""

BROKEN = (OSError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError,
          NotImplementedError, ValueError)  # fmt: skip
"""What the readers of archives raise on damage, a password or a method they do not know."""


@dataclass(frozen=True, slots=True)
class FileAt:
    """A file on disk."""

    path: str

    def read(self, most: int) -> bytes:
        """Its bytes; PictureError where it is gone, no regular file, or too large."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - the path may hold bytes that are no text
            if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for, a device never ends
                raise _unreadable("it is no regular file")
            with open(self.path, "rb") as stream:  # noqa: PTH123 - as above
                return bounded(stream, most)
        except FileNotFoundError as error:
            raise PictureError("picture_missing", "there is no such file") from error
        except OSError as error:
            raise _unreadable(f"it cannot be read ({error.strerror or error})") from error


@dataclass(frozen=True, slots=True)
class ZippedAt:
    """A member of a zip, by its place in the directory: names may occur twice."""

    archive: str
    number: int

    def read(self, most: int) -> bytes:
        """Its bytes; PictureError where they are damaged, encrypted or too many."""
        archive, lock = _handle(self.archive, zipfile.ZipFile)
        try:
            with lock, archive.open(archive.infolist()[self.number]) as stream:
                return bounded(stream, most)
        except BROKEN as error:
            raise _unreadable(f"it cannot be taken out of the zip ({error})") from error


@dataclass(frozen=True, slots=True)
class TarredAt:
    """A member of a tar, by its offset in the uncompressed stream."""

    archive: str
    offset: int
    size: int

    def read(self, most: int) -> bytes:
        """Its bytes; PictureError where they are cut short or too many."""
        if self.size > most:
            raise _too_large(most)
        stream, lock = _handle(self.archive, uncompressed)
        try:
            with lock:
                stream.seek(self.offset)
                data: bytes = stream.read(self.size)
        except BROKEN as error:
            raise _unreadable(f"it cannot be taken out of the tar ({error})") from error
        if len(data) < self.size:
            raise _unreadable("the tar ends before it does")
        return data


@dataclass(frozen=True, slots=True)
class CellAt:
    """A picture that lies in a parquet file: bytes, or a struct with a field `bytes`."""

    path: str
    column: str
    group: int
    row: int

    def read(self, most: int) -> bytes:
        """Its bytes; PictureError where the cell holds none or too many."""
        import pyarrow as pa  # noqa: PLC0415 - an extra; the cell was found with it

        try:
            value = _cells(self.path, self.column, self.group)[self.row].as_py()
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(f"its parquet file is damaged ({error})") from error
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise _unreadable("its cell holds no bytes")
        if len(data) > most:
            raise _too_large(most)
        return data


def bounded(stream: IO[bytes], most: int) -> bytes:
    """All of a stream, up to `most` bytes; PictureError where there is more."""
    data = stream.read(most + 1)
    if len(data) > most:
        raise _too_large(most)
    return data


def _too_large(most: int) -> PictureError:
    told = f"it has more than {most / 1e6:.0f} MB (SENTINEL_BODY_MB allows more)"
    return PictureError("picture_too_large", told)


def _unreadable(told: str) -> PictureError:
    return PictureError("picture_unreadable", told)


Opened = dict[str, tuple[Any, threading.Lock]]

_opened: Opened = {}
"""Archives that members were read from, with a lock each: they are opened once a process."""

_opening = threading.Lock()


def _handle(path: str, opener: Callable[[str], Any]) -> tuple[Any, threading.Lock]:
    with _opening:
        if path not in _opened:
            _opened[path] = (opener(path), threading.Lock())
        return _opened[path]


def let_go() -> None:
    """Close every archive that members were read from."""
    with _opening:
        while _opened:
            _, (handle, lock) = _opened.popitem()
            with lock:
                handle.close()
    _cells.cache_clear()


def uncompressed(path: str | Path) -> IO[bytes]:
    """A tar as a stream of its uncompressed bytes, by its first bytes and not by its name."""
    with Path(path).open("rb") as stream:
        head = stream.read(6)
    opener = next((each for mark, each in OPENERS.items() if head.startswith(mark)), open)
    return cast("IO[bytes]", opener(path, "rb"))


def parquet() -> Any:
    """Pyarrow's module for parquet; MissingRequirement says how to get it."""
    try:
        import pyarrow.parquet as found  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        remedy = "pip install 'sentinel-gatekeeper[parquet]'"
        raise MissingRequirement("reading parquet", "pyarrow", remedy) from error
    return found


@lru_cache(maxsize=1)
def _cells(path: str, column: str, group: int) -> Any:
    """One column of one row group; the next group takes its place in memory."""
    table = parquet().ParquetFile(path).read_row_group(group, columns=[column])
    return table.column(column)
