"""Ids of jobs that have ended here in, who waits for them woken. For one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Bell:
    """Wakes whoever waits for a job; of jobs that end in another process it hears nothing."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def ring(self, *job_ids: str) -> None:
        """Say that these jobs have ended."""
        for job_id in job_ids:
            for event in self._waiting.get(job_id, ()):
                event.set()

    @contextmanager
    def heard(self, job_ids: Iterable[str]) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of these jobs ends."""
        event, theirs = asyncio.Event(), tuple(job_ids)
        for job_id in theirs:
            self._waiting.setdefault(job_id, set()).add(event)
        try:
            yield event
        finally:
            for job_id in theirs:
                self._waiting[job_id].discard(event)
                if not self._waiting[job_id]:
                    del self._waiting[job_id]
