"""Messages in, deliveries out: recorded at once, delivered behind, in whichever process is alive.

    await house.webhooks.send("run.completed", url, body, surface="runflow", reference=run.id)
    await house.webhooks.when_ended(batch_id, url, surface="fal")

`send` returns when the delivery is a row. `when_ended` promises one for the end of a batch. A
round looks for what is due and is safe in any number of processes: rows are leased.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, Self

from ulid import ULID

from sentinel.errors import SentinelError
from sentinel.outbound import Limits, admit
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.callbacks import Callback
from sentinel.store.deliveries import Delivery
from sentinel.store.rollups import DAY_MS
from sentinel.webhooks.composing import Body, Note, composed
from sentinel.webhooks.endings import Batches, Endings, Shaper
from sentinel.webhooks.schedule import Schedule, decide
from sentinel.webhooks.sending import send
from sentinel.webhooks.signing import headers_for

log = logging.getLogger(__name__)

AT_ONCE = 32
"""Attempts that a process makes side by side; most of them wait for a receiver."""

PER_HOST = 4
"""Of those, for one host: one that hangs must not hold up the others."""

LEASE = 30.0
"""Seconds, at least, that an attempt is one process's alone; twice what it takes, for clocks that
differ."""

SWEEPING = 3600.0
"""Seconds between two sweeps of deliveries that ended long ago."""


class House(Protocol):
    """What webhooks need of the house that they are sent from."""

    settings: Settings
    store: Store
    outbound: Limits

    @property
    def jobs(self) -> Batches:
        """Who keeps its batches."""
        ...


class Webhooks:
    """Sends, waits for batches to end, and delivers while it watches."""

    @classmethod
    def of(cls, house: House) -> Self:
        """A house's webhooks, with the settings' schedule."""
        told = house.settings
        seconds = told.webhook_seconds
        schedule = Schedule(
            told.webhook_delays, seconds, lease=max(LEASE, 3 * seconds), days=told.jobs_days
        )
        return cls(house.store, house.jobs, house.outbound, schedule)

    def __init__(self, store: Store, batches: Batches, limits: Limits, schedule: Schedule) -> None:
        """`limits` say where may be dialled."""
        self._store = store
        self._endings = Endings(store, batches)
        self._limits = replace(limits, seconds=schedule.seconds)
        self._schedule = schedule
        self._name = secrets.token_hex(8)
        self._going: dict[asyncio.Task[None], str] = {}
        self._woken = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._swept = float("-inf")

    @property
    def shape(self) -> dict[str, Shaper]:
        """A surface's own words for the end of its batches, by its name; surfaces enter theirs."""
        return self._endings.shape

    async def send(  # noqa: PLR0913 - what a delivery is, each by its name
        self, event: str, url: str, body: Body, *, surface: str, reference: str,
        project: str = "default", headers: Mapping[str, str] | None = None,
    ) -> Delivery:  # fmt: skip
        """Record a delivery, due at once; BriefError (`callback_url`) where it may not be sent.

        Ours stand above `headers` of the same name.
        """
        await admit(url, field="callback_url", limits=self._limits)
        made = composed(str(ULID()), event, url, body, Note(surface, reference, project))
        made = replace(made, headers=dict(headers or {}))
        kept = await asyncio.to_thread(self._store.deliveries.enter, made)
        self._woken.set()
        return kept

    async def when_ended(
        self, batch_id: str, url: str, *, surface: str, project: str = "default",
        field: str = "webhook",
    ) -> None:  # fmt: skip
        """Promise a delivery for the end of a batch; call it before the batch is submitted.

        BriefError names `field` where the address may not be dialled: nothing is promised then.
        """
        await admit(url, field=field, limits=self._limits)
        callback = Callback(batch_id, url, surface, project)
        await asyncio.to_thread(self._store.callbacks.expect, callback)

    async def again(self, delivery_id: str, project: str | None = None) -> Delivery | None:
        """Deliver once more; None while it is being sent; NotFound."""
        begun = await asyncio.to_thread(self._store.deliveries.again, delivery_id, project)
        self._woken.set()
        return begun

    # ── behind ────────────────────────────────────────────────────────────────────────────────

    def watch(self) -> None:
        """Deliver from now on."""
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Stop; what was being sent is sent again, by another process or after the next start."""
        tasks = [*self._going, *([self._watching] if self._watching else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            try:
                await asyncio.to_thread(self._store.deliveries.release, self._name)
            except SentinelError as error:
                log.warning("webhooks: %s; what was being sent waits for its lease", error)

    async def round(self) -> tuple[asyncio.Task[None], ...]:
        """Turn ended batches into deliveries, and begin to send what is due."""
        try:
            await self._endings.look()
        except SentinelError as error:  # jobs have a database of their own; ours may well answer
            log.warning("webhooks: the ends of batches cannot be seen: %s", error)
        await self._sweep()
        room = AT_ONCE - len(self._going)
        if room <= 0:
            return ()
        busy = Counter(self._going.values())
        hosts = {host: PER_HOST - count for host, count in busy.items()} | {"": PER_HOST}
        lease = round(self._schedule.lease * 1000)
        claim = self._store.deliveries.claim
        due = await asyncio.to_thread(claim, self._name, lease, room, hosts)
        return tuple(self._begin(delivery) for delivery in due)

    async def _watch(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self.round()
            except SentinelError as error:
                log.warning("webhooks: %s", error)
            except Exception:  # whatever it was, the next round is another one
                log.exception("webhooks could not be looked after")
            try:
                async with asyncio.timeout(self._schedule.poll):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _begin(self, delivery: Delivery) -> asyncio.Task[None]:
        task = asyncio.create_task(self._deliver(delivery))
        self._going[task] = delivery.host

        def over(done: asyncio.Task[None]) -> None:
            self._going.pop(done, None)
            self._woken.set()  # there is room for another

        task.add_done_callback(over)
        return task

    async def _deliver(self, delivery: Delivery) -> None:
        kept = self._store.deliveries
        try:
            known = await asyncio.to_thread(self._store.callbacks.secrets, delivery.project)
            now = kept.clock()
            sent = await send(delivery, headers_for(delivery, known, now), self._limits, now)
            chance = secrets.randbelow(1000) / 1000
            state, due = decide(delivery, sent.attempt, self._schedule, chance, sent.retry_after)
            await asyncio.to_thread(kept.finish, delivery, self._name, sent.attempt, state, due)
        except SentinelError as error:  # the lease runs out, and somebody sends it again
            log.warning("delivery %s: %s", delivery.id, error)
            return
        if state == "failed":
            log.warning("delivery %s to %s is given up", delivery.id, delivery.host)

    async def _sweep(self) -> None:
        """Forget what ended long ago."""
        if time.monotonic() - self._swept > SWEEPING:
            self._swept = time.monotonic()
            before = self._store.deliveries.clock() - round(self._schedule.days * DAY_MS)
            await asyncio.to_thread(self._store.deliveries.sweep, before)
