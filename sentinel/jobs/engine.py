"""Job ids in, work begun out, by DBOS: a queue in a database that survives the process.

DBOS decides who begins which job and how many go on at once, hands a dead process's jobs to a
living one, and hears across processes that a job was cancelled. It is one per process. Its
workflow is one step long: what happens inside a job is recorded by `recording`, under names, since
DBOS numbers steps in the order of their calls and the loop's order follows the clock.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from dbos import DBOS, Queue, Serializer, SetWorkflowID
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, event

from sentinel.errors import ConfigError
from sentinel.jobs.tables import Place
from sentinel.store.engines import connect, shown

QUEUE = "jobs"

POLLING = 0.5
"""Seconds between two looks into the queue."""

VERSION = "1"
"""Of the workflow below; a new one would leave the jobs of an old one to old processes."""

BUSY_MS = 30_000
"""Milliseconds that DBOS waits for SQLite's lock, as it would with an engine of its own."""

Work = Callable[[str], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class _Here:
    """What this process works with, as long as it does."""

    work: Work
    loop: asyncio.AbstractEventLoop
    closing: bool = False


_HERE: dict[str, _Here] = {}
"""Under "" while an engine runs: DBOS is one per process, and so is this."""


@DBOS.step(name="sentinel.work", preemptible=True)
async def _work(job_id: str) -> None:
    """Hand the job over to the house's own event loop, and wait; a cancellation goes there too."""
    here = _HERE[""]
    going = asyncio.run_coroutine_threadsafe(here.work(job_id), here.loop)
    try:
        await asyncio.wrap_future(going)
    except asyncio.CancelledError:
        ours = asyncio.current_task()
        if here.closing and ours is not None and not ours.cancelling():
            # the house stopped it, which is no end of the job: hold until DBOS is gone as well
            await asyncio.Event().wait()
        raise


@DBOS.workflow(name="sentinel.job")
async def _job(job_id: str) -> None:
    await _work(job_id)


class Ids(Serializer):
    """JSON instead of pickle: ids are all that is handed over, and a database is no code."""

    def serialize(self, data: Any) -> str:
        """As JSON; what has no form in it is told by its type."""
        return json.dumps(data, default=lambda value: type(value).__name__)

    def deserialize(self, serialized_data: str) -> Any:
        """Back again."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """Written beside every value."""
        return "sentinel_json"


class Engine:
    """A running DBOS. Plain blocking code, for threads."""

    def __init__(self, place: Place, executor: str, at_once: int) -> None:
        """`executor` is this process's name; `at_once` jobs are worked at side by side."""
        self._place = place
        self._executor = executor
        self._at_once = at_once
        self._queue: Queue | None = None
        self._database: Database | None = None

    def launch(self, work: Work, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to hand out jobs; ConfigError where another house of this process does already."""
        if _HERE:
            told = "jobs run in one house per process, and one runs already; close that first"
            raise ConfigError(told)
        _HERE[""] = _Here(work, loop)
        try:
            self._launch()
        except BaseException:
            self.close()
            raise

    def enqueue(self, job_id: str) -> None:
        """Let somebody work at it; nothing changes where it is known."""
        if self._queue is None:
            raise RuntimeError("launch the engine first")
        with SetWorkflowID(job_id):
            self._queue.enqueue(_job, job_id)

    def cancel(self, job_ids: Sequence[str]) -> None:
        """Let whoever works at them stop, in whichever process."""
        DBOS.cancel_workflows(list(job_ids))

    def going(self) -> list[tuple[str, str | None]]:
        """Every job that somebody works at, or worked at when it died, and who."""
        known = DBOS.list_workflows(
            status="PENDING", name="sentinel.job", load_input=False, load_output=False
        )
        return [(each.workflow_id, each.executor_id) for each in known]

    def hand_over(self, job_id: str) -> None:
        """Put a job whose process died into the queue again."""
        DBOS.resume_workflow(job_id, queue_name=QUEUE)

    def forget(self, job_ids: Sequence[str]) -> None:
        """Drop jobs that have ended."""
        DBOS.delete_workflows(list(job_ids))

    def closing(self) -> None:
        """From now on a job that stops here has not ended."""
        if _HERE:
            _HERE[""].closing = True

    def close(self) -> None:
        """Stop; what is open goes on in another process, or here after the next start."""
        self.closing()
        DBOS.destroy()
        _HERE.clear()
        if self._database is not None:
            self._database.dispose()  # DBOS lets go of engines that it made itself

    def _launch(self) -> None:
        url = self._place.url.render_as_string(hide_password=False)
        self._database = _database(self._place)
        DBOS(
            config={
                "name": "sentinel", "system_database_url": url,
                "system_database_engine": self._database,
                "dbos_system_schema": self._place.schema or "dbos",
                "application_version": VERSION, "executor_id": self._executor,
                "use_listen_notify": False, "log_level": "ERROR", "serializer": Ids(),
            }
        )  # fmt: skip
        logging.getLogger("dbos").addFilter(_telling)
        try:
            DBOS.launch()
        except Exception as error:
            where = shown(self._place.url)
            raise ConfigError(f"jobs cannot be kept in {where!r}: {error}") from error
        self._queue = DBOS.register_queue(
            QUEUE, worker_concurrency=self._at_once, polling_interval_sec=POLLING,
            on_conflict="always_update",
        )  # fmt: skip


def _telling(record: logging.LogRecord) -> bool:
    """Everything but the traceback that a cancelled job leaves: it was asked for."""
    error = record.exc_info[0] if record.exc_info else None
    return error is None or not error.__name__.endswith("CancelledError")


def _database(place: Place) -> Database:
    """A database engine for DBOS: its own way with SQLite, and a write-ahead log on top."""
    if place.schema is not None:
        return connect(place.url.render_as_string(hide_password=False)).write
    made = create_engine(place.url, pool_size=8, max_overflow=8)

    def prepare(raw: Any, _: object) -> None:
        raw.isolation_level = "IMMEDIATE"
        for pragma in (f"busy_timeout={BUSY_MS}", "foreign_keys=ON", "synchronous=NORMAL"):
            raw.execute(f"PRAGMA {pragma}")

    event.listen(made, "connect", prepare)
    return made
