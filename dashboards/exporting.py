"""Pictures in, a table as CSV or parquet out. Cells that a spreadsheet would run are defused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from sentinel.store.queries import Pictured

MOST = 100_000
"""Rows of one file; narrow the filters for others."""

CHUNK = 500
"""Rows that are written at once."""

COLUMNS = (
    "created", "trace_id", "attempt", "project", "model", "policy", "category", "mode", "standing",
    "score", "failed_judges", "failures", "delivered", "superseded_by", "said", "seconds",
    "cost_usd", "width", "height", "picture_sha256",
)  # fmt: skip

LIVE = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that Excel, Calc or Sheets take for a formula (OWASP, CSV injection)."""

Cell = str | int | float | bool | None


class NoParquet(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """There is nothing here that writes parquet."""


def csv_lines(pictures: Iterable[Pictured]) -> Iterator[str]:
    """The file, some hundred rows at a time, the header first."""
    yield _lines([list(COLUMNS)])
    rows = iter(pictures)
    while chunk := list(islice(rows, CHUNK)):
        yield _lines([[defused(cell) for cell in row(each)] for each in chunk])


def parquet(pictures: Iterable[Pictured]) -> bytes:
    """The file; NoParquet where pyarrow is not installed."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to load
        from pyarrow.parquet import write_table  # noqa: PLC0415 - as above
    except ImportError:
        told = (
            "parquet needs pyarrow: pip install 'sentinel-gatekeeper[parquet]'; CSV needs nothing"
        )
        raise NoParquet(told) from None
    rows = [row(each) for each in pictures]
    columns = {name: [each[at] for each in rows] for at, name in enumerate(COLUMNS)}
    schema = pa.schema([(name, _arrow(pa, name)) for name in COLUMNS])
    buffer = io.BytesIO()
    write_table(pa.table(columns, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()


def row(picture: Pictured) -> list[Cell]:
    """One picture by COLUMNS."""
    created = datetime.fromtimestamp(picture.created_ms / 1000, UTC)
    said = None if picture.said is None else "good" if picture.said else "bad"
    return [
        created.isoformat(timespec="milliseconds"), picture.trace_id, picture.number,
        picture.project, picture.model, picture.policy, picture.category, picture.mode,
        picture.standing, picture.score, picture.failed_judges, " ".join(picture.failures),
        picture.delivered, picture.superseded_by, said, picture.seconds, picture.cost,
        picture.width, picture.height, picture.picture,
    ]  # fmt: skip


def defused(cell: Cell) -> Cell:
    """Text that a spreadsheet would run gets an apostrophe before it; numbers stay numbers."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(LIVE):
        return f"'{cell}"
    return cell


def _lines(rows: list[list[Cell]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def _arrow(pa: object, name: str) -> object:
    kinds = {
        "attempt": "int32", "failed_judges": "int32", "superseded_by": "int32", "width": "int32",
        "height": "int32", "score": "float64", "seconds": "float64", "cost_usd": "float64",
        "delivered": "bool_",
    }  # fmt: skip
    return getattr(pa, kinds.get(name, "string"))()
