"""Filters and a place in the list in, a page of evaluations out, the newest first.

Two kinds are listed as one: pictures that somebody sent to be judged, and attempts that Sentinel
made or scored at once. At the same millisecond attempts come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, exists, literal, or_, select, tuple_

from sentinel.store.engines import Engines
from sentinel.store.evaluations import REQUEST
from sentinel.store.tables import EvaluationRow, TraceRow, table_of

TRACE = table_of(TraceRow)
JUDGED = table_of(EvaluationRow)


class Place(NamedTuple):
    """Where an evaluation stands in the list; `number` is 0 for one that was asked for."""

    created_ms: int
    id: str
    number: int


@dataclass(frozen=True, slots=True)
class Sought:
    """Which evaluations; None is any. Times are milliseconds since 1970-01-01 UTC, inclusive."""

    state: str | None = None
    passed: bool | None = None
    task_type: str | None = None
    run_id: str | None = None
    client_ref: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    project: str | None = None


def page(engines: Engines, sought: Sought, limit: int, after: Place | None = None) -> list[Place]:
    """At most `limit` places after that one."""
    with engines.read.begin() as connection:
        found: list[Place] = []
        for wanted in (_attempts(sought, after), _requests(sought, after)):
            if wanted is not None:
                rows = connection.execute(wanted.limit(limit)).all()
                found += [Place(*row) for row in rows]
    # each list is in the database's own order, which is kept; ties fall to the attempts
    found.sort(key=lambda each: each.created_ms, reverse=True)
    return found[:limit]


def _attempts(sought: Sought, after: Place | None) -> Select[Any] | None:
    """Attempts that nobody asked to be judged; those are listed by their own ids."""
    if sought.state not in (None, "completed") or sought.run_id or sought.client_ref:
        return None
    key = (TRACE.c.created_ms, TRACE.c.id, JUDGED.c.number)
    wanted = select(*key).join(JUDGED, JUDGED.c.trace_id == TRACE.c.id)
    wanted = wanted.where(
        JUDGED.c.picture.is_not(None),
        TRACE.c.mode != "off",
        ~exists().where(REQUEST.c.trace_id == TRACE.c.id),
    )
    if sought.task_type is not None:
        wanted = wanted.where(TRACE.c.category == sought.task_type)
    if sought.project is not None:
        wanted = wanted.where(TRACE.c.project == sought.project)
    if sought.passed is not None:
        wanted = wanted.where(_verdict(passed=sought.passed))
    if after is not None:
        later = tuple_(*key) < tuple_(*after)
        wanted = wanted.where(later if after.number else TRACE.c.created_ms < after.created_ms)
    return _between(wanted, TRACE.c.created_ms, sought).order_by(*(each.desc() for each in key))


def _requests(sought: Sought, after: Place | None) -> Select[Any]:
    key = (REQUEST.c.created_ms, REQUEST.c.id)
    wanted = select(*key, literal(0))
    for column, value in (
        (REQUEST.c.state, sought.state), (REQUEST.c.task_type, sought.task_type),
        (REQUEST.c.run_id, sought.run_id), (REQUEST.c.client_ref, sought.client_ref),
        (REQUEST.c.project, sought.project),
    ):  # fmt: skip
        if value is not None:
            wanted = wanted.where(column == value)
    if sought.passed is not None:
        same = and_(JUDGED.c.trace_id == REQUEST.c.trace_id, JUDGED.c.number == 1)
        wanted = wanted.join(JUDGED, same).where(_verdict(passed=sought.passed))
    if after is not None and after.number:
        wanted = wanted.where(REQUEST.c.created_ms <= after.created_ms)
    elif after is not None:
        wanted = wanted.where(tuple_(*key) < tuple_(after.created_ms, after.id))
    return _between(wanted, REQUEST.c.created_ms, sought).order_by(*(each.desc() for each in key))


def _verdict(*, passed: bool) -> Any:
    """No gate refused and no judge with a threshold failed; undecided ones are neither."""
    refused = JUDGED.c.standing == "refused"
    if passed:
        decided = JUDGED.c.standing.not_in(("refused", "undecided"))
        return and_(JUDGED.c.failed_judges == 0, decided)
    return or_(JUDGED.c.failed_judges > 0, refused)


def _between(wanted: Select[Any], column: Any, sought: Sought) -> Select[Any]:
    if sought.since_ms is not None:
        wanted = wanted.where(column >= sought.since_ms)
    if sought.until_ms is not None:
        wanted = wanted.where(column <= sought.until_ms)
    return wanted
