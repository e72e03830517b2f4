"""A run in, what happens in it out, as it happens: for a live view, a stream, a job's status.

A listener is a function of one event. It is called in the event loop between two awaits, so it
must not block; what it raises is logged and hurts nobody. `follow` turns it into an iterator.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentinel.contracts import Attempt, Brief, Feedback, GateOutcome, Trace

if TYPE_CHECKING:
    from sentinel.loop.run import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Screened:
    """The gates looked at the brief; nothing is spent yet."""

    gates: tuple[GateOutcome, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """A round begins: this brief goes to this generator, under this lever (None at first)."""

    round: int
    brief: Brief
    generator: str
    lever: str | None


@dataclass(frozen=True, slots=True)
class Generated:
    """What came, not judged yet; `pictures` holds bytes by the number of the attempt."""

    attempts: tuple[Attempt, ...]
    pictures: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Judged:
    """The panel looked at one attempt."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Fed:
    """What the next round is told, after which attempt."""

    number: int
    lever: str
    feedback: Feedback


@dataclass(frozen=True, slots=True)
class Ended:
    """The trace as it stands. In score mode another follows, when the judges have looked."""

    trace: Trace


Event = Screened | Started | Generated | Judged | Fed | Ended
Listener = Callable[[Event], None]


def tell(listener: Listener | None, event: Event) -> None:
    """Tell the listener, whatever it makes of it."""
    if listener is None:
        return
    try:
        listener(event)
    except Exception:
        log.exception("a listener stumbled over %s", type(event).__name__)


async def follow(run: Run) -> AsyncGenerator[Event]:
    """The run's events, until it ends; whoever stops listening cancels it."""
    line: asyncio.Queue[Event | None] = asyncio.Queue()
    run.listener = line.put_nowait
    going = asyncio.create_task(run.go())
    going.add_done_callback(lambda _: line.put_nowait(None))
    try:
        while (event := await line.get()) is not None:
            yield event
        await going
    finally:
        going.cancel()
