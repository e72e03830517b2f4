"""A table in, entries out: a row each, by its number or by a column of your choice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sentinel.audit.entries import Code, Found, Location, Unreadable
from sentinel.audit.sources.accounts import Account
from sentinel.audit.sources.columns import ROLES, Columns, Map, plain
from sentinel.audit.sources.filling import Named, entry
from sentinel.audit.sources.gallery import described, odd
from sentinel.audit.sources.places import CellAt, FileAt
from sentinel.audit.sources.tables import BadLine, Line, Told, kind_of, lines_of
from sentinel.audit.sources.trees import is_regular
from sentinel.errors import ConfigError


class Listing:
    """A table as a source. Paths in it count from its own folder."""

    def __init__(self, path: Path, said: Map) -> None:
        """`said` are the columns that the user named."""
        self.account = Account()
        self._path = path
        self._said = said
        self._keys: set[str] = set()

    def entries(self) -> Iterator[Found]:
        """A row each, in the order of the table; ConfigError where no column names pictures."""
        self.account, self._keys = Account(), set()
        told = Told()
        columns: Columns | None = None
        try:
            for line in lines_of(kind_of(self._path.name) or "", self._open, told, str(self._path)):
                if columns is None:
                    columns = self._columns(told.columns)
                yield self.account.count(self._line(line, columns))
        except ConfigError as error:
            raise ConfigError(f"{self._path}: {error}") from error
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be read ({error.strerror})") from error
        if told.odd_lines:
            self.account.note(odd(self._path.name, told))

    def _open(self) -> IO[bytes]:
        return self._path.open("rb")

    def _columns(self, names: tuple[str, ...]) -> Columns:
        """What each column is for; ConfigError where none can be the picture."""
        wrong = [each for named in self._said.values() for each in named if each not in names]
        known = ", ".join(map(repr, names)) or "none"
        if wrong:
            told = f"--map names a column {wrong[0]!r}, which is not there; the columns are {known}"
            raise ConfigError(told)
        columns = Columns.of(names, self._said)
        if "image" not in columns.by_role:
            told = (
                f"no column is known to name the pictures; say --map image=COLUMN "
                f"(the columns are {known}; known names: {', '.join(ROLES['image'][:6])} …)"
            )
            raise ConfigError(told)
        self.account.table(described(self._path.name, names, columns))
        return columns

    def _line(self, line: Line | BadLine, columns: Columns) -> Found:
        number = str(line.number)
        where = f"{self._path.name}, row {number}"
        if isinstance(line, BadLine):
            return Unreadable(self._unique(number), where, line.reason, "invalid")
        key = self._unique(columns.text("key", line.cells) or number)
        prompt = columns.text("prompt", line.cells)
        value = columns.value("image", line.cells)
        if isinstance(value, CellAt):
            return entry(Named(key, where, value), line.cells, columns, self._find)
        if value is None or not str(value).strip():
            return Unreadable(key, where, "it names no picture", "invalid", {}, prompt)
        name = str(value).strip()
        place = self._find(name)
        if isinstance(place, str):
            code: Code = "missing" if place == GONE else "invalid"
            return Unreadable(key, plain(name), place, code, {}, prompt)
        return entry(Named(key, plain(name), place), line.cells, columns, self._find)

    def _unique(self, key: str) -> str:
        """A key that no earlier row has."""
        found, again = key, 2
        while found in self._keys:
            found, again = f"{key}#{again}", again + 1
        self._keys.add(found)
        return found

    def _find(self, name: str) -> Location | str:
        if "://" in name:
            return "addresses are not fetched; download it first"
        if "\0" in name:
            return "its path has a NUL character"
        whole = os.path.join(self._path.parent, name)  # noqa: PTH118 - as written in the table
        for path in (whole, whole.replace("\\", "/")):  # a table from Windows
            if is_regular(path):
                return FileAt(path)
        return "it is no regular file" if os.path.exists(whole) else GONE  # noqa: PTH110 - as above


GONE = "there is no such file"
