"""Pictures that wait to be judged in, evaluations out, whatever happens to the process meanwhile.

A request is a row before its caller hears of it. Whoever takes it says so in the row; what a dead
process had taken is taken over, and its trace lands in the same place. Two processes never have
one request at the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sentinel.api.compat.runflow.asked import Kept
from sentinel.errors import Busy, SentinelError, Unavailable
from sentinel.jobs.vigil import BEAT, Vigil, executor_id
from sentinel.store.evaluations import Known
from sentinel.wiring import Sentinel

log = logging.getLogger(__name__)

T = TypeVar("T")

OWED = 50
"""Callbacks that one round hands on."""

Ended = Callable[[Known], None]
"""What is done once an evaluation has ended; blocking code, and safe to do twice."""


class Judging:
    """Works at requests while it watches; `watch` and `close` are the application's."""

    def __init__(self, house: Sentinel, ended: Ended) -> None:
        """`ended` hands a callback on."""
        self._house = house
        self._store = house.store.evaluations
        self._ended = ended
        self._most = house.settings.workers
        self._name = executor_id()
        self._vigil = Vigil(self._name)
        self._going: dict[str, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._beaten = float("-inf")
        self._watching: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Work from now on, once the models are loaded."""
        self._watching = asyncio.create_task(self._watch())

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    async def close(self) -> None:
        """Stop; what is under way is judged elsewhere, or here after the next start."""
        going = list(self._going.values())
        tasks = [*going, *([self._watching] if self._watching else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self) -> None:
        try:
            await self._house.loaded()
        except Exception:  # noqa: BLE001 - whoever started the house is told what keeps it shut
            return
        while True:
            self._woken.clear()
            try:
                await self._round()
            except SentinelError as error:
                log.warning("evaluations: %s", error)
            except Exception:  # whatever it was, the next round is another one
                log.exception("evaluations could not be looked after")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), BEAT)

    async def _round(self) -> None:
        if self._going and time.monotonic() - self._beaten >= BEAT:
            self._beaten = time.monotonic()
            await asyncio.to_thread(self._store.beat, list(self._going), self._name)
        await self._take_over()
        room = self._most - len(self._going)
        for request_id in await asyncio.to_thread(self._store.waiting, room) if room > 0 else ():
            await self._take(request_id)
        for known in await asyncio.to_thread(self._store.uncalled, OWED):
            await asyncio.to_thread(self._call, known)

    async def _take_over(self) -> None:
        """What a process has that is gone, or what we had when the database was away."""
        owned = await asyncio.to_thread(self._store.owned)
        living = self._vigil.living({owner: beat for _, owner, beat in owned})
        for request_id, owner, _ in owned:
            left = owner == self._name and request_id not in self._going
            if left or owner not in living:
                log.info("evaluation %s is taken up again", request_id)
                await self._take(request_id, dead=owner)

    async def _take(self, request_id: str, *, dead: str | None = None) -> None:
        known = await asyncio.to_thread(self._store.take, request_id, self._name, dead=dead)
        if known is None:
            return
        task = asyncio.create_task(self._judge(known))
        self._going[request_id] = task

        def over(_: asyncio.Task[None]) -> None:
            self._going.pop(request_id, None)
            self.wake()  # there is room for another

        task.add_done_callback(over)

    async def _judge(self, known: Known) -> None:
        try:
            code, error = await self._judged(known)
        except asyncio.CancelledError:
            with contextlib.suppress(SentinelError):  # else it is taken over
                await asyncio.to_thread(self._store.give_back, known.id, self._name)
            raise
        ended = await self._insist(
            lambda: self._store.end(known.id, self._name, code=code, error=error)
        )
        if ended is not None and ended.callback_url is not None:
            await self._insist(lambda: self._call(ended))

    async def _judged(self, known: Known) -> tuple[str | None, str | None]:
        """Judge it, as soon as there is room; why it failed, by code and in words."""
        try:
            kept = Kept.model_validate_json(known.asked)
            pictures = await self._insist(lambda: self._store.pictures(known.id))
            brief = kept.brief(known.task_type, pictures[1:])
            while True:
                try:
                    await self._house.score(
                        pictures[0], brief, policy=kept.policy, project=known.project,
                        trace_id=known.trace_id,
                    )  # fmt: skip
                except (Busy, Unavailable) as error:
                    await asyncio.sleep(error.retry_after)
                else:
                    return None, None
        except SentinelError as error:
            return error.code, str(error)
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller is told
            log.error("evaluation %s: unexpected %s", known.id, type(error).__name__)  # noqa: TRY400 - its message could hold a prompt
            return "internal", "something went wrong in here; the log has its kind"

    def _call(self, known: Known) -> None:
        self._ended(known)
        self._store.called(known.id)

    async def _insist(self, work: Callable[[], T]) -> T:
        """In a thread, until the database answers."""
        while True:
            try:
                return await asyncio.to_thread(work)
            except Unavailable as error:
                log.warning("evaluations wait: %s", error)
                await asyncio.sleep(error.retry_after)
