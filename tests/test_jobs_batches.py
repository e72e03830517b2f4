"""Batches: several jobs accepted together, all or none, that are waited for and end together."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint

import pytest
from sqlalchemy import inspect, text

from sentinel import registry
from sentinel.contracts import Brief
from sentinel.errors import BriefError, Busy, NotFound
from sentinel.guarding import Wanted
from sentinel.jobs import Place
from sentinel.jobs.batches import Batches, Entry
from sentinel.jobs.engine import POLLING
from sentinel.jobs.port import UNDELIVERED, Batch, Counts, Job, Task
from sentinel.jobs.records import Records, now_ms
from sentinel.loop.seeds import SEEDS
from sentinel.settings import Settings
from sentinel.testing import RedJudge, ScriptedGenerator, red
from sentinel.wiring import Sentinel

pytestmark = pytest.mark.anyio

BRIEF = Brief(prompt="a red square")
TASK = Task.of(BRIEF.model_copy(update={"seed": 7}), Wanted(), "default")


class Gate:
    """What the painter of this file shares with the test: who was asked, and a gate to hold."""

    def __init__(self) -> None:
        self.seeds: list[int | None] = []
        self.open = threading.Event()
        self.open.set()


GATE = Gate()


class Painter(ScriptedGenerator):
    def __init__(self) -> None:
        super().__init__(red(0.9))

    def generate(self, brief):
        GATE.seeds.append(brief.seed)
        GATE.open.wait(20)
        return super().generate(brief)


OFFERED = {"sentinel.judges": {"red": RedJudge}, "sentinel.generators": {"painter": Painter}}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def gate():
    GATE.__init__()
    yield GATE
    GATE.open.set()


@pytest.fixture
def settings(tmp_path, database, monkeypatch, gate):
    class Point(EntryPoint):
        def load(self):
            return OFFERED[self.group][self.name]

    def offered(group):
        return [Point(name, f"here:{name}", group) for name in OFFERED.get(group, {})]

    monkeypatch.setattr(registry, "entry_points", offered)
    registry._offered.cache_clear()
    folder = tmp_path / "policies"
    folder.mkdir()
    for name in registry_policies():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n[judges.red]\nthreshold = 0.5\n')

    strict = 'name = "strict"\non_exhausted = "reject"\n[judges.red]\nthreshold = 0.99\n'
    (folder / "strict.toml").write_text(strict)

    def make(**given):
        known = {"home": tmp_path / "home", "policies": folder, "database": database}
        return Settings.read(**known | {"generator": "painter"} | given)

    yield make
    registry._offered.cache_clear()


def registry_policies():
    from sentinel.policy import builtin

    return builtin()


async def until_running(jobs, batch_id):
    async with asyncio.timeout(20):
        while (await jobs.batch(batch_id)).state == "queued":  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_batch_is_done_when_all_its_jobs_are_and_tells_what_was_asked(settings):
    asked = {"webhook": "http://127.0.0.1/hook", "sizes": [1, None]}
    async with Sentinel.open(settings()) as house:
        sent = [BRIEF.model_copy(update={"seed": seed}) for seed in (5, 4, SEEDS - 1)]
        accepted = await house.jobs.submit_batch(sent, surface="fal", asked=asked)
        done = await house.jobs.wait_batch(accepted.id, 30)
        traces = [await house.jobs.result(job.id) for job in done.jobs]
        read = await house.jobs.batch(accepted.id)

    assert (accepted.state, accepted.position, len(accepted.jobs)) == ("queued", 0, 3)
    assert (done.state, done.surface, done.asked) == ("done", "fal", asked)
    assert [trace.brief.seed for trace in traces] == [5, 4, SEEDS - 1], "in the order of the briefs"
    assert read == done


async def test_who_waits_for_a_batch_is_told_within_moments_of_its_end(settings, gate):
    gate.open.clear()
    async with Sentinel.open(settings()) as house:
        batch = await house.jobs.submit_batch([BRIEF], surface="fal")
        early = await house.jobs.wait_batch(batch.id, 0.1)
        await until_running(house.jobs, batch.id)
        rows = house.jobs._batches
        looks: list[float] = []
        look = rows.batch
        rows.batch = lambda batch_id: looks.append(time.monotonic()) or look(batch_id)
        waiting = [asyncio.create_task(house.jobs.wait_batch(batch.id, 20)) for _ in range(4)]
        await asyncio.sleep(1.0)
        asked_meanwhile = len(looks)
        gate.open.set()
        found = await asyncio.gather(*waiting)

    assert early.state in ("queued", "running")
    assert [each.state for each in found] == ["done"] * 4
    assert asked_meanwhile <= 4 * 4, "each looks three times a second at most"


async def test_a_batch_that_is_wanted_now_waits_for_nobody(settings, gate):
    async with Sentinel.open(settings(jobs_at_once=1)) as house:
        warm = await house.jobs.submit_batch([BRIEF], surface="runpod", now=True)
        await house.jobs.wait_batch(warm.id, 30)
        gate.open.clear()
        held = await house.jobs.submit_batch([BRIEF], surface="fal")
        await until_running(house.jobs, held.id)
        gate.open.set()
        begun = time.monotonic()
        batch = await house.jobs.submit_batch([BRIEF], surface="runpod", now=True)
        found = await house.jobs.wait_batch(batch.id, 30)
        took = time.monotonic() - begun
        await house.jobs.wait_batch(held.id, 30)
        await asyncio.sleep(1.2)  # the engine hands it out as well, late
        later = await house.jobs.batch(batch.id)

    assert (found.state, found.jobs[0].taken) == ("done", 1)
    assert took < POLLING, "it did not wait for the queue"
    assert later == found
    assert len(gate.seeds) == 3


async def test_what_is_done_and_delivered_nothing_is_counted_apart(settings, gate):
    async with Sentinel.open(settings()) as house:
        dull = await house.jobs.submit_batch(
            [BRIEF], Wanted(policy="strict"), surface="runpod", now=True
        )
        fine = await house.jobs.submit_batch([BRIEF], surface="runpod", now=True)
        for each in (dull, fine):
            found = await house.jobs.wait_batch(each.id, 30)
        refused = await house.jobs.batch(dull.id)
        counts = await house.jobs.batch_counts("runpod", "default")

    assert (refused.state, refused.jobs[0].code, found.jobs[0].code) == ("done", UNDELIVERED, None)
    assert found.jobs[0].owner == house.jobs._name
    assert counts == Counts(done=2, undelivered=1)


async def test_a_batch_that_ends_in_another_process_is_noticed(tmp_path, settings, database):
    async with Sentinel.open(settings()) as house:
        await house.jobs._opened()
        elsewhere = Place.beside(database).open()
        try:
            Batches(elsewhere).accept(Entry("away", "fal", "ours", {"01A": TASK}), 10)
            threading.Timer(0.5, Records(elsewhere, "b").end, ("01A", "failed")).start()
            begun = time.monotonic()
            found = await house.jobs.wait_batch("away", 20)
            took = time.monotonic() - begun
        finally:
            elsewhere.close()

    assert found.state == "failed"
    assert took < 3


async def test_a_cancelled_batch_stops_its_open_jobs_and_a_finished_one_stays_done(settings, gate):
    gate.open.clear()
    async with Sentinel.open(settings(jobs_at_once=1)) as house:
        first = await house.jobs.submit_batch([BRIEF], surface="fal")
        await until_running(house.jobs, first.id)
        second = await house.jobs.submit_batch([BRIEF, BRIEF], surface="fal")
        third = await house.jobs.submit_batch([BRIEF], surface="fal")
        cancelled = await house.jobs.cancel_batch(second.id)
        moved_up = await house.jobs.batch(third.id)
        gate.open.set()
        done = await house.jobs.wait_batch(first.id, 30)
        await house.jobs.wait_batch(third.id, 30)
        still = await house.jobs.cancel_batch(first.id)

    assert (second.position, third.position, moved_up.position) == (0, 2, 0)
    assert (cancelled.state, [job.state for job in cancelled.jobs]) == (
        "cancelled",
        ["cancelled"] * 2,
    )
    assert (done.state, still.state, len(gate.seeds)) == ("done", "done", 2)


async def test_a_running_batch_can_be_cancelled_and_its_waiter_is_told_at_once(settings, gate):
    gate.open.clear()
    async with Sentinel.open(settings()) as house:
        batch = await house.jobs.submit_batch([BRIEF], surface="fal")
        await until_running(house.jobs, batch.id)
        waiting = asyncio.create_task(house.jobs.wait_batch(batch.id, 20))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        await house.jobs.cancel_batch(batch.id)
        found = await waiting
        took = time.monotonic() - begun
        gate.open.set()

    assert found.state == "cancelled"
    assert took < 2


async def test_a_house_that_closes_and_opens_again_finishes_its_batches(settings, gate):
    gate.open.clear()
    async with Sentinel.open(settings(jobs_at_once=1)) as house:
        batch = await house.jobs.submit_batch(
            [BRIEF, BRIEF], surface="runpod", batch_id="sync-1-u1"
        )
        await until_running(house.jobs, batch.id)
        threading.Timer(0.3, gate.open.set).start()  # while the house closes
    async with Sentinel.open(settings(jobs_at_once=1)) as house:
        house.jobs.watch()
        found = await house.jobs.wait_batch("sync-1-u1", 30)

    assert (found.state, found.surface) == ("done", "runpod")
    assert len(gate.seeds) == 2, "what was painted before is not painted again"


async def test_a_batch_that_does_not_fit_leaves_nothing_behind(settings, gate):
    gate.open.clear()
    async with Sentinel.open(settings(jobs_at_once=1, jobs_waiting=3)) as house:
        first = await house.jobs.submit_batch([BRIEF], surface="fal")
        await until_running(house.jobs, first.id)
        await house.jobs.submit_batch([BRIEF, BRIEF], surface="fal")
        with pytest.raises(Busy, match="the queue of jobs"):
            await house.jobs.submit_batch([BRIEF, BRIEF], surface="fal")
        fits = await house.jobs.submit_batch([BRIEF], surface="fal")
        page = await house.jobs.list()
        counts = await house.jobs.batch_counts("fal", "default")
        gate.open.set()

    assert len(page.jobs) == 4
    assert counts == Counts(queued=2, running=1)
    assert fits.position == 2


async def test_an_id_that_a_batch_has_is_refused_and_no_job_of_the_second_is_accepted(settings):
    async with Sentinel.open(settings()) as house:
        await house.jobs.submit_batch([BRIEF], surface="fal", batch_id="mine")
        with pytest.raises(BriefError, match="batch_id is 'mine'"):
            await house.jobs.submit_batch([BRIEF, BRIEF], surface="fal", batch_id="mine")
        page = await house.jobs.list()

    assert len(page.jobs) == 1


async def test_what_is_wrong_with_one_brief_is_told_before_any_is_accepted(settings):
    async with Sentinel.open(settings()) as house:
        with pytest.raises(BriefError):
            await house.jobs.submit_batch([BRIEF, Brief()], surface="fal")
        with pytest.raises(BriefError, match="briefs"):
            await house.jobs.submit_batch([], surface="fal")
        for asked in (house.jobs.batch, house.jobs.cancel_batch):
            with pytest.raises(NotFound, match="no batch 'nobody'"):
                await asked("nobody")
        with pytest.raises(NotFound, match="no batch 'nobody'"):
            await house.jobs.wait_batch("nobody", 5)
        page = await house.jobs.list()

    assert page.jobs == ()


async def test_a_surface_sees_and_cancels_its_own_batches_by_state(settings, gate):
    gate.open.clear()
    async with Sentinel.open(settings(jobs_at_once=1)) as house:
        running = await house.jobs.submit_batch([BRIEF], surface="runpod")
        await until_running(house.jobs, running.id)
        waiting = [(await house.jobs.submit_batch([BRIEF], surface="runpod")).id for _ in range(3)]
        other = await house.jobs.submit_batch([BRIEF], surface="fal")
        foreign = await house.jobs.submit_batch([BRIEF], Wanted(project="theirs"), surface="runpod")
        queued = await house.jobs.batches(surface="runpod", states=("queued",), limit=2)
        everything = await house.jobs.batches(surface="runpod")
        purged = await house.jobs.cancel_batches("runpod", "default", ("queued",))
        counts = await house.jobs.batch_counts("runpod", "default")
        left = [await house.jobs.batch(each.id) for each in (other, foreign)]
        gate.open.set()

    assert {each.id for each in queued} <= {*waiting, foreign.id}
    assert len(queued) == 2
    assert {each.id for each in everything} == {running.id, *waiting, foreign.id}
    assert (purged, counts.cancelled, counts.running) == (3, 3, 1)
    assert [each.state for each in left] == ["queued", "queued"]
    assert foreign.project == "theirs"


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def engines(database):
    opened = Place.beside(database).open()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        pytest.param((), "queued", id="none has begun"),
        pytest.param(("done", "done", "done"), "done", id="all are done"),
        pytest.param(("done",), "running", id="some are done"),
        pytest.param(("done", "cancelled"), "cancelled", id="one was cancelled"),
        pytest.param(("cancelled", "failed"), "failed", id="one failed"),
    ],
)
def test_a_batch_has_the_same_state_in_python_and_in_sql(engines, ends, state):
    rows, records = Batches(engines), Records(engines, "a")
    rows.accept(Entry("b", "fal", "ours", {"01A": TASK, "01B": TASK, "01C": TASK}), 10)
    for job_id, end in zip(("01A", "01B", "01C"), ends, strict=False):
        records.end(job_id, end)

    assert rows.batch("b").state == state
    assert [each.id for each in rows.several("fal", (state,), 5)] == ["b"]
    assert rows.counts("fal", "ours") == Counts(**{state: 1})


def test_a_batch_with_a_running_job_is_running():
    jobs = tuple(
        Job(id=state, state=state, created_ms=0, updated_ms=0) for state in ("queued", "running")
    )

    assert Batch(id="b", surface="fal", jobs=jobs, created_ms=0).state == "running"


def test_what_is_handed_out_once_is_handed_out_once(engines):
    rows = Batches(engines)
    rows.accept(Entry("b", "fal", "ours", {"01A": TASK}), 10)
    with ThreadPoolExecutor(4) as many:
        first = list(many.map(lambda _: rows.hand_out("b", "output"), range(8)))

    assert sorted(first) == [False] * 7 + [True]
    assert rows.hand_out("b", "another")
    with pytest.raises(NotFound):
        rows.hand_out("nobody", "output")


def test_a_batch_is_forgotten_with_its_jobs_and_only_as_a_whole(engines):
    rows, records = Batches(engines), Records(engines, "a")
    rows.accept(Entry("b", "fal", "ours", {"01A": TASK, "01B": TASK}), 10)
    rows.hand_out("b", "output")
    records.accept("01C", TASK, 10)
    for job_id in ("01A", "01C"):
        records.end(job_id, "cancelled")
        records.clear(job_id)
    early = list(records.sweep(now_ms() + 1000))
    whole = len(rows.batch("b").jobs)
    records.end("01B", "cancelled")
    records.clear("01B")

    assert (early, whole) == (["01C"], 2)
    assert list(records.sweep(now_ms() + 1000)) == ["01A", "01B"]
    with pytest.raises(NotFound):
        rows.batch("b")


def test_a_place_from_before_there_were_batches_gets_them(database):
    old = Place.beside(database).open()
    with old.write.begin() as connection:
        for table in ("handed", "member", "batch"):
            schema = Place.beside(database).schema
            connection.execute(text(f"DROP TABLE {f'{schema}.' if schema else ''}{table}"))
    old.close()
    new = Place.beside(database).open()
    try:
        schema = Place.beside(database).schema
        names = inspect(new.read).get_table_names(schema=schema)
        Batches(new).accept(Entry("b", "fal", "ours", {"01A": TASK}), 10)
    finally:
        new.close()

    assert {"batch", "member", "job"} <= set(names)
