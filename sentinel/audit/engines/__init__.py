"""Jobs in, what was measured out: on this machine, or on a Ray cluster."""

from __future__ import annotations

from typing import Literal, Protocol

from sentinel.audit.jobs import Job, Measured
from sentinel.panel import Panel

EngineName = Literal["local", "ray"]


class Engine(Protocol):
    """Seated gates and judges, wherever they are."""

    @property
    def panel(self) -> Panel:
        """Who sits, under which rules. It decides out of what is known; it may ask nobody."""
        ...

    @property
    def places(self) -> int:
        """Jobs that it takes at once; each holds a picture's bytes."""
        ...

    async def measure(self, job: Job) -> Measured:
        """What is not known of a picture yet. Never raises for a picture's sake."""
        ...
