"""A folder on disk in, its folders and files out in a stable order; loops and dead links told."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from sentinel.audit.entries import Location, Unreadable
from sentinel.audit.sources.columns import plain
from sentinel.audit.sources.places import FileAt


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder: its path inside the source ("" is the source itself) and its files' names."""

    path: str
    names: tuple[str, ...]

    def inside(self, name: str) -> str:
        """A file's path inside the source."""
        return f"{self.path}/{name}" if self.path else name


class Tree(Protocol):
    """Folders of files: on disk or in an archive."""

    name: str

    def folders(self) -> Iterator[Folder | Unreadable]:
        """Every folder that has files, in a stable order."""
        ...

    def find(self, path: str) -> Location | None:
        """The place of a file by its path inside the source; None where there is none."""
        ...

    def open(self, path: str) -> IO[bytes]:
        """A table or sidecar as a stream that can seek."""
        ...

    def local(self, path: str) -> str:
        """The path on disk of a file; "" inside an archive."""
        ...

    def keyed(self, path: str) -> str:
        """A path as text that every encoding can take."""
        ...


class Disk:
    """A folder on disk. Links are followed once; what leads back to where we were is told."""

    def __init__(self, root: Path, without: Path | None = None) -> None:
        """`without` is a folder that is not looked into: the audit's own."""
        self.name = str(root)
        self._root = root
        self._seen: set[tuple[int, int]] = set()
        self._without = without

    def folders(self) -> Iterator[Folder | Unreadable]:
        """By name, a folder's own files first; linked folders after real ones."""
        self._seen = set()
        if self._without is not None and self._without.is_dir():
            self._seen.add(_identity(os.stat(self._without)))  # noqa: PTH116 - one way for all
        yield from self._walk("")

    def find(self, path: str) -> Location | None:
        """A file inside the folder; None where it is missing or `path` leads out."""
        if not stays_inside(path):
            return None
        whole = os.path.join(self._root, path)  # noqa: PTH118 - may hold bytes that are no text
        return FileAt(whole) if os.path.isfile(whole) else None  # noqa: PTH113 - as above

    def open(self, path: str) -> IO[bytes]:
        """The file as a stream."""
        return open(self.local(path), "rb")  # noqa: PTH123 - whoever asks closes it

    def local(self, path: str) -> str:
        """Its path on disk."""
        return os.path.join(self._root, path)  # noqa: PTH118 - may hold bytes that are no text

    def keyed(self, path: str) -> str:
        """Names that are no UTF-8 with their bytes spelled out."""
        return os.fsencode(path).decode("utf-8", "backslashreplace")

    def _walk(self, path: str) -> Iterator[Folder | Unreadable]:
        whole = self.local(path)
        try:
            self._seen.add(_identity(os.stat(whole)))  # noqa: PTH116 - may hold bytes
            with os.scandir(whole) as listing:
                found = sorted(listing, key=lambda each: os.fsencode(each.name))
        except OSError as error:
            told = f"the folder cannot be read ({error.strerror or error})"
            yield Unreadable(self.keyed(path) or ".", self.keyed(whole), told, "unreadable")
            return
        shown = [each for each in found if not each.name.startswith(".")]
        names = tuple(each.name for each in shown if not _is_folder(each))
        if names:
            yield Folder(path, names)
        inner = sorted((each for each in shown if _is_folder(each)), key=os.DirEntry.is_symlink)
        for each in inner:
            yield from self._enter(Folder(path, ()).inside(each.name), each)

    def _enter(self, path: str, each: os.DirEntry[str]) -> Iterator[Folder | Unreadable]:
        identity = _identity(each.stat())
        if identity not in self._seen:
            yield from self._walk(path)
        elif each.is_symlink():
            told = "a link to a folder that is read already"
            yield Unreadable(self.keyed(path), self.keyed(self.local(path)), told, "invalid")


def _is_folder(each: os.DirEntry[str]) -> bool:
    try:
        return each.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def stays_inside(path: str) -> bool:
    """Whether a relative path leads nowhere out of its root, on any system."""
    parts = path.replace("\\", "/").split("/")
    return not (path.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in path)


def is_regular(path: str) -> bool:
    """Whether it is a file that ends; False for folders, pipes and devices."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - may hold bytes
    except (OSError, ValueError):
        return False


def said(path: str) -> str:
    """A path for people, in text that every encoding can take."""
    return plain(path)
