"""Rows of batches in and out: several jobs entered at once, and where they stand together.

Plain blocking code for threads, safe across processes, as `records` is. A batch has no state of its
own: it is read from its jobs, in SQL by the same rule as `Batch.state`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Subquery,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from sentinel.errors import BriefError, NotFound
from sentinel.jobs.port import OPEN, UNDELIVERED, Batch, Counts, Job, State, Task
from sentinel.jobs.records import SHOWN, enter, job_of, now_ms
from sentinel.jobs.tables import BATCH, HANDED, JOB, MEMBER
from sentinel.store.engines import Engines

Row = Mapping[str, Any] | RowMapping

SHOWN_ID = 80
"""Characters of an unknown id that are repeated to who asked."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch that is to be entered: its jobs' tasks by id, in the order of their pictures."""

    id: str
    surface: str
    project: str
    tasks: Mapping[str, Task]
    asked: dict[str, JsonValue] = field(default_factory=dict)


class Batches:
    """The batches of a place."""

    def __init__(self, engines: Engines) -> None:
        """Whoever asks sees all of them: a batch belongs to no process."""
        self._engine = engines.write
        self._reading = engines.read

    def accept(self, entry: Entry, most: int) -> Batch:
        """Enter all its jobs or none; Busy where they do not fit, BriefError of a known id."""
        asked = json.dumps(entry.asked)
        row = {
            "id": entry.id, "surface": entry.surface, "project": entry.project,
            "created_ms": now_ms(), "asked": asked,
        }  # fmt: skip
        members = [
            {"job_id": job_id, "batch_id": entry.id, "number": number}
            for number, job_id in enumerate(entry.tasks)
        ]
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(BATCH), row)
                jobs = enter(connection, entry.tasks, most)
                connection.execute(insert(MEMBER), members)
                return _batch(connection, row, jobs)
        except IntegrityError:
            raise BriefError("batch_id", entry.id, "a batch has it; use another one") from None

    def batch(self, batch_id: str) -> Batch:
        """Where it stands; NotFound if there is none."""
        found = self._several(select(BATCH).where(BATCH.c.id == batch_id))
        if not found:
            raise NotFound(f"there is no batch {batch_id[:SHOWN_ID]!r}")
        return found[0]

    def several(
        self, surface: str, states: Sequence[State] | None, limit: int
    ) -> tuple[Batch, ...]:
        """A surface's batches, the newest first."""
        wanted = select(BATCH).where(BATCH.c.surface == surface)
        if states is not None:
            stands = _stands(BATCH.c.surface == surface)
            wanted = wanted.join(stands, stands.c.batch_id == BATCH.c.id)
            wanted = wanted.where(stands.c.state.in_(states))
        newest = wanted.order_by(BATCH.c.created_ms.desc(), BATCH.c.id.desc())
        return self._several(newest.limit(limit))

    def counts(self, surface: str, project: str) -> Counts:
        """How many of a project's batches of a surface are in each state."""
        stands = _stands(BATCH.c.surface == surface, BATCH.c.project == project)
        undelivered = func.sum(
            case(((stands.c.state == "done") & stands.c.undelivered, 1), else_=0)
        )
        retaken = func.sum(case((stands.c.taken > 1, 1), else_=0))
        wanted = select(stands.c.state, func.count(), undelivered, retaken)
        with self._reading.begin() as connection:
            rows = connection.execute(wanted.group_by(stands.c.state)).all()
        return Counts(
            **{state: count for state, count, _, _ in rows},
            undelivered=sum(row[2] for row in rows), retaken=sum(row[3] for row in rows),
        )  # fmt: skip

    def cancel(self, batch_id: str) -> Sequence[str]:
        """Enter that every open job of it was cancelled; their ids. NotFound if there is none."""
        self.batch(batch_id)
        return self._cancel(MEMBER.c.batch_id == batch_id)

    def cancel_all(
        self, surface: str, project: str, states: Sequence[State]
    ) -> tuple[int, Sequence[str]]:
        """The same for a project's batches in these states: how many, and their jobs' ids."""
        stands = _stands(BATCH.c.surface == surface, BATCH.c.project == project)
        wanted = select(stands.c.batch_id).where(stands.c.state.in_(states))
        jobs = self._cancel(MEMBER.c.batch_id.in_(wanted))
        theirs = select(func.count(MEMBER.c.batch_id.distinct())).where(MEMBER.c.job_id.in_(jobs))
        with self._reading.begin() as connection:
            return connection.execute(theirs).scalar_one(), jobs

    def hand_out(self, batch_id: str, what: str) -> bool:
        """Whether this is the first time, in whichever process; NotFound if there is no batch."""
        self.batch(batch_id)
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(HANDED), {"batch_id": batch_id, "what": what})
        except IntegrityError:
            return False
        return True

    def _cancel(self, which: ColumnElement[bool]) -> Sequence[str]:
        open_ones = (
            select(JOB.c.id).join(MEMBER, MEMBER.c.job_id == JOB.c.id)
            .where(which, JOB.c.state.in_(OPEN)).order_by(JOB.c.id).with_for_update(of=JOB)
        )  # fmt: skip
        values = {"state": "cancelled", "step": "ended", "updated_ms": now_ms()}
        with self._engine.begin() as connection:
            found = connection.execute(open_ones).scalars().all()
            connection.execute(update(JOB).where(JOB.c.id.in_(found)).values(values))
        return found

    def _several(self, wanted: Select[Any]) -> tuple[Batch, ...]:
        with self._reading.begin() as connection:
            rows = connection.execute(wanted).mappings().all()
            jobs = _jobs(connection, [row["id"] for row in rows])
            return tuple(_batch(connection, row, jobs[row["id"]]) for row in rows)


def _jobs(connection: Connection, batch_ids: Sequence[str]) -> Mapping[str, Sequence[Job]]:
    columns = [JOB.c[name] for name in SHOWN]
    wanted = (
        select(MEMBER.c.batch_id, *columns).join(MEMBER, MEMBER.c.job_id == JOB.c.id)
        .where(MEMBER.c.batch_id.in_(batch_ids)).order_by(MEMBER.c.batch_id, MEMBER.c.number)
    )  # fmt: skip
    found: dict[str, list[Job]] = {batch_id: [] for batch_id in batch_ids}
    for row in connection.execute(wanted).mappings():
        found[row["batch_id"]].append(job_of(row))
    return found


def _batch(connection: Connection, row: Row, jobs: Sequence[Job]) -> Batch:
    """A batch by its row and jobs, with how many jobs wait before it."""
    waiting = [job.id for job in jobs if job.state == "queued"]
    position = 0
    if waiting:
        before = (JOB.c.state == "queued", JOB.c.id < min(waiting))
        counted = select(func.count()).select_from(JOB).where(*before)
        position = connection.execute(counted).scalar_one()
    return Batch(
        id=row["id"], surface=row["surface"], project=row["project"], jobs=tuple(jobs),
        asked=json.loads(row["asked"]), created_ms=row["created_ms"], position=position,
    )  # fmt: skip


def _stands(*which: ColumnElement[bool]) -> Subquery:
    """The state of each of those batches, by the rule of `Batch.state`."""

    def among(state: State) -> ColumnElement[int]:
        return func.sum(case((JOB.c.state == state, 1), else_=0))

    state = case(
        (among("failed") > 0, literal("failed")),
        (among("cancelled") > 0, literal("cancelled")),
        (among("done") == func.count(), literal("done")),
        (among("queued") == func.count(), literal("queued")),
        else_=literal("running"),
    )
    return (
        select(
            MEMBER.c.batch_id, state.label("state"), func.max(JOB.c.taken).label("taken"),
            (func.count(case((JOB.c.code == UNDELIVERED, 1))) > 0).label("undelivered"),
        )
        .join(BATCH, BATCH.c.id == MEMBER.c.batch_id).join(JOB, JOB.c.id == MEMBER.c.job_id)
        .where(*which).group_by(MEMBER.c.batch_id).subquery()
    )  # fmt: skip
