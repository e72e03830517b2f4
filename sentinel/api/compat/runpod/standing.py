"""A request about a job in, where that job stands out; given up where its time has passed."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time

from fastapi import Request

from sentinel.api.compat.runpod import answers
from sentinel.api.compat.runpod.answers import SURFACE, UNTIL, Told
from sentinel.api.errors import shown
from sentinel.api.published import places
from sentinel.api.routes import house_of
from sentinel.contracts import Trace
from sentinel.errors import NotFound
from sentinel.guarding import Guarded
from sentinel.jobs import Batch
from sentinel.jobs.port import OPEN
from sentinel.wiring import Sentinel

ID = re.compile(r"[0-9A-Za-z_-]{1,128}")


async def batch_of(request: Request, job_id: str) -> Batch:
    """The caller's job of that id, given up where its `ttl` has passed; NotFound."""
    house, mine = house_of(request), (SURFACE, request.state.caller.project)
    if ID.fullmatch(job_id) is not None:
        with contextlib.suppress(NotFound):
            batch = await house.jobs.batch(job_id)
            if (batch.surface, batch.project) == mine:
                return await _given_up(house, batch)
    raise NotFound(f"there is no job {shown(job_id)!r}")


async def told(request: Request, batch: Batch) -> Told:
    """Where it stands, as it is answered."""
    found = None if batch.state in OPEN else await _found(house_of(request), batch)
    return await asyncio.to_thread(answers.told_of, places(request), batch, found)


def give_up_later(request: Request, batch_id: str, until: int) -> None:
    """Look after a job when its `ttl` has passed, also if nobody asks for it."""
    house = house_of(request)

    async def look() -> None:
        await asyncio.sleep(max(0.0, (until - now_ms()) / 1000))
        await _given_up(house, await house.jobs.batch(batch_id))

    waiting: set[asyncio.Task[None]] = request.app.state.__dict__.setdefault("runpod_ttl", set())
    task = asyncio.create_task(look())
    waiting.add(task)
    task.add_done_callback(waiting.discard)


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


async def _given_up(house: Sentinel, batch: Batch) -> Batch:
    until = batch.asked.get(UNTIL)
    if batch.state in OPEN and isinstance(until, int) and now_ms() >= until:
        return await house.jobs.cancel_batch(batch.id)
    return batch


async def _found(house: Sentinel, batch: Batch) -> Guarded | None:
    """What there is of a job that has ended; None where it ended before anything was kept."""
    job = batch.jobs[0]
    if job.state == "done":
        return await house.jobs.delivered(job.id)
    try:
        trace: Trace = await asyncio.to_thread(house.store.traces.load, job.id)
    except NotFound:
        return None
    return Guarded(trace, None, {})
