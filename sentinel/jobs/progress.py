"""What happens in a loop in, how far its job is out: written down while the loop goes on."""

from __future__ import annotations

import asyncio
import logging

from sentinel.errors import SentinelError
from sentinel.jobs.port import Step
from sentinel.jobs.records import Records
from sentinel.loop import Ended, Event, Fed, Generated, Judged, Screened, Started

log = logging.getLogger(__name__)


class Progress:
    """Writes how far a job is, the latest word only, while the loop goes on."""

    def __init__(self, records: Records, job_id: str) -> None:
        """Nothing is written yet."""
        self._records = records
        self._job = job_id
        self._attempt = 0
        self._made = 0
        self._latest: tuple[int, Step] | None = None
        self._writing: asyncio.Task[None] | None = None

    def hear(self, event: Event) -> None:
        """Write what an event says of it."""
        step = _step_of(event)
        if step is None:
            return
        if isinstance(event, Started):
            self._attempt = self._made + 1
        if isinstance(event, Generated):
            self._made += len(event.attempts)
        self._latest = (self._attempt, step)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def told(self) -> None:
        """Wait until the last word is written."""
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        while self._latest is not None:
            attempt, step = self._latest
            self._latest = None
            try:
                await asyncio.to_thread(self._records.tell, self._job, attempt, step)
            except SentinelError as error:  # how far it is may be told later
                log.info("job %s: %s", self._job, error)


def _step_of(event: Event) -> Step | None:
    match event:
        case Screened():
            return "screening"
        case Started():
            return "generating"
        case Generated():
            return "judging"
        case Fed():
            return "feedback"
        case Judged() | Ended():
            return None
