"""A folder or an address in, a place for bytes by their sha256 out.

A folder of this machine is written by rename, within the lock of the picture's row, so that row
and file appear together. An address (`s3://bucket/prefix`) is anything that fsspec reaches. There
the row comes first and the bytes after it: whoever sweeps sees the row, and holds its lock while
it deletes, so that neither a picture is lost nor an object left without a row. What was torn on
the way no longer matches its name, and counts as gone.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from sentinel.errors import ConfigError, MediaAway, MissingRequirement

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*(::|://)")
"""How an address begins; anything else is a folder."""

SHA256 = re.compile("[0-9a-f]{64}")

STALE_SECONDS = 3600
"""A file that no row knows and that is older than this was left by a process that died."""

SECONDS = 30.0
"""A target that takes longer to give or take a picture does not answer."""

DELETING = 4.0
"""Seconds for a deletion, during which nobody else writes to a SQLite database; less than the
five that other processes wait for it."""

RETRY_AFTER = 5.0
"""Seconds a caller is asked to wait while the target does not answer."""

TOLD = 200
"""Characters of a foreign error that are repeated."""

WAY_OUT = (
    "set SENTINEL_MEDIA_FOLDER to another folder or address (its options go into "
    "SENTINEL_MEDIA_OPTIONS), or SENTINEL_MEDIA_DAYS=0 to keep no pictures"
)

EXTRAS = {"s3": "s3", "s3a": "s3"}
"""The extra that brings what a protocol needs."""

QUICK: Mapping[str, Any] = {
    "config_kwargs": {
        "connect_timeout": 5, "read_timeout": 20, "retries": {"max_attempts": 2},
    },
}  # fmt: skip
"""Options of S3 unless the operator gives others: its own defaults try for many minutes."""


class Shelf(Protocol):
    """Holds bytes by their sha256. Plain blocking code, safe in threads and across processes."""

    def lay(self, sha256: str, data: bytes) -> AbstractContextManager[Callable[[], None]]:
        """Keep bytes: what it gives is to be called within the lock of their row."""
        ...

    def fetch(self, sha256: str) -> bytes:
        """What lies under that name; FileNotFoundError where nothing does."""
        ...

    def drop(self, sha256: str) -> None:
        """Delete it, if it is there; called within the lock of its row."""
        ...

    def reach(self) -> None:
        """MediaAway where the target does not answer."""
        ...

    def strays(self) -> Iterator[str]:
        """What lies here for long and may have no row; what is no picture is deleted."""
        ...


def shelf(place: str | Path, options: Mapping[str, Any] | None = None) -> Shelf:
    """The shelf at a folder or address; ConfigError where it cannot be written."""
    if isinstance(place, Path) or not ADDRESS.match(place):
        return Folder(Path(place))
    from fsspec.core import url_to_fs  # noqa: PLC0415 - for who has an address

    protocol = place.partition(":")[0]
    given = dict(QUICK if protocol in EXTRAS else {}) | dict(options or {})
    try:
        files, root = url_to_fs(place, **given)
    except ImportError as error:
        extra = EXTRAS.get(protocol)
        remedy = f"pip install 'sentinel-gatekeeper[{extra}]'" if extra else f"{error}"
        raise MissingRequirement("the media store", f"a library for {place!r}", remedy) from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"media target {place!r} cannot be used ({error}); {WAY_OUT}") from error
    if protocol in ("file", "local"):
        return Folder(Path(root))
    return Target(files, root, place)


class Folder:
    """A folder of this machine: files two folders deep, readable by their owner alone."""

    def __init__(self, root: Path) -> None:
        """ConfigError if it cannot be written."""
        self._root = root
        _writable(root)

    @contextmanager
    def lay(self, sha256: str, data: bytes) -> Iterator[Callable[[], None]]:
        """Written beside its place, and renamed within the lock."""
        path = self._path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f"{sha256}.{secrets.token_hex(6)}.part")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            yield lambda: _renamed(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def fetch(self, sha256: str) -> bytes:
        """The file's bytes."""
        return self._path(sha256).read_bytes()

    def drop(self, sha256: str) -> None:
        """Delete the file."""
        self._path(sha256).unlink(missing_ok=True)

    def reach(self) -> None:
        """A folder is there."""

    def strays(self) -> Iterator[str]:
        """Files that are an hour old, by name; of pictures half written, nothing stays."""
        before = time.time() - STALE_SECONDS
        for path in [path for path in self._root.glob("*/*/*") if _changed(path) < before]:
            if SHA256.fullmatch(path.name):
                yield path.name
            elif path.suffix == ".part":
                path.unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256[2:4] / sha256


class Target:
    """Anything that fsspec reaches: one object a picture, named by its sha256."""

    def __init__(self, files: Any, root: str, shown: str) -> None:
        """ConfigError where no object can be written and deleted."""
        self._files = files
        self._root = root.rstrip("/")
        self._shown = re.sub(r"//[^/@]*@", "//", shown)
        probe = f"{self._root}/.{secrets.token_hex(6)}.probe"
        try:
            self._ask("pipe_file", probe, b"")
            self._ask("rm_file", probe)
        except (MediaAway, FileNotFoundError) as error:
            told = f"media target {self._shown!r} cannot be written ({error})"
            raise ConfigError(f"{told}; make it writable, {WAY_OUT}") from error

    @contextmanager
    def lay(self, sha256: str, data: bytes) -> Iterator[Callable[[], None]]:
        """Sent after the row is there; an object is there whole or not at all."""
        yield lambda: None
        self._ask("pipe_file", self._key(sha256), data)

    def fetch(self, sha256: str) -> bytes:
        """The object's bytes."""
        return bytes(self._ask("cat_file", self._key(sha256)))

    def drop(self, sha256: str) -> None:
        """Delete the object."""
        with suppress(FileNotFoundError):
            self._ask("rm_file", self._key(sha256), seconds=DELETING)

    def reach(self) -> None:
        """Ask for something that is not there."""
        with suppress(FileNotFoundError):
            self._ask("cat_file", f"{self._root}/.probe")

    def strays(self) -> Iterator[str]:
        """None: no object comes before its row."""
        return iter(())

    def _key(self, sha256: str) -> str:
        return f"{self._root}/{sha256}"

    def _ask(self, verb: str, *arguments: object, seconds: float = SECONDS) -> Any:
        """MediaAway whatever a backend raises, FileNotFoundError where there is no object."""
        try:
            if not self._files.async_impl:
                return getattr(self._files, verb)(*arguments)
            asked = getattr(self._files, f"_{verb}")(*arguments)
            going = asyncio.run_coroutine_threadsafe(asked, self._files.loop)
            try:
                return going.result(seconds)
            finally:
                going.cancel()  # where nobody waits any more, nothing is to happen any more
        except FileNotFoundError:
            raise
        except TimeoutError as error:
            raise MediaAway(self._name, f"silent for {seconds:g} s", RETRY_AFTER) from error
        except Exception as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())[:TOLD]
            raise MediaAway(self._name, why, RETRY_AFTER) from error

    @property
    def _name(self) -> str:
        return f"the media store at {self._shown!r}"


def _renamed(temporary: Path, path: Path) -> None:
    temporary.replace(path)


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
            f"{WAY_OUT}"
        ) from error
