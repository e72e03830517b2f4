"""Jobs: what is accepted is done, once, and can be looked at, listed and cancelled meanwhile."""

from __future__ import annotations

import asyncio
import threading
from importlib.metadata import EntryPoint

import pytest

from sentinel import registry
from sentinel.contracts import Brief
from sentinel.errors import BriefError, Busy, ConfigError, NotFound
from sentinel.guarding import Wanted
from sentinel.jobs import NotDone
from sentinel.jobs.recording import AGAIN
from sentinel.loop import Wish
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.testing import RedJudge, ScriptedGenerator, WeightlessJudge, red
from sentinel.wiring import Sentinel

pytestmark = pytest.mark.anyio

BRIEF = Brief(prompt="a red square")


class Easel:
    """What the painters of this file share with the test: what was asked, and a gate to hold."""

    def __init__(self) -> None:
        self.seeds: list[int | None] = []
        self.open = threading.Event()
        self.hold_from = 99
        self.closing = False


EASEL = Easel()


class Rising(ScriptedGenerator):
    """Redder with every attempt of a request; waits at the gate from its n-th call on."""

    def __init__(self) -> None:
        super().__init__(red(0.2), cost=0.01, price=0.01)

    def generate(self, brief):
        EASEL.seeds.append(brief.seed)
        if len(EASEL.seeds) >= EASEL.hold_from:
            EASEL.open.wait(20)
        else:
            threading.Event().wait(0.15)
        self.script = (red(min(0.8, 0.2 * 2 ** (len(set(EASEL.seeds)) - 1))),)
        return super().generate(brief)


class Broken(ScriptedGenerator):
    def __init__(self) -> None:
        super().__init__(RuntimeError("out of paint"))


class Heavy(ScriptedGenerator):
    def __init__(self) -> None:
        super().__init__(red(0.9))

    load = WeightlessJudge.load


OFFERED = {
    "sentinel.judges": {"red": RedJudge},
    "sentinel.generators": {"rising": Rising, "broken": Broken, "heavy": Heavy},
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def easel(monkeypatch):
    EASEL.__init__()
    yield EASEL
    EASEL.open.set()


@pytest.fixture
def settings(tmp_path, database, monkeypatch, easel):
    class Point(EntryPoint):
        def load(self):
            return OFFERED[self.group][self.name]

    def offered(group):
        return [Point(name, f"here:{name}", group) for name in OFFERED.get(group, {})]

    monkeypatch.setattr(registry, "entry_points", offered)
    registry._offered.cache_clear()
    folder = tmp_path / "policies"
    folder.mkdir()
    for name in builtin():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n')
    (folder / "default.toml").write_text('name = "default"\n[judges.red]\nthreshold = 0.5\n')

    def make(generator="rising", **given):
        known = {"home": tmp_path / "home", "policies": folder, "database": database}
        return Settings.read(**known | {"generator": generator} | given)

    yield make
    registry._offered.cache_clear()


async def until(jobs, job_id, told, seconds=60):
    """Wait until a job is as `told` says, and return it."""
    async with asyncio.timeout(seconds):
        while not told(job := await jobs.status(job_id)):  # noqa: ASYNC110 - the port has no bell
            await asyncio.sleep(0.05)
    return job


async def ended(jobs, job_id):
    return await until(jobs, job_id, lambda job: job.state not in ("queued", "running"))


async def test_an_accepted_job_is_done_some_time_later_under_one_id(settings, easel):
    async with Sentinel.open(settings()) as house:
        accepted = await house.jobs.submit(BRIEF)
        job = await ended(house.jobs, accepted.id)
        trace = await house.jobs.result(job.id)
        pictures = [house.store.media.get(each.picture) for each in trace.attempts]

    assert (accepted.state, job.state, job.step, job.taken) == ("queued", "done", "ended", 1)
    assert (trace.id, trace.delivered, trace.stopped_because) == (job.id, 3, "passed")
    assert pictures == [red(0.2), red(0.4), red(0.8)]
    assert easel.seeds == [each.seed for each in trace.attempts]
    assert trace.brief.seed == easel.seeds[0]


async def test_the_status_tells_the_attempt_and_the_step(settings, easel):
    easel.hold_from = 2
    async with Sentinel.open(settings()) as house:
        accepted = await house.jobs.submit(BRIEF)
        second = await until(house.jobs, accepted.id, lambda job: job.attempt == 2)
        with pytest.raises(NotDone, match="attempt 2, generating") as early:
            await house.jobs.result(accepted.id)
        easel.open.set()
        await ended(house.jobs, accepted.id)

    assert (second.state, second.step) == ("running", "generating")
    assert early.value.code == "job_not_done"


async def test_a_house_that_closes_and_opens_again_goes_on_and_paints_nothing_twice(
    settings, easel
):
    easel.hold_from = 3
    async with Sentinel.open(settings()) as house:
        accepted = await house.jobs.submit(BRIEF)
        await until(house.jobs, accepted.id, lambda job: job.attempt == 3)
        threading.Timer(0.3, easel.open.set).start()  # while the house closes
        first = await house.jobs.status(accepted.id)
    async with Sentinel.open(settings()) as house:
        house.jobs.watch()
        job = await ended(house.jobs, accepted.id)
        trace = await house.jobs.result(job.id)

    assert first.state == "running"
    assert (job.state, job.taken) == ("done", 2)
    assert len(easel.seeds) == len(set(easel.seeds)) == 3
    assert [each.seed for each in trace.attempts] == easel.seeds
    assert (trace.delivered, trace.stopped_because) == (3, "passed")
    assert all(each.made_in >= 0.1 for each in trace.attempts), "time is on record as well"
    assert trace.seconds >= sum(each.made_in for each in trace.attempts)


async def test_a_cancelled_job_stops_and_what_was_paid_for_is_kept(settings, easel):
    easel.hold_from = 2
    async with Sentinel.open(settings()) as house:
        accepted = await house.jobs.submit(BRIEF)
        await until(house.jobs, accepted.id, lambda job: job.attempt == 2)
        job = await house.jobs.cancel(accepted.id)
        easel.open.set()
        with pytest.raises(NotDone) as never:
            await house.jobs.result(accepted.id)
        async with asyncio.timeout(60):
            while house.jobs._work._going:  # noqa: ASYNC110 - the port has no bell
                await asyncio.sleep(0.02)
        trace = await asyncio.to_thread(house.store.traces.load, accepted.id)
        again = await house.jobs.cancel(accepted.id)

    assert (job.state, again.state, never.value.code) == ("cancelled", "cancelled", "job_cancelled")
    assert trace.reason == "the job was cancelled"
    assert [bool(each.picture) for each in trace.attempts] == [True, True]
    assert len(easel.seeds) == 2


async def test_a_job_that_was_cancelled_when_its_process_died_keeps_what_was_paid_for(
    settings, easel
):
    easel.hold_from = 2
    async with Sentinel.open(settings()) as house:
        accepted = await house.jobs.submit(BRIEF)
        await until(house.jobs, accepted.id, lambda job: job.attempt == 2)
        easel.open.set()
    async with Sentinel.open(settings()) as house:
        records = await house.jobs._opened()
        await asyncio.to_thread(records.end, accepted.id, "cancelled")
        house.jobs.watch()
        async with asyncio.timeout(60):
            while await asyncio.to_thread(records.unsettled):  # noqa: ASYNC110 - the port has no bell
                await asyncio.sleep(0.05)
        trace = await asyncio.to_thread(house.store.traces.load, accepted.id)

    assert trace.reason == "the job was cancelled"
    assert trace.attempts[0].picture is not None
    assert len(easel.seeds) == 2, "nothing new is painted"


async def test_a_job_that_waits_can_be_cancelled_and_one_that_is_done_stays_done(settings, easel):
    easel.hold_from = 1
    async with Sentinel.open(settings(jobs_at_once=1)) as house:
        first = await house.jobs.submit(BRIEF)
        await until(house.jobs, first.id, lambda job: job.state == "running")
        second = await house.jobs.submit(BRIEF)
        cancelled = await house.jobs.cancel(second.id)
        easel.open.set()
        await ended(house.jobs, first.id)
        done = await house.jobs.cancel(first.id)

    assert (cancelled.state, cancelled.taken) == ("cancelled", 0)
    assert done.state == "done"


async def test_only_so_many_jobs_may_wait(settings, easel):
    easel.hold_from = 1
    async with Sentinel.open(settings(jobs_at_once=1, jobs_waiting=1)) as house:
        first = await house.jobs.submit(BRIEF)
        await until(house.jobs, first.id, lambda job: job.state == "running")
        await house.jobs.submit(BRIEF)
        with pytest.raises(Busy, match="the queue of jobs"):
            await house.jobs.submit(BRIEF)
        page = await house.jobs.list()
        easel.open.set()

    assert len(page.jobs) == 2


async def test_jobs_are_listed_newest_first_by_page_and_by_state(settings, easel):
    async with Sentinel.open(settings()) as house:
        sent = [(await house.jobs.submit(Brief(prompt=f"red {n}"))).id for n in range(5)]
        for job_id in sent:
            await ended(house.jobs, job_id)
        first = await house.jobs.list(limit=3)
        rest = await house.jobs.list(limit=3, after=first.after)
        waiting = await house.jobs.list(state="queued")
        with pytest.raises(BriefError, match="limit is 0"):
            await house.jobs.list(limit=0)

    assert [job.id for job in (*first.jobs, *rest.jobs)] == sorted(sent, reverse=True)
    assert first.jobs[0].prompt == "red 4"
    assert (rest.after, waiting.jobs) == (None, ())


@pytest.mark.parametrize(
    ("brief", "wanted", "error"),
    [
        pytest.param(BRIEF, Wanted(policy="defautl"), NotFound, id="policy"),
        pytest.param(BRIEF, Wanted(generator="risin"), NotFound, id="generator"),
        pytest.param(BRIEF, Wanted(candidates=99), BriefError, id="candidates"),
        pytest.param(BRIEF, Wanted(wish=Wish(seconds=-1)), BriefError, id="budget"),
        pytest.param(Brief(), Wanted(), BriefError, id="no prompt"),
    ],
)
async def test_what_is_wrong_with_a_request_is_told_before_it_is_accepted(
    settings, brief, wanted, error
):
    async with Sentinel.open(settings()) as house:
        with pytest.raises(error):
            await house.jobs.submit(brief, wanted)
        page = await house.jobs.list()

    assert page.jobs == ()


async def test_nobody_knows_a_job_that_was_never_accepted(settings):
    async with Sentinel.open(settings()) as house:
        for asked in (house.jobs.status, house.jobs.result, house.jobs.cancel):
            with pytest.raises(NotFound, match="no job '01X'"):
                await asked("01X")


async def test_failed_generations_are_attempts_of_a_job_that_is_done(settings):
    async with Sentinel.open(settings("broken")) as house:
        accepted = await house.jobs.submit(BRIEF, Wanted(wish=Wish(attempts=2)))
        job = await ended(house.jobs, accepted.id)
        trace = await house.jobs.result(job.id)

    assert (job.state, trace.delivered) == ("done", None)
    assert ["out of paint" in each.error for each in trace.attempts] == [True, True]


async def test_a_job_that_nobody_here_can_do_has_failed_and_says_why(settings):
    async with Sentinel.open(settings("heavy")) as house:
        accepted = await house.jobs.submit(BRIEF)
        job = await ended(house.jobs, accepted.id)
        with pytest.raises(NotDone) as never:
            await house.jobs.result(job.id)

    assert (job.state, job.code, never.value.code) == (
        "failed",
        "missing_requirement",
        "job_failed",
    )
    assert "weights" in job.error


async def test_a_job_in_score_mode_ends_with_the_judges_word(settings):
    async with Sentinel.open(settings()) as house:
        accepted = await house.jobs.submit(BRIEF, Wanted(mode="score"))
        await ended(house.jobs, accepted.id)
        trace = await house.jobs.result(accepted.id)

    assert (len(trace.attempts), trace.last.judged) == (1, True)


async def test_one_house_of_a_process_works_at_jobs_and_a_second_says_so(settings, tmp_path):
    async with Sentinel.open(settings()) as house:
        await house.jobs.submit(BRIEF)
        other = settings(database=f"sqlite:///{tmp_path}/other/sentinel.db")
        async with Sentinel.open(other) as second:
            with pytest.raises(ConfigError, match="one house per process"):
                await second.jobs.submit(BRIEF)


def test_what_was_asked_again_is_told_in_words():
    assert "may be on the bill" in AGAIN
