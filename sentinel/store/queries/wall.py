"""Filters in, judged pictures out: the worst first or the newest, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, exists, select, tuple_

from sentinel.contracts import Standing
from sentinel.store.evaluation_tables import EvaluationFeedbackRow
from sentinel.store.queries.filters import Filters, matching
from sentinel.store.tables import EvaluationRow, FailureRow, name, table_of

EVALUATION = table_of(EvaluationRow)
FAILURE = table_of(FailureRow)
SAID = table_of(EvaluationFeedbackRow)

Order = Literal["worst", "newest"]
Said = Literal["good", "bad"]

PICTURES_CAP = 1_000
"""Most pictures that one page may list."""

Place = tuple[float, int, str, int]
"""Where a page ended: rank, time, trace, attempt. The newest go by all but the first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pictures: None is all. `quality` and `kind` are a failure mode's two names."""

    filters: Filters = field(default_factory=Filters)
    standing: Standing | None = None
    quality: str | None = None
    kind: str | None = None
    said: Said | None = None
    order: Order = "worst"


@dataclass(frozen=True, slots=True)
class Pictured:
    """A judged picture in a list; `said` is what a person said of its verdict, if anyone did."""

    trace_id: str
    number: int
    created_ms: int
    project: str
    model: str
    policy: str
    category: str
    mode: str
    standing: str
    score: float | None
    rank: float
    failed_judges: int
    picture: str | None
    width: int
    height: int
    seconds: float
    cost: float
    delivered: bool
    superseded_by: int | None
    said: bool | None
    failures: tuple[str, ...] = ()
    """Its failure modes, as `text.misspelled`."""

    @property
    def place(self) -> Place:
        """Where a page that ends with it goes on."""
        return self.rank, self.created_ms, self.trace_id, self.number


@dataclass(frozen=True, slots=True)
class PicturePage:
    """Pictures in the order that was asked for; `next` is what `pictures(after=…)` takes."""

    pictures: tuple[Pictured, ...]
    next: Place | None


OWN = tuple(c for c in Pictured.__slots__ if c not in ("said", "failures"))


class Wall:
    """Judged pictures one by one."""

    _engine: Engine

    def pictures(self, wanted: Wanted, after: Place | None = None, limit: int = 60) -> PicturePage:
        """A page of pictures; an index gives it, however many there are."""
        limit = max(1, min(limit, PICTURES_CAP))
        own = (SAID.c.trace_id == EVALUATION.c.trace_id) & (SAID.c.attempt == EVALUATION.c.number)
        columns = [EVALUATION.c[column] for column in OWN]
        statement = (
            select(*columns, SAID.c.is_positive.label("said"))
            .outerjoin(SAID, own)
            .where(*_conditions(wanted), *_after(wanted.order, after))
            .order_by(*_order(wanted.order))
            .limit(limit + 1)
        )
        with self._engine.begin() as connection:
            rows = [dict(row) for row in connection.execute(statement).mappings()]
            page, more = rows[:limit], len(rows) > limit
            failures = _failures(connection, page)
        found = tuple(
            Pictured(**row, failures=failures.get((row["trace_id"], row["number"]), ()))
            for row in page
        )
        return PicturePage(found, found[-1].place if more else None)

    def all_pictures(self, wanted: Wanted, most: int) -> Iterator[Pictured]:
        """Page after page, `most` pictures at most; each page is a transaction of its own."""
        after: Place | None = None
        while most > 0:
            page = self.pictures(wanted, after, min(most, PICTURES_CAP))
            yield from page.pictures
            most -= len(page.pictures)
            after = page.next
            if after is None:
                return


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = matching(EVALUATION, wanted.filters, 1)
    if wanted.standing is not None:
        conditions.append(EVALUATION.c.standing == wanted.standing)
    if wanted.said is not None:
        conditions.append(SAID.c.is_positive == (wanted.said == "good"))
    if wanted.quality is not None:
        mode = (
            (FAILURE.c.trace_id == EVALUATION.c.trace_id)
            & (FAILURE.c.attempt == EVALUATION.c.number)
            & (FAILURE.c.quality == name(wanted.quality))
        )
        if wanted.kind is not None:
            mode &= FAILURE.c.subcategory == name(wanted.kind)
        conditions.append(exists().where(mode))
    return conditions


def _order(order: Order) -> tuple[Any, ...]:
    c = EVALUATION.c
    latest = (c.created_ms.desc(), c.trace_id.desc(), c.number.desc())
    return latest if order == "newest" else (c.rank, c.created_ms, c.trace_id, c.number)


def _after(order: Order, after: Place | None) -> tuple[ColumnElement[bool], ...]:
    c = EVALUATION.c
    if after is None:
        return ()
    rank, *rest = after
    if order == "newest":
        return (tuple_(c.created_ms, c.trace_id, c.number) < tuple(rest),)
    return (tuple_(c.rank, c.created_ms, c.trace_id, c.number) > (rank, *rest),)


def _failures(connection: Any, rows: list[dict[str, Any]]) -> dict[tuple[str, int], Any]:
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    ids = sorted({row["trace_id"] for row in rows})
    wanted = select(FAILURE).where(FAILURE.c.trace_id.in_(ids))
    ordered = wanted.order_by(FAILURE.c.quality, FAILURE.c.subcategory)
    for each in connection.execute(ordered).mappings():
        key = (each["trace_id"], each["attempt"])
        found[key] = (*found.get(key, ()), f"{each['quality']}.{each['subcategory']}")
    return found
