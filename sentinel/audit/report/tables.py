"""Rows in, `scores.csv` and `scores.parquet` out: a line a row, for spreadsheets and notebooks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Any

from sentinel.audit.report.columns import Columns, modes_of
from sentinel.audit.rows import Row
from sentinel.contracts import GateResult, Score

FIXED = (
    "key", "where", "status", "passed", "score", "reason", "failure_modes", "prompt", "sha256",
    "width", "height", "duplicate_of", "cluster",
)  # fmt: skip

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that Excel, Calc or Sheets take for a formula (OWASP, CSV injection)."""

CHUNK = 2_000
"""Rows of a parquet row group; the rest never is in memory at once."""

Cell = str | float | int | bool | None


def header_of(columns: Columns) -> list[str]:
    """Names: those of every audit, then one a judge, a gate and a group."""
    return [
        *FIXED,
        *(f"judge_{name}" for name in columns.judges),
        *(f"gate_{name}" for name in columns.gates),
        *(f"group_{name}" for name in columns.groups),
    ]


def cells_of(row: Row, columns: Columns) -> list[Cell]:
    """A row's cells, in the order of the header. A judge that said nothing has an empty one."""
    verdict = row.verdict
    scores = {item.judge: item.value for item in verdict.outcomes if isinstance(item, Score)} if (
        verdict
    ) else {}  # fmt: skip
    gates = {gate.gate: gate.passed for gate in verdict.gates if isinstance(gate, GateResult)} if (
        verdict
    ) else {}  # fmt: skip
    return [
        row.key, row.where, row.status, row.passed, verdict.score if verdict else None, row.reason,
        " ".join(modes_of(verdict)) if verdict else "", row.prompt, row.sha256, row.width,
        row.height, row.duplicate_of, row.cluster,
        *(scores.get(name) for name in columns.judges),
        *(gates.get(name) for name in columns.gates),
        *(row.group.get(name) for name in columns.groups),
    ]  # fmt: skip


def write_csv(stream: IO[bytes], rows: Iterable[Row], columns: Columns) -> None:
    """UTF-8 with a byte order mark, which Excel needs; cells that would be formulas are quoted."""
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="backslashreplace", newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([defused(name) for name in header_of(columns)])
    for row in rows:
        lines.writerow([defused(cell) for cell in cells_of(row, columns)])
    text.flush()
    text.detach()


def defused(cell: Cell) -> Cell:
    """The cell, with a quotation mark before what a spreadsheet would run."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA):
        return "'" + cell
    return cell


def write_parquet(stream: IO[bytes], rows: Iterable[Row], columns: Columns) -> None:
    """Typed columns, a row group at a time. Needs pyarrow."""
    import pyarrow as pa  # noqa: PLC0415 - an extra
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    schema = pa.schema([(name, _type(name, pa)) for name in header_of(columns)])
    with parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        for chunk in _chunks(cells_of(row, columns) for row in rows):
            lists = map(list, zip(*chunk, strict=True))
            writer.write_table(pa.table(list(lists), schema=schema))
            pa.default_memory_pool().release_unused()


def _type(name: str, pa: Any) -> Any:
    if name in ("width", "height", "cluster"):
        return pa.int32()
    if name == "score" or name.startswith("judge_"):
        return pa.float64()
    if name == "passed" or name.startswith("gate_"):
        return pa.bool_()
    return pa.string()


def _chunks(rows: Iterable[list[Cell]]) -> Iterator[list[list[Cell]]]:
    waiting = iter(rows)
    while chunk := list(islice(waiting, CHUNK)):
        yield chunk
