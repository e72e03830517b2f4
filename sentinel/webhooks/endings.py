"""Batches in, one delivery for the end of each out, exactly once, in the surface's own words.

Whoever accepted a batch leaves a callback first. Every process looks at the callbacks, and the
one whose transaction puts the delivery in the callback's place has told of it; a process that is
killed before that has told nothing, and another one does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Protocol

from sentinel.contracts import Trace
from sentinel.errors import NotFound
from sentinel.jobs import Batch
from sentinel.jobs.port import OPEN
from sentinel.store import Store
from sentinel.store.callbacks import Callback
from sentinel.store.deliveries import Delivery
from sentinel.webhooks.composing import Body, Note, composed

log = logging.getLogger(__name__)

LOOKS = 50
"""Batches that one round looks at."""

LONGEST_LOOK = 10.0
"""Seconds between two looks at a batch that takes long; a new one is looked at every round."""

LOST = 3600.0
"""Seconds after which a batch that was announced and never came is not waited for any more."""

UNWORDED = 30.0
"""Seconds until a batch whose end could not be worded here is tried again, here or elsewhere."""


class Batches(Protocol):
    """What is asked of whoever keeps jobs (`sentinel.jobs.Jobs`)."""

    async def batch(self, batch_id: str) -> Batch:
        """Where a batch stands; NotFound."""
        ...

    async def result(self, job_id: str) -> Trace:
        """What came of a job that is done, for as long as that may be kept."""
        ...


Shaper = Callable[[Batch, tuple[Trace, ...]], tuple[str, Body]]
"""An ended batch and what traces there are of it in; event and body out. Blocking code."""


class Endings:
    """Looks at the batches that somebody waits for."""

    def __init__(self, store: Store, batches: Batches) -> None:
        """`shape` has a surface's own words by its name."""
        self.shape: dict[str, Shaper] = {}
        self._store = store
        self._batches = batches

    async def look(self) -> None:
        """Turn what has ended into deliveries."""
        for callback in await asyncio.to_thread(self._store.callbacks.expected, LOOKS):
            await self._look(callback)

    async def _look(self, callback: Callback) -> None:
        age = (self._store.deliveries.clock() - callback.created_ms) / 1000
        try:
            batch = await self._batches.batch(callback.batch_id)
        except NotFound:  # not submitted yet, or never: its caller was told nothing then
            if age < LOST:
                await self._later(callback, age / 10)
            else:
                await asyncio.to_thread(self._store.callbacks.settle, callback, None)
            return
        if batch.state in OPEN:
            await self._later(callback, age / 20)
            return
        traces = await self._traces(batch)
        delivery = await asyncio.to_thread(self._worded, callback, batch, traces)
        if delivery is None:
            await self._later(callback, UNWORDED, UNWORDED)
        else:
            await asyncio.to_thread(self._store.callbacks.settle, callback, delivery)

    async def _later(
        self, callback: Callback, seconds: float, longest: float = LONGEST_LOOK
    ) -> None:
        later = self._store.callbacks.look_later
        await asyncio.to_thread(later, callback.batch_id, min(seconds, longest))

    def _worded(
        self, callback: Callback, batch: Batch, traces: tuple[Trace, ...]
    ) -> Delivery | None:
        """The delivery in the surface's words; None where there are none here, or they fail."""
        shape = self.shape.get(callback.surface)
        if shape is None:
            log.warning("nobody here words the end of a batch of %s", callback.surface)
            return None
        note = Note(callback.surface, batch.id, callback.project)
        try:
            event, body = shape(batch, traces)
            return composed(f"{callback.surface}-{batch.id}", event, callback.url, body, note)
        except Exception as error:  # noqa: BLE001 - a surface's code must not stop the others'
            # without its message, which could hold a prompt
            log.error("the end of batch %s has no words: %s", batch.id, type(error).__name__)  # noqa: TRY400 - nor its stack, for the same reason
            return None

    async def _traces(self, batch: Batch) -> tuple[Trace, ...]:
        """What there is: a job that failed or was cancelled early has left nothing to keep."""
        found = []
        for job in batch.jobs:
            with contextlib.suppress(NotFound):
                if job.state == "done":
                    found.append(await self._batches.result(job.id))
                else:
                    found.append(await asyncio.to_thread(self._store.traces.load, job.id))
        return tuple(found)
