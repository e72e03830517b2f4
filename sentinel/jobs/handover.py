"""A finished job in, its result out for some minutes, and then nothing of it.

Where nothing of a prompt or picture is kept (SENTINEL_RETENTION=none), the store has no more of a
job than its numbers, and its caller comes for the result later. So its whole trace and the
delivered picture lie beside the jobs, for as long as callers are given to fetch them, whether or
not anybody has: an answer that was lost on the way can be asked for again. For as long the store
finds them too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, update

from sentinel.contracts import Trace
from sentinel.errors import NotFound
from sentinel.guarding import Guarded
from sentinel.jobs.membership import forget, whole
from sentinel.jobs.port import OPEN
from sentinel.jobs.records import now_ms
from sentinel.jobs.tables import HANDOVER, JOB, MEMBER
from sentinel.store import Store
from sentinel.store.engines import Engines
from sentinel.store.forgetting import emptied

MINUTE_MS = 60_000

FORGETTING = 20.0
"""Seconds between two looks for results whose time is up."""


class Handovers:
    """Results that wait for their callers. Plain blocking code, safe across processes."""

    def __init__(self, engines: Engines, minutes: float, clock: Callable[[], int] = now_ms) -> None:
        """Each waits so many minutes."""
        self._engines = engines
        self._minutes = minutes
        self._clock = clock

    def put(self, trace: Trace, picture: bytes | None) -> None:
        """Let a result wait from now on, in the place of an earlier one of the same job."""
        row = {
            "job_id": trace.id, "trace": trace.model_dump_json(), "picture": picture,
            "sha256": None if picture is None else trace.last.picture,
            "until_ms": self._clock() + round(self._minutes * MINUTE_MS),
        }  # fmt: skip
        with self._engines.write.begin() as connection:
            connection.execute(delete(HANDOVER).where(HANDOVER.c.job_id == trace.id))
            connection.execute(HANDOVER.insert(), row)

    def get(self, job_id: str) -> Guarded:
        """The trace and the delivered picture; NotFound once their time is up."""
        trace = self.trace(job_id)
        if trace is None:
            told = f"the result of job {job_id[:80]!r} is gone: nothing is kept here"
            raise NotFound(f"{told} (SENTINEL_RETENTION=none) beyond {self._minutes:g} minutes")
        shown = trace.last.picture if trace.delivered is not None else None
        picture = None if shown is None else self.picture(shown)
        return Guarded(trace, picture, {}, kept=False)

    def trace(self, job_id: str) -> Trace | None:
        """The trace of a job whose result waits, whole."""
        found = self._waiting(HANDOVER.c.trace, HANDOVER.c.job_id == job_id)
        return None if found is None else Trace.model_validate_json(found)

    def picture(self, sha256: str) -> bytes | None:
        """A delivered picture that waits, by its sha256."""
        found = self._waiting(HANDOVER.c.picture, HANDOVER.c.sha256 == sha256)
        return None if found is None else bytes(found)

    def lend(self, store: Store) -> None:
        """Let a store find what waits here, as if it had it."""
        store.traces.elsewhere = self.trace
        store.media.elsewhere = self.picture

    def _waiting(self, column: ColumnElement[Any], same: ColumnElement[bool]) -> Any:
        wanted = select(column).where(same, HANDOVER.c.until_ms > self._clock()).limit(1)
        with self._engines.read.begin() as connection:
            return connection.execute(wanted).scalar_one_or_none()

    def sweep(self) -> int:
        """Forget results whose time is up, and what batches and errors of that age say; how many.

        SQLite's log forgets them as well; the space they took was overwritten with zeros.
        """
        now = self._clock()
        ended = now - round(self._minutes * MINUTE_MS)
        over = and_(JOB.c.state.not_in(OPEN), JOB.c.task == "", JOB.c.updated_ms <= ended)
        batched = select(JOB.c.id).where(over, whole(over), JOB.c.id.in_(select(MEMBER.c.job_id)))
        with self._engines.write.begin() as connection:
            gone = connection.execute(delete(HANDOVER).where(HANDOVER.c.until_ms <= now))
            forget(connection, connection.execute(batched).scalars().all())
            told = update(JOB).where(over, JOB.c.error.is_not(None))
            connection.execute(told.values(error=None))
        emptied(self._engines)
        return int(gone.rowcount)


def kept_in(store: Store) -> Callable[[str], Guarded]:
    """The same of a store that keeps results: no picture where it is kept no longer."""

    def get(job_id: str) -> Guarded:
        trace = store.traces.load(job_id)
        sha256 = trace.last.picture if trace.delivered is not None else None
        try:
            picture = None if sha256 is None else store.media.get(sha256)
        except NotFound:
            picture = None
        return Guarded(trace, picture, {}, kept=picture is not None)

    return get
