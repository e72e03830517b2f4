"""Findings, rows and pictures in, `report.html` out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentinel.audit.likenesses import NEAR
from sentinel.audit.report import drawing
from sentinel.audit.report.columns import Columns, modes_of
from sentinel.audit.report.findings import Findings
from sentinel.audit.report.page import page
from sentinel.audit.report.showing import Shown
from sentinel.audit.report.targets import Told
from sentinel.audit.report.thumbnails import Thumbnail
from sentinel.audit.report.unjudged import by_reason
from sentinel.audit.rows import Row

MOST_ROWS = 20_000
"""Rows in the page's table, 200 bytes each; those that did not pass come first."""

REASON = 240
"""Characters of a reason in that table."""


@dataclass(frozen=True, slots=True)
class Card:
    """One picture as it is shown."""

    row: Row
    thumb: Thumbnail | None
    standing: str
    why: str
    modes: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What the page says: findings, which rows it shows, and what became of the targets."""

    found: Findings
    shown: Shown
    told: tuple[Told, ...] = ()
    goal: float | None = None
    """The pass rate that was asked for."""


def rendered(
    said: Said, columns: Columns, rows: Iterable[Row], thumbs: Mapping[str, Thumbnail]
) -> bytes:
    """The page. `rows` are gone through once; `thumbs` are found by a row's key."""
    found, shown = said.found, said.shown
    wanted = shown.pictured | set(shown.unseen)
    order = [judge.name for judge in found.judges if judge.scored]
    values = [_by_place(columns, name) for name in order]
    kept, lines = _gone_through(rows, wanted, columns, values)
    cards = {place: card_of(row, thumbs.get(row.key)) for place, row in kept.items()}
    return page(
        "report.html",
        "report.js",
        found=found,
        goal=said.goal,
        targets=said.told,
        whole=drawing.whole(found),
        bars=drawing.bars,
        mark_at=drawing.mark_at,
        spark=drawing.spark,
        near=NEAR,
        cells=drawing.matrix(found),
        worst=[cards[place] for place in shown.worst],
        lost=[cards[place] for place in shown.lost],
        clusters=[
            (number, size, [cards[place] for place in places])
            for number, places, size in shown.clusters
        ],
        unseen=by_reason([kept[place] for place in shown.unseen]),
        named=len(shown.unseen),
        versions={judge.name: judge.version for judge in found.judges},
        table=_table(found, lines, len(columns) - len(lines)),
    )


def card_of(row: Row, thumb: Thumbnail | None, note: str = "") -> Card:
    """A row as it is shown."""
    verdict = row.verdict
    issues = verdict.top_issues if verdict is not None else ()
    return Card(
        row=row,
        thumb=thumb,
        standing=verdict.standing if verdict is not None else row.status,
        why=issues[0] if issues and verdict and verdict.standing != "passed" else row.reason,
        modes=modes_of(verdict) if verdict is not None else (),
        note=note,
    )


def _tabled(columns: Columns) -> set[int]:
    """Places of the rows that the table has: all, or those that did not pass and the first."""
    places = sorted(range(len(columns)), key=lambda place: columns.passed[place] is True)
    return set(places[:MOST_ROWS])


def _gone_through(
    rows: Iterable[Row], wanted: set[int], columns: Columns, values: Sequence[Mapping[int, float]]
) -> tuple[dict[int, Row], list[list[Any]]]:
    """The rows that are wanted whole, and the table's lines."""
    kept, lines, tabled = {}, [], _tabled(columns)
    for place, row in enumerate(rows):
        if place in wanted:
            kept[place] = row
        if place in tabled:
            status = _status(columns, place)
            score = columns.scores[place]
            lines.append([
                columns.keys[place], status, None if score is None else round(score, 4),
                [_rounded(given.get(place)) for given in values], sys.intern(row.reason[:REASON]),
            ])  # fmt: skip
    return kept, lines


def _by_place(columns: Columns, judge: str) -> dict[int, float]:
    column = columns.judges[judge]
    return dict(zip(column.places, column.values, strict=True))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _status(columns: Columns, place: int) -> str:
    status = columns.statuses[place]
    if status != "scored":
        return status
    return "passed" if columns.passed[place] else "failed"


def _table(found: Findings, lines: list[list[Any]], left_out: int) -> dict[str, Any]:
    statuses = sorted({line[1] for line in lines})
    for line in lines:
        line[1] = statuses.index(line[1])
    data = {
        "statuses": statuses,
        "judges": [
            {"name": each.name, "threshold": each.threshold} for each in found.judges if each.scored
        ],
        "rows": lines,
    }
    return {"data": data, "left_out": left_out}
