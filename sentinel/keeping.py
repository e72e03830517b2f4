"""A run's pictures and its trace in, both in the store out, whatever becomes of the run.

Pictures go there while they are judged, the trace when it has ended. A media store that is away
takes the pictures, never the trace.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from typing import Any

from sentinel.contracts import Trace
from sentinel.errors import MediaAway
from sentinel.loop import Event, Generated, Listener, Run
from sentinel.loop.events import tell
from sentinel.store import Store
from sentinel.store.forgetting import forget

log = logging.getLogger(__name__)

KEEPING = 8
"""Traces that may be on their way into the store behind answers; the next caller waits for his,
so that who asks faster than the disk writes is slowed down and not refused."""

SWEEPING = 3600.0
"""Seconds between two sweeps of pictures whose time is up; `get` refuses them at once anyway."""

UNKEPT = "the pictures could not be kept: the media store does not answer"
"""Says so in a trace and its answer; the log has the place and the reason."""

FORGETTING = 20.0
"""Seconds between two sweeps where nothing is to be kept."""


class Keeper:
    """Keeps one run."""

    def __init__(
        self, store: Store, listener: Listener | None,
        also: Callable[[Trace], None] | None = None,
    ) -> None:  # fmt: skip
        """Nothing is kept yet; `listener` hears of every step, `also` of every trace kept."""
        self._also = also
        self._store = store
        self._listener = listener
        self._putting: list[asyncio.Future[str]] = []
        self.away = ""
        """What the media store said when it took no picture."""

    def hear(self, event: Event) -> None:
        """Put the pictures that came, in threads."""
        if isinstance(event, Generated):
            put = self._store.media.put
            loop = asyncio.get_running_loop()
            self._putting += [
                loop.run_in_executor(None, put, each) for each in event.pictures.values()
            ]
        tell(self._listener, event)

    async def put(self) -> None:
        """Wait until the pictures that came are there, or known to be lost."""
        for each in await asyncio.gather(*self._putting, return_exceptions=True):
            if isinstance(each, MediaAway):
                self.away = str(each)
            elif isinstance(each, BaseException):
                raise each

    async def keep(self, trace: Trace) -> None:
        """Save the trace when its pictures are there."""
        await self.put()
        if self.away:
            log.warning("trace %s is kept without its pictures: %s", trace.id, self.away)
        told = self.noted(trace)
        await asyncio.to_thread(self._store.traces.save, told)
        if self._also is not None:
            self._also(told)

    def noted(self, trace: Trace) -> Trace:
        """The trace, saying so where its pictures could not be kept."""
        if not self.away:
            return trace
        return trace.model_copy(update={"notes": (*trace.notes, UNKEPT)})

    async def finish(self, run: Run, early: Awaitable[None], trace_id: str) -> None:
        """Judge what was delivered at once; the trace is there before (`early`) and after."""
        try:
            await early
            await self.keep(await run.finish())
        except Exception:
            log.exception("trace %s was delivered and could not be judged", trace_id)

    async def abandon(self, run: Run, error: BaseException) -> None:
        """Keep what was paid for before it broke off; nothing where nothing was."""
        hung_up = isinstance(error, asyncio.CancelledError)
        why = next(iter(error.args), "the caller hung up") if hung_up else f"it broke: {error}"
        trace = await run.abort(str(why))
        try:
            if trace.attempts:
                await self.keep(trace)
        except Exception:
            log.exception("trace %s broke off, and what was paid for is not kept", trace.id)


class Behind:
    """What goes on whether or not somebody waits for it."""

    def __init__(self) -> None:
        """Nothing does yet."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeping: dict[str, asyncio.Task[None]] = {}

    def begin(self, work: Coroutine[Any, Any, None], inside: ExitStack) -> asyncio.Task[None]:
        """Do it; only when it is done is `inside` left, and room for another."""

        async def done() -> None:
            with inside:
                await work

        task = asyncio.create_task(done())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def takes(self, trace_id: str, work: asyncio.Task[None]) -> bool:
        """Whether nobody needs to wait for the work that keeps this trace."""
        if len(self._keeping) >= KEEPING:
            return False

        def ended(work: asyncio.Task[None]) -> None:
            del self._keeping[trace_id]
            if not work.cancelled() and (error := work.exception()) is not None:
                log.error("trace %s was delivered and is not kept", trace_id, exc_info=error)

        self._keeping[trace_id] = work
        work.add_done_callback(ended)
        return True

    async def kept(self, trace_id: str) -> None:
        """Wait until the trace is in the store, where it was delivered before it was kept."""
        if (work := self._keeping.get(trace_id)) is not None:
            await asyncio.wait({work})

    async def settled(self, seconds: float | None = None) -> None:
        """Wait until nothing goes on, or so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def close(self, seconds: float) -> None:
        """Let it end in so many seconds, then end it."""
        await self.settled(seconds)
        for task in self._tasks:
            task.cancel()


async def sweep(store: Store, *, handover: float | None = None) -> None:
    """Delete pictures whose time is up, now and every hour, for ever.

    With `handover` (minutes) nothing is kept longer than its caller needs, and it is looked often.
    """
    while True:
        try:
            swept = await asyncio.to_thread(store.media.sweep)
            log.info("swept %d pictures whose time was up", swept)
            if handover is not None:
                await asyncio.to_thread(forget, store.engines, handover)
        except Exception:  # a full disk now must not end the sweeping for good
            log.exception("what is kept no longer could not be swept")
        await asyncio.sleep(SWEEPING if handover is None else FORGETTING)


def keep_scored(store: Store, trace: Trace, picture: bytes) -> Trace:
    """Keep a picture that was handed in, and its trace; the trace as it is kept. Blocking."""
    try:
        store.media.put(picture)
    except MediaAway as error:
        log.warning("trace %s is kept without its picture: %s", trace.id, error)
        trace = _noted(trace)
    store.traces.save(trace)
    return trace


def _noted(trace: Trace) -> Trace:
    """The trace with the note at its one attempt, where the answer shows it."""
    [attempt] = trace.attempts
    noted = attempt.model_copy(update={"notes": (*attempt.notes, UNKEPT)})
    return trace.model_copy(update={"attempts": (noted,)})
