"""One picture's way along the chain, and what each of several came to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sentinel.contracts import Brief, Candidate, Generator
from sentinel.failover.plan import Try
from sentinel.imaging import Picture
from sentinel.worker import call_off

Seen = list[tuple[Candidate, Picture]]
"""Candidates, each with its decoded self."""


@dataclass(slots=True)
class Walk:
    """One request's way along the chain."""

    brief: Brief
    tries: list[Try] = field(default_factory=list)
    asking: bool = False
    """Whether a provider is painting for it."""
    ask: Ask | None = None
    """What was asked last."""
    halted: bool = False
    """Whether nobody waits any more: what is being painted is kept, nothing else is begun."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A brief on its way to a plugin's thread."""

    brief: Brief
    walk: Walk
    generator: Generator

    def call_off(self) -> None:
        """Tell the plugin that nobody waits any more, where it can be told."""
        call_off(self.generator, self.brief)


async def all_of(
    tasks: Sequence[asyncio.Task[tuple[Seen, str]]], walks: Sequence[Walk]
) -> list[tuple[Seen, str] | BaseException]:
    """What each walk came to; whoever is cancelled still gets what cannot be stopped."""
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        for task, walk in zip(tasks, walks, strict=True):
            walk.halted = True
            if not walk.asking:
                task.cancel()
            elif walk.ask is not None:
                walk.ask.call_off()
        await asyncio.wait(tasks)
        if not any(not task.cancelled() and task.exception() is None for task in tasks):
            raise
    return await asyncio.gather(*tasks, return_exceptions=True)
