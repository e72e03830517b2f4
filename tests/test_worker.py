"""One plugin, its own thread, its bounded queue, its deadline."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from sentinel.errors import Busy, PluginError
from sentinel.worker import HANGING_ALLOWED, Benched, Crew, Floor, Worker

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def asked(worker, questions, timeout=5.0):
    return await asyncio.gather(
        *(worker.ask(q, timeout) for q in questions), return_exceptions=True
    )


def doubled(questions):
    return [2 * question for question in questions]


async def test_answers_come_back_to_whom_they_belong():
    worker = Worker("judge", "double", doubled, Floor(2), batch=3)

    assert await asked(worker, range(20)) == [2 * n for n in range(20)]


async def test_it_drains_what_waits_while_it_is_busy():
    sizes = []

    def slow(questions):
        sizes.append(len(questions))
        time.sleep(0.05)
        return list(questions)

    await asked(Worker("judge", "slow", slow, Floor(1), batch=8), range(9))

    assert max(sizes) == 8


async def test_one_poisoned_question_does_not_fail_its_batch():
    def fussy(questions):
        if 3 in questions:
            raise ValueError("three")
        return list(questions)

    answers = await asked(Worker("judge", "fussy", fussy, Floor(1), batch=8), range(6))

    assert [type(answer) for answer in answers].count(ValueError) == 1
    assert [answer for answer in answers if not isinstance(answer, Exception)] == [0, 1, 2, 4, 5]


async def test_a_full_queue_says_busy_and_when_to_come_back():
    gate = threading.Event()
    worker = Worker("judge", "full", lambda qs: [gate.wait(5) for _ in qs], Floor(1), waiting=2)
    running = [asyncio.create_task(worker.ask(n, 5.0)) for n in range(2)]
    await asyncio.sleep(0.05)
    running += [asyncio.create_task(worker.ask(n, 5.0)) for n in range(2)]
    await asyncio.sleep(0.05)
    with pytest.raises(Busy) as caught:
        await worker.ask(9, 5.0)
    gate.set()
    await asyncio.gather(*running, return_exceptions=True)

    assert caught.value.retry_after > 0


async def test_a_hanging_call_times_out_and_the_next_one_is_answered():
    release = threading.Event()

    def hangs_once(questions):
        if questions == ["hang"]:
            release.wait(10)
        return list(questions)

    worker = Worker("judge", "hang", hangs_once, Floor(1))
    with pytest.raises(TimeoutError):
        await worker.ask("hang", 0.05)
    answer = await worker.ask("on", 5.0)
    release.set()

    assert answer == "on"


async def test_a_plugin_that_keeps_hanging_is_benched_until_a_thread_comes_back():
    release = threading.Event()

    def hangs(questions):
        if questions == ["hang"]:
            release.wait(10)
        return list(questions)

    worker = Worker("judge", "hang", hangs, Floor(1))
    for _ in range(HANGING_ALLOWED):
        with pytest.raises(TimeoutError):
            await worker.ask("hang", 0.02)
    with pytest.raises(Benched):
        await worker.ask("on", 1.0)
    release.set()
    await asyncio.sleep(0.1)

    assert await worker.ask("on", 1.0) == "on"


async def test_another_count_of_answers_is_named_as_a_broken_contract():
    worker = Worker("judge", "many", lambda qs: [*qs, *qs], Floor(1))
    with pytest.raises(PluginError, match="2 answers for 1 samples"):
        await worker.ask(1, 1.0)


async def test_a_caller_who_hangs_up_is_not_computed_for():
    seen = []

    def slow(questions):
        seen.extend(questions)
        time.sleep(0.05)
        return list(questions)

    worker = Worker("judge", "slow", slow, Floor(1))
    first = asyncio.create_task(worker.ask(1, 5.0))
    second = asyncio.create_task(worker.ask(2, 5.0))
    await asyncio.sleep(0.01)
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    await worker.ask(3, 5.0)

    assert seen == [1, 3]


async def test_a_floor_of_two_lets_two_plugins_compute_at_once():
    inside, most = set(), []

    def make(name):
        def work(questions):
            inside.add(name)
            most.append(len(inside))
            time.sleep(0.03)
            inside.discard(name)
            return list(questions)

        return work

    floor = Floor(2)
    workers = [Worker("judge", str(n), make(n), floor) for n in range(5)]
    await asyncio.gather(*(worker.ask(1, 5.0) for worker in workers))

    assert max(most) == 2


async def test_even_an_exit_inside_a_plugin_is_only_an_answer():
    def leaves(questions):
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match="SystemExit"):
        await Worker("judge", "leaves", leaves, Floor(1)).ask(1, 1.0)


async def test_a_crew_answers_side_by_side_up_to_the_floor():
    inside, most = [], []

    def work(questions):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.03)
        inside.pop()
        return list(questions)

    floor = Floor(2)
    crew = Crew([Worker("judge", "slow", work, floor) for _ in range(3)])
    answers = await asyncio.gather(*(crew.ask(number, 5.0) for number in range(8)))

    assert answers == list(range(8))
    assert max(most) == 2


async def test_a_crew_goes_on_where_one_of_its_workers_is_benched():
    release = threading.Event()

    def hangs(questions):
        release.wait(10)
        return list(questions)

    floor = Floor(2)
    bad, good = Worker("judge", "bad", hangs, floor), Worker("judge", "good", doubled, floor)
    for _ in range(HANGING_ALLOWED):
        with pytest.raises(TimeoutError):
            await bad.ask(1, 0.02)
    answers = [await Crew([bad, good]).ask(number, 5.0) for number in range(3)]
    release.set()

    assert answers == [0, 2, 4]
