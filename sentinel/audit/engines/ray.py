"""Settings and a policy in, an engine on a Ray cluster out (the extra `ray`).

Each node has one actor that seats the whole policy and takes as many pictures at once as a local
engine would. The driver reads pictures, knows what the ledger has, and sends only what is missing;
so workers need no access to the source, and one ledger serves both engines.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from sentinel.audit.engines.local import batch_for
from sentinel.audit.engines.looking import Looker
from sentinel.audit.jobs import Job, Measured
from sentinel.cluster import joined
from sentinel.errors import ConfigError, SentinelError
from sentinel.panel import Panel
from sentinel.policy import Policy
from sentinel.process import give_memory_back, hold_back_threads
from sentinel.seating import Seating
from sentinel.settings import Settings

SHARE = 0.8
"""Of a node's cores that its actor asks for. Not all: an actor that reserves every core leaves none
for what Ray itself has to place there, and then nothing starts."""


class Scorer:
    """The actor: a panel in a process of its own."""

    def __init__(self, settings: Settings, policy: Policy) -> None:
        """Nothing is loaded yet."""
        hold_back_threads(settings.threads)
        give_memory_back()
        self._settings, self._policy = settings, policy
        self._seating = Seating(settings, batch=batch_for(settings.device))
        self._looker: Looker | None = None

    async def seat(self) -> Panel | str:
        """Load everything; the panel as the driver may know it, without its workers.

        Why it cannot be seated comes as text: an error with arguments of its own may not survive
        the way to the driver.
        """
        try:
            panel = await self._seating.seat(self._policy)
        except SentinelError as error:
            return str(error)
        self._looker = Looker(panel, self._settings)
        return Panel(
            panel.policy,
            tuple(replace(seat, worker=None) for seat in panel.gates),
            tuple(replace(seat, worker=None) for seat in panel.judges),
        )

    async def measure(self, job: Job) -> Measured:
        """What is not known yet."""
        if self._looker is None:
            raise RuntimeError("measure() came before seat(): the actor has no panel yet")
        return await self._looker.look(job)


class OverRay:
    """Actors that take turns."""

    def __init__(self, panel: Panel, actors: list[Any], each: int) -> None:
        """Use `over_ray`."""
        self.panel = panel
        self.places = each * len(actors)
        self._actors = itertools.cycle(actors)

    async def measure(self, job: Job) -> Measured:
        """What is not known yet, from the next actor."""
        import ray.exceptions  # noqa: PLC0415 - an extra

        try:
            found: Measured = await next(self._actors).measure.remote(job)
        except ray.exceptions.RayError as error:
            told = f"the Ray cluster lost an actor ({type(error).__name__}); run again to go on"
            raise ConfigError(told) from error
        return found


@asynccontextmanager
async def over_ray(settings: Settings, policy: Policy) -> AsyncIterator[OverRay]:
    """Join the cluster that RAY_ADDRESS names, else start Ray here; seat an actor on each node."""
    ray, mine = await asyncio.to_thread(joined, "--engine ray")
    try:
        actors = _actors(ray, settings, policy)
        panels = await asyncio.gather(*(actor.seat.remote() for actor in actors))
        for panel in panels:
            if isinstance(panel, str):
                raise ConfigError(f"on a node of the Ray cluster: {panel}")
        yield OverRay(panels[0], actors, Looker.places_for(settings))
    finally:
        if mine:
            ray.shutdown()


def _actors(ray: Any, settings: Settings, policy: Policy) -> list[Any]:
    """One actor on each node, which then has no room for a second."""
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    kind = ray.remote(Scorer)
    needs = {"num_gpus": 1} if settings.device.startswith("cuda") else {}
    return [
        kind.options(
            num_cpus=SHARE * node["Resources"]["CPU"],
            max_concurrency=Looker.places_for(settings),
            scheduling_strategy=_on(node["NodeID"]),
            **needs,
        ).remote(settings, policy)
        for node in nodes
    ]


def _on(node: str) -> Any:
    from ray.util.scheduling_strategies import (  # noqa: PLC0415 - an extra
        NodeAffinitySchedulingStrategy,
    )

    return NodeAffinitySchedulingStrategy(node, soft=False)
