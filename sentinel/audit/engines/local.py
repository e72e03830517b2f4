"""Settings and a policy in, an engine on this machine's cores out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sentinel.audit.engines.looking import Looker
from sentinel.audit.jobs import Job, Measured
from sentinel.panel import Panel
from sentinel.policy import Policy
from sentinel.process import give_memory_back, hold_back_threads
from sentinel.seating import Seating
from sentinel.settings import Settings


class Local:
    """The panel in this process, its judges side by side in threads."""

    def __init__(self, panel: Panel, settings: Settings) -> None:
        """Use `local`."""
        self._looker = Looker(panel, settings)

    @property
    def panel(self) -> Panel:
        """Who sits."""
        return self._looker.panel

    @property
    def places(self) -> int:
        """Jobs at once."""
        return self._looker.places

    async def measure(self, job: Job) -> Measured:
        """What is not known yet."""
        return await self._looker.look(job)


@asynccontextmanager
async def local(settings: Settings, policy: Policy) -> AsyncIterator[Local]:
    """Seat the policy; let go of it at the end. PolicyError says why it cannot run."""
    hold_back_threads(settings.threads)
    give_memory_back()
    seating = Seating(settings, batch=batch_for(settings.device))
    try:
        yield Local(await seating.seat(policy), settings)
    finally:
        await seating.close()


def batch_for(device: str) -> int | None:
    """One sample a call on a CPU, where batches buy nothing and move the last digits.

    A reading must not depend on which pictures happened to be judged beside it: an audit that was
    interrupted has other neighbours and must write the same bytes. On a GPU batches are as the
    plugins have them, and readings agree to 1e-5.
    """
    return 1 if device == "cpu" else None
