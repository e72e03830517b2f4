"""The running house: seated, loaded, scored, kept, and turned away at the door."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint

import pytest

from sentinel import registry
from sentinel.admission import Admission
from sentinel.api.faces import seat_of
from sentinel.contracts import Brief, Fault
from sentinel.errors import Busy, NotFound, PictureError, PolicyError
from sentinel.imaging import encode
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.testing import WeightlessJudge, noise, scene
from sentinel.wiring import Sentinel

pytestmark = pytest.mark.anyio

DOUBLES = {
    "judges": ["FixedJudge", "HangingJudge", "RaisingJudge", "WeightlessJudge", "DecliningJudge"],
    "gates": ["FixedGate", "RaisingGate"],
}


class PartlyJudge(WeightlessJudge):
    """Has weights for one model of two."""

    def __init__(self, *, model: str = "large") -> None:
        self.model = model

    def load(self, runtime):
        if self.model == "large":
            super().load(runtime)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def doubles(monkeypatch):
    """Offer the shipped doubles as plugins."""

    def offered(group):
        kind = group.removeprefix("sentinel.")
        found = [
            EntryPoint(name, f"sentinel.testing:{name}", group) for name in DOUBLES.get(kind, [])
        ]
        ours = EntryPoint("PartlyJudge", f"{__name__}:{PartlyJudge.__name__}", "sentinel.judges")
        return [*found, ours] if kind == "judges" else found

    monkeypatch.setattr(registry, "entry_points", offered)
    registry._offered.cache_clear()
    yield
    registry._offered.cache_clear()


@pytest.fixture
def house(tmp_path):
    """`house(policy_toml, …)`: settings with these policies only; the first is the default."""

    def settings(*policies: str, **given) -> Settings:
        folder = tmp_path / "policies"
        folder.mkdir(exist_ok=True)
        for name in builtin():  # emptied: their models are others' tests
            (folder / f"{name}.toml").write_text(f'name = "{name}"\n')
        for index, text in enumerate(policies):
            name = "default" if index == 0 else f"other{index}"
            (folder / f"{name}.toml").write_text(f'name = "{name}"\n{text}\n')
        return Settings.read(home=tmp_path / "home", policies=folder, **given)

    return settings


async def test_a_picture_is_scored_and_kept(house):
    async with Sentinel.open(house("[judges.FixedJudge]\nthreshold = 0.5")) as sentinel:
        scored = await sentinel.score(encode(scene()), Brief(prompt="a disc"), model="flux")
        kept = await asyncio.to_thread(sentinel.store.traces.load, scored.trace.id)

    assert scored.trace.last.verdict.action == "pass"
    assert kept == scored.trace


async def test_the_same_picture_gets_the_same_verdict(house):
    async with Sentinel.open(house("[judges.FixedJudge]\nthreshold = 0.5")) as sentinel:
        one, other = [await sentinel.score(encode(scene()), Brief()) for _ in range(2)]

    assert one.trace.last.verdict.score == other.trace.last.verdict.score
    assert one.trace.id != other.trace.id


async def test_missing_weights_stop_the_start_with_the_command_that_mends_it(house):
    with pytest.raises(PolicyError, match="sentinel models pull weightless"):
        async with Sentinel.open(house("[judges.WeightlessJudge]\nthreshold = 0.5")):
            pass


async def test_an_optional_judge_without_weights_is_named_in_every_answer(house):
    rules = "[judges.WeightlessJudge]\nthreshold = 0.5\noptional = true\n[judges.FixedJudge]"
    async with Sentinel.open(house(rules)) as sentinel:
        verdict = (await sentinel.score(encode(scene()), Brief())).trace.last.verdict

    assert verdict.standing == "passed"
    assert [o.judge for o in verdict.outcomes if isinstance(o, Fault) and o.cause == "missing"] == [
        "WeightlessJudge"
    ]


async def test_a_policy_that_names_an_unknown_judge_stops_the_start(house):
    with pytest.raises(PolicyError, match="did you mean 'FixedJudge'"):
        async with Sentinel.open(house("[judges.FixtJudge]")):
            pass


async def test_everything_that_keeps_a_policy_from_running_is_told_at_once(house):
    with pytest.raises(PolicyError) as caught:
        async with Sentinel.open(
            house("[judges.Nobody]\n[gates.Nothing]\n[judges.WeightlessJudge]")
        ):
            pass

    assert len(caught.value.problems) == 3


async def test_policies_that_ask_for_the_same_plugin_share_it(house):
    settings = house("[judges.FixedJudge]\nweight = 1", "[judges.FixedJudge]\nweight = 2")
    async with Sentinel.open(settings) as sentinel:
        panels = sentinel._panels
        shared = panels["default"].judges[0].worker is panels["other1"].judges[0].worker

    assert shared


async def test_an_unknown_policy_is_answered_with_the_nearest(house):
    async with Sentinel.open(house("[judges.FixedJudge]")) as sentinel:
        with pytest.raises(NotFound, match="did you mean 'portrait'"):
            await sentinel.score(encode(scene()), Brief(), policy="portait")


async def test_a_broken_picture_is_refused_and_leaves_no_trace(house):
    async with Sentinel.open(house("[judges.FixedJudge]")) as sentinel:
        with pytest.raises(PictureError):
            await sentinel.score(b"no picture", Brief())

        assert sentinel._admission.pictures == 0


async def test_a_full_house_says_busy_and_answers_those_inside(house):
    settings = house("[judges.HangingJudge.options]\nseconds = 0.2", queue=2)
    async with Sentinel.open(settings) as sentinel:
        asked = [sentinel.score(encode(noise(8, 8, seed=n)), Brief()) for n in range(5)]
        answers = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(answer).__name__ for answer in answers].count("Busy") == 3


async def test_a_hanging_judge_is_a_fault_and_the_house_goes_on(house):
    rules = "[judges.HangingJudge]\ntimeout = 0.05\nthreshold = 0.5\n[judges.FixedJudge]"
    async with Sentinel.open(house(rules)) as sentinel:
        verdicts = [
            (await sentinel.score(encode(scene()), Brief())).trace.last.verdict for _ in range(2)
        ]

    assert [v.standing for v in verdicts] == ["undecided", "undecided"]
    assert all(v.outcomes[1].kind == "score" for v in verdicts)


async def test_while_models_load_the_house_is_open_and_not_ready(house):
    async with Sentinel.open(house("[judges.FixedJudge]"), wait=False) as sentinel:
        before = await sentinel.ready()
        await sentinel.score(encode(scene()), Brief())

        assert (before, await sentinel.ready()) == (False, True)


async def test_statuses_name_what_would_not_run_and_why(house):
    async with Sentinel.open(house("[judges.WeightlessJudge]\noptional = true")) as sentinel:
        [status] = [s for s in sentinel.statuses() if s.name == "WeightlessJudge"]

    assert not status.ready
    assert "sentinel models pull weightless" in status.reason


async def test_a_judge_whose_model_some_policies_have_is_told_as_seated_in_part(house):
    without = "[judges.PartlyJudge]\noptional = true"
    having = f'{without}\noptions = {{ model = "small" }}'
    states = []
    for policies in ((having,), (without,), (without, having)):
        async with Sentinel.open(house(*policies)) as sentinel:
            [seat] = [s for s in map(seat_of, sentinel.statuses()) if s.name == "PartlyJudge"]
            states.append((seat.state, seat.reason))

    assert [state for state, _ in states] == ["seated", "missing", "partly"]
    assert states[2][1].startswith("not for default: ")
    assert "sentinel models pull weightless" in states[2][1]


def test_one_huge_picture_may_enter_an_empty_house_but_not_two():
    admission = Admission(pictures=10, pixels=100)
    with admission.enter(500), pytest.raises(Busy, match="megapixels"), admission.enter(1):
        pass

    assert (admission.pictures, admission.pixels) == (0, 0)


async def test_pictures_whose_time_is_up_are_swept(house, tmp_path):
    settings = house("[judges.FixedJudge]", media_days=1e-7)
    async with Sentinel.open(settings) as sentinel:
        await sentinel.score(encode(scene()), Brief())
        before = [path for path in (tmp_path / "home" / "media").rglob("*") if path.is_file()]
    async with Sentinel.open(settings):
        for _ in range(100):
            await asyncio.sleep(0.02)
            after = [path for path in (tmp_path / "home" / "media").rglob("*") if path.is_file()]
            if not after:
                break

    assert before
    assert not after
