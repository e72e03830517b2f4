"""A generator that can stop does, where nobody waits any more; what it stopped costs nothing."""

from __future__ import annotations

import asyncio
import runpy
import threading
from pathlib import Path

import pytest

from sentinel.contracts import Brief, Cancels, Candidate, Capabilities
from sentinel.errors import Cancelled, ProviderTimeout
from sentinel.failover import Failover, Link, Plan
from sentinel.imaging import encode
from sentinel.loop import PlainMaker
from sentinel.loop.making import answering
from sentinel.testing import scene
from sentinel.worker import Floor, Worker

studio = runpy.run_path(str(Path(__file__).with_name("looping.py")))["studio"]
CUP = Brief(prompt="a cup", width=64, height=64, seed=7)
QUICK = Plan(first_wait=0.01, longest_wait=0.02, breaker_failures=1)


class Stoppable:
    """Paints step by step, for ever if nobody stops it; `patient` steps and it is done."""

    version = "1"
    capabilities = Capabilities()
    price = 0.0

    def __init__(self, patient=10**6):
        self.patient = patient
        self.begun = threading.Event()
        self.stopped = threading.Event()
        self.told = []
        self.briefs = []

    def generate(self, brief):
        self.briefs.append(brief)
        self.begun.set()
        for _ in range(self.patient):
            if self.stopped.wait(0.01):
                raise Cancelled("stoppable", "was called off", submitted=False)
        return [Candidate(image=encode(scene(64, 64)), seed=brief.seed)]

    def cancel(self, brief):
        self.told.append(brief)
        self.stopped.set()


async def begun(painter):
    while not painter.begun.is_set():  # noqa: ASYNC110 - it is set in another thread
        await asyncio.sleep(0.005)


def plain(painter, seconds=5.0):
    worker = Worker("generator", "painter", answering(painter), Floor(1))
    return PlainMaker("painter", painter, worker, seconds=seconds), worker


def chained(*painters, seconds=5.0):
    links = [Link(f"p{at}", painter, seconds) for at, painter in enumerate(painters)]
    return Failover(links, QUICK)


def test_the_double_fills_the_role():
    assert isinstance(Stoppable(), Cancels)


def test_a_plain_generator_stops_with_the_very_brief_it_was_given():
    painter = Stoppable()

    async def go():
        maker, worker = plain(painter)
        asked = asyncio.create_task(maker.make(CUP))
        await begun(painter)
        asked.cancel()
        with pytest.raises(Cancelled):
            await asked
        await worker.close()

    asyncio.run(asyncio.wait_for(go(), 5))

    assert painter.told[0] is painter.briefs[0]


def test_a_plain_generator_that_takes_too_long_is_stopped_and_leaves_its_thread():
    painter = Stoppable()

    async def go():
        maker, worker = plain(painter, seconds=0.1)
        with pytest.raises(TimeoutError):
            await maker.make(CUP)
        await asyncio.sleep(0.1)
        await worker.close()

    asyncio.run(asyncio.wait_for(go(), 5))

    assert painter.stopped.is_set()


def test_a_chain_stops_who_paints_and_asks_nobody_else():
    painter, spare = Stoppable(), Stoppable(patient=0)

    async def go():
        chain = chained(painter, spare)
        asked = asyncio.create_task(chain.generate(CUP))
        await begun(painter)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await chain.close()

    asyncio.run(asyncio.wait_for(go(), 5))

    assert painter.told[0] is painter.briefs[0]
    assert spare.briefs == []


def test_what_was_stopped_does_not_count_against_the_breaker():
    painter = Stoppable()

    async def go():
        chain = chained(painter)
        asked = asyncio.create_task(chain.generate(CUP))
        await begun(painter)
        asked.cancel()
        await asyncio.wait({asked})
        painter.stopped.clear()
        painter.patient = 1
        produced = await chain.generate(CUP)
        await chain.close()
        return produced

    produced = asyncio.run(asyncio.wait_for(go(), 5))

    assert [each.outcome for each in produced.tries] == ["made"]


def test_a_chain_stops_who_takes_too_long():
    painter = Stoppable()

    async def go():
        chain = chained(painter, seconds=0.1)
        with pytest.raises(ProviderTimeout):
            await chain.generate(CUP)
        await asyncio.sleep(0.1)
        await chain.close()

    asyncio.run(asyncio.wait_for(go(), 5))

    assert painter.stopped.is_set()


def test_a_generator_that_stumbles_over_its_cancel_is_waited_for():
    painter = Stoppable(patient=10)
    painter.cancel = lambda brief: 1 / 0

    async def go():
        chain = chained(painter)
        asked = asyncio.create_task(chain.generate(CUP))
        await begun(painter)
        asked.cancel()
        produced = await asked
        await chain.close()
        return produced

    assert len(asyncio.run(asyncio.wait_for(go(), 5)).candidates) == 1


@pytest.mark.parametrize("seconds", [0.3, 60])
def test_a_run_whose_time_is_up_or_whose_caller_hangs_up_frees_the_generator(seconds):
    painter = Stoppable()

    async def go():
        async with studio(painter) as house:
            run = house.run(seconds=seconds)
            going = asyncio.create_task(run.go())
            await begun(painter)
            if seconds < 1:
                trace = await going
            else:
                going.cancel()
                await asyncio.wait({going})
                trace = await run.abort()
            await asyncio.sleep(0.1)
        return trace

    trace = asyncio.run(asyncio.wait_for(go(), 10))

    assert painter.stopped.is_set()
    assert (trace.cost, trace.delivered) == (0, None)
