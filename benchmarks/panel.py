"""The panel against a bare two-thread loop over the same gates and judges, in one run.

    python benchmarks/panel.py [--pictures 24] [--rounds 3] [--policy default]

The bare loop is what somebody would write in an afternoon: two threads, each with its own copy
of the plugins, each taking pictures and asking every gate and judge in turn. The panel has one
copy of each plugin, threads, queues, deadlines and stamps. Target: at most 1.10 times the bare
loop's seconds. Rounds alternate, so that a noisy machine disturbs both alike.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import threading
import time
from collections import deque
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from skimage import data

from sentinel import registry
from sentinel.contracts import Brief, InputGate, Loads, Pixels, Runtime, Sample
from sentinel.errors import MissingRequirement
from sentinel.imaging import fit
from sentinel.panel import Panel
from sentinel.policy import Policy, builtin
from sentinel.process import hold_back_threads
from sentinel.seating import Seating
from sentinel.settings import Settings

Plugins = tuple[list[Any], list[Any]]

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")


def samples(count: int) -> list[Sample]:
    """Fresh samples, 512 pixels wide, each with a brief that gives every judge work."""
    brief = Brief(prompt='a photo, "OPEN DAILY" on a sign', palette=("#8b5a2b", "white"))
    photos = [np.ascontiguousarray(getattr(data, name)()[..., :3]) for name in PHOTOS]
    made: list[Pixels] = [fit(photos[index % len(photos)], 512) for index in range(count)]
    return [Sample(np.ascontiguousarray(pixels), brief) for pixels in made]


def plugins(policy: Policy) -> Plugins:
    """A fresh, loaded copy of every gate and judge that can run here."""
    kept: Plugins = ([], [])
    for kind, rules, into in (("gate", policy.gates, kept[0]), ("judge", policy.judges, kept[1])):
        for name, rule in rules.items():
            plugin = registry.make(kind, name, rule.options)
            try:
                if isinstance(plugin, Loads):
                    plugin.load(Runtime(models=Settings.read().models))
            except MissingRequirement:
                continue
            into.append(plugin)
    kept[0].sort(key=lambda gate: getattr(gate, "typical_ms", 100.0))
    return kept


def in_turn(gates: list[Any], judges: list[Any], sample: Sample) -> None:
    """Every gate, then every judge."""
    for gate in gates:
        gate.screen(sample.brief) if isinstance(gate, InputGate) else gate.check(sample)
    for judge in judges:
        judge.judge([sample])


def bare(copies: list[Plugins], pictures: list[Sample]) -> float:
    """Seconds of the two-thread loop."""
    todo = deque(pictures)

    def work(gates: list[Any], judges: list[Any]) -> None:
        with contextlib.suppress(IndexError):  # the deque is empty: done
            while True:
                in_turn(gates, judges, todo.popleft())

    threads = [threading.Thread(target=work, args=copy) for copy in copies]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


async def through_panel(panel: Panel, pictures: list[Sample]) -> float:
    """Seconds of the panel, eight pictures in the house at a time."""
    room = asyncio.Semaphore(8)

    async def one(sample: Sample) -> None:
        async with room:
            await panel.evaluate(sample)

    started = time.perf_counter()
    await asyncio.gather(*(one(sample) for sample in pictures))
    return time.perf_counter() - started


async def measure(policy: Policy, count: int, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds per round: bare, panel."""
    hold_back_threads(1)
    seating = Seating(Settings.read(workers=2))
    panel = await seating.seat(policy)
    copies = [plugins(policy) for _ in range(2)]
    loops, panels = [], []
    bare(copies, samples(4))
    await through_panel(panel, samples(4))
    for index in track(range(rounds), description="rounds", console=Console(stderr=True)):
        turns = [0, 1] if index % 2 else [1, 0]
        for turn in turns:
            if turn:
                panels.append(await through_panel(panel, samples(count)))
            else:
                loops.append(await asyncio.to_thread(bare, copies, samples(count)))
    await seating.close()
    return loops, panels


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--policy", default="default")
    asked = parser.parse_args()
    policy = builtin()[asked.policy]
    loops, panels = asyncio.run(measure(policy, asked.pictures, asked.rounds))
    table = Table(title=f"{asked.pictures} pictures of 512 px, policy {policy.name}, two cores")
    for column in ("", "median s", "ms a picture", "ratio"):
        table.add_column(column, justify="right")
    base = statistics.median(loops)
    for name, seconds in (("bare two-thread loop", base), ("panel", statistics.median(panels))):
        per = 1000 * seconds / asked.pictures
        table.add_row(name, f"{seconds:.2f}", f"{per:.0f}", f"{seconds / base:.3f}")
    Console().print(table)
    ratios = [panel / loop for loop, panel in zip(loops, panels, strict=True)]
    print(
        f"panel / bare per round: {', '.join(f'{ratio:.3f}' for ratio in ratios)}; target <= 1.10"
    )


if __name__ == "__main__":
    main()
