"""Settings in, a running house out: the one place where everything meets.

    async with Sentinel.open(Settings.read()) as sentinel:
        scored = await sentinel.score(data, Brief(prompt="a red cup"))
        scored.trace.last.verdict.action
        guarded = await sentinel.guard(Brief(prompt="a red cup"))
        guarded.picture

Plugins with the same options are shared by all policies; thresholds and weights are a policy's
own. A policy that names something that is not there, or whose weights are missing, stops the
start with the command that mends it, unless its rule says `optional`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from ulid import ULID

from sentinel import imaging, policy
from sentinel.admission import DECODERS, LARGE, Admission
from sentinel.contracts import Attempt, Brief, Sample, Trace, Verdict
from sentinel.deployments import Deployments
from sentinel.errors import ConfigError, NotFound, PictureError
from sentinel.guarding import Guarded, Guarding, Wanted
from sentinel.jobs import Desk
from sentinel.keeping import keep_scored, sweep
from sentinel.loop import Listener
from sentinel.outbound import Limits
from sentinel.panel import Panel
from sentinel.policy import Policy
from sentinel.process import give_memory_back, hold_back_threads
from sentinel.registry import nearest
from sentinel.seating import PluginStatus, Seating
from sentinel.settings import Settings
from sentinel.store import Store, open_store
from sentinel.webhooks import Webhooks

log = logging.getLogger(__name__)

WARMING = np.zeros((8, 8, 3), dtype=np.uint8)
"""A picture to warm up with, so that the first caller does not wait for imports."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A trace, the decoded picture it is about, and where the time went (seconds by stage)."""

    trace: Trace
    picture: imaging.Picture
    timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Asked:
    brief: Brief
    policy: Policy
    model: str | None
    project: str
    trace_id: str


Turn = asyncio.Semaphore | asyncio.Lock
"""What is waited for before a picture is decoded."""


class Sentinel:
    """A running house: policies, seated panels, a store."""

    def __init__(self, settings: Settings, policies: dict[str, Policy], store: Store) -> None:
        """Use `Sentinel.open`."""
        self.settings = settings
        self.policies = policies
        self.store = store
        self._deployments = Deployments() if settings.judges == "ray" else None
        self._seating = Seating(settings, deployments=self._deployments)
        self._panels: dict[str, Panel] = {}
        self._admission = Admission(settings.queue, settings.pixels_in_house)
        self.guarding = Guarding(settings, store, self._admission)
        self.jobs = Desk.of(self)
        self.outbound = Limits.of(settings.outbound_private, settings.limits)
        self.webhooks = Webhooks.of(self)
        self._decoding = asyncio.Semaphore(DECODERS)
        self._decoding_large = asyncio.Lock()
        self._starting: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, *, only: tuple[str, ...] = (), wait: bool = True
    ) -> AsyncIterator[Sentinel]:
        """Open the house; close it at the end.

        `only` seats the named policies instead of all of them. With `wait` the models are
        loaded when this returns; without it they load behind, and `ready` tells.
        """
        hold_back_threads(settings.threads)
        give_memory_back()
        policies = policy.available(settings.policies)
        for name in (settings.policy, *only):
            _known(policies, name)
        store = await asyncio.to_thread(
            open_store, settings.database_url, settings.media, settings.media_days,
            media_options=settings.media_options, words=settings.keeps_words,
        )  # fmt: skip
        house = cls(settings, policies, store)
        chosen = [policies[name] for name in only] or list(policies.values())
        house._starting = asyncio.create_task(house._start(chosen))
        handover = None if settings.keeps_words else settings.handover_minutes
        house._sweeping = asyncio.create_task(sweep(store, handover=handover))
        try:
            if wait:
                await house._starting
            yield house
        finally:
            await house._close()

    async def ready(self) -> bool:
        """Whether every model is loaded; raises what stopped the start."""
        if self._starting is not None and self._starting.done():
            self._starting.result()
        return self._starting is not None and self._starting.done()

    async def loaded(self) -> None:
        """Wait until every model is loaded; raises what stopped the start."""
        if self._starting is not None:
            await asyncio.shield(self._starting)

    @property
    def inside(self) -> tuple[int, int]:
        """Pictures in this process now, and how many there may be."""
        return self._admission.pictures, self.settings.queue

    def statuses(self) -> list[PluginStatus]:
        """Every gate and judge on offer: seated where, ready or why not."""
        return self._seating.statuses(self.policies)

    async def score(  # noqa: PLR0913 - what is known of a picture, each by its name
        self, data: bytes, brief: Brief, *, policy: str | None = None, model: str | None = None,
        project: str = "default", trace_id: str = "",
    ) -> Scored:  # fmt: skip
        """Score one picture: decoded, gated, judged, decided, and kept as a trace.

        Without `policy` the brief's category chooses, if a policy has its name. A trace that has
        the id already is replaced. Raises PictureError, NotFound (no such policy), Busy.
        """
        await self.loaded()
        chosen = self.policy_of(policy, brief)
        pixels = await asyncio.to_thread(self._pixels, data, brief)
        with self._admission.enter(pixels):
            decoding = self._decoding_large if pixels > LARGE else self._decoding
            asked = _Asked(brief, chosen, model, project, trace_id or str(ULID()))
            return await self._score(data, asked, decoding)

    async def guard(
        self, brief: Brief, wanted: Wanted | None = None, listener: Listener | None = None
    ) -> Guarded:
        """Paint, judge and feed back until a picture passed or the budget is spent.

        Kept as a trace, with the picture of every attempt. `listener` hears of every step.
        Without a policy the brief's category chooses, as in `score`. Raises BriefError, NotFound
        (no such policy or generator), ConfigError (a generator's weights are missing), Busy.
        """
        await self.loaded()
        wanted = wanted or Wanted()
        chosen = self.policy_of(wanted.policy, brief)
        return await self.guarding.guard(self.panel_of(chosen), brief, wanted, listener)

    async def settled(self) -> None:
        """Wait until everything that was delivered at once is judged and kept."""
        await self.guarding.settled()

    def policy_of(self, named: str | None, brief: Brief) -> Policy:
        """The policy that is named, else the brief's category's, else the settings'."""
        by_category = brief.category if brief.category in self._panels else None
        return _known(self.policies, named or by_category or self.settings.policy)

    def _pixels(self, data: bytes, brief: Brief) -> int:
        """Pixels that a picture and its references take when decoded, by their headers."""
        limits = self.settings.limits
        headers = [imaging.inspect(data, limits)]
        for index, each in enumerate(brief.references):
            headers.append(imaging.inspect(each.image, limits, field=f"references[{index}]"))
        pixels = sum(header.width * header.height for header in headers)
        if len(headers) > 1 and pixels > self.settings.pixels_in_house:
            told = (
                f"the picture and its references have {pixels:,} pixels together; "
                f"at most {self.settings.pixels_in_house:,}; send smaller references"
            )
            raise PictureError("picture_too_large", told, field="references")
        return pixels

    async def _score(self, data: bytes, asked: _Asked, decoding: Turn) -> Scored:
        brief, chosen, model = asked.brief, asked.policy, asked.model
        clock = _Clock()
        async with decoding:
            picture, sample = await asyncio.to_thread(self._decode, data, brief, model)
        clock.lap("decode")
        panel = self.panel_of(chosen)
        verdict = await panel.evaluate(sample)
        clock.lap("panel")
        fingerprint = await asyncio.to_thread(imaging.fingerprint, picture.pixels)
        clock.lap("fingerprint")
        attempt = Attempt(
            number=1, brief=brief, generator=model or "unknown", verdict=verdict,
            seconds=clock.total, picture=picture.sha256, fingerprint=fingerprint,
            width=sample.width, height=sample.height, notes=sample.notes + panel.unread(brief),
        )  # fmt: skip
        trace = _trace(attempt, asked, clock.total)
        trace = await asyncio.to_thread(keep_scored, self.store, trace, data)
        clock.lap("store")
        self.guarding.watchers.scored(trace)
        return Scored(trace, picture, clock.laps)

    def _decode(
        self, data: bytes, brief: Brief, model: str | None
    ) -> tuple[imaging.Picture, Sample]:
        limits = self.settings.limits
        picture = imaging.read(data, limits)
        maker = model or "unknown"
        return picture, imaging.sample(picture, brief, maker=maker, limits=limits)

    def panel_of(self, chosen: Policy) -> Panel:
        """The panel of a policy that was seated at the start; ConfigError of another."""
        panel = self._panels.get(chosen.name)
        if panel is None:
            raise ConfigError(f"policy {chosen.name!r} was not seated; open the house with it")
        return panel

    async def _start(self, chosen: list[Policy]) -> None:
        if self._deployments is not None:
            await asyncio.to_thread(self._deployments.connect)
        for each in chosen:
            self._panels[each.name] = await self._seating.seat(each)
        await asyncio.to_thread(imaging.fingerprint, WARMING)  # loads its libraries
        log.info("ready: %s", ", ".join(self._panels))

    async def _close(self) -> None:
        tasks = [task for task in (self._starting, self._sweeping) if task and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.webhooks.close()
        await self.jobs.close()
        await self.guarding.close()
        await self._seating.close()
        if self._deployments is not None:
            await asyncio.to_thread(self._deployments.close)
        await asyncio.to_thread(self.store.close)


class _Clock:
    """Seconds by stage, and since the start."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.laps[stage] = now - self._last
        self._last = now

    @property
    def total(self) -> float:
        return time.perf_counter() - self._start


def _known(policies: Mapping[str, Policy], name: str) -> Policy:
    if name not in policies:
        raise NotFound(f"there is no policy {name!r}; {nearest(name, tuple(policies))}")
    return policies[name]


def _trace(attempt: Attempt, asked: _Asked, seconds: float) -> Trace:
    verdict: Verdict = attempt.verdict
    stopped = {"passed": "passed", "refused": "rejected", "undecided": "undecided"}
    return Trace.model_validate(
        {
            "id": asked.trace_id, "created_ms": time.time_ns() // 1_000_000, "mode": "score",
            "policy": asked.policy.name, "policy_fingerprint": asked.policy.fingerprint,
            "brief": attempt.brief, "attempts": (attempt,), "model": asked.model,
            "delivered": 1 if verdict.action in ("pass", "score") else None, "seconds": seconds,
            "stopped_because": stopped.get(verdict.standing), "project": asked.project,
        }
    )  # fmt: skip
