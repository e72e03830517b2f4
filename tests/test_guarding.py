"""The running house paints, judges and keeps: with doubles, and once with what ships."""

from __future__ import annotations

import asyncio
import threading
from importlib.metadata import EntryPoint

import pytest

from sentinel import registry
from sentinel.api.routes import load_trace
from sentinel.contracts import Brief
from sentinel.errors import BriefError, ConfigError, NotFound
from sentinel.guarding import Wanted
from sentinel.keeping import KEEPING
from sentinel.loop import Ended, Wish
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.store.queries import Filters, Queries
from sentinel.testing import RedJudge, ScriptedGenerator, WeightlessJudge, red
from sentinel.wiring import Sentinel

pytestmark = pytest.mark.anyio

BRIEF = Brief(prompt="a red square", seed=7)
RULES = "[judges.red]\nthreshold = 0.5"


class Rising(ScriptedGenerator):
    """Redder every time."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(red(0.2), red(0.4), red(0.8), cost=0.01, seconds=seconds)


class Dull(ScriptedGenerator):
    """Never red."""

    def __init__(self) -> None:
        super().__init__(red(0.1))


class Broken(ScriptedGenerator):
    """Never paints."""

    def __init__(self) -> None:
        super().__init__(RuntimeError("out of paint"))


class Heavy(ScriptedGenerator):
    """Needs weights that nobody has."""

    def __init__(self) -> None:
        super().__init__(red(0.9))

    load = WeightlessJudge.load


OFFERED = {
    "sentinel.judges": {"red": RedJudge},
    "sentinel.generators": {
        "rising": Rising,
        "dull": Dull,
        "broken": Broken,
        "heavy": Heavy,
    },
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def doubles(monkeypatch):
    """Offer the doubles of this file as plugins."""

    class Point(EntryPoint):
        def load(self):
            return OFFERED[self.group][self.name]

    def offered(group):
        return [Point(name, f"here:{name}", group) for name in OFFERED.get(group, {})]

    monkeypatch.setattr(registry, "entry_points", offered)
    registry._offered.cache_clear()
    yield
    registry._offered.cache_clear()


@pytest.fixture
def house(tmp_path, doubles):
    def settings(generator="rising", rules=RULES, **given) -> Settings:
        folder = tmp_path / "policies"
        folder.mkdir(exist_ok=True)
        for name in builtin():  # emptied: their models are others' tests
            (folder / f"{name}.toml").write_text(f'name = "{name}"\n')
        (folder / "default.toml").write_text(f'name = "default"\n{rules}\n')
        given = {"home": tmp_path / "home", "policies": folder, "generator": generator} | given
        return Settings.read(**given)

    return settings


async def kept(sentinel: Sentinel, trace_id: str):
    return await asyncio.to_thread(sentinel.store.traces.load, trace_id)


async def test_a_guarded_request_ends_with_a_picture_that_passed_and_its_whole_story(house):
    async with Sentinel.open(house()) as sentinel:
        guarded = await sentinel.guard(BRIEF)
        trace = await kept(sentinel, guarded.trace.id)
        media = [sentinel.store.media.get(each.picture) for each in trace.attempts]

    assert guarded.picture == red(0.8)
    assert trace == guarded.trace
    assert (trace.mode, trace.stopped_because, trace.delivered) == ("guard", "passed", 3)
    assert media == [red(0.2), red(0.4), red(0.8)]
    assert trace.cost == pytest.approx(0.03)


async def test_the_generator_and_the_budget_can_be_chosen_by_request(house):
    async with Sentinel.open(house("rising,dull")) as sentinel:
        wanted = Wanted(generator="dull", wish=Wish(attempts=2))
        guarded = await sentinel.guard(BRIEF, wanted)

    assert [each.generator for each in guarded.trace.attempts] == ["dull", "dull"]
    assert guarded.trace.verdict.action == "score"


async def test_another_generator_stands_in_for_a_broken_one_and_that_is_told(house):
    async with Sentinel.open(
        house("broken,rising", rules="pass_mark = 0.1\n[judges.red]")
    ) as sentinel:
        guarded = await sentinel.guard(BRIEF)

    [only] = guarded.trace.attempts
    assert only.generator == "rising"
    assert any("out of paint" in note for note in only.notes)


async def test_a_generator_that_is_not_seated_is_answered_with_the_nearest(house):
    async with Sentinel.open(house()) as sentinel:
        with pytest.raises(NotFound, match="did you mean 'rising'"):
            await sentinel.guard(BRIEF, Wanted(generator="risin"))


async def test_missing_weights_of_a_generator_hurt_nobody_who_only_scores(house):
    async with Sentinel.open(house("heavy")) as sentinel:
        scored = await sentinel.score(red(0.9), BRIEF)
        with pytest.raises(ConfigError, match="sentinel models pull"):
            await sentinel.guard(BRIEF)

    assert scored.trace.verdict.action == "pass"


async def test_a_brief_that_makes_no_sense_leaves_no_trace(house):
    async with Sentinel.open(house()) as sentinel:
        with pytest.raises(BriefError, match="candidates is 0"):
            await sentinel.guard(BRIEF, Wanted(candidates=0))


async def test_a_picture_that_nobody_judges_is_delivered_before_its_trace_is_kept(
    house, monkeypatch
):
    async with Sentinel.open(house()) as sentinel:
        held, save = threading.Event(), sentinel.store.traces.save
        monkeypatch.setattr(sentinel.store.traces, "save", lambda each: held.wait(9) and save(each))
        guarded = await sentinel.guard(BRIEF, Wanted(mode="off", inline=True))
        early = asyncio.create_task(load_trace(sentinel, guarded.trace.id))
        await asyncio.sleep(0.05)
        waited = not early.done()
        held.set()

        assert waited
        assert await early == guarded.trace
        assert sentinel.store.media.get(guarded.trace.last.picture) == guarded.picture


async def test_in_score_mode_a_picture_goes_out_when_it_can_be_fetched_and_its_trace_follows(
    house, monkeypatch
):
    async with Sentinel.open(house()) as sentinel:
        held, save = threading.Event(), sentinel.store.traces.save
        monkeypatch.setattr(sentinel.store.traces, "save", lambda each: held.wait(9) and save(each))
        guarded = await sentinel.guard(BRIEF, Wanted(mode="score"))
        fetched = sentinel.store.media.get(guarded.trace.last.picture)
        early = asyncio.create_task(load_trace(sentinel, guarded.trace.id))
        await asyncio.sleep(0.05)
        waited = not early.done()
        held.set()
        await sentinel.settled()

        assert waited
        assert fetched == guarded.picture
        assert (await early).id == guarded.trace.id
        assert (await kept(sentinel, guarded.trace.id)).verdict.standing == "failed"


async def test_who_asks_faster_than_traces_are_kept_is_slowed_down_and_not_refused(
    house, monkeypatch
):
    async with Sentinel.open(house()) as sentinel:
        held, save = threading.Event(), sentinel.store.traces.save
        monkeypatch.setattr(sentinel.store.traces, "save", lambda each: held.wait(9) and save(each))
        wanted = Wanted(mode="off", inline=True)
        several = [asyncio.create_task(sentinel.guard(BRIEF, wanted)) for _ in range(KEEPING + 3)]
        await asyncio.wait(several, timeout=2)
        answered = sum(each.done() for each in several)
        held.set()

        assert answered == KEEPING
        ids = {(await each).trace.id for each in several}
        await sentinel.settled()
        assert len([await kept(sentinel, each) for each in ids]) == KEEPING + 3


async def test_a_trace_that_cannot_be_kept_behind_its_answer_is_told_in_the_log(
    house, monkeypatch, caplog
):
    async with Sentinel.open(house()) as sentinel:

        def full(_trace):
            raise OSError("no space left")

        monkeypatch.setattr(sentinel.store.traces, "save", full)
        guarded = await sentinel.guard(BRIEF, Wanted(mode="off", inline=True))
        await sentinel.settled()
        await asyncio.sleep(0)

    assert guarded.picture is not None
    assert f"{guarded.trace.id} was delivered and is not kept" in caplog.text


async def test_score_mode_delivers_at_once_and_the_judges_word_follows_in_the_store(house):
    async with Sentinel.open(house()) as sentinel:
        guarded = await sentinel.guard(BRIEF, Wanted(mode="score"))
        await sentinel.settled()
        trace = await kept(sentinel, guarded.trace.id)

    assert guarded.picture == red(0.2)
    assert (guarded.trace.verdict.action, guarded.trace.attempts[0].judged) == ("score", False)
    assert (trace.verdict.standing, trace.delivered) == ("failed", 1)


async def test_who_hangs_up_finds_what_was_paid_for_in_the_store(house):
    options = {"rising": {"seconds": 0.2}}
    async with Sentinel.open(house(generator_options=options)) as sentinel:
        told = []
        going = asyncio.create_task(sentinel.guard(BRIEF, None, told.append))
        await asyncio.sleep(0.1)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        await sentinel.settled()
        counts = Queries(sentinel.store.engines.read).overview(Filters()).counts
        [ended] = [event for event in told if isinstance(event, Ended)]
        trace = await kept(sentinel, ended.trace.id)

    assert (len(trace.attempts), trace.cost, trace.delivered) == (1, 0.01, None)
    assert trace.reason == "the caller hung up"
    assert counts.evaluations == 0


async def test_what_was_paid_for_and_cannot_be_kept_is_told_in_the_log(house, monkeypatch, caplog):
    def full(_trace):
        raise OSError("no space left")

    options = {"rising": {"seconds": 0.2}}
    async with Sentinel.open(house(generator_options=options)) as sentinel:
        monkeypatch.setattr(sentinel.store.traces, "save", full)
        going = asyncio.create_task(sentinel.guard(BRIEF))
        await asyncio.sleep(0.1)
        going.cancel()
        await asyncio.wait({going})
        await sentinel.settled()

    assert "what was paid for is not kept" in caplog.text


async def test_who_hangs_up_leaves_no_room_taken_and_does_not_spoil_the_loading(house):
    options = {"rising": {"seconds": 0.1}}
    async with Sentinel.open(house(generator_options=options)) as sentinel:
        going = [asyncio.create_task(sentinel.guard(BRIEF)) for _ in range(3)]
        await asyncio.sleep(0)
        going[0].cancel()
        await asyncio.sleep(0.05)
        going[1].cancel()
        ends = await asyncio.gather(*going, return_exceptions=True)
        await sentinel.settled()

        assert [type(end).__name__ for end in ends[:2]] == ["CancelledError"] * 2
        assert ends[2].trace.delivered
        assert (sentinel._admission.pictures, sentinel._admission.pixels) == (0, 0)


async def test_a_house_that_closes_waits_for_what_goes_on_behind(house):
    settings = house()
    async with Sentinel.open(settings) as sentinel:
        guarded = await sentinel.guard(BRIEF, Wanted(mode="score"))
    async with Sentinel.open(settings) as sentinel:
        trace = await kept(sentinel, guarded.trace.id)

    assert trace.verdict.standing == "failed"


@pytest.mark.parametrize("name", ["embedded", "local", "fixed"])
def test_what_paints_on_this_machine_says_that_it_is_free(name):
    assert registry.make("generator", name, {}).price == 0.0


async def test_a_request_for_a_blank_prompt_spends_nothing_with_what_ships(tmp_path):
    settings = Settings.read(home=tmp_path, generator="fixed")
    async with Sentinel.open(settings, only=("default",)) as sentinel:
        guarded = await sentinel.guard(Brief(prompt="   "))
        trace = await kept(sentinel, guarded.trace.id)

    assert (guarded.picture, trace.attempts, trace.stopped_because) == (None, (), "rejected")
    assert trace == guarded.trace


async def test_the_fixed_generator_goes_through_the_default_panel(tmp_path):
    settings = Settings.read(home=tmp_path, generator="fixed")
    async with Sentinel.open(settings, only=("default",)) as sentinel:
        brief = Brief(prompt="a red disc", expected_text=("SALE",))
        failed = (await sentinel.guard(brief, Wanted(wish=Wish(attempts=2)))).trace
        passed = (await sentinel.guard(Brief(prompt="a red disc"))).trace

    assert (failed.stopped_because, len(failed.attempts), failed.delivered) == ("budget", 2, 1)
    assert [each.verdict.standing for each in failed.attempts] == ["failed"] * 2
    assert "takes no seed" in " ".join(passed.attempts[0].notes)
    assert passed.stopped_because in ("passed", "budget")
