"""A zip or tar in, its folders and files out, read in place; what must not be read is told.

Nothing is unpacked. Members that lead out of the archive, links, devices and encrypted members
become rows with their reason; an archive that expands out of all proportion is read no further.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sentinel.audit.entries import Location, Unreadable
from sentinel.audit.sources.columns import plain
from sentinel.audit.sources.places import BROKEN, TarredAt, ZippedAt, uncompressed
from sentinel.audit.sources.trees import Folder, stays_inside
from sentinel.errors import ConfigError

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

PROPORTION = 200
"""Times its own size that an archive may expand to: pictures are compressed already and tables
shrink tenfold, a bomb of zeros a thousandfold."""

ROOM = 100_000_000
"""Bytes that any archive may expand to, whatever its own size."""

MEMBERS = 1_000_000
"""Members of one archive: each takes memory before any is read."""

LINK = 0o12
"""Kind of file, in the high bits of a zip member's attributes, that is a symbolic link."""

BESIDE = 16_000_000
"""Bytes of a table or sidecar inside an archive; they are read whole."""


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int
    place: Location
    problem: str = ""


class Archive:
    """A zip or tar as a tree. Its list of members is read once, at the start."""

    def __init__(self, path: Path) -> None:
        """Reads the list; ConfigError where it is no archive."""
        self.name = str(path)
        self._path = path
        self._places: dict[str, Location] = {}
        self._folders: dict[str, list[str]] = {}
        self._problems: list[Unreadable] = []
        self._refused: set[str] = set()
        members = _zipped(path) if zipfile.is_zipfile(path) else _tarred(path)
        most = max(ROOM, PROPORTION * path.stat().st_size)
        total = 0
        try:
            for number, member in enumerate(members):
                total += member.size
                if total > most or number >= MEMBERS:
                    self._refuse(path.name, _too_much(number, most))
                    break
                self._take(member)
        except (*BROKEN, tarfile.TarError) as error:
            if not self._places and not self._problems:
                raise ConfigError(f"{path} is no zip or tar that can be read ({error})") from error
            self._refuse(path.name, f"the archive is damaged and read no further ({error})")

    def folders(self) -> Iterator[Folder | Unreadable]:
        """Outer folders first, since their tables tell of inner ones; else in its own order.

        A compressed tar with one level of folders is therefore read forward.
        """
        for path in sorted(self._folders, key=lambda path: path.count("/") + bool(path)):
            yield Folder(path, tuple(self._folders[path]))
        yield from self._problems

    def find(self, path: str) -> Location | None:
        """A member by its path."""
        return self._places.get(path)

    def open(self, path: str) -> IO[bytes]:
        """A table or sidecar, read whole."""
        return io.BytesIO(self._places[path].read(BESIDE))

    def local(self, path: str) -> str:
        """Nothing in here lies on disk."""
        del path
        return ""

    def keyed(self, path: str) -> str:
        """The path as text."""
        return plain(path)

    def _take(self, member: _Member) -> None:
        name = member.name.removeprefix("./")
        folder, _, last = name.rpartition("/")
        if not last or last.startswith(".") or name.startswith("__MACOSX/"):
            return
        problem = member.problem or ("" if stays_inside(name) else "its name leads out of it")
        if name in self._places and not problem:
            problem = "an earlier member has the same name"
        if problem:
            self._refuse(name, problem)
            return
        self._places[name] = member.place
        self._folders.setdefault(folder, []).append(last)

    def _refuse(self, name: str, reason: str) -> None:
        where = f"{self._path.name}: {plain(name)}"
        again = name in self._places or name in self._refused
        key = f"{plain(name)}#{len(self._problems) + 2}" if again else plain(name)
        self._refused.add(name)
        self._problems.append(Unreadable(key, where, reason, "invalid"))


def _too_much(number: int, most: int) -> str:
    return (
        f"after {number:,} members it expands to more than {most / 1e6:,.0f} MB, "
        f"{PROPORTION} times its size: the rest is not read"
    )


def _zipped(path: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        for number, info in enumerate(archive.infolist()):
            if info.is_dir():
                continue
            kind = info.external_attr >> 28
            problem = "it is encrypted" if info.flag_bits & 1 else ""
            problem = "it is a link" if kind == LINK else problem
            yield _Member(info.filename, info.file_size, ZippedAt(str(path), number), problem)


def _tarred(path: Path) -> Iterator[_Member]:
    with uncompressed(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            archive.members = []  # type: ignore[attr-defined]  # it would keep a kilobyte for each
            if info.isdir():
                continue
            problem = "" if info.isreg() else "it is a link or a device, no file"
            place = TarredAt(str(path), info.offset_data, info.size)
            yield _Member(info.name, info.size, place, problem)
