"""A tree of files in, entries out: pictures, the tables that describe them, and sidecars.

A `metadata` or `manifest` table in a folder (csv, tsv, jsonl, parquet; Hugging Face's image
folder) comes first, in its own order; pictures that it does not name follow by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePath

from sentinel.audit.entries import Code, Entry, Found, Location, Unreadable
from sentinel.audit.sources.accounts import Account, TableTold
from sentinel.audit.sources.columns import Columns, Map
from sentinel.audit.sources.filling import Named, entry, filled, merged
from sentinel.audit.sources.places import CellAt
from sentinel.audit.sources.tables import BadLine, Line, Told, kind_of, lines_of
from sentinel.audit.sources.trees import Folder, Tree, stays_inside
from sentinel.audit.sources.words import beside
from sentinel.errors import ConfigError, PictureError

PICTURES = frozenset({
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".avif", ".apng", ".bmp", ".dib",
    ".tif", ".tiff", ".heic", ".heif", ".ico", ".svg", ".jp2", ".j2k", ".psd", ".ppm", ".pgm",
    ".tga", ".dds",
})  # fmt: skip
"""Ends of names that say picture. Which of them are read is the settings' (SENTINEL_FORMATS);
the others become rows with that reason."""

TABLES = ("metadata", "manifest")
"""Names of tables that describe the pictures of their folder."""

BESIDE = (".json", ".txt", ".caption")
"""Ends of sidecars."""


class Gallery:
    """A tree as a source."""

    def __init__(self, tree: Tree, said: Map) -> None:
        """`said` are the columns that the user named."""
        self.account = Account()
        self._tree = tree
        self._said = said
        self._listed: set[str] = set()
        self._columns: set[str] = set()

    def entries(self) -> Iterator[Found]:
        """Everything it holds, in an order that does not change."""
        self.account, self._listed, self._columns = Account(), set(), set()
        for folder in self._tree.folders():
            if isinstance(folder, Unreadable):
                yield self.account.count(folder)
                continue
            for found in self._folder(folder):
                yield self.account.count(found)
        for column in sorted(_columns_of(self._said) - self._columns):
            self.account.note(f"--map names a column {column!r}, which nothing here has")

    def _folder(self, folder: Folder) -> Iterator[Found]:
        names = set(folder.names)
        tables = [name for name in folder.names if _describes(name)]
        for table in tables:
            yield from self._table(folder, table)
        for name in folder.names:
            path = folder.inside(name)
            if _ending(name) not in PICTURES:
                if name not in tables and not self._is_beside(name, names):
                    self.account.ignored[_ending(name) or name] += 1
            elif path not in self._listed:
                yield self._loose(folder, name, names)

    def _loose(self, folder: Folder, name: str, names: set[str]) -> Found:
        """A picture that no table names, with its sidecars."""
        path = folder.inside(name)
        place = self._tree.find(path)
        key = self._tree.keyed(path)
        if place is None:
            reason = "a link that leads nowhere, or no regular file"
            return Unreadable(key, key, reason, "missing")
        named = Named(key, key, place, self._tree.keyed(folder.path))
        return self._with_sidecars(entry(named, {}, Columns({}), self._finds(folder)), path, names)

    def _with_sidecars(self, found: Found, path: str, names: set[str] | None) -> Found:
        """What lies beside a picture fills in what is not told yet."""
        for ending in BESIDE:
            if isinstance(found, Unreadable) or found.prompt is not None:
                return found
            stem = path.rpartition(".")[0]
            for each in (f"{stem}{ending}", f"{path}{ending}"):
                if names is not None and each.rpartition("/")[2] not in names:
                    continue
                text = self._text(each)
                if text is not None:
                    found = self._told_by(found, text, ending)
                    break
        return found

    def _told_by(self, found: Entry, text: str, ending: str) -> Found:
        if ending != ".json":
            return filled(found, beside(text), "text")
        try:
            cells = json.loads(text)
        except (ValueError, RecursionError):
            self.account.note("a .json beside a picture is no JSON, and was not used")
            return found
        if not isinstance(cells, dict):
            return found
        columns = Columns.of(tuple(cells), self._said)
        self._columns |= _columns_of(columns.by_role)
        folder = found.group.get("folder", "")
        named = Named(found.key, found.where, found.picture, folder)
        told = entry(named, cells, columns, self._finds(Folder(folder, ())))
        return told if isinstance(told, Unreadable) else merged(found, told, "json")

    def _text(self, path: str) -> str | None:
        place = self._tree.find(path)
        try:
            return None if place is None else place.read(1_000_000).decode("utf-8", "replace")
        except PictureError:
            self.account.note("a text beside a picture cannot be read, and was not used")
            return None

    @staticmethod
    def _is_beside(name: str, names: set[str]) -> bool:
        stem, dot, ending = name.rpartition(".")
        if f"{dot}{ending}" not in BESIDE:
            return False
        return stem in names or any(f"{stem}{each}" in names for each in PICTURES)

    def _table(self, folder: Folder, name: str) -> Iterator[Found]:
        path = folder.inside(name)
        told = Told()
        local = self._tree.local(path)
        lines = lines_of(kind_of(name) or "", partial(self._tree.open, path), told, local)
        columns: Columns | None = None
        try:
            for line in lines:
                if columns is None or "image" not in columns.by_role:
                    columns = Columns.of(told.columns, self._said)
                    self._columns |= _columns_of(columns.by_role)
                    self.account.table(described(self._tree.keyed(path), told.columns, columns))
                yield self._line(folder, (path, line), columns)
        except (ConfigError, PictureError) as error:
            key = self._tree.keyed(path)
            yield Unreadable(key, key, f"the table cannot be used: {error}", "unreadable")
        if told.odd_lines:
            self.account.note(odd(self._tree.keyed(path), told))

    def _line(self, folder: Folder, at: tuple[str, Line | BadLine], columns: Columns) -> Found:
        path, line = at
        key = f"{self._tree.keyed(path)}:{line.number}"
        if isinstance(line, BadLine):
            return Unreadable(key, key, line.reason, "invalid")
        value = columns.value("image", line.cells)
        if isinstance(value, CellAt):
            named = Named(key, key, value, self._tree.keyed(folder.path))
            return entry(named, line.cells, columns, self._finds(folder))
        if value is None or not str(value).strip():
            return Unreadable(key, key, "it names no picture", "invalid")
        return self._listed_picture(folder, line, columns, str(value).strip())

    def _listed_picture(self, folder: Folder, line: Line, columns: Columns, name: str) -> Found:
        path = self._path(folder, name)
        where = self._tree.keyed(path)
        key = self._unique(where, path, line)
        place = self._finds(folder)(name)
        prompt = columns.text("prompt", line.cells)
        if isinstance(place, str):
            code: Code = "missing" if stays_inside(name) else "invalid"
            return Unreadable(key, where, place, code, {}, prompt)
        if _ending(name) and _ending(name) not in PICTURES:
            told = f"a {_ending(name)} file is no picture"
            return Unreadable(key, where, told, "invalid", {}, prompt)
        inner = self._tree.keyed(path.rpartition("/")[0])
        found = entry(Named(key, where, place, inner), line.cells, columns, self._finds(folder))
        return self._with_sidecars(found, path, None)

    def _path(self, folder: Folder, name: str) -> str:
        """A name in a table as a path inside the source; a table from Windows has backslashes."""
        path = folder.inside(name.removeprefix("./"))
        if "\\" in name and self._tree.find(path) is None:
            path = folder.inside(name.replace("\\", "/").removeprefix("./"))
        return path

    def _unique(self, where: str, path: str, line: Line) -> str:
        """A key of its own for a picture that tables name more than once."""
        again = path in self._listed
        self._listed.add(path)
        return f"{where}#{line.number}" if again else where

    def _finds(self, folder: Folder) -> Callable[[str], Location | str]:
        def find(name: str) -> Location | str:
            if "://" in name:
                return "addresses are not fetched; download it first"
            if not stays_inside(name):
                return "its path leads out of the source"
            place = self._tree.find(self._path(folder, name))
            return place if place is not None else "there is no such file"

        return find


def described(name: str, names: tuple[str, ...], columns: Columns) -> TableTold:
    """What was made of a table's columns."""
    used = {role: tuple(found) for role, found in columns.by_role.items()}
    taken = {column for found in used.values() for column in found}
    return TableTold(name, used, tuple(each for each in names if each not in taken))


def odd(name: str, told: Told) -> str:
    """A note on lines that are no UTF-8."""
    return f"{name}: {told.odd_lines:,} lines are not UTF-8 and were read as Windows-1252"


def _columns_of(by_role: Map) -> set[str]:
    return {column for columns in by_role.values() for column in columns}


def _ending(name: str) -> str:
    return PurePath(name).suffix.lower()


def _describes(name: str) -> bool:
    return PurePath(name).stem.lower() in TABLES and kind_of(name) is not None
