"""Entries in, a ledger filled with what was measured of them out.

Pictures are read one after the other in the source's order, a few of them are in the house at
once, and what was measured is kept in small batches. What is written never depends on the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from sentinel.audit.engines import Engine
from sentinel.audit.entries import Entry, Found
from sentinel.audit.jobs import Job, Measured, job_of
from sentinel.audit.ledger import Ledger, Name, Noted
from sentinel.audit.rows import Status
from sentinel.audit.sources import Source, completed
from sentinel.contracts import Verdict
from sentinel.errors import ConfigError, PictureError
from sentinel.settings import Settings

T = TypeVar("T")

BATCH = 16
"""Entries a transaction at most: what kill -9 may cost."""

WAITING = 2.0
"""Seconds after which what was measured is kept though a batch is not full: judges may be slow."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry is done: how it ended, and whether anything was measured for it now."""

    key: str
    where: str
    status: Status
    reason: str
    verdict: Verdict | None = None
    measured: bool = False


Listener = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class _Read:
    """An entry that was read: a job, or how it ended already."""

    noted: Noted
    where: str
    job: Job | None = None
    decoded: bool = False
    """Whether it was decoded once, so that its size and fingerprint are known."""


class Run:
    """One run over a source."""

    def __init__(
        self, source: Source, engine: Engine, ledger: Ledger, settings: Settings,
        listener: Listener,
    ) -> None:  # fmt: skip
        """`listener` hears of every entry that is done, in the order in which they end."""
        self._source, self._engine, self._ledger = source, engine, ledger
        self._settings = settings
        self._listener = listener
        self._stopping = asyncio.Event()
        self._flying: dict[Name, asyncio.Future[Measured]] = {}
        self._waiting: list[Noted] = []
        self._kept = time.monotonic()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self.embedded = 0
        """Prompts that were found inside pictures."""

    def stop(self) -> None:
        """Take no more entries; what is in the house is finished and kept."""
        self._stopping.set()

    async def measure(self, limit: int | None = None) -> bool:
        """Measure everything, or the first `limit` entries; False where it was stopped."""
        found = enumerate(itertools.islice(self._source.entries(), limit))
        tasks: set[asyncio.Task[None]] = set()
        try:
            await self._blocking(self._ledger.begin)
            while not self._stopping.is_set():
                read = await self._blocking(lambda: self._next(found))
                if read is None:
                    break
                tasks.add(asyncio.create_task(self._one(read)))
                tasks = await _room(tasks, self._engine.places)
            await asyncio.gather(*tasks)
            await self._flush()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(ConfigError):  # where the ledger itself is what broke
                await self._flush()
            self._thread.shutdown()
        return not self._stopping.is_set()

    async def _blocking(self, work: Callable[[], T]) -> T:
        """Do it in the one thread that reads pictures and keeps the ledger."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _next(self, found: Iterator[tuple[int, Found]]) -> _Read | None:
        position, each = next(found, (0, None))
        return None if each is None else self._read(position, each)

    def _read(self, position: int, found: Found) -> _Read:
        """Bytes, what is asked, and what is known of it. Blocking."""
        if not isinstance(found, Entry):
            return _Read(_noted(position, found, found.code, found.reason), found.where)
        most = int(self._settings.body_mb * 1e6)
        try:
            data = found.read(most)
            entry = completed(found, data, self._settings.formats)
            job = job_of(entry, data, most)
        except PictureError as error:
            return _Read(_noted(position, found, _status(error.code), str(error)), found.where)
        self.embedded += entry.prompted == "embedded"
        noted = replace(_noted(position, entry, "scored"), name=job.name)
        decoded = self._ledger.facts(job.sha256) is not None
        known = self._ledger.known(job.name)
        return _Read(noted, found.where, replace(job, known=known), decoded)

    async def _one(self, read: _Read) -> None:
        if read.job is None:
            await self._done(read, Measured(), new=False)
            return
        verdict = self._engine.panel.recall(read.job.known) if read.decoded else None
        if verdict is not None:
            await self._done(read, Measured(verdict=verdict), new=False)
        elif read.job.name in self._flying:  # the same bytes, asked the same, a moment ago
            await self._done(read, await asyncio.shield(self._flying[read.job.name]), new=False)
        else:
            await self._done(read, await self._measured(read.job), new=True)

    async def _measured(self, job: Job) -> Measured:
        flying: asyncio.Future[Measured] = asyncio.get_running_loop().create_future()
        self._flying[job.name] = flying
        try:
            measured = await self._engine.measure(job)
        except BaseException:
            flying.cancel()
            raise
        flying.set_result(measured)
        return measured

    async def _done(self, read: _Read, measured: Measured, *, new: bool) -> None:
        """Note an entry that has ended, and tell of it."""
        noted = read.noted
        if measured.reason:
            noted = replace(noted, status=_status(measured.code), reason=measured.reason)
        if new:
            noted = replace(
                noted, facts=measured.facts, gates=measured.gates, outcomes=measured.outcomes
            )
        self._waiting.append(noted)
        if len(self._waiting) >= BATCH or time.monotonic() - self._kept > WAITING:
            await self._flush()
        status = status_of(measured.verdict) if measured.verdict else noted.status
        reason = measured.verdict.reason if measured.verdict else noted.reason
        self._listener(Step(noted.key, read.where, status, reason, measured.verdict, new))

    async def _flush(self) -> None:
        batch, self._waiting, self._kept = self._waiting, [], time.monotonic()
        await self._blocking(lambda: self._ledger.note(batch))
        for each in batch:
            if each.name is not None and (each.facts is not None or each.reason):
                self._flying.pop(each.name, None)


async def _room(tasks: set[asyncio.Task[None]], places: int) -> set[asyncio.Task[None]]:
    """Wait until there is a place; raises what a task raised."""
    while len(tasks) >= places:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in [each for each in tasks if each.done()]:
            tasks.discard(task)
            task.result()
    return tasks


def status_of(verdict: Verdict) -> Status:
    """The status of a row with this verdict."""
    match verdict.standing:
        case "refused":
            return "refused"
        case "undecided":
            return "undecided"
        case "passed" | "failed":
            return "scored"


def _status(code: str) -> Status:
    return "missing" if code == "picture_missing" else "unreadable"


def _noted(position: int, found: Found, status: Status, reason: str = "") -> Noted:
    place = {"where": found.where, "group": found.group, "prompt": found.prompt}
    return Noted(position, found.key, json.dumps(place), status, reason)
