"""A brief in, a picture and its trace out: the loop with seated generators, and everything kept.

Generators are made and loaded when the first request needs them: who only scores never waits for
a model that paints. Pictures go to the store while they are judged, the trace when it has ended;
where the caller hangs up, what was paid for until then is kept all the same.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from sentinel import feedback, imaging, registry
from sentinel.admission import Admission
from sentinel.contracts import Brief, Capabilities, Mode, Runtime, Trace
from sentinel.errors import NotFound, PictureError
from sentinel.failover import Failover, Link, Plan
from sentinel.keeping import Behind, Keeper
from sentinel.loop import Listener, Made, Order, Run, Staff, Wish, allowed
from sentinel.loop.levers import Advise, Strengthen
from sentinel.observing import Watchers
from sentinel.panel import Panel
from sentinel.policy import Policy
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.media import content_type_of

log = logging.getLogger(__name__)

SIDE = 1024
"""Pixels a side that a picture is expected to have where the brief does not say."""

CLOSING = 10.0
"""Seconds that what goes on behind gets when the house closes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a request is to be served; what is left out is the policy's and the settings'."""

    policy: str | None = None
    mode: Mode | None = None
    generator: str | None = None
    candidates: int = 1
    wish: Wish = field(default_factory=Wish)
    project: str = "default"
    payer: str | None = None
    """The id of the access key that a job is charged to when it is done."""
    price: float | None = None
    """US dollars it is charged; without it what the delivered attempt cost the house."""
    inline: bool = False
    """Whether the answer carries the picture itself, so that nobody comes back for its bytes."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """The trace, the bytes of the picture that is delivered, and of every attempt by number.

    In score mode the trace is the one before the judges have looked; the store gets the other.
    """

    trace: Trace
    picture: bytes | None
    pictures: Mapping[int, bytes]
    kept: bool = True
    """False where the media store was away: nobody can fetch the picture later."""

    @property
    def content_type(self) -> str:
        """The delivered picture's media type; "" where there is none."""
        return "" if self.picture is None else content_type_of(self.picture)


class ChainMaker:
    """A chain of generators as the loop wants it."""

    def __init__(self, chain: Failover) -> None:
        """Retries, failover and breakers are the chain's."""
        self._chain = chain

    @property
    def name(self) -> str:
        """The first provider's."""
        return self._chain.name

    @property
    def capabilities(self) -> Capabilities:
        """The first provider's."""
        return self._chain.capabilities

    @property
    def price(self) -> float | None:
        """The dearest provider's."""
        return self._chain.price

    @property
    def default_steps(self) -> int | None:
        """The first provider's."""
        return self._chain.default_steps

    async def make(self, brief: Brief) -> Made:
        """Ask along the chain; what failed on the way is told."""
        produced = await self._chain.generate(brief)
        return Made(
            produced.candidates, produced.provider, produced.cost, produced.notes,
            produced.pictures,
        )  # fmt: skip


class Guarding:
    """Seats generators, runs the loop and keeps what comes of it."""

    def __init__(
        self, settings: Settings, store: Store, admission: Admission,
        chain: Failover | None = None,
    ) -> None:  # fmt: skip
        """Nothing is loaded yet, unless a chain of the settings' generators is handed over.

        ConfigError where the settings' plan of failover makes no sense.
        """
        self._settings = settings
        self._plan = Plan.read(settings.failover)
        self._store = store
        self._admission = admission
        self._chain = chain
        self._loading: asyncio.Task[Failover] | None = None
        self._behind = Behind()
        self.watchers = Watchers()

    async def guard(
        self, panel: Panel, brief: Brief, wanted: Wanted, listener: Listener | None = None
    ) -> Guarded:
        """One request through the loop. BriefError, NotFound (no such generator), ConfigError."""
        order, staff = await self.prepare(panel, brief, wanted)
        run = Run(order, staff, listener)
        return await self.go(run, soon=run.mode != "guard", inline=wanted.inline)

    async def check(self, policy: Policy, brief: Brief, wanted: Wanted) -> None:
        """Raise what is wrong with a request, as far as that is known before anybody is asked."""
        self._names(wanted.generator)
        Order(brief, wanted.wish, wanted.mode, wanted.candidates).check()
        allowed(policy.budget, wanted.wish)
        await self._pixels(brief, wanted.candidates)

    async def prepare(self, panel: Panel, brief: Brief, wanted: Wanted) -> tuple[Order, Staff]:
        """What a request asks, and who works on it, loaded."""
        makers = await self._makers(wanted.generator)
        advise, strengthen = advisers(panel.policy)
        staff = Staff(panel, makers, advise, strengthen, self._settings.limits)
        order = Order(brief, wanted.wish, wanted.mode, wanted.candidates, wanted.project)
        return order, staff

    async def go(
        self, run: Run, also: Callable[[Trace], None] | None = None,
        *, soon: bool = False, inline: bool = False,
    ) -> Guarded:  # fmt: skip
        """A run to its end, with everything kept; Busy where there is no room for it.

        `also` hears every trace that is kept, whole: in score mode the judged one comes behind.
        `soon` waits for the pictures alone, whose addresses stand in the answer, and not for the
        trace (`kept` does); with `inline`, which has the picture in the answer, for neither.
        """
        keeper = Keeper(self._store, run.listener, also)
        run.listener = self.watchers.besides(run.order.id, keeper.hear)
        brief, candidates = run.order.brief, run.order.candidates
        pixels = await self._pixels(brief, candidates)
        with ExitStack() as inside:  # until nothing of it goes on, be it behind the answer
            inside.enter_context(self._admission.enter(pixels))
            try:
                trace = await run.go()
            except BaseException as error:
                self._behind.begin(keeper.abandon(run, error), inside.pop_all())
                raise
            if run.behind:
                keeping = asyncio.ensure_future(keeper.keep(trace))
                self._behind.begin(keeper.finish(run, keeping, trace.id), inside.pop_all())
            else:
                keeping = self._behind.begin(keeper.keep(trace), inside.pop_all())
            if not (soon and self._behind.takes(trace.id, keeping)):
                await asyncio.shield(keeping)
            elif not inline:
                await keeper.put()
        picture = run.pictures.get(trace.delivered or 0)
        return Guarded(keeper.noted(trace), picture, run.pictures, kept=not keeper.away)

    def charge(self, wanted: Wanted, trace: Trace) -> None:
        """Charge the key that pays for a job, once, for what is delivered; blocking."""
        if wanted.payer is None or trace.delivered is None:
            return
        price = trace.owed if wanted.price is None else wanted.price
        try:
            self._store.keys.charge(wanted.payer, price, trace.id)
        except ValueError as error:  # a foreign generator's cost may be anything
            log.error("key %s was not charged for %s: %s", wanted.payer, trace.id, error)  # noqa: TRY400 - what is wrong is said

    async def kept(self, trace_id: str) -> None:
        """Wait until the trace is in the store, where it was delivered before it was kept."""
        await self._behind.kept(trace_id)

    async def settled(self) -> None:
        """Wait until nothing goes on behind: no judging after delivery, no keeping."""
        await self._behind.settled()

    async def close(self) -> None:
        """Let what goes on behind end, and let go of the generators."""
        await self._behind.close(CLOSING)
        if self._loading is not None:
            self._loading.cancel()
        if self._chain is not None:
            await self._chain.close()

    async def _pixels(self, brief: Brief, candidates: int) -> int:
        """Pixels that one round takes when decoded; headers of references are read in a thread."""
        if not brief.references:
            return _pixels(brief, candidates, self._settings)
        return await asyncio.to_thread(_pixels, brief, candidates, self._settings)

    async def _makers(self, named: str | None) -> list[ChainMaker]:
        """The generators that were named, or all; each leads once, the others stand in for it."""
        names = self._names(named)
        chain = await self._seated()
        turns = range(len(names))
        return [ChainMaker(chain.of(*names[turn:], *names[:turn])) for turn in turns]

    def _names(self, named: str | None) -> tuple[str, ...]:
        known = self._settings.generators
        names = tuple(name.strip() for name in named.split(",")) if named else known
        for name in names:
            if name not in known:
                told = f"generator {name!r} is not seated here"
                raise NotFound(f"{told}; {registry.nearest(name, known)} (SENTINEL_GENERATOR)")
        return names

    async def _seated(self) -> Failover:
        """The generators, loaded once; whoever hangs up meanwhile does not spoil it for others."""
        if self._chain is None:
            if self._loading is None or self._loading.done():
                self._loading = asyncio.create_task(self._load())
            self._chain = await asyncio.shield(self._loading)
        return self._chain

    async def _load(self) -> Failover:
        settings = self._settings
        links = [
            Link(name, registry.make("generator", name, settings.generator_options.get(name, {})))
            for name in settings.generators
        ]
        chain = Failover(links, self._plan, limits=settings.limits)
        await chain.load(Runtime(settings.threads, settings.device, settings.models))
        return chain


def advisers(policy: Policy) -> tuple[Advise, Strengthen]:
    """Who says what the next brief is to be: our own strategies, or the policy's rewriter."""
    advise: Advise = functools.partial(feedback.advise, rule=policy.feedback)
    if policy.feedback.rewriter is not None:
        from sentinel import rewriting  # noqa: PLC0415 - an HTTP client, which few need

        advise = functools.partial(rewriting.rewrite, rule=policy.feedback)
    return advise, feedback.strengthen


def _pixels(brief: Brief, candidates: int, settings: Settings) -> int:
    """Pixels that one round takes when decoded, by the brief and its references' headers."""
    headers = [
        imaging.inspect(each.image, settings.limits, field=f"references[{index}]")
        for index, each in enumerate(brief.references)
    ]
    references = sum(header.width * header.height for header in headers)
    if references > settings.pixels_in_house:
        told = (
            f"the references have {references:,} pixels together; "
            f"at most {settings.pixels_in_house:,}; send smaller ones"
        )
        raise PictureError("picture_too_large", told, field="references")
    return references + (brief.width or SIDE) * (brief.height or SIDE) * candidates
