"""Requests in, jobs out: accepted, looked up, listed, cancelled; and worked at while open.

    desk = Desk.of(house)
    job = await desk.submit(brief, Wanted(policy="poster"))
    await desk.status(job.id)

A job is a row before its caller hears of it. The engine is started when there is a first job to
work at, here or (where the database is shared) anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Self, cast, get_args

from ulid import ULID

from sentinel.contracts import Brief, Trace
from sentinel.errors import BriefError, SentinelError
from sentinel.guarding import Guarded, Wanted
from sentinel.jobs.affording import afforded
from sentinel.jobs.batches import Batches
from sentinel.jobs.batching import Batching
from sentinel.jobs.handover import FORGETTING, Handovers, kept_in
from sentinel.jobs.house import Bounds, House
from sentinel.jobs.port import MOST, OPEN, Job, NotDone, Page, State, Task
from sentinel.jobs.records import Records, now_ms
from sentinel.jobs.tables import Place
from sentinel.jobs.vigil import Vigil, executor_id
from sentinel.jobs.work import Means, Work
from sentinel.loop.seeds import draw
from sentinel.panel import Panel
from sentinel.store.rollups import DAY_MS

if TYPE_CHECKING:
    from sentinel.jobs.engine import Engine

log = logging.getLogger(__name__)

SWEEPING = 3600.0
"""Seconds between two sweeps of jobs that ended long ago."""


class Desk(Batching):
    """`sentinel.jobs.Jobs`, kept in a database and worked at by DBOS."""

    @classmethod
    def of(cls, house: House) -> Self:
        """A house's desk, beside its database, with the settings' bounds."""
        told = house.settings
        handover = None if told.keeps_words else told.handover_minutes
        bounds = Bounds(told.jobs_waiting, told.jobs_at_once, told.jobs_days, handover=handover)
        return cls(Place.beside(told.database_url, wiping=handover is not None), house, bounds)

    def __init__(self, place: Place, house: House, bounds: Bounds) -> None:
        """Nothing is opened yet."""
        super().__init__(house.store.holds)
        self._place = place
        self._house = house
        self._bounds = bounds
        self._name = executor_id()
        self._swept = self._forgot = float("-inf")
        self._handovers: Handovers | None = None
        self._vigil = Vigil(self._name, self._bounds.stale)
        self._opening = asyncio.Lock()
        self._records: Records | None = None
        self._batches: Batches | None = None
        self._dispose: Callable[[], None] = lambda: None
        self._engine: Engine | None = None
        self._work: Work | None = None
        self._watching: asyncio.Task[None] | None = None

    # ── the port ──────────────────────────────────────────────────────────────────────────────

    async def submit(self, brief: Brief, wanted: Wanted | None = None) -> Job:
        """Accept a request; its seed and policy are settled, and whatever is wrong is raised."""
        task = await self._task(brief, wanted or Wanted())
        records, engine = await self._started()
        job_id = str(ULID())

        def enter() -> Job:
            with afforded(self._holds, [job_id], task):
                return records.accept(job_id, task, self._bounds.waiting)

        job = await asyncio.to_thread(enter)
        await asyncio.to_thread(engine.enqueue, job_id)
        return job

    async def status(self, job_id: str) -> Job:
        """Where it stands; NotFound if there is none."""
        records = await self._opened()
        return await asyncio.to_thread(records.job, job_id)

    async def result(self, job_id: str) -> Trace:
        """Its trace; NotFound, or NotDone."""
        return (await self.delivered(job_id)).trace

    async def delivered(self, job_id: str) -> Guarded:
        """Its trace, and the picture that is delivered; NotFound, or NotDone.

        No picture where none is delivered, or none is kept any more.
        """
        job = await self.status(job_id)
        if job.state != "done":
            raise NotDone(job)
        fetch = kept_in(self._house.store) if self._handovers is None else self._handovers.get
        return await asyncio.to_thread(fetch, job_id)

    async def cancel(self, job_id: str) -> Job:
        """Stop between two steps and keep what is paid for; one that has ended stays as it is."""
        records, engine = await self._started()
        job = await asyncio.to_thread(records.job, job_id)
        if job.state in OPEN and await asyncio.to_thread(records.end, job_id, "cancelled"):
            await self._stop(engine, [job_id])
        return await asyncio.to_thread(records.job, job_id)

    async def list(
        self, *, state: State | None = None, limit: int = 20, after: str | None = None
    ) -> Page:
        """Jobs, the newest first."""
        if not 1 <= limit <= MOST:
            raise BriefError("limit", limit, f"use 1 to {MOST}")
        records = await self._opened()
        return await asyncio.to_thread(records.page, state, limit, after)

    async def counts(self) -> dict[State, int]:
        """How many jobs are in each state; nothing is opened where certainly none was kept yet."""
        none = dict.fromkeys(get_args(State), 0)
        if not await asyncio.to_thread(lambda: self._place.exists):
            return none
        records = await self._opened()
        return none | await asyncio.to_thread(records.counts)

    # ── opening and closing ───────────────────────────────────────────────────────────────────

    def watch(self) -> None:
        """Work at jobs from now on, as soon as there are any."""
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Stop working; what is open goes on elsewhere, or here after the next start."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        async with self._opening:
            if self._engine is not None and self._work is not None:
                self._engine.closing()
                await self._work.close()
                await asyncio.to_thread(self._engine.close)
            if self._engine is not None and self._records is not None:
                with contextlib.suppress(SentinelError):
                    await asyncio.to_thread(self._records.leave, self._name)
            await asyncio.to_thread(self._dispose)

    async def _opened(self) -> Records:
        async with self._opening:
            if self._records is None:
                engines = await asyncio.to_thread(self._place.open)
                if self._bounds.handover is not None:
                    self._handovers = Handovers(engines, self._bounds.handover)
                    self._handovers.lend(self._house.store)
                self._batches = Batches(engines)
                self._records = Records(engines, self._name, words=self._handovers is None)
                self._dispose = engines.close
            return self._records

    async def _started(self) -> tuple[Records, Engine]:
        records = await self._opened()
        async with self._opening:
            if self._engine is None:
                self._engine = await self._start(records)
            return records, self._engine

    async def _start(self, records: Records) -> Engine:
        """Begin to work: first a sign of life, so that nobody takes our jobs for orphans."""
        engine_of = await asyncio.to_thread(_engine_class)
        engine = engine_of(self._place, self._name, self._bounds.at_once)
        await asyncio.to_thread(records.beat)
        house = self._house
        means = Means(
            records, house.guarding, self._panel, self._living, house.store.traces.load,
            house.store.holds.lift, self._handovers, house.loaded,
        )  # fmt: skip
        work = Work(means, self._bell.ring)
        await asyncio.to_thread(engine.launch, work, asyncio.get_running_loop())
        self._work = work
        for job_id in await asyncio.to_thread(records.unfinished):
            await asyncio.to_thread(engine.enqueue, job_id)  # accepted, and killed before this
        if self._watching is None:
            self.watch()
        return engine

    async def _task(self, brief: Brief, wanted: Wanted) -> Task:
        policy = self._house.policy_of(wanted.policy, brief)
        await self._house.guarding.check(policy, brief, wanted)
        if brief.seed is None:
            brief = brief.model_copy(update={"seed": draw()})
        return Task.of(brief, wanted, policy.name)

    async def _looked_up(self) -> Batches:
        await self._opened()
        return cast("Batches", self._batches)

    async def _at_work(self) -> tuple[Batches, Engine]:
        _, engine = await self._started()
        return await self._looked_up(), engine

    async def _stop(self, engine: Engine, job_ids: Sequence[str]) -> None:
        await asyncio.to_thread(engine.cancel, job_ids)
        for job_id in job_ids:
            if self._work is not None:
                self._work.stop(job_id)
        self._bell.ring(*job_ids)

    def _begin(self, job_ids: Iterable[str]) -> None:
        if self._work is not None:
            self._work.begin(job_ids)

    @property
    def _most(self) -> int:
        return self._bounds.waiting

    def _panel(self, task: Task) -> Panel:
        return self._house.panel_of(self._house.policy_of(task.policy, task.brief))

    # ── who works ─────────────────────────────────────────────────────────────────────────────

    async def _living(self) -> Collection[str]:
        records = await self._opened()
        return self._vigil.living(await asyncio.to_thread(records.beats))

    async def _watch(self) -> None:
        while True:
            try:
                await self._forget()
                if self._engine is None:
                    await self._look()
                else:
                    await self._round()
            except SentinelError as error:
                log.warning("jobs: %s", error)
            except Exception:  # DBOS's database may be gone for a while
                log.exception("jobs could not be watched")
            await asyncio.sleep(self._bounds.beat)

    async def _look(self) -> None:
        """Start the engine where there is work for it."""
        if not await asyncio.to_thread(lambda: self._place.exists):
            return
        records = await self._opened()
        if await asyncio.to_thread(lambda: records.unfinished() or records.unsettled()):
            await self._started()

    async def _round(self) -> None:
        """Say that we live, and hand over what the dead have left."""
        records, engine = await self._started()
        await asyncio.to_thread(records.beat)
        beats = await asyncio.to_thread(records.beats)
        living = self._vigil.living(beats)
        for job_id, owner in await asyncio.to_thread(engine.going):
            if owner not in living:
                log.info("job %s is taken over from a process that is gone", job_id)
                await asyncio.to_thread(engine.hand_over, job_id)
        for job_id, owner in (await asyncio.to_thread(records.unsettled)).items():
            if owner not in living and self._work is not None:
                await self._work.settle(job_id, owner)
        if dead := set(beats) - living:
            await asyncio.to_thread(records.leave, *dead)
        if time.monotonic() - self._swept > SWEEPING:
            await self._sweep(records, engine)

    async def _forget(self) -> None:
        """Let go of results that have waited long enough."""
        if self._bounds.handover is None or time.monotonic() - self._forgot < FORGETTING:
            return
        self._forgot = time.monotonic()
        if await asyncio.to_thread(lambda: self._place.exists):
            await self._opened()
            if self._handovers is not None:
                await asyncio.to_thread(self._handovers.sweep)

    async def _sweep(self, records: Records, engine: Engine) -> None:
        """Forget jobs that ended long ago."""
        self._swept = time.monotonic()
        before = now_ms() - round(self._bounds.days * DAY_MS)
        while swept := await asyncio.to_thread(records.sweep, before):
            await asyncio.to_thread(engine.forget, swept)


def _engine_class() -> type[Engine]:
    from sentinel.jobs.engine import Engine  # noqa: PLC0415 - half a second, for who has jobs

    return Engine
