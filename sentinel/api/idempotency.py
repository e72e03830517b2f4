"""A request with an Idempotency-Key in, its one answer out, however often it is sent.

    return await once(request, lambda: _generate(request))

Two that come at the same moment do the work once: the second waits, also where the first is
another process's, and gets the same answer. It is kept for 24 hours, under the key together with
its caller and its route. Another body under the key is refused. Failures of ours (5xx), time-outs
and hung-up callers are not kept: who comes again, or waits, begins anew.

Where pictures are not kept (SENTINEL_MEDIA_DAYS=0, SENTINEL_RETENTION=none) no answer is written
down either: whoever waits in this process still gets it, who comes later is told that it is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from sentinel.api.errors import Problem, Refusal, respond, shown
from sentinel.api.painting import while_connected
from sentinel.api.routes import house_of
from sentinel.errors import SentinelError
from sentinel.jobs.vigil import BEAT, Vigil, executor_id
from sentinel.store import Store
from sentinel.store.answers import Answer, Claim

log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"

REPLAYED = "Idempotent-Replayed"
"""Header of an answer that was given before; Stripe's name for it."""

KEPT_MS = 24 * 3600 * 1000

LONGEST = 255
"""Characters of a key, as at Stripe."""

LOOKING = (0.05, 0.5)
"""Seconds between two looks at another process's work: from the first to the later ones."""

SWEEPING = 600.0
"""Seconds between two sweeps of answers whose time is up."""

PASSING = frozenset({408, 425, 429, 499})
"""Statuses below 500 that another try may change."""

TOLD = ("content-type", "location")
"""Headers that are kept with an answer, beside our own (X-Sentinel-…)."""

Work = Callable[[], Awaitable[Response]]

Tell = Callable[[Exception], Response]


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done, and how its errors are told."""

    work: Work
    tell: Tell


async def once(request: Request, work: Work, tell: Tell = respond) -> Response:
    """What `work` answers, or what it answered before under this key; Refusal for a bad key.

    `tell` makes answers of what `work` raises, where the surface has a shape of its own.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return await work()
    if not (0 < len(key) <= LONGEST and key.isprintable()):
        told = f"{HEADER}: use 1 to {LONGEST} printable characters"
        raise Refusal(422, "invalid", told, problems=(_problem(key, told),))
    caller = getattr(request.state, "caller", None)
    who = str(getattr(caller, "key_id", None))
    named = _digest(who, request.method, request.url.path, key)
    body = hashlib.sha256(await request.body()).hexdigest()
    asked = _digest(request.url.query, body)
    return await _desk(request).answer(request, named, asked, Errand(work, tell))


class _Desk:
    """Everything that this process does under keys."""

    def __init__(self, store: Store, *, keeps: bool) -> None:
        self._store = store.answers
        self._keeps = keeps
        self._name = executor_id()
        self._vigil = Vigil(self._name)
        self._here: dict[str, asyncio.Future[Answer | None]] = {}
        self._swept = time.monotonic()

    async def answer(self, request: Request, key: str, asked: str, errand: Errand) -> Response:
        while True:
            claim = await asyncio.to_thread(self._store.claim, key, asked, self._name, KEPT_MS)
            if claim.asked != asked:
                told = f"{HEADER}: this key was used for another request; draw a new one"
                problem = _problem(request.headers[HEADER], told)
                raise Refusal(422, "idempotency_conflict", told, problems=(problem,))
            if claim.answer is not None:
                return self._again(claim.answer)
            if claim.owner == self._name and key not in self._here:
                return await self._work(key, errand)
            found = await while_connected(request, self._awaited(key, claim))
            if found is not None:
                return self._again(found)

    async def _work(self, key: str, errand: Errand) -> Response:
        """Do the work, and keep what it comes to if that is final."""
        here = self._here[key] = asyncio.get_running_loop().create_future()
        final: Answer | None = None
        try:
            async with self._beating(key):
                try:
                    response = await errand.work()
                except SentinelError as error:
                    response = errand.tell(error)
            if response.status_code < 500 and response.status_code not in PASSING:  # noqa: PLR2004 - server errors begin here
                final = _answer_of(response)
            return response
        finally:
            await asyncio.shield(asyncio.ensure_future(self._close(key, final, here)))
            await self._sweep()

    async def _close(
        self, key: str, final: Answer | None, here: asyncio.Future[Answer | None]
    ) -> None:
        """Put the answer away, or let the key go; then whoever waits here may look."""
        kept = final if self._keeps or final is None else Answer(0, b"")
        try:
            if kept is None:
                await asyncio.to_thread(self._store.forget, key, self._name)
            else:
                await asyncio.to_thread(self._store.keep, key, self._name, kept)
        except SentinelError as error:  # the caller has its answer all the same
            log.error("an answer could not be kept: %s", error)  # noqa: TRY400 - what is wrong is said
        finally:
            del self._here[key]
            here.set_result(final)

    async def _awaited(self, key: str, claim: Claim) -> Answer | None:
        """The answer of who works at it; None where that came to nothing, or was left to us."""
        here = self._here.get(key)
        if here is not None:
            return await asyncio.shield(here)
        pause, slowest = LOOKING
        found: Claim | None = claim
        while found is not None and found.answer is None:
            if found.owner not in self._vigil.living({found.owner: found.beat_ms}):
                taken = await asyncio.to_thread(self._store.take_over, key, found.owner, self._name)
                if taken:
                    log.info("a request is taken over from a process that is gone")
                    return None
            await asyncio.sleep(pause)
            pause = min(slowest, pause * 1.5)
            found = await asyncio.to_thread(self._store.look, key)
        return None if found is None else found.answer

    @asynccontextmanager
    async def _beating(self, key: str) -> AsyncIterator[None]:
        async def beat() -> None:
            while True:
                await asyncio.sleep(BEAT)
                with contextlib.suppress(SentinelError):  # the next beat may get through
                    await asyncio.to_thread(self._store.beat, key, self._name)

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            beating.cancel()

    def _again(self, answer: Answer) -> Response:
        if answer.status == 0:
            told = (
                f"{HEADER}: this request was answered before, and answers are not kept here "
                "(SENTINEL_MEDIA_DAYS, SENTINEL_RETENTION); draw a new key to have it done again"
            )
            raise Refusal(409, "idempotency_gone", told)
        headers = {**answer.headers, REPLAYED: "true"}
        return Response(answer.body, answer.status, headers=headers)

    async def _sweep(self) -> None:
        if time.monotonic() - self._swept > SWEEPING:
            self._swept = time.monotonic()
            with contextlib.suppress(SentinelError):  # the next sweep finds them
                await asyncio.to_thread(self._store.sweep)


def _desk(request: Request) -> _Desk:
    """This application's, made when the first key comes."""
    desk: _Desk | None = getattr(request.app.state, "idempotency", None)
    if desk is None:
        house = house_of(request)
        desk = _Desk(house.store, keeps=house.store.media.keeps)
        request.app.state.idempotency = desk
    return desk


def _answer_of(response: Response) -> Answer:
    headers = {
        name: value
        for name, value in response.headers.items()
        if name in TOLD or name.startswith("x-sentinel-")
    }
    return Answer(response.status_code, bytes(response.body), headers)


def _problem(key: str, told: str) -> Problem:
    return Problem(field=HEADER, message=told, value=shown(key))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
