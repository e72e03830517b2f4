"""Judges on Ray Serve answer as they do here, and what befalls a replica is a fault.

Most of it runs in Serve's own testing mode, in this process; one test starts Ray.
"""

from __future__ import annotations

import asyncio
import functools
import pickle
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

import psutil
import pytest

from sentinel import registry, testing
from sentinel.cluster import joined
from sentinel.contracts import Brief, Fault, Sample, Score
from sentinel.deployments import Deployments
from sentinel.errors import ConfigError, MissingRequirement, PluginError
from sentinel.policy import Policy
from sentinel.seating import Seating
from sentinel.settings import Settings

T = TypeVar("T")

POINTS = """[sentinel.judges]
red = sentinel.testing:RedJudge
broken = sentinel.testing:RaisingJudge
nonsense = sentinel.testing:NonsenseJudge
weightless = sentinel.testing:WeightlessJudge
"""

JUDGES = {
    "red": {"threshold": 0.5},
    "color": {},
    "broken": {"options": {"poison": "poison"}},
    "nonsense": {},
    "weightless": {"optional": True},
}


@pytest.fixture
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The doubles, as a stranger's package offers its judges; found by other processes too."""
    info = tmp_path / "strangers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    registry._offered.cache_clear()
    yield
    registry._offered.cache_clear()


def policy(*names: str) -> Policy:
    return Policy.model_validate({"name": "p", "judges": {each: JUDGES[each] for each in names}})


def samples() -> list[Sample]:
    briefs = [Brief(palette=("#c8102e",)), Brief(), Brief(prompt="poison"), Brief()]
    pixels = [testing.scene(), testing.flat(40, 30, (250, 0, 0)), testing.noise(), testing.scene()]
    return [Sample(each, brief) for each, brief in zip(pixels, briefs, strict=True)]


async def judged(chosen: Policy, home: Path, deployments: Deployments | None):
    """What each judge of the policy says of each sample, by name."""
    seating = Seating(Settings(home=home), deployments=deployments)
    try:
        panel = await seating.seat(chosen)
        verdicts = await asyncio.gather(*(panel.evaluate(sample) for sample in samples()))
        return [{each.judge: each for each in verdict.outcomes} for verdict in verdicts]
    finally:
        await seating.close()


@pytest.fixture
def served(strangers, monkeypatch: pytest.MonkeyPatch) -> Deployments:
    """Deployments in Serve's testing mode; what is sent is pickled as on the way to a replica.

    `serve.batch` does not run there: judges that take batches are asked over a real Ray below.
    """
    serve = pytest.importorskip("ray.serve", reason="the extra ray is not installed")

    class Here(Deployments):
        def shared(self, sample: Sample) -> Sample:
            return sent(sample)

    run = functools.partial(serve.run_many, _local_testing_mode=True)
    monkeypatch.setattr(serve, "run_many", run)
    monkeypatch.setattr(serve, "status", lambda: SimpleNamespace(applications={}))
    monkeypatch.setattr(serve, "delete", lambda title: None)
    return Here()


@pytest.mark.full
def test_a_served_judge_says_what_it_says_here(served, tmp_path):
    chosen = policy("color", "broken", "nonsense", "weightless")
    here = asyncio.run(judged(chosen, tmp_path, None))
    there = asyncio.run(judged(chosen, tmp_path, served))

    alike(here, there)
    assert isinstance(there[0]["color"], Score)
    assert there[2]["broken"].reason == "ValueError: the model tripped over a sample"
    assert there[0]["nonsense"].cause == "contract"
    assert "sentinel models pull weightless" in there[0]["weightless"].reason


def alike(here, there) -> None:
    """The same outcomes, apart from the time they took; values to 1e-6."""
    for one, other in zip(here, there, strict=True):
        for name, outcome in one.items():
            rest = {"seconds": 0.0} | ({"value": 0.0} if isinstance(outcome, Score) else {})
            assert outcome.model_copy(update=rest) == other[name].model_copy(update=rest)
            if isinstance(outcome, Score):
                assert outcome.value == pytest.approx(other[name].value, abs=1e-6)


@pytest.mark.full
@pytest.mark.timeout(240)
def test_on_ray_values_are_the_same_and_a_replica_that_dies_is_a_fault(
    strangers, tmp_path, monkeypatch
):
    pytest.importorskip("ray", reason="the extra ray is not installed")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    slow = {"threshold": 0.5, "required": True, "options": {"seconds": 3.0}}
    chosen = Policy.model_validate({"name": "p", "judges": {"red": slow}})
    here = asyncio.run(judged(chosen, tmp_path, None))
    sample = Sample(testing.flat(40, 30, (250, 0, 0)))

    async def run() -> None:
        async with on_ray(tmp_path) as seating:
            panel = await seating.seat(chosen)
            verdicts = await asyncio.gather(*(panel.evaluate(each) for each in samples()))
            alike(here, [{each.judge: each for each in one.outcomes} for one in verdicts])

            asked = asyncio.create_task(panel.evaluate(sample))
            await asyncio.sleep(1.0)
            await asyncio.to_thread(kill_the_replica)
            broken = await asked
            mended = await panel.evaluate(sample)

        assert isinstance(broken.outcomes[0], Fault)
        assert "replica of judge 'red'" in broken.outcomes[0].reason
        assert (broken.passed, broken.standing) == (None, "undecided")
        assert mended.passed

    asyncio.run(run())


@pytest.mark.full
def test_a_cluster_that_is_not_there_is_told_at_once_and_by_its_address(monkeypatch):
    pytest.importorskip("ray", reason="the extra ray is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", where)

    with pytest.raises(ConfigError, match=rf"RAY_ADDRESS is '{where}'.*ray start --head"):
        joined("--engine ray")


@asynccontextmanager
async def on_ray(home: Path) -> AsyncIterator[Seating]:
    """A seating whose judges are served by a Ray of its own."""
    deployments = Deployments()
    await asyncio.to_thread(deployments.connect)
    seating = Seating(Settings(home=home), deployments=deployments)
    try:
        yield seating
    finally:
        await seating.close()
        await asyncio.to_thread(deployments.close)


def sent(thing: T) -> T:
    """What arrives in another process."""
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - what was pickled in this line


def kill_the_replica() -> None:
    """End the process of the judge that is asked."""
    below = psutil.Process().children(recursive=True)
    (replica,) = [each for each in below if "ray::ServeReplica" in " ".join(each.cmdline())]
    replica.kill()


def test_without_the_extra_the_command_that_brings_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingRequirement, match=r"pip install 'sentinel-gatekeeper\[ray\]'"):
        joined("--judges ray")


def test_an_error_survives_the_way_to_another_process():
    errors = (
        PluginError("judge", "red", "it returned 3 answers"),
        MissingRequirement("judge red", "weights", "sentinel models pull red"),
    )
    for error in errors:
        again = sent(error)

        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
