"""A brief in, what a generator made of it out; and a brief cut to what the generator understands.

`Maker` is all the loop knows of generators: one plugin in its own thread (`PlainMaker`), or a
chain of them with retries and failover.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sentinel.contracts import Brief, Candidate, Capabilities, Generator
from sentinel.imaging import Picture
from sentinel.worker import Crew, Worker, call_off

T = TypeVar("T")

SECONDS = 180.0
"""Seconds that one call of a generator may take where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Made:
    """What came: the pictures, who painted them, and what has to be told about it.

    `cost` (US dollars) counts where the candidates name none of their own. `pictures` are the
    candidates decoded, where the maker looked at them already; they are not looked at again.
    """

    candidates: tuple[Candidate, ...]
    generator: str
    cost: float = 0.0
    notes: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()


class Maker(Protocol):
    """Who makes pictures.

    `make` raises what went wrong. Where it is cancelled after something was paid for, it returns
    that instead of raising; the loop keeps it in the trace.
    """

    @property
    def name(self) -> str:
        """Under which the trace knows it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it understands."""
        ...

    @property
    def price(self) -> float | None:
        """US dollars that one picture costs at most; None where it does not say."""
        ...

    @property
    def default_steps(self) -> int | None:
        """Steps it takes where the brief names none; None where it does not say."""
        ...

    async def make(self, brief: Brief) -> Made:
        """`brief.count` pictures."""
        ...


@dataclass(slots=True, eq=False)
class Asked:
    """A brief on its way to a generator's thread."""

    brief: Brief
    begun: threading.Event = field(default_factory=threading.Event)


class PlainMaker:
    """One generator plugin, asked in its own thread."""

    def __init__(
        self,
        name: str,
        generator: Generator,
        worker: Worker[Asked, Sequence[Candidate]] | Crew[Asked, Sequence[Candidate]],
        *,
        seconds: float = SECONDS,
    ) -> None:
        """`worker` asks `answering(generator)`; a call may take `seconds`."""
        self.name = name
        self._generator: Any = generator
        self._worker = worker
        self._seconds = seconds

    @property
    def capabilities(self) -> Capabilities:
        """What the plugin understands."""
        told: Capabilities = self._generator.capabilities
        return told

    @property
    def price(self) -> float | None:
        """What the plugin says of its price, if it does."""
        price = getattr(self._generator, "price", None)
        return None if price is None else float(price)

    @property
    def default_steps(self) -> int | None:
        """What the plugin says of its steps, if it does."""
        steps = getattr(self._generator, "default_steps", None)
        return None if steps is None else int(steps)

    async def make(self, brief: Brief) -> Made:
        """The pictures; cancelled while the plugin paints, it stops it, or still brings them."""
        asked = Asked(brief)
        answer = asyncio.ensure_future(self._worker.ask(asked, self._seconds))
        try:
            candidates = await asyncio.shield(answer)
        except asyncio.CancelledError:
            if not asked.begun.is_set():
                answer.cancel()
                raise
            call_off(self._generator, brief)
            candidates = await answer
        except TimeoutError:
            call_off(self._generator, brief)
            raise
        return Made(tuple(candidates), self.name)


async def through(work: Awaitable[T]) -> T:
    """The result, also where whoever waits for it is cancelled meanwhile: it was paid for."""
    inner = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(inner)
    except asyncio.CancelledError:
        return await inner


def answering(generator: Generator) -> Callable[[Sequence[Asked]], list[Sequence[Candidate]]]:
    """A generator as a worker wants it: a list of questions in, a list of answers out."""

    def answer(questions: Sequence[Asked]) -> list[Sequence[Candidate]]:
        answers = []
        for asked in questions:
            asked.begun.set()
            answers.append(generator.generate(asked.brief))
        return answers

    return answer


def fitted(brief: Brief, capabilities: Capabilities, name: str) -> tuple[Brief, tuple[str, ...]]:
    """The brief without what the generator does not understand, and a note for each such part."""
    changed: dict[str, object] = {}
    notes = []
    if brief.negative_prompt and not capabilities.negative_prompt:
        changed["negative_prompt"] = None
        notes.append(f"{name} takes no negative prompt: {brief.negative_prompt!r} was not sent")
    if brief.seed is not None and not capabilities.seed:
        changed["seed"] = None
        notes.append(f"{name} takes no seed: a picture of it cannot be made again")
    kept = tuple(each for each in brief.references if each.kind in capabilities.references)
    if kept != brief.references:
        changed["references"] = kept
        absent = sorted({each.kind for each in brief.references if each not in kept})
        notes.append(f"{name} takes no reference of kind {', '.join(absent)}: only judges saw it")
    return brief.model_copy(update=changed), tuple(notes)
