"""What guarding costs beside a bare generator and panel, and what painting while judging saves.

    python benchmarks/guard.py [--requests 40] [--rounds 5] [--quick]

Three figures, each over doubles that take a known time, so that what is measured is ours:

overhead      a guarded request that passes at once (admission, loop, failover, fingerprint, store)
              against the same generator called, its picture decoded and the panel asked, one
              after the other; milliseconds at the median; target 5
score mode    the picture's way out in score mode against the bare generator and decoder (a black
              frame must not go out); milliseconds at the median, where the answer has the picture's
              address and where it has the picture; the judges take as long as ever, behind
overlap       requests a second with all requests in the house against one after the other, where
              painting and judging take the same time: once waiting, as for a GPU or a service, and
              once computing on this machine's cores; target 1.6
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
from rich.console import Console
from rich.table import Table

from sentinel import imaging
from sentinel.admission import Admission
from sentinel.contracts import Brief, Candidate, Capabilities, Declined, Reading, Sample
from sentinel.failover import Failover, Link
from sentinel.guarding import Guarding, Wanted
from sentinel.judging import JudgeSeat
from sentinel.panel import Panel
from sentinel.policy import JudgeRule, Policy
from sentinel.settings import Settings
from sentinel.store import open_store
from sentinel.testing import scene
from sentinel.worker import Floor, Worker

SIDE = 512
TARGET_MS, TARGET_TIMES = 5.0, 1.6
BRIEF = Brief(prompt="a red disc", seed=7, width=SIDE, height=SIDE)
MOST = 40
"""Requests in the house at once: a generator's queue takes some sixty."""

SECONDS = 0.05
"""What painting and what judging take."""

Work = Callable[[], object]


def wait() -> None:
    """As if a GPU or a service worked."""
    time.sleep(SECONDS)


def compute() -> None:
    """As much as this machine does in that time, in code that lets other threads run."""
    until = time.thread_time() + SECONDS
    matrix = np.full((192, 192), 1 / 192)
    while time.thread_time() < until:
        matrix = np.matmul(matrix, matrix)


class Painter:
    """One picture, after some work."""

    version: ClassVar[str] = "1"
    capabilities = Capabilities()
    price = 0.0

    def __init__(self, work: Work) -> None:
        self._work = work
        self._image = imaging.encode(scene(SIDE, SIDE))

    def generate(self, brief: Brief) -> Sequence[Candidate]:
        """The same picture every time."""
        self._work()
        return [Candidate(image=self._image, seed=brief.seed)]


class Looker:
    """Passes everything, after some work."""

    version = "1"

    def __init__(self, work: Work) -> None:
        self._work = work

    def judge(self, samples: Sequence[Sample]) -> Sequence[Reading | Declined]:
        """Full marks."""
        for _ in samples:
            self._work()
        return [Reading(value=1.0, reason="looked") for _ in samples]


class Stage:
    """A generator, a panel and a house around them."""

    def __init__(self, home: Path, work: Work) -> None:
        self.painter = Painter(work)
        looker = Looker(work)
        self.worker: Worker[Sample, Reading | Declined] = Worker(
            "judge", "looker", looker.judge, Floor(2), waiting=1000
        )
        seat = JudgeSeat("looker", "1", JudgeRule(threshold=0.5), self.worker)
        self.panel = Panel(Policy(name="bench"), (), (seat,))
        settings = Settings.read(home=home, generator="painter", queue=1000)
        self.store = open_store(settings.database_url, settings.media, 7)
        admission = Admission(1000, 10**12)
        chain = Failover([Link("painter", self.painter)])
        self.guarding = Guarding(settings, self.store, admission, chain)

    async def bare(self) -> None:
        """Generator, decoder and panel, one after the other."""
        made = await asyncio.to_thread(self.painter.generate, BRIEF)
        picture = await asyncio.to_thread(imaging.read, made[0].image)
        await self.panel.evaluate(imaging.sample(picture, BRIEF))

    async def painted(self) -> None:
        """The generator and the decoder alone."""
        made = await asyncio.to_thread(self.painter.generate, BRIEF)
        await asyncio.to_thread(imaging.read, made[0].image)

    async def guarded(self) -> None:
        """A request that passes at once."""
        await self.guarding.guard(self.panel, BRIEF, Wanted())

    async def scored(self, *, inline: bool = False) -> None:
        """A request that is delivered at once."""
        await self.guarding.guard(self.panel, BRIEF, Wanted(mode="score", inline=inline))


@asynccontextmanager
async def stage(work: Work) -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory() as home:
        made = Stage(Path(home), work)
        try:
            yield made
        finally:
            await made.guarding.close()
            await made.worker.close()
            made.store.close()


async def milliseconds(ask: Callable[[], object], times: int, settle: Work | None = None) -> float:
    """The median over `times` calls, one after the other."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        await ask()  # type: ignore[misc]
        took.append((time.perf_counter() - started) * 1000)
        if settle is not None:
            await settle()  # type: ignore[misc]
    return statistics.median(took)


async def overheads(requests: int, rounds: int) -> list[float]:
    """Milliseconds over the bare ones at the median: guard mode, score mode, score mode inline."""
    async with stage(wait) as made:
        await made.guarded()
        inline = functools.partial(made.scored, inline=True)
        taken: list[list[float]] = [[], [], []]
        for _ in range(rounds):
            times = max(1, requests // rounds)
            bare = await milliseconds(made.bare, times)
            painted = await milliseconds(made.painted, times)
            taken[0].append(await milliseconds(made.guarded, times) - bare)
            for scored, told in ((made.scored, taken[1]), (inline, taken[2])):
                told.append(await milliseconds(scored, times, made.guarding.settled) - painted)
        return [statistics.median(each) for each in taken]


async def overlap(work: Work, requests: int) -> float:
    """How many times more requests a second when all are in the house."""
    async with stage(work) as made:
        await made.guarded()
        started = time.perf_counter()
        for _ in range(requests):
            await made.guarded()
        alone = time.perf_counter() - started
        started = time.perf_counter()
        await asyncio.gather(*(made.guarded() for _ in range(requests)))
        return alone / (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a fifth of it")
    given = parser.parse_args()
    requests = given.requests // 5 if given.quick else given.requests
    guard, score, inline = asyncio.run(overheads(requests, 2 if given.quick else given.rounds))
    together = min(requests, MOST)
    waiting = asyncio.run(overlap(wait, together))
    computing = asyncio.run(overlap(compute, together))
    table = Table(box=None)
    for column in ("what", "measured", "target"):
        table.add_column(column)
    table.add_row("overhead of guard", f"{guard:.1f} ms", f"{TARGET_MS:g} ms")
    table.add_row("delay in score mode, by address", f"{score:.1f} ms", "keeping the picture")
    table.add_row("delay in score mode, inline", f"{inline:.1f} ms", "none")
    table.add_row("overlap, waiting", f"{waiting:.2f} ×", f"{TARGET_TIMES:g} ×")
    table.add_row("overlap, computing", f"{computing:.2f} ×", f"{TARGET_TIMES:g} ×")
    Console().print(table)


if __name__ == "__main__":
    main()
