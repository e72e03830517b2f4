"""A job and a panel in, what was measured out; the same code wherever it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sentinel import imaging
from sentinel.admission import DECODERS, LARGE
from sentinel.audit.jobs import Facts, Job, Measured
from sentinel.contracts import Sample
from sentinel.errors import PictureError
from sentinel.panel import Panel
from sentinel.settings import Settings

AHEAD = 4
"""Pictures beyond the cores' own that are in the house at once, so that no core waits for a
decoder; more only takes memory."""


class Room:
    """Decoded pixels in the house at once; a picture waits until there is room for it."""

    def __init__(self, pixels: int) -> None:
        """At most so many; one picture alone may always enter."""
        self._most = pixels
        self._inside = 0
        self._left = asyncio.Condition()

    @asynccontextmanager
    async def enter(self, pixels: int) -> AsyncIterator[None]:
        """Be inside with so many pixels."""
        async with self._left:
            await self._left.wait_for(lambda: not self._inside or self._fits(pixels))
            self._inside += pixels
        try:
            yield
        finally:
            async with self._left:
                self._inside -= pixels
                self._left.notify_all()

    def _fits(self, pixels: int) -> bool:
        return self._inside + pixels <= self._most


class Looker:
    """Decodes pictures and has a panel look at them, in bounded memory."""

    def __init__(self, panel: Panel, settings: Settings) -> None:
        """A seated panel."""
        self.panel = panel
        self.places = self.places_for(settings)
        self._limits = settings.limits
        self._room = Room(settings.pixels_in_house)
        self._decoding = asyncio.Semaphore(DECODERS)
        self._decoding_large = asyncio.Lock()

    @staticmethod
    def places_for(settings: Settings) -> int:
        """Pictures at once: the cores' own and a few ahead, but no more than a judge may queue."""
        return min(settings.queue, settings.workers + AHEAD)

    async def look(self, job: Job) -> Measured:
        """What is not known of the picture yet; why it cannot be read, where it cannot."""
        try:
            pixels = await asyncio.to_thread(self._pixels, job)
            async with self._room.enter(pixels):
                async with self._decoding_large if pixels > LARGE else self._decoding:
                    sample = await asyncio.to_thread(self._decode, job)
                return await self._measured(job, sample)
        except PictureError as error:
            return Measured(reason=str(error), code=error.code)

    async def _measured(self, job: Job, sample: Sample) -> Measured:
        verdict = await self.panel.complete(sample, job.known)
        fingerprint = await asyncio.to_thread(imaging.fingerprint, sample.pixels)
        facts = Facts(
            width=sample.width, height=sample.height, fingerprint=fingerprint, notes=sample.notes
        )
        sat = {seat.name for seat in self.panel.gates if seat.worker} - set(job.known.gates)
        judged = {seat.name for seat in self.panel.judges if seat.worker} - set(job.known.judges)
        return Measured(
            facts=facts,
            gates=tuple(each for each in verdict.gates if each.gate in sat),
            outcomes=tuple(each for each in verdict.outcomes if each.judge in judged),
            verdict=verdict,
        )

    def _pixels(self, job: Job) -> int:
        """Pixels of the picture and its references, by their headers."""
        headers = [imaging.inspect(job.data, self._limits, field="it")]
        for number, each in enumerate(job.brief.references, start=1):
            headers.append(imaging.inspect(each.image, self._limits, field=f"reference {number}"))
        return sum(header.width * header.height for header in headers)

    def _decode(self, job: Job) -> Sample:
        picture = imaging.read(job.data, self._limits, field="it")
        return imaging.sample(picture, job.brief, maker=job.maker, limits=self._limits)
