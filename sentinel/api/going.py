"""What goes on in a house in, what runs now out: attempt by attempt, for as many as look.

One picture of the whole is kept, not a queue for everybody who looks: whoever is slow misses
states in between and never holds anything up. It lives in the event loop; nothing in it waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from sentinel.contracts import Attempt, Trace
from sentinel.errors import Busy, NotFound
from sentinel.faces import Doing, Try
from sentinel.jobs import Job
from sentinel.loop import Ended, Event, Fed, Generated, Judged, Screened, Started
from sentinel.observing import is_early
from sentinel.store.queries import Filters
from sentinel.wiring import Sentinel

ANOTHER = "another process"
"""Who worked at what is only known from the store."""

MOST = 50
"""Requests that are shown at once, under way and ended each; the oldest give way."""

LONGEST = 160
"""Characters of a prompt that are shown."""

LOOKERS = 32
"""Who may look at a stream at once; one more is told to ask again and again instead."""

RETRY_AFTER = 5.0

RECENT_MS = 15 * 60_000
"""What other processes ended is shown for so many milliseconds after it began."""

FEW = 20
"""Traces of other processes that are shown at most, the newest: each is read from the store once.
"""


class Going:
    """What one house is doing; `hear` watches it (`sentinel.observing`)."""

    def __init__(self, house: Sentinel, leaving: Callable[[], bool]) -> None:
        """`leaving` says that the server is about to stop: whoever looks is let go."""
        self._house = house
        self.leaving = leaving
        self._under_way: OrderedDict[str, Doing] = OrderedDict()
        self._ended: OrderedDict[str, Doing] = OrderedDict()
        self._stored: Mapping[str, Doing] = {}
        self._bell = asyncio.Event()
        self._lookers = 0
        self.version = 0

    def hear(self, trace_id: str, event: Event) -> None:
        """Enter one event."""
        if isinstance(event, Ended):
            self._end(trace_id, event.trace)
        else:
            doing = self._under_way.get(trace_id) or Doing(trace_id, int(time.time() * 1000))
            self._under_way[trace_id] = self._changed(doing, event)
        while len(self._under_way) > MOST:
            self._under_way.popitem(last=False)
        self._ring()

    async def now(self) -> tuple[Doing, ...]:
        """What runs here, what runs as a job elsewhere, and what has just ended, newest first."""
        elsewhere = await self._elsewhere()
        stored = await self._ended_elsewhere()
        ended = [*self._ended.values(), *(each for each in stored if each.id not in self._ended)]
        ended.sort(key=lambda each: each.began_ms + each.seconds * 1000, reverse=True)
        return (*reversed(self._under_way.values()), *elsewhere, *ended[:MOST])

    async def changed(self, since: int, seconds: float) -> int:
        """The version of what is going on, as soon as it is not `since`, or after so long."""
        if self.version == since:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), seconds)
        return self.version

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Be one of those who look; Busy where there are too many."""
        if self._lookers >= LOOKERS:
            raise Busy(f"the live view ({self._lookers} look)", RETRY_AFTER)
        self._lookers += 1
        try:
            yield
        finally:
            self._lookers -= 1

    def _ring(self) -> None:
        self.version += 1
        self._bell.set()
        self._bell = asyncio.Event()

    def _changed(self, doing: Doing, event: Event) -> Doing:
        tries = doing.tries
        match event:
            case Screened():
                return replace(doing, step="screening")
            case Started(_, brief, generator, lever):
                begun = Try(len(tries) + 1, generator, lever, "painting")
                words = self._words(brief.prompt)
                return replace(doing, step="painting", prompt=words, tries=(*tries, begun))
            case Generated(attempts):
                fresh = [_try(each, "failed" if each.error else "judging") for each in attempts]
                kept = [each for each in tries if each.state != "painting"]
                return replace(doing, step="judging", tries=_merged(kept, fresh))
            case Judged(attempt):
                tries = _merged(tries, [_try(attempt, "judged")])
        return replace(
            doing, tries=tries, step="feedback" if isinstance(event, Fed) else doing.step
        )

    def _end(self, trace_id: str, trace: Trace) -> None:
        doing = self._doing(trace, self._under_way.get(trace_id))
        if doing.outcome is None:
            self._under_way[trace_id] = doing
            return
        self._under_way.pop(trace_id, None)
        self._ended[trace_id] = doing
        while len(self._ended) > MOST:
            self._ended.popitem(last=False)

    def _doing(self, trace: Trace, before: Doing | None = None) -> Doing:
        """A trace as it is shown; of one that was delivered unjudged the verdict still comes."""
        early = is_early(trace)
        tries = tuple(
            _try(each, "failed" if each.error else "judged" if each.judged else "judging")
            for each in trace.attempts
        )
        return Doing(
            id=trace.id,
            began_ms=before.began_ms if before else trace.created_ms,
            prompt=self._words(trace.brief.prompt),
            step="judging" if early else "ended",
            tries=tries,
            policy=trace.policy,
            outcome=None if early else trace.verdict.standing,
            delivered=trace.delivered,
            seconds=trace.seconds,
        )

    async def _elsewhere(self) -> Sequence[Doing]:
        """Jobs that other processes work at, and those that wait, as the database has them."""
        jobs = self._house.jobs
        counts = await jobs.counts()
        found: list[Job] = []
        if counts["running"]:
            found += (await jobs.list(state="running", limit=MOST)).jobs
        if counts["queued"]:
            found += (await jobs.list(state="queued", limit=MOST)).jobs
        return [
            Doing(job.id, job.created_ms, self._words(job.prompt), job.step,
                  elsewhere=job.owner or "waiting", number=job.attempt)
            for job in found
            if job.id not in self._under_way and job.id not in self._ended
        ]  # fmt: skip

    async def _ended_elsewhere(self) -> Sequence[Doing]:
        """What other processes have just put into the store, with its pictures."""
        own = {*self._under_way, *self._ended}
        self._stored = await asyncio.to_thread(self._read, own, self._stored)
        return tuple(self._stored.values())

    def _read(self, own: Collection[str], before: Mapping[str, Doing]) -> Mapping[str, Doing]:
        """The newest traces that are not our own; each is loaded once. Blocking."""
        store = self._house.store
        since = int(time.time() * 1000) - RECENT_MS
        found: dict[str, Doing] = {}
        for listed in store.queries.recent(Filters(since_ms=since), limit=FEW).traces:
            if listed.id in own:
                continue
            if listed.id in before:
                found[listed.id] = before[listed.id]
                continue
            with contextlib.suppress(NotFound):  # it was deleted between the two looks
                trace = store.traces.load(listed.id)
                if not is_early(trace):
                    found[listed.id] = replace(self._doing(trace), elsewhere=ANOTHER)
        return found

    def _words(self, prompt: str | None) -> str:
        return (prompt or "")[:LONGEST] if self._house.settings.keeps_words else ""


def _try(attempt: Attempt, state: str) -> Try:
    judged = state == "judged"
    return Try(
        number=attempt.number,
        generator=attempt.generator,
        lever=attempt.lever,
        state=state,
        standing=attempt.verdict.standing if judged else None,
        score=attempt.verdict.score if judged else None,
        picture=attempt.picture,
        seconds=attempt.seconds,
    )


def _merged(before: Sequence[Try], after: Sequence[Try]) -> tuple[Try, ...]:
    """By number; the later word counts."""
    found = {each.number: each for each in (*before, *after)}
    return tuple(found[number] for number in sorted(found))
