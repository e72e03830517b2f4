"""kill -9: nothing that was accepted is lost, nothing that is on record is painted again.

The same arena as `benchmarks/kills.py`, which plays fifty kills; here it is a handful.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def kills() -> ModuleType:
    import importlib.util

    path = Path(__file__).parent.parent / "benchmarks" / "kills.py"
    spec = importlib.util.spec_from_file_location("kills_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def arena(kills, tmp_path) -> Any:
    made = kills.Arena(tmp_path, seconds=0.25)
    yield made
    made.close()


def test_kills_at_random_moments_lose_nothing_and_repeat_nothing_that_was_finished(kills, arena):
    tally = kills.play(arena, 4, 1, random.Random())  # noqa: S311 - moments, not secrets

    assert tally.jobs > 0
    assert (tally.lost, tally.repeated) == (0, 0), tally
    assert tally.billed_twice <= tally.asked_again


def test_two_processes_share_the_work_and_the_living_one_takes_over(kills, arena):
    ports = [arena.start(), arena.start()]
    for port in ports:
        assert arena.ready(port)
    for _ in range(16):
        arena.send(ports[0])
    deadline = time.monotonic() + 30
    while len({line["pid"] for line in arena.told()}) < 2:
        assert time.monotonic() < deadline, "only one of them paints"
        time.sleep(0.05)
    while not under_way(arena, arena.servers[ports[0]].pid):
        assert time.monotonic() < deadline, "it has nothing to do any more"
        time.sleep(0.01)
    arena.kill(ports[0])
    tally = kills.count(arena, wait=60)

    assert tally.jobs == 16
    assert (tally.lost, tally.repeated) == (0, 0), tally
    assert max(tally.taken) == 2, "the dead process's jobs were taken up by the other"


def under_way(arena: Any, pid: int) -> bool:
    """Whether a process is painting right now."""
    whats = [line["what"] for line in arena.told() if line["pid"] == pid]
    return whats.count("begun") > whats.count("billed")
