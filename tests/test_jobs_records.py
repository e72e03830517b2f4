"""What is on record is not done again; who owns a job is clear; the dead are told from the living."""

from __future__ import annotations

import asyncio
import os
import runpy
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from sentinel.contracts import Brief, Capabilities
from sentinel.errors import Busy, ConfigError, NotFound, SafetyRefused
from sentinel.guarding import Wanted
from sentinel.jobs import Place
from sentinel.jobs.port import Task
from sentinel.jobs.recording import AGAIN, RecordedMaker, Recorder, WoundRun
from sentinel.jobs.records import Lost, Record, Records, now_ms
from sentinel.jobs.vigil import Vigil, executor_id
from sentinel.loop import Order, Wish
from sentinel.testing import RedJudge, ScriptedGenerator, red

pytestmark = pytest.mark.anyio

studio = runpy.run_path(str(Path(__file__).with_name("looping.py")))["studio"]

TASK = Task.of(Brief(prompt="a red square", seed=7), Wanted(), "default")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def place(tmp_path):
    return Place.beside(f"sqlite:///{tmp_path}/sentinel.db")


@pytest.fixture
def records(place):
    """`records("a")`: the rows as executor a sees them."""
    opened = []

    def make(name="a"):
        engines = place.open()
        opened.append(engines)
        return Records(engines, name)

    yield make
    for engines in opened:
        engines.close()


class Counting(RedJudge):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def judge(self, samples):
        self.asked += len(samples)
        return super().judge(samples)


async def played(records, generator, judge, *, seconds=30.0, until=None):
    """One life of a process: the job as far as it comes, or until so many calls were made."""
    async with studio(generator, judge=judge, budget={"attempts": 3, "seconds": seconds}) as room:
        recorder = Recorder(records, "01A")
        order = Order(TASK.brief, Wish(), id="01A")
        run = WoundRun(order, recorder.staffed(room.staff))
        recorder.run, recorder.lose = run, lambda: None
        going = asyncio.create_task(run.go())
        while until is not None and len(generator.briefs) < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        if until is not None:
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
            return await run.abort("stopped")
        return await going


def taken(records, job_id="01A"):
    records.accept(job_id, TASK, 10)
    records.take(job_id, ())
    return records


async def test_a_run_that_is_on_record_is_told_again_and_nobody_is_asked(records):
    rows = taken(records())
    painter, judge = (
        ScriptedGenerator(red(0.2), red(0.3), red(0.4), cost=0.01, seconds=0.2),
        Counting(),
    )
    first = await played(rows, painter, judge)
    nobody, silent = ScriptedGenerator(AssertionError("asked again")), Counting()
    begun = time.monotonic()
    second = await played(rows, nobody, silent)
    took = time.monotonic() - begun

    assert (len(painter.briefs), judge.asked) == (3, 3)
    assert (nobody.briefs, silent.asked) == ([], 0)
    assert took < first.seconds
    for one, other in zip(first.attempts, second.attempts, strict=True):
        assert other.made_in >= 0.15, "what the painting took, not the reading"
        timeless = {"seconds": 0.0, "made_in": 0.0}
        assert other.model_copy(update=timeless) == one.model_copy(update=timeless)
    assert second.seconds == pytest.approx(first.seconds, abs=0.5)


async def test_what_was_under_way_is_asked_again_with_the_same_seed_and_the_trace_says_so(records):
    rows = taken(records())
    painter = ScriptedGenerator(red(0.2), red(0.3), red(0.4), seconds=0.05)
    rows.write("01A", "begin 1", Record("", 1.5))
    trace = await played(rows, painter, RedJudge())

    assert painter.briefs[0].seed == 7
    assert AGAIN in trace.attempts[0].notes
    assert AGAIN not in trace.attempts[1].notes
    assert trace.seconds >= 1.5


async def test_a_record_that_is_slow_to_read_costs_no_time_of_the_budget(records, monkeypatch):
    rows = taken(records())
    first = await played(rows, ScriptedGenerator(red(0.9)), RedJudge())
    read = rows.read
    monkeypatch.setattr(rows, "read", lambda *words: time.sleep(0.5) or read(*words))
    second = await played(rows, ScriptedGenerator(AssertionError("asked")), RedJudge())

    assert second.attempts[0].made_in == pytest.approx(first.attempts[0].made_in, abs=0.25)
    assert second.attempts[0].seconds == pytest.approx(first.attempts[0].seconds, abs=0.25)


async def test_time_that_was_spent_before_counts_in_the_budget(records):
    rows = taken(records())
    rows.write("01A", "begin 1", Record("", 29.9))
    trace = await played(rows, ScriptedGenerator(red(0.2), seconds=0.5), RedJudge(), seconds=30)

    assert trace.stopped_because == "deadline"
    assert len(trace.attempts) == 1


async def test_what_is_on_record_is_delivered_even_where_no_time_is_left(records):
    rows = taken(records())
    await played(rows, ScriptedGenerator(red(0.9), seconds=0.4), RedJudge())
    trace = await played(rows, ScriptedGenerator(AssertionError("asked")), Counting(), seconds=0.5)

    assert (trace.stopped_because, trace.delivered) == ("passed", 1)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(RuntimeError("out of paint"), "out of paint", id="a bug"),
        pytest.param(SafetyRefused("painter", "will not"), "will not", id="a refusal"),
    ],
)
async def test_a_failure_is_on_record_as_well(records, error, told):
    rows = taken(records())
    first = await played(rows, ScriptedGenerator(error), RedJudge())
    second = await played(rows, ScriptedGenerator(AssertionError("asked again")), RedJudge())

    assert told in second.attempts[0].error
    assert [each.error for each in second.attempts] == [each.error for each in first.attempts]
    assert (second.stopped_because, second.reason) == (first.stopped_because, first.reason)


async def test_what_fails_because_it_was_stopped_has_not_failed(records):
    class Stopping:
        name, capabilities, price, default_steps = "painter", Capabilities(), None, None

        async def make(self, brief):
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                raise RuntimeError("told to stop") from None

    rows = taken(records())
    recorder = Recorder(rows, "01A")
    async with studio(ScriptedGenerator(red(0.9))) as room:
        run = WoundRun(Order(TASK.brief, Wish(), id="01A"), recorder.staffed(room.staff))
    recorder.run = run
    painting = asyncio.create_task(RecordedMaker(Stopping(), recorder).make(TASK.brief))
    await asyncio.sleep(0.1)
    painting.cancel()
    with pytest.raises(RuntimeError):
        await painting

    assert rows.read("01A", "begin 1") is not None
    assert rows.read("01A", "generate 1") is None


async def test_a_picture_that_came_while_the_job_was_stopped_is_on_record(records):
    rows = taken(records())
    painter = ScriptedGenerator(red(0.2), red(0.3), red(0.9), seconds=0.3)
    await played(rows, painter, RedJudge(), until=1)
    again = ScriptedGenerator(red(0.9), seconds=0.05)
    trace = await played(rows, again, RedJudge())

    assert len(painter.briefs) == 1
    assert trace.attempts[0].verdict.score == pytest.approx(0.2, abs=0.02)
    assert trace.delivered == 2


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_is_written_once(records):
    rows = taken(records())
    rows.write("01A", "generate 1", Record("first", 1.0, {"ab": b"one"}))
    rows.write("01A", "generate 1", Record("second", 2.0, {"ab": b"two"}))
    found = rows.read("01A", "generate 1")

    assert (found.payload, found.seconds, rows.picture("01A", "ab")) == ("first", 1.0, b"one")


def test_who_has_lost_a_job_finds_that_out_at_the_next_record(records):
    stale, fresh = taken(records("stale")), records("fresh")
    while_alive = fresh.take("01A", {"stale", "fresh"})
    fresh.take("01A", {"fresh"})
    stale.tell("01A", 9, "judging")

    assert while_alive is None
    assert (fresh.job("01A").taken, fresh.job("01A").attempt) == (2, 0)
    with pytest.raises(Lost):
        stale.write("01A", "generate 1", Record("{}", 1.0))


def test_processes_may_open_the_same_new_place_at_once(place):
    def open_it(_):
        place.open().close()

    with ThreadPoolExecutor(8) as many:
        assert list(many.map(open_it, range(16))) == [None] * 16


def test_a_place_that_cannot_be_used_is_told_with_the_way_out(tmp_path):
    (tmp_path / "sentinel_jobs.db").write_text("no database, whatever its name says" * 100)

    with pytest.raises(ConfigError, match="SENTINEL_DATABASE"):
        Place.beside(f"sqlite:///{tmp_path}/sentinel.db").open()


def test_jobs_stand_beside_the_store(tmp_path):
    file = Place.beside(f"sqlite:///{tmp_path}/house.db")
    schema = Place.beside("postgresql://user@host/name")
    inside = Place.beside("postgresql://user@host/name?options=-csearch_path%3Dours")

    assert (Path(file.url.database).name, file.schema) == ("house_jobs.db", None)
    assert (schema.schema, inside.schema) == ("sentinel_jobs", "ours_jobs")


def test_a_job_ends_once_and_what_it_needed_goes(records):
    rows = taken(records())
    rows.write("01A", "generate 1", Record("{}", 1.0, {"ab": b"one"}))
    rows.clear("01A")
    kept = rows.read("01A", "generate 1")
    ends = [rows.end("01A", "done"), rows.end("01A", "cancelled")]
    rows.clear("01A")

    assert kept is not None, "an open job needs its records"
    assert (ends, rows.job("01A").state) == ([True, False], "done")
    assert rows.read("01A", "generate 1") is None
    with pytest.raises(Lost):
        rows.take("01A", ())


def test_only_so_many_jobs_may_wait_and_those_that_ended_are_forgotten_some_day(records):
    rows = records()
    rows.accept("01A", TASK, 1)
    with pytest.raises(Busy):
        rows.accept("01B", TASK, 1)
    rows.end("01A", "cancelled")
    early = rows.sweep(now_ms() + 1000)
    rows.clear("01A")

    assert list(early) == [], "it is not put away yet"
    assert list(rows.sweep(now_ms() + 1000)) == ["01A"]
    with pytest.raises(NotFound):
        rows.job("01A")


# ── the living and the dead ───────────────────────────────────────────────────────────────────────


def test_a_process_of_this_machine_is_alive_as_long_as_it_runs():
    mine = executor_id()
    place = mine.partition("-")[0]
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    other = f"{place}-{child.pid}-00"
    before = Vigil(mine).living({other: 1, mine: 1})
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has fetched it
    zombie = Vigil(mine).living({other: 1})
    child.communicate()
    after = Vigil(mine).living({other: 1})

    assert before == {mine, other}
    assert zombie == after == {mine}


def test_an_earlier_process_with_our_own_number_is_dead():
    mine = executor_id()
    earlier = f"{mine.partition('-')[0]}-{os.getpid()}-00"

    assert Vigil(mine).living({earlier: 1}) == {mine}


def test_a_process_of_another_machine_is_dead_when_its_beats_have_stopped():
    vigil = Vigil(executor_id(), stale=0.2)
    first = vigil.living({"elsewhere-1-00": 1})
    time.sleep(0.15)
    beating = vigil.living({"elsewhere-1-00": 2})
    time.sleep(0.25)
    silent = vigil.living({"elsewhere-1-00": 2})

    assert ["elsewhere-1-00" in seen for seen in (first, beating, silent)] == [True, True, False]


# ── a place of another version ────────────────────────────────────────────────────────────────


def test_an_older_place_gets_the_tables_it_lacks(tmp_path):
    place = Place.beside(f"sqlite:///{tmp_path}/sentinel.db")
    engines = place.open()
    Records(engines, "a").accept("01", TASK, 9)
    with engines.write.begin() as connection:
        connection.execute(text("DROP TABLE handover"))
    engines.close()

    again = place.open()

    assert Records(again, "b").job("01").state == "queued"
    with again.read.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM handover")).scalar_one() == 0
    again.close()


@pytest.mark.parametrize("change", ["ADD COLUMN mood TEXT", "RENAME COLUMN taken TO begun"])
def test_a_place_with_other_columns_is_refused_and_the_way_out_is_told(tmp_path, change):
    place = Place.beside(f"sqlite:///{tmp_path}/sentinel.db")
    engines = place.open()
    with engines.write.begin() as connection:
        connection.execute(text(f"ALTER TABLE job {change}"))
    engines.close()

    with pytest.raises(ConfigError, match=r"another version \(table job: .*\); let that version"):
        place.open()
