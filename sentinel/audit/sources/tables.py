"""Bytes of a table in, its rows out one by one; a row that cannot be used with its reason."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import IO, Any

from sentinel.audit.sources.places import CellAt, parquet
from sentinel.errors import ConfigError

KINDS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""Kind of a table by the end of its name."""

LONGEST = 1_000_000
"""Characters of one field or line; a prompt has hundreds, a picture in base64 has millions."""

MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
"""Byte order marks; Excel writes them."""

WINDOWS = "cp1252"
"""What spreadsheets on Windows write where they do not write UTF-8."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its number, as a person counts rows of data, and its columns' values."""

    number: int
    cells: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A row that cannot be used."""

    number: int
    reason: str


@dataclass(slots=True)
class Told:
    """What was noticed while a table was read."""

    columns: tuple[str, ...] = ()
    odd_lines: int = 0
    """Lines that are not UTF-8 and were read as Windows-1252."""
    used: dict[str, str] = field(default_factory=dict)


Opens = Callable[[], IO[bytes]]


def kind_of(name: str) -> str | None:
    """csv, tsv, jsonl or parquet; None of another name."""
    return KINDS.get(PurePath(name.lower()).suffix)


def lines_of(kind: str, opens: Opens, told: Told, path: str = "") -> Iterator[Line | BadLine]:
    """The rows of a table; ConfigError where it is no table at all.

    A parquet file needs its path, since its pictures are read from it later.
    """
    if kind == "parquet":
        yield from _parquet(opens, told, path)
        return
    with opens() as stream:
        text = _decoded(stream, told)
        if kind == "jsonl":
            yield from _jsonl(text, told)
        else:
            yield from _separated(text, "\t" if kind == "tsv" else None, told)


def _decoded(stream: IO[bytes], told: Told) -> Iterator[str]:
    """Lines of text: by the byte order mark, else UTF-8, and Windows-1252 where that fails."""
    head = stream.read(3)
    encoding = next((name for mark, name in MARKS if head.startswith(mark)), None)
    stream.seek(0)
    if encoding is not None:
        with io.TextIOWrapper(stream, encoding, errors="backslashreplace", newline="") as text:
            yield from text
        return
    for raw in stream:
        try:
            yield raw.decode()
        except UnicodeDecodeError:
            told.odd_lines += 1
            yield raw.decode(WINDOWS, "backslashreplace")


def _separated(text: Iterator[str], delimiter: str | None, told: Told) -> Iterator[Line | BadLine]:
    csv.field_size_limit(LONGEST)
    first = next(text, "")
    cells = csv.reader(_chained(first, text), delimiter=delimiter or _delimiter(first))
    header = tuple(name.strip() for name in next(cells, []))
    if not any(header):
        raise ConfigError("it has no header: the first line names the columns")
    if len(set(header)) < len(header):
        twice = sorted({name for name in header if header.count(name) > 1})
        raise ConfigError(f"its header names {', '.join(map(repr, twice))} twice")
    told.columns = header
    for number, row in enumerate(_read(cells), start=1):
        if isinstance(row, str):
            yield BadLine(number, row)
        elif len(row) != len(header):
            yield BadLine(number, f"it has {len(row)} fields and the header {len(header)}")
        else:
            yield Line(number, dict(zip(header, row, strict=True)))


def _read(cells: Iterator[list[str]]) -> Iterator[list[str] | str]:
    """Rows that are not blank, or why one cannot be read."""
    while True:
        try:
            row = next(cells)
        except StopIteration:
            return
        except csv.Error as error:
            yield f"it cannot be read as a row ({error})"
            continue
        if any(cell.strip() for cell in row):
            yield row


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter(header: str) -> str:
    """The separator that the header has most of; a comma where it has none."""
    return max(",;\t|", key=lambda each: (header.count(each), each == ","))


def _jsonl(text: Iterator[str], told: Told) -> Iterator[Line | BadLine]:
    number = 0
    for line in text:
        if not line.strip():
            continue
        number += 1
        if len(line) > LONGEST:
            yield BadLine(number, f"it has more than {LONGEST:,} characters")
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BadLine(number, f"it is no JSON ({error})")
            continue
        if not isinstance(found, dict):
            yield BadLine(number, "it is no JSON object")
            continue
        told.columns = tuple(dict.fromkeys((*told.columns, *found)))[:200]
        yield Line(number, found)


def _parquet(opens: Opens, told: Told, path: str) -> Iterator[Line | BadLine]:
    """Rows without their pictures' bytes, which are read when their turn comes."""
    import pyarrow as pa  # noqa: PLC0415 - parquet() below says how to get it

    with opens() as stream:
        try:
            file = parquet().ParquetFile(stream)
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(f"it is no parquet file ({error})") from error
        schema = file.schema_arrow
        heavy = [each.name for each in schema if _holds_bytes(pa, each.type)]
        light = [name for name in schema.names if name not in heavy]
        told.columns = tuple(schema.names)
        number = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            try:
                columns = file.read_row_group(group, columns=light).to_pydict()
            except (pa.ArrowException, OSError) as error:
                raise ConfigError(f"it is damaged after row {number:,} ({error})") from error
            for row in range(rows):
                number += 1
                cells = {name: columns[name][row] for name in light}
                cells |= {name: CellAt(path, name, group, row) for name in heavy}
                yield Line(number, cells)


def _holds_bytes(pa: Any, kind: Any) -> bool:
    """Whether a column holds pictures: bytes, or Hugging Face's struct of bytes and path."""
    if pa.types.is_struct(kind):
        return any(_holds_bytes(pa, each.type) for each in kind)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
