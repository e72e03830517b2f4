"""A brief in, pictures out of the first provider that gives them, with every try that it took."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import Self

import stamina
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from sentinel.contracts import Brief, Capabilities, Closes, Loads, Runtime
from sentinel.errors import (
    ConfigError,
    PluginError,
    ProviderError,
    ProviderTimeout,
    RateLimited,
    SentinelError,
)
from sentinel.failover.pictures import looked_at
from sentinel.failover.plan import Link, Plan, Produced, Try
from sentinel.failover.rules import Onward, name_of, rule_for
from sentinel.failover.walks import Ask, Seen, Walk, all_of
from sentinel.imaging import Limits
from sentinel.worker import Crew, Floor, Worker

SEEDS = 2**31
"""Seeds that are drawn where the brief names none: what every service takes."""

ANOTHER = 1_000_003
"""Added to the seed after a black frame: a prime, so that no neighbour's seed is met."""


class Failover:
    """Several generators as one. Each call goes to the first; the rules say what follows.

    A plugin's `concurrent` says how many calls it bears at once (1 unless it says so). Where any
    of the chain bears more, several pictures are asked for one by one, side by side, so that a
    failure loses one and not all.
    """

    def __init__(
        self, links: Sequence[Link], plan: Plan | None = None, *, limits: Limits | None = None
    ) -> None:
        """At least one link, each under a name of its own."""
        names = [link.name for link in links]
        if not names or len(set(names)) < len(names):
            told = f"names are {', '.join(names) or 'none'}; give each generator one of its own"
            raise ConfigError(f"a chain of generators cannot be built: {told}")
        self.plan = plan or Plan()
        self._links = tuple(links)
        self._limits = limits or Limits()
        self._crews = {link.name: self._crew(link) for link in links}
        self._rests: dict[str, float] = {}
        self._breakers = AsyncCircuitBreakerFactory(
            default_threshold=self.plan.breaker_failures,
            default_ttl=self.plan.breaker_seconds,
            exclude=[asyncio.CancelledError, (Exception, _harmless)],
        )

    @property
    def name(self) -> str:
        """The first provider's name."""
        return self._links[0].name

    @property
    def capabilities(self) -> Capabilities:
        """What the first provider understands."""
        return self._links[0].generator.capabilities

    @property
    def price(self) -> float | None:
        """US dollars that a picture of the dearest costs at most; None where one does not say."""
        prices = [getattr(link.generator, "price", None) for link in self._links]
        known = [float(price) for price in prices if price is not None]
        return max(known) if len(known) == len(prices) else None

    @property
    def default_steps(self) -> int | None:
        """Steps that the first provider takes where the brief names none; None if unknown."""
        steps = getattr(self._links[0].generator, "default_steps", None)
        return None if steps is None else int(steps)

    def of(self, *names: str) -> Self:
        """The same chain, these providers only, in this order; threads and breakers are shared."""
        links = {link.name: link for link in self._links}
        other = copy(self)
        other._links = tuple(links[name] for name in names)  # noqa: SLF001 - a copy of our own
        return other

    async def load(self, runtime: Runtime) -> None:
        """Load each generator in its own thread; MissingRequirement stops the start."""
        for link in self._links:
            if isinstance(link.generator, Loads):
                load = link.generator.load
                await self._crews[link.name].workers[0].run(partial(load, runtime))

    async def close(self) -> None:
        """Stop asking, and let every generator go."""
        for link in self._links:
            if isinstance(link.generator, Closes):
                await self._crews[link.name].workers[0].run(link.generator.close)
            await self._crews[link.name].close()

    async def generate(self, brief: Brief) -> Produced:
        """`brief.count` pictures, or fewer where some failed; the error where all did.

        Cancelled while a provider paints, it begins nothing more, stops what can be stopped and
        returns what still comes.
        """
        walks = [Walk(part) for part in self._parts(brief)]
        answers = await all_of([asyncio.ensure_future(self._walk(walk)) for walk in walks], walks)
        tries = tuple(each for walk in walks for each in walk.tries)
        made = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not made:
            raise _told(next(each for each in answers if isinstance(each, BaseException)), tries)
        seen = [pair for answer, _ in made for pair in answer]
        return Produced(
            candidates=tuple(candidate for candidate, _ in seen),
            pictures=tuple(picture for _, picture in seen),
            provider=", ".join(dict.fromkeys(name for _, name in made)),
            cost=sum(candidate.cost for candidate, _ in seen),
            tries=tries,
            missing=brief.count - len(seen),
        )

    def _parts(self, brief: Brief) -> list[Brief]:
        """The brief, split where need be; its seed is settled, so that a repeat asks the same."""
        seed = brief.seed
        if seed is None and self.capabilities.seed:
            seed = secrets.randbelow(SEEDS)
        if brief.count == 1 or all(_concurrent(link) == 1 for link in self._links):
            return [brief.model_copy(update={"seed": seed})]
        seeds = [None if seed is None else seed + offset for offset in range(brief.count)]
        return [brief.model_copy(update={"seed": each, "count": 1}) for each in seeds]

    async def _walk(self, walk: Walk) -> tuple[Seen, str]:
        """Along the chain until someone paints."""
        first: Exception | None = None
        for link in self._links:
            try:
                return await self._guarded(link, walk), link.name
            except OpenedState:
                walk.tries.append(Try(provider=link.name, outcome="breaker open"))
            except SentinelError as error:
                first = first or error
                if not self._goes_on(rule_for(error).onward):
                    raise
        if first is None:
            return await self._repeated(self._links[0], walk), self._links[0].name
        raise first

    def _goes_on(self, onward: Onward) -> bool:
        match onward:
            case "yes" | "no":
                return onward == "yes"
            case "if pay_twice":
                return self.plan.pay_twice
            case "if after_refusal = next":
                return self.plan.after_refusal == "next"

    async def _guarded(self, link: Link, walk: Walk) -> Seen:
        """One provider behind its breaker; OpenedState where it is not to be asked."""
        if time.monotonic() < self._rests.get(link.name, 0.0):
            raise OpenedState(link.name)
        async with await self._breakers.get_breaker(link.name):
            return await self._repeated(link, walk)

    async def _repeated(self, link: Link, walk: Walk) -> Seen:
        """One provider, called again where the rules allow."""
        calls = 0
        brief = walk.brief

        def again(error: Exception) -> bool | float:
            nonlocal brief
            told = error.retry_after if isinstance(error, RateLimited) else None
            if told is not None and not self._sits_out(link, told):
                return False
            if walk.halted or calls >= rule_for(error).calls:
                return False
            if name_of(error) == "black" and brief.seed is not None:
                brief = brief.model_copy(update={"seed": brief.seed + ANOTHER})
            return True if told is None else told

        async for attempt in stamina.retry_context(
            on=again, attempts=self.plan.calls, timeout=self.plan.seconds,
            wait_initial=self.plan.first_wait, wait_max=self.plan.longest_wait,
            wait_jitter=min(1.0, self.plan.first_wait * 5),
        ):  # fmt: skip
            with attempt:
                calls += 1
                return await self._noted(link, brief, walk)
        raise AssertionError("stamina lets the last error through")

    def _sits_out(self, link: Link, wait: float) -> bool:
        """Whether a Retry-After is short enough to wait for; else the provider rests."""
        if wait <= self.plan.patience:
            return True
        self._rests[link.name] = time.monotonic() + wait
        return False

    async def _noted(self, link: Link, brief: Brief, walk: Walk) -> Seen:
        """One call, entered among the tries whatever comes of it."""
        if walk.halted:
            raise asyncio.CancelledError
        started = time.perf_counter()

        def note(outcome: str, reason: str, submitted: bool | None) -> None:  # noqa: FBT001 - a fact, not a switch
            walk.tries.append(
                Try(
                    provider=link.name, outcome=outcome, reason=reason, seed=brief.seed,
                    submitted=submitted, seconds=time.perf_counter() - started,
                )
            )  # fmt: skip

        try:
            walk.ask = Ask(brief, walk, link.generator)
            seen = await self._asked(link, walk.ask)
        except SentinelError as error:
            known = None if isinstance(error, PluginError) else False
            known = error.submitted if isinstance(error, ProviderError) else known
            note(name_of(error), str(error), known)
            raise
        note("made", "", submitted=True)
        return seen

    async def _asked(self, link: Link, ask: Ask) -> Seen:
        """One call in the plugin's own thread; everything it raises comes out as ours."""
        try:
            return await self._crews[link.name].ask(ask, link.seconds)
        except SentinelError:
            raise
        except TimeoutError as error:
            ask.call_off()
            told = f"gave no answer within {link.seconds:g} s"
            raise ProviderTimeout(link.name, told) from error
        except Exception as error:
            told = f"it raised {type(error).__name__}: {error}"
            raise PluginError("generator", link.name, told) from error
        finally:
            ask.walk.asking = False

    def _crew(self, link: Link) -> Crew[Ask, Seen]:
        """As many threads as the plugin bears calls; the pictures are decoded there too."""
        copies = _concurrent(link)

        def answer(asks: Sequence[Ask]) -> list[Seen]:
            [ask] = asks  # the workers' batches hold one
            ask.walk.asking = True
            made = link.generator.generate(ask.brief)
            return [looked_at(made, ask.brief, link.name, self._limits)]

        floor = Floor(copies)
        return Crew([Worker("generator", link.name, answer, floor) for _ in range(copies)])


def _concurrent(link: Link) -> int:
    return int(getattr(link.generator, "concurrent", 1))


def _harmless(error: Exception) -> bool:
    """Whether a breaker lets an error pass."""
    return rule_for(error).breaker == "spared"


def _told(error: BaseException, tries: tuple[Try, ...]) -> BaseException:
    """The error, with every try that led to it."""
    if isinstance(error, SentinelError):
        error.tries = tries
    return error
