"""Several requests in, one batch out: the half of the desk that deals with them together."""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue
from ulid import ULID

from sentinel.contracts import Brief
from sentinel.errors import BriefError
from sentinel.guarding import Wanted
from sentinel.jobs.affording import afforded
from sentinel.jobs.batches import Batches, Entry
from sentinel.jobs.bell import Bell
from sentinel.jobs.port import MOST, OPEN, Batch, Counts, State, Task
from sentinel.store.holds import Holds

if TYPE_CHECKING:
    from sentinel.jobs.engine import Engine

LOOKING = 0.4
"""Seconds between two looks at a batch that is waited for: its jobs may end in another process."""


class Batching(ABC):
    """Deals with batches."""

    def __init__(self, holds: Holds) -> None:
        """Nobody waits for anything yet; `holds` set aside what jobs will cost."""
        self._holds = holds
        self._bell = Bell()

    async def submit_batch(  # noqa: PLR0913 - what a batch is, each by its name
        self, briefs: Sequence[Brief], wanted: Wanted | None = None, *, surface: str,
        asked: dict[str, JsonValue] | None = None, batch_id: str | None = None,
        now: bool = False,
    ) -> Batch:  # fmt: skip
        """Accept several requests, all or none; whatever is wrong with any is raised.

        With `now` this process begins at once, beside the queue: for callers who wait. There is
        room for as many as for requests that are no jobs.
        """
        if not briefs:
            raise BriefError("briefs", (), "send at least one")
        tasks = [await self._task(brief, wanted or Wanted()) for brief in briefs]
        batches, engine = await self._at_work()
        ids = sorted(str(ULID()) for _ in tasks)
        by_id = dict(zip(ids, tasks, strict=True))
        project = tasks[0].project
        entry = Entry(batch_id or str(ULID()), surface, project, by_id, asked or {})

        def enter() -> Batch:  # in one thread: who is gone meanwhile leaves no job unhanded
            with afforded(self._holds, ids, tasks[0]):
                batch = batches.accept(entry, self._most)
            for job in batch.jobs:
                engine.enqueue(job.id)
            return batch

        batch = await asyncio.to_thread(enter)
        if now:
            self._begin(job.id for job in batch.jobs)
        return batch

    async def batch(self, batch_id: str) -> Batch:
        """Where it stands; NotFound if there is none."""
        batches = await self._looked_up()
        return await asyncio.to_thread(batches.batch, batch_id)

    async def wait_batch(self, batch_id: str, seconds: float) -> Batch:
        """The batch at its end, or as it is after so many seconds."""
        batches = await self._looked_up()
        until = time.monotonic() + seconds
        batch = await asyncio.to_thread(batches.batch, batch_id)
        with self._bell.heard(job.id for job in batch.jobs) as rung:
            while batch.state in OPEN and (left := until - time.monotonic()) > 0:
                rung.clear()
                batch = await asyncio.to_thread(batches.batch, batch_id)
                if batch.state in OPEN:
                    await _heard(rung, min(left, LOOKING))
        return batch

    async def cancel_batch(self, batch_id: str) -> Batch:
        """Cancel every job of it that has not ended; what is paid for is kept."""
        batches, engine = await self._at_work()
        await self._stop(engine, await asyncio.to_thread(batches.cancel, batch_id))
        return await asyncio.to_thread(batches.batch, batch_id)

    async def hand_out(self, batch_id: str, what: str) -> bool:
        """Whether this is the first time that it is handed out of a batch; NotFound."""
        batches = await self._looked_up()
        return await asyncio.to_thread(batches.hand_out, batch_id, what)

    async def cancel_batches(self, surface: str, project: str, states: Sequence[State]) -> int:
        """Cancel a project's batches of a surface in these states; how many there were."""
        batches, engine = await self._at_work()
        count, stopped = await asyncio.to_thread(batches.cancel_all, surface, project, states)
        await self._stop(engine, stopped)
        return count

    async def batches(
        self, *, surface: str, states: Sequence[State] | None = None, limit: int = MOST
    ) -> tuple[Batch, ...]:
        """A surface's batches, the newest first."""
        if not 1 <= limit <= MOST:
            raise BriefError("limit", limit, f"use 1 to {MOST}")
        batches = await self._looked_up()
        return await asyncio.to_thread(batches.several, surface, states, limit)

    async def batch_counts(self, surface: str, project: str) -> Counts:
        """How many of a project's batches of a surface are in each state."""
        batches = await self._looked_up()
        return await asyncio.to_thread(batches.counts, surface, project)

    @abstractmethod
    async def _task(self, brief: Brief, wanted: Wanted) -> Task:
        """What is to be done, its seed and policy settled; raises what is wrong with it."""

    @abstractmethod
    async def _looked_up(self) -> Batches:
        """The rows, opened."""

    @abstractmethod
    async def _at_work(self) -> tuple[Batches, Engine]:
        """The rows, and the engine that hands jobs out, launched."""

    @abstractmethod
    async def _stop(self, engine: Engine, job_ids: Sequence[str]) -> None:
        """Let whoever works at cancelled jobs stop."""

    @abstractmethod
    def _begin(self, job_ids: Iterable[str]) -> None:
        """Work at jobs from now on, whoever the engine hands them to later."""

    @property
    @abstractmethod
    def _most(self) -> int:
        """Jobs that may wait."""


async def _heard(rung: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(rung.wait(), seconds)
