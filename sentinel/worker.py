"""Questions in, answers out: one plugin, its own thread, its bounded queue, its deadline.

Plugins are plain blocking code that may not be used from two threads at once. A worker gives
each its thread; a `Floor` shared by all workers decides how many compute at the same time, so
eight judges do not fight over two cores. While a plugin is busy its questions wait, and the next
call takes as many of them as its batch size allows. A batch that raises is asked again one by
one, so a poisoned question fails alone. A call that outlives its deadline is abandoned with its
thread; the plugin goes on in a fresh one, until too many of its threads hang.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from sentinel.contracts import Brief, Cancels
from sentinel.errors import Busy, PluginError

Q = TypeVar("Q")
A = TypeVar("A")
R = TypeVar("R")

HANGING_ALLOWED = 3
"""Abandoned threads after which a plugin is benched: each holds its memory until it returns."""

RETRY_AFTER = 2.0
"""Seconds a caller is asked to wait when a queue is full: a few judge calls on a CPU."""

CLOSING = 2.0
"""Seconds a thread gets to finish when the house closes."""


class Benched(PluginError):  # noqa: N818 - what happened to the plugin
    """The plugin has hung too often; it is not asked again until a thread comes back."""


class Floor:
    """How many plugins compute at the same time."""

    def __init__(self, places: int) -> None:
        """`places`: about the number of cores."""
        self.places = places
        self.semaphore = asyncio.Semaphore(places)


@dataclass(frozen=True, slots=True)
class Timed(Generic[A]):
    """An answer and the seconds that the call took which gave it."""

    answer: A
    seconds: float


@dataclass(slots=True)
class _Ask(Generic[Q, A]):
    question: Q
    timeout: float
    answer: asyncio.Future[Timed[A]]


class Worker(Generic[Q, A]):
    """Asks one plugin, in its own thread, in batches, within deadlines."""

    def __init__(  # noqa: PLR0913 - two of them name the plugin
        self,
        kind: str,
        name: str,
        answer: Callable[[Sequence[Q]], Sequence[A]],
        floor: Floor,
        *,
        batch: int = 1,
        waiting: int = 64,
    ) -> None:
        """`batch`: questions per call at most; `waiting`: questions that may queue."""
        self.kind = kind
        self.name = name
        self._answer = answer
        self._floor = floor
        self._batch = batch
        self._limit = waiting
        self._waiting: deque[_Ask[Q, A]] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._hand = _Hand(name)
        self._hanging = 0
        self._answering = 0

    @property
    def full(self) -> bool:
        """Whether one more question would be refused."""
        return len(self._waiting) >= self._limit

    @property
    def pending(self) -> int:
        """Questions that wait or are being answered."""
        return len(self._waiting) + self._answering

    @property
    def benched(self) -> bool:
        """Whether too many of its threads hang."""
        return self._hanging >= HANGING_ALLOWED

    async def ask(self, question: Q, timeout: float) -> A:  # noqa: ASYNC109 - the plugin's deadline, counted from when its turn comes
        """The answer to one question; TimeoutError, Benched, Busy or what the plugin raised."""
        return (await self.timed(question, timeout)).answer

    async def timed(self, question: Q, timeout: float) -> Timed[A]:  # noqa: ASYNC109 - as above
        """The same, with the seconds that the call took: the plugin's own, not those in line."""
        if self.benched:
            told = f"{self._hanging} calls hang; restart Sentinel or mend the plugin"
            raise Benched(self.kind, self.name, told)
        if self.full:
            raise Busy(f"the queue of {self.name}", RETRY_AFTER)
        asked: _Ask[Q, A] = _Ask(question, timeout, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._serve(), name=f"worker {self.name}")
        return await asked.answer

    async def run(self, work: Callable[[], R]) -> R:
        """Run something else in the plugin's thread: loading, closing."""
        async with self._floor.semaphore:
            return await asyncio.wrap_future(self._hand.do(work))

    async def close(self) -> None:
        """Stop asking; questions that still wait are cancelled."""
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump
        for asked in self._waiting:
            asked.answer.cancel()
        await asyncio.to_thread(self._hand.stop)

    async def _serve(self) -> None:
        while self._waiting:
            async with self._floor.semaphore:
                batch = self._next_batch()  # taken late: whoever came meanwhile rides along
                self._answering = len(batch)
                if batch:
                    await self._call(batch)
                self._answering = 0

    def _next_batch(self) -> list[_Ask[Q, A]]:
        batch: list[_Ask[Q, A]] = []
        while self._waiting and len(batch) < self._batch:
            asked = self._waiting.popleft()
            if not asked.answer.done():  # a caller who hung up is not asked for
                batch.append(asked)
        return batch

    async def _call(self, batch: list[_Ask[Q, A]]) -> None:
        started = time.perf_counter()
        try:
            answers = await self._in_time(batch)
        except Exception as error:  # noqa: BLE001 - whatever foreign code raises is the answer
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            for asked in batch:
                await self._call([asked])
            return
        seconds = time.perf_counter() - started
        for asked, answer in zip(batch, answers, strict=True):
            if not asked.answer.done():
                asked.answer.set_result(Timed(answer, seconds))

    async def _in_time(self, batch: list[_Ask[Q, A]]) -> Sequence[A]:
        questions = [asked.question for asked in batch]
        deadline = max(asked.timeout for asked in batch)
        running = self._hand.do(lambda: self._answer(questions))
        waited = asyncio.wrap_future(running)
        done, _ = await asyncio.wait({waited}, timeout=deadline)
        if not done:
            self._abandon()
            raise TimeoutError(f"no answer within {deadline:g} s")
        answers = waited.result()
        if len(answers) != len(questions):
            told = (
                f"it returned {len(answers)} answers for {len(questions)} samples; "
                "return one per sample, in order"
            )
            raise PluginError(self.kind, self.name, told)
        return answers

    def _abandon(self) -> None:
        """Leave the hanging thread to itself and go on in a fresh one."""
        self._hanging += 1
        loop = asyncio.get_running_loop()
        self._hand.leave(loop, self._came_back)
        self._hand = _Hand(self.name)

    def _came_back(self) -> None:
        self._hanging -= 1


def call_off(generator: object, brief: Brief) -> None:
    """Ask a generator to stop painting a brief that nobody waits for, where it can."""
    if isinstance(generator, Cancels):
        with contextlib.suppress(Exception):  # foreign code; whoever calls is giving up already
            generator.cancel(brief)


class Crew(Generic[Q, A]):
    """Several workers of one plugin, each with a copy of it; asks the one with least to do.

    A judge that takes longer than all the others together would otherwise hold them up: with one
    copy of the text judge the panel took 1.5 times as long as two bare threads.
    """

    def __init__(self, workers: Sequence[Worker[Q, A]]) -> None:
        """At least one worker."""
        self.workers = tuple(workers)

    @property
    def full(self) -> bool:
        """Whether one more question would be refused."""
        return all(worker.full for worker in self.workers)

    async def ask(self, question: Q, timeout: float) -> A:  # noqa: ASYNC109 - as the worker's
        """The answer to one question; raises what the worker raises."""
        return (await self.timed(question, timeout)).answer

    async def timed(self, question: Q, timeout: float) -> Timed[A]:  # noqa: ASYNC109 - as above
        """The same, with the seconds that the call took."""
        able = [worker for worker in self.workers if not worker.benched] or self.workers
        return await min(able, key=lambda worker: worker.pending).timed(question, timeout)

    async def close(self) -> None:
        """Close every worker."""
        await asyncio.gather(*(worker.close() for worker in self.workers))


def _fail(asked: _Ask[Q, A], error: Exception) -> None:
    if not asked.answer.done():
        asked.answer.set_exception(error)


class _Hand:
    """One daemon thread that does what it is told, in order.

    Not a ThreadPoolExecutor: the interpreter waits for those at exit, and one hanging plugin
    would keep the process from ever ending.
    """

    def __init__(self, name: str) -> None:
        self._todo: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name=f"plugin {name}", daemon=True)
        self._started = False

    def do(self, work: Callable[[], R]) -> Future[R]:
        """Queue work; its future carries what it returns or raises."""
        future: Future[R] = Future()

        def step() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - even SystemExit is only an answer
                future.set_exception(error if isinstance(error, Exception) else _tamed(error))
            else:
                future.set_result(result)

        if not self._started:
            self._started = True
            self._thread.start()
        self._todo.put(step)
        return future

    def leave(self, loop: asyncio.AbstractEventLoop, when_back: Callable[[], None]) -> None:
        """End after what hangs, and say so."""

        def step() -> None:
            with contextlib.suppress(RuntimeError):  # the loop may be gone by then
                loop.call_soon_threadsafe(when_back)

        self._todo.put(step)
        self._todo.put(None)

    def stop(self) -> None:
        """End after what is queued; wait a little."""
        if self._started:
            self._todo.put(None)
            self._thread.join(CLOSING)

    def _loop(self) -> None:
        while (step := self._todo.get()) is not None:
            step()


def _tamed(error: BaseException) -> Exception:
    return RuntimeError(f"the plugin raised {type(error).__name__}: {error}")
