"""Rows of jobs in and out: who works at which, what was recorded, where each stands.

Plain blocking code for threads, safe across processes. Whoever has lost a job to another process
finds that out at the next write.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, func, insert, select, update

from sentinel.errors import Busy, NotFound
from sentinel.jobs.membership import forget, whole, with_siblings
from sentinel.jobs.port import OPEN, Job, Page, State, Step, Task
from sentinel.jobs.tables import EXECUTOR, JOB, PICTURE, RECORD
from sentinel.store.engines import Engines

PROMPT = 200
"""Characters of a prompt that a list shows."""

RETRY_AFTER = 10.0
"""Seconds a caller is asked to wait where too many jobs wait: about what one takes."""

SWEPT = 500
"""Jobs that one sweep forgets at most, so that nobody waits long for the database."""

SHOWN = ("id", "state", "attempt", "step", "created_ms", "updated_ms", "prompt", "taken",
         "owner", "code", "error")  # fmt: skip
"""Columns that make a `Job`."""


class Lost(Exception):  # noqa: N818 - what happened
    """The job is another process's by now, or has ended; whatever we do at it is in vain."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a step came to, when (in seconds of the job's budget), and the pictures it made."""

    payload: str
    seconds: float
    pictures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Left:
    """An ended job whose process died before it was put away."""

    task: Task
    state: State
    painted: bool
    """Whether a generation is on record."""


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


class Records:
    """Jobs and their records, seen by one executor."""

    def __init__(self, engines: Engines, executor: str, *, words: bool = True) -> None:
        """`executor` is this process's name; without `words` an ended job loses its prompt."""
        self._words = words
        self._engine = engines.write
        self._reading = engines.read
        self.executor = executor

    # ── accepting and telling ─────────────────────────────────────────────────────────────────

    def accept(self, job_id: str, task: Task, most: int) -> Job:
        """Enter a job; Busy where `most` are waiting already."""
        with self._engine.begin() as connection:
            return enter(connection, {job_id: task}, most)[0]

    def job(self, job_id: str) -> Job:
        """Where it stands; NotFound if there is none."""
        with self._reading.begin() as connection:
            return job_of(_row(connection, job_id))

    def page(self, state: State | None, limit: int, after: str | None) -> Page:
        """Jobs, the newest first."""
        wanted = select(*(JOB.c[name] for name in SHOWN)).order_by(JOB.c.id.desc())
        if state is not None:
            wanted = wanted.where(JOB.c.state == state)
        if after is not None:
            wanted = wanted.where(JOB.c.id < after)
        with self._reading.begin() as connection:
            rows = connection.execute(wanted.limit(limit + 1)).mappings().all()
        jobs = tuple(job_of(row) for row in rows[:limit])
        return Page(jobs=jobs, after=jobs[-1].id if len(rows) > limit else None)

    def counts(self) -> dict[State, int]:
        """How many jobs are in each state that has any."""
        wanted = select(JOB.c.state, func.count()).group_by(JOB.c.state)
        with self._reading.begin() as connection:
            return {row[0]: int(row[1]) for row in connection.execute(wanted)}

    def unfinished(self) -> Sequence[str]:
        """The ids of all jobs that are to be worked at, the oldest first."""
        wanted = select(JOB.c.id).where(JOB.c.state.in_(OPEN)).order_by(JOB.c.id)
        with self._reading.begin() as connection:
            return connection.execute(wanted).scalars().all()

    def unsettled(self) -> dict[str, str | None]:
        """Jobs that have ended and were not put away, and who worked at each."""
        wanted = select(JOB.c.id, JOB.c.owner).where(JOB.c.state.not_in(OPEN), JOB.c.task != "")
        with self._reading.begin() as connection:
            return {row["id"]: row["owner"] for row in connection.execute(wanted).mappings()}

    # ── working ───────────────────────────────────────────────────────────────────────────────

    def take(self, job_id: str, living: Iterable[str]) -> Task | None:
        """Its task, and it is ours from now on; None where another living process has it.

        Lost where it has ended.
        """
        with self._engine.begin() as connection:
            row = _row(connection, job_id, lock=True)
            if row["state"] not in OPEN:
                raise Lost(job_id)
            if row["owner"] not in (None, self.executor) and row["owner"] in set(living):
                return None
            connection.execute(
                update(JOB).where(JOB.c.id == job_id).values(
                    state="running", owner=self.executor, taken=JOB.c.taken + 1, step="waiting",
                    attempt=0, updated_ms=now_ms(),
                )
            )  # fmt: skip
            return Task.model_validate_json(row["task"])

    def adopt(self, job_id: str, owner: str | None) -> Left:
        """Take an ended job from who left it; Lost where somebody else was quicker."""
        same = (JOB.c.id == job_id, JOB.c.owner.is_not_distinct_from(owner), JOB.c.task != "")
        mine = update(JOB).where(*same).values(owner=self.executor)
        with self._engine.begin() as connection:
            if not connection.execute(mine).rowcount:
                raise Lost(job_id)
            row = _row(connection, job_id)
            made = select(RECORD.c.name).where(
                RECORD.c.job_id == job_id, RECORD.c.name.like("generate %")
            )
            painted = connection.execute(made).first() is not None
            return Left(Task.model_validate_json(row["task"]), row["state"], painted)

    def tell(self, job_id: str, attempt: int, step: Step) -> None:
        """How far it is; nothing where it is not ours."""
        ours = (JOB.c.id == job_id, JOB.c.state == "running", JOB.c.owner == self.executor)
        values = {"attempt": attempt, "step": step, "updated_ms": now_ms()}
        with self._engine.begin() as connection:
            connection.execute(update(JOB).where(*ours).values(values))

    def read(self, job_id: str, name: str) -> Record | None:
        """What was recorded under a name, without its pictures."""
        wanted = select(RECORD).where(RECORD.c.job_id == job_id, RECORD.c.name == name)
        with self._reading.begin() as connection:
            found = connection.execute(wanted).mappings().one_or_none()
        return None if found is None else Record(found["payload"], found["seconds"])

    def picture(self, job_id: str, sha256: str) -> bytes:
        """The bytes of a picture that a record names."""
        same = (PICTURE.c.job_id == job_id, PICTURE.c.sha256 == sha256)
        with self._reading.begin() as connection:
            return bytes(connection.execute(select(PICTURE.c.bytes).where(*same)).scalar_one())

    def write(self, job_id: str, name: str, record: Record) -> None:
        """Record a step, once: a second writing changes nothing. Lost where it is not ours.

        A cancelled job still takes what was paid for.
        """
        with self._engine.begin() as connection:
            row = _row(connection, job_id, lock=True)
            if row["owner"] != self.executor or row["state"] not in ("running", "cancelled"):
                raise Lost(job_id)
            same = (RECORD.c.job_id == job_id, RECORD.c.name == name)
            if connection.execute(select(RECORD.c.name).where(*same)).first() is not None:
                return
            known = set(
                connection.execute(
                    select(PICTURE.c.sha256).where(PICTURE.c.job_id == job_id)
                ).scalars()
            )
            fresh = [
                {"job_id": job_id, "sha256": sha256, "bytes": data}
                for sha256, data in record.pictures.items()
                if sha256 not in known
            ]
            if fresh:
                connection.execute(insert(PICTURE), fresh)
            values = {"seconds": record.seconds, "payload": record.payload}
            connection.execute(insert(RECORD), {"job_id": job_id, "name": name} | values)

    # ── ending ────────────────────────────────────────────────────────────────────────────────

    def end(
        self, job_id: str, state: State, *, code: str | None = None, error: str | None = None
    ) -> bool:
        """Enter how an open job ended; False where it had ended already."""
        still = (JOB.c.id == job_id, JOB.c.state.in_(OPEN))
        values = {"state": state, "step": "ended", "code": code, "error": error,
                  "updated_ms": now_ms()}  # fmt: skip
        with self._engine.begin() as connection:
            return bool(connection.execute(update(JOB).where(*still).values(values)).rowcount)

    def sweep(self, before_ms: int) -> Sequence[str]:
        """Forget jobs that ended before, a batch only as a whole; their ids. Their traces stay."""
        over = and_(JOB.c.state.not_in(OPEN), JOB.c.task == "", JOB.c.updated_ms < before_ms)
        wanted = select(JOB.c.id).where(over, whole(over)).limit(SWEPT)
        with self._engine.begin() as connection:
            found = with_siblings(connection, connection.execute(wanted).scalars().all())
            forget(connection, found)
            connection.execute(delete(JOB).where(JOB.c.id.in_(found)))
        return found

    def clear(self, job_id: str) -> None:
        """Drop what an ended job needs no more; its story is in the store."""
        with self._engine.begin() as connection:
            if _row(connection, job_id, lock=True)["state"] in OPEN:
                return
            connection.execute(delete(PICTURE).where(PICTURE.c.job_id == job_id))
            connection.execute(delete(RECORD).where(RECORD.c.job_id == job_id))
            bare = {"task": ""} if self._words else {"task": "", "prompt": ""}
            connection.execute(update(JOB).where(JOB.c.id == job_id).values(bare))

    # ── who works ─────────────────────────────────────────────────────────────────────────────

    def beat(self) -> None:
        """Say that this process is alive."""
        values = {"seen_ms": now_ms()}
        mine = EXECUTOR.c.id == self.executor
        with self._engine.begin() as connection:
            if not connection.execute(update(EXECUTOR).where(mine).values(values)).rowcount:
                connection.execute(insert(EXECUTOR), {"id": self.executor} | values)

    def beats(self) -> dict[str, int]:
        """Every process that works or died at it, and when its last beat was written."""
        with self._reading.begin() as connection:
            rows = connection.execute(select(EXECUTOR)).mappings().all()
        return {row["id"]: row["seen_ms"] for row in rows}

    def leave(self, *executors: str) -> None:
        """Take processes off the list: those that are gone, or this one at its end."""
        with self._engine.begin() as connection:
            connection.execute(delete(EXECUTOR).where(EXECUTOR.c.id.in_(executors)))


def enter(connection: Connection, tasks: Mapping[str, Task], most: int) -> tuple[Job, ...]:
    """Enter jobs by their ids, all or none; Busy where more than `most` would wait."""
    now = now_ms()
    rows = [
        {
            "id": job_id, "state": "queued", "attempt": 0, "step": "waiting", "created_ms": now,
            "updated_ms": now, "prompt": (task.brief.prompt or "")[:PROMPT].replace("\x00", "␀"),
            "taken": 0, "task": task.model_dump_json(),
        }
        for job_id, task in tasks.items()
    ]  # fmt: skip
    waiting = select(func.count()).select_from(JOB).where(JOB.c.state == "queued")
    if connection.execute(waiting).scalar_one() + len(rows) > most:
        raise Busy(f"the queue of jobs ({most} may wait)", RETRY_AFTER)
    connection.execute(insert(JOB), rows)
    return tuple(job_of(row) for row in rows)


def _row(connection: Connection, job_id: str, *, lock: bool = False) -> RowMapping:
    wanted = select(JOB).where(JOB.c.id == job_id)
    found = connection.execute(wanted.with_for_update() if lock else wanted)
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no job {job_id[:80]!r}")
    return row


def job_of(row: Mapping[str, Any] | RowMapping) -> Job:
    """A job by its row."""
    return Job.model_validate({name: row[name] for name in SHOWN if name in row})
