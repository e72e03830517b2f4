"""A job's id in, the job at its end out: taken, guarded with everything recorded, told, put away.

Called in the house's event loop, by the engine. It raises nothing but a cancellation: a job that
waits for room, or for a database, waits in here.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from sentinel.contracts import Trace
from sentinel.errors import Busy, NotFound, SentinelError, Unavailable
from sentinel.guarding import Guarding
from sentinel.jobs.handover import Handovers
from sentinel.jobs.port import OPEN, UNDELIVERED, Task
from sentinel.jobs.progress import Progress
from sentinel.jobs.recording import Recorder, WoundRun
from sentinel.jobs.records import Lost, Records
from sentinel.panel import Panel

log = logging.getLogger(__name__)

T = TypeVar("T")

CANCELLED = "the job was cancelled"
CLOSED = "the house closed; the job goes on when it opens again"

SETTLING = "settle "
"""Before the id of a job that has ended and is put away."""

CLOSING = 10.0
"""Seconds that jobs get to come to a stop when the house closes, as everything else does."""

LOOKING = 1.0
"""Seconds between two looks at whether another process has let a job go."""


@dataclass(frozen=True, slots=True)
class Means:
    """What jobs are worked at with."""

    records: Records
    guarding: Guarding
    panel_of: Callable[[Task], Panel]
    """The panel of its policy; SentinelError where there is none any more."""
    living: Callable[[], Awaitable[Collection[str]]]
    """The executors that are alive."""
    story: Callable[[str], Trace]
    """The kept trace of a job that is done."""
    lift: Callable[[str], None]
    """Sets no money aside for a job any more."""
    handovers: Handovers | None
    """Where results wait for their callers, if the store keeps none."""
    loaded: Callable[[], Awaitable[None]]
    """Waits until every panel is seated; raises what keeps the house from opening."""


class Work:
    """Works at jobs."""

    def __init__(self, means: Means, ring: Callable[[str], None]) -> None:
        """Nothing goes on yet; `ring` is told of every job that has ended here."""
        self._ring = ring
        self._means = means
        self._records = means.records
        self._going: dict[str, asyncio.Task[None]] = {}
        self._stopping: dict[str, str] = {}
        self._begun: set[asyncio.Future[None]] = set()
        self._closed = False

    async def __call__(self, job_id: str) -> None:
        """From where the job stands to its end; nothing where it has ended."""
        if self._closed:
            raise asyncio.CancelledError(CLOSED)
        while job_id in self._going:  # handed out twice: one of us is enough
            await asyncio.wait({self._going[job_id]})
        going = asyncio.ensure_future(self._whole(job_id))
        self._going[job_id] = going
        try:
            await asyncio.shield(going)
        except asyncio.CancelledError:
            self.stop(job_id)
            await asyncio.wait({going})
            if self._stopping.get(job_id) == CLOSED:
                raise
        finally:
            self._going.pop(job_id, None)
            self._stopping.pop(job_id, None)

    def begin(self, job_ids: Iterable[str]) -> None:
        """Work at jobs before the engine hands them out; it finds them under way, or done."""
        for job_id in job_ids:
            task = asyncio.ensure_future(self(job_id))
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)

    def stop(self, job_id: str, why: str = CANCELLED) -> None:
        """Stop a job that is worked at here, once; what is paid for is kept."""
        if job_id in self._going and job_id not in self._stopping:
            self._stopping[job_id] = why
            self._going[job_id].cancel(why)

    async def settle(self, job_id: str, owner: str | None) -> None:
        """Put away an ended job whose process died over it: charged, and what it paid for kept."""
        key = SETTLING + job_id
        self._going[key] = asyncio.ensure_future(self._settled(job_id, owner))
        try:
            await asyncio.wait({self._going[key]})
        finally:
            self._going.pop(key, None)
            self._stopping.pop(key, None)

    async def close(self) -> None:
        """Stop every job, so that it can be taken up again."""
        self._closed = True
        going = list(self._going.values())
        for job_id in list(self._going):
            self.stop(job_id, CLOSED)
        if going:
            await asyncio.wait(going, timeout=CLOSING)

    async def _whole(self, job_id: str) -> None:
        try:
            task = await self._taken(job_id)
            trace = await self._guarded(job_id, task)
        except Lost:
            return
        except asyncio.CancelledError:
            await self._stopped(job_id)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the job's caller is told
            await self._failed(job_id, error)
        else:
            await self._done(job_id, task, trace)
            await self._insist(lambda: self._put_away(job_id))

    async def _done(self, job_id: str, task: Task, trace: Trace) -> None:
        """Enter that it is done, then charge for it; nothing where it was cancelled meanwhile."""
        done = False
        code = UNDELIVERED if trace.delivered is None else None

        def end() -> None:  # in one thread, which nobody who stops us can split
            nonlocal done
            done = done or self._records.end(job_id, "done", code=code)
            if done:
                self._means.guarding.charge(task.wanted, trace)

        await self._insist(end)
        self._ring(job_id)

    def _billed(self, job_id: str, task: Task) -> None:
        """Charge for a job whose process may have died before it could; once in all."""
        self._means.guarding.charge(task.wanted, self._means.story(job_id))

    async def _settled(self, job_id: str, owner: str | None) -> None:
        try:
            adopt = functools.partial(self._records.adopt, job_id, owner)
            left = await self._insist(adopt)
            if left.state == "done" and left.task.payer is not None:
                await self._insist(lambda: self._billed(job_id, left.task))
            elif left.state == "cancelled" and left.painted:
                await self._guarded(job_id, left.task, ended=True)
        except Lost:
            return
        except asyncio.CancelledError:  # by the recorder, at the end of what is on record
            if self._stopping.get(SETTLING + job_id) == CLOSED:
                raise
        except Exception:
            log.exception("job %s is put away as it was left", job_id)
        await self._stopped(job_id)

    async def _taken(self, job_id: str) -> Task:
        """The task, once no other living process has it."""
        while True:
            living = await self._means.living()
            take = functools.partial(self._records.take, job_id, living)
            task = await self._insist(take)
            if task is not None:
                return task
            await asyncio.sleep(LOOKING)

    async def _guarded(self, job_id: str, task: Task, *, ended: bool = False) -> Trace:
        """The loop, with a recorded staff; begun anew where there was no room or no database."""
        await self._opened()
        while True:
            try:
                return await self._once(job_id, task, ended=ended)
            except (Busy, Unavailable) as error:
                log.info("job %s waits: %s", job_id, error)
                await asyncio.sleep(error.retry_after)

    async def _opened(self) -> None:
        """Until the house is open; a house that cannot open is closed soon, and fails no job."""
        try:
            await self._means.loaded()
        except Exception as error:  # noqa: BLE001 - a plugin's load is foreign code
            log.warning("jobs wait: the house does not open (%s)", type(error).__name__)
            await asyncio.Event().wait()

    async def _once(self, job_id: str, task: Task, *, ended: bool) -> Trace:
        guarding = self._means.guarding
        panel = self._means.panel_of(task)
        order, staff = await guarding.prepare(panel, task.brief, task.wanted)
        recorder = Recorder(self._records, job_id, ended=ended)
        progress = Progress(self._records, job_id)
        run = WoundRun(replace(order, id=job_id), recorder.staffed(staff), progress.hear)
        key = SETTLING + job_id if ended else job_id
        recorder.run, recorder.lose = run, functools.partial(self.stop, key)
        stories: list[Trace] = []
        guarded = await guarding.go(run, stories.append)
        if run.behind:  # delivered at once and judged behind: the job ends with the judges' word
            await guarding.settled()
        await progress.told()
        if (waiting := self._means.handovers) is not None:
            await self._insist(lambda: waiting.put(stories[-1], guarded.picture))
        return guarded.trace

    async def _stopped(self, job_id: str) -> None:
        """Wait until what was paid for is kept; a cancelled job is put away."""
        await self._means.guarding.settled()
        try:
            await self._insist(lambda: self._put_away(job_id))
        except NotFound:
            log.warning("job %s is gone", job_id)

    async def _failed(self, job_id: str, error: Exception) -> None:
        known = isinstance(error, SentinelError)
        if not known:
            log.error("job %s: unexpected %s", job_id, type(error).__name__)
        code = getattr(error, "code", "internal") if known else "internal"
        told = str(error) if known else "something went wrong in here; the log has its kind"
        await self._means.guarding.settled()
        await self._insist(lambda: self._records.end(job_id, "failed", code=code, error=told))
        self._ring(job_id)
        await self._insist(lambda: self._put_away(job_id))

    def _put_away(self, job_id: str) -> None:
        """Drop what an ended job needs no more: money set aside, and its records last."""
        if self._records.job(job_id).state not in OPEN:
            self._means.lift(job_id)
            self._records.clear(job_id)

    async def _insist(self, work: Callable[[], T]) -> T:
        """In a thread, until the database answers."""
        while True:
            try:
                return await asyncio.to_thread(work)
            except Unavailable as error:
                log.warning("jobs wait: %s", error)
                await asyncio.sleep(error.retry_after)
