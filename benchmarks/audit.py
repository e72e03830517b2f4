"""The audit against loops over the same models; its memory; what a resumed run repeats.

    python benchmarks/audit.py [speed|memory|resume|ray] [--pictures 32] [--rounds 3]

speed   pictures a second of `sentinel audit`, against two loops somebody would write in an
        afternoon: one thread that asks every gate and judge in turn, and two such threads, each
        with its own copies. All read the same files and decode them. Targets: at least 0.95 of
        the two threads, at least 1.8 times the one. Rounds alternate, since machines are noisy.
memory  the peak of a whole `sentinel audit` over 2,000 and over 20,000 small pictures. Target: 1.1.
resume  an audit is killed half way and run again: entries measured twice, of those that were left.
        Target: 10 % and one batch.
ray     pictures a second of `--engine ray` on this machine, without its start. Target: 0.8 of
        the local engine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from panel import Plugins, plugins
from skimage import data

from sentinel.audit.conducting import Asked, Audit, engine_of, plugins_of
from sentinel.audit.engines import Engine, EngineName
from sentinel.audit.ledger import Ledger
from sentinel.audit.run import BATCH, Run
from sentinel.contracts import Brief, InputGate
from sentinel.imaging import encode, fit, read, sample
from sentinel.policy import Policy, builtin
from sentinel.process import give_memory_back, hold_back_threads
from sentinel.settings import Settings

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
PROMPT = 'a photo, "OPEN DAILY" on a sign'
PALETTE = ("#8b5a2b", "white")
CHEAP = 'name = "cheap"\n[gates.request]\n[judges.color]\nthreshold = 0.1\n'


def photographs(folder: Path, count: int) -> list[Path]:
    """Different pictures of 512 pixels, and a table that gives every judge work."""
    folder.mkdir(parents=True)
    rows = ["file_name,prompt,palette"]
    quoted = PROMPT.replace('"', '""')
    paths = []
    for number in range(count):
        pixels = fit(np.ascontiguousarray(getattr(data, PHOTOS[number % 4])()[..., :3]), 512)
        pixels = np.ascontiguousarray(np.roll(pixels, 7 * number, axis=1))
        paths.append(folder / f"{number:04d}.png")
        paths[-1].write_bytes(encode(pixels))
        rows.append(f'{paths[-1].name},"{quoted}","{";".join(PALETTE)}"')
    (folder / "metadata.csv").write_text("\n".join(rows))
    return paths


def loop(copies: list[Plugins], paths: list[Path]) -> float:
    """Seconds of as many threads as there are copies, each asking all in turn."""
    todo = deque(paths)
    brief = Brief(prompt=PROMPT, palette=PALETTE)

    def work(gates: list[Any], judges: list[Any]) -> None:
        with contextlib.suppress(IndexError):  # the deque is empty: done
            while True:
                seen = sample(read(todo.popleft().read_bytes()), brief)
                for gate in gates:
                    gate.screen(brief) if isinstance(gate, InputGate) else gate.check(seen)
                for judge in judges:
                    judge.judge([seen])

    threads = [threading.Thread(target=work, args=copy) for copy in copies]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


async def audited(engine: Engine, pictures: Path, folder: Path) -> float:
    """Seconds of an audit that begins with nothing known, up to its last reading."""
    folder.mkdir()  # noqa: ASYNC240 - before the clock starts
    audit = Audit(Asked(pictures, folder), Settings.read())
    ledger = Ledger(folder, plugins_of(engine.panel))
    started = time.perf_counter()
    await Run(audit.source, engine, ledger, audit.settings, lambda _: None).measure()
    seconds = time.perf_counter() - started
    ledger.close()
    return seconds


async def speed(policy: Policy, place: Path, count: int, rounds: int) -> None:
    """One thread, two threads and the audit, in turn."""
    paths = photographs(place / "in", count)
    copies = [plugins(policy) for _ in range(2)]
    async with engine_of("local", Settings.read(workers=2), policy) as engine:
        await audited(engine, place / "in", place / "warm")
        loop(copies, paths[:4])
        took: dict[str, list[float]] = {"one thread": [], "two threads": [], "audit": []}
        for number in range(rounds):
            turns: list[tuple[str, Callable[[], Any]]] = [
                ("one thread", lambda: asyncio.to_thread(loop, copies[:1], paths)),
                ("two threads", lambda: asyncio.to_thread(loop, copies, paths)),
                ("audit", lambda n=number: audited(engine, place / "in", place / f"out{n}")),
            ]
            for name, turn in turns if number % 2 else reversed(turns):
                took[name].append(await turn())
                print(f"  round {number + 1}: {name} {took[name][-1]:.1f} s", flush=True)
    _table(took, count)
    for base, target in (("two threads", 0.95), ("one thread", 1.8)):
        pairs = [one / other for one, other in zip(took[base], took["audit"], strict=True)]
        shown = ", ".join(f"{each:.2f}" for each in pairs)
        print(f"audit / {base}: median {statistics.median(pairs):.2f} ({shown}); target {target}")


async def over_ray(policy: Policy, place: Path, count: int, rounds: int) -> None:
    """The local engine and Ray's, in turn."""
    photographs(place / "in", count)
    took: dict[str, list[float]] = {"local": [], "ray": []}
    names: tuple[EngineName, ...] = ("local", "ray")
    for number in range(rounds):
        for name in names:
            async with engine_of(name, Settings.read(workers=2), policy) as engine:
                await audited(engine, place / "in", place / f"warm-{name}{number}")
                took[name].append(await audited(engine, place / "in", place / f"{name}{number}"))
    _table(took, count)
    ratios = [one / other for one, other in zip(took["local"], took["ray"], strict=True)]
    print(f"ray / local: {statistics.median(ratios):.2f}; target 0.8")


def _table(took: dict[str, list[float]], count: int) -> None:
    for name, seconds in took.items():
        middle = statistics.median(seconds)
        print(f"{name:12} {count / middle:6.2f} pictures/s (median of {len(seconds)})")


# ── a whole command ───────────────────────────────────────────────────────────────────────────


def small(folder: Path, count: int) -> None:
    """Small pictures, all different."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(5)
    for number in range(count):
        tiny = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        (folder / f"{number:05d}.png").write_bytes(
            encode(np.kron(tiny, np.ones((12, 12, 1), np.uint8)))
        )


def environment(place: Path) -> dict[str, str]:
    """A home of its own, with a policy whose judges cost next to nothing."""
    (place / "policies").mkdir(exist_ok=True)
    (place / "policies" / "cheap.toml").write_text(CHEAP)
    home = {"SENTINEL_HOME": str(place / "home"), "SENTINEL_POLICIES": str(place / "policies")}
    return {**os.environ, **home, "SENTINEL_POLICY": "cheap"}


def command(place: Path, source: str, out: str) -> subprocess.Popen[str]:
    """`sentinel audit`, telling each entry."""
    words = ["audit", str(place / source), "--out", str(place / out), "--json-lines"]
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "sentinel", *words], stdout=subprocess.PIPE, text=True,
        env=environment(place),
    )  # fmt: skip


def peak(place: Path, source: str) -> float:
    """Megabytes at the highest, from its start to the end of its report."""
    highest = 0.0
    with command(place, source, f"{source}-out") as running:
        process, ended = psutil.Process(running.pid), threading.Event()

        def watch() -> None:
            nonlocal highest
            with contextlib.suppress(psutil.Error):
                while not ended.wait(0.05):
                    highest = max(highest, process.memory_info().rss / 1e6)

        thread = threading.Thread(target=watch)
        thread.start()
        for _ in running.stdout or ():
            pass
        ended.set()
        thread.join()
    return highest


def memory(place: Path, sizes: tuple[int, int]) -> None:
    """The peak at each size, and their ratio."""
    peaks = []
    for size in sizes:
        small(place / f"p{size}", size)
        peaks.append(peak(place, f"p{size}"))
        print(f"{size:6,} pictures: {peaks[-1]:.0f} MB at the highest")
    print(f"ratio {peaks[1] / peaks[0]:.3f}; target <= 1.1")


def resume(place: Path, count: int) -> None:
    """Killed half way, run again."""
    small(place / "in", count)
    with command(place, "in", "out") as running:
        done = 0
        for line in running.stdout or ():
            done += '"measured": true' in line
            if done >= count // 2:
                break
        running.kill()
        done += sum('"measured": true' in line for line in running.stdout or ())
    with command(place, "in", "out") as again:
        steps = [json.loads(line) for line in again.stdout or ()]
    measured = sum(step.get("measured", False) for step in steps)
    repeated, left = measured - (count - done), count - done
    print(f"killed after {done} of {count}; measured again {repeated} of {left} left over")
    print(f"target <= {left // 10 + BATCH} (10 % and a batch of {BATCH})")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", default="speed")
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--policy", default="default")
    parser.add_argument("--sizes", type=int, nargs=2, default=(2_000, 20_000))
    asked = parser.parse_args()
    hold_back_threads(1)
    give_memory_back()
    policy = builtin()[asked.policy]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        match asked.what:
            case "memory":
                memory(place, tuple(asked.sizes))
            case "resume":
                resume(place, 400)
            case "ray":
                asyncio.run(over_ray(policy, place, asked.pictures, asked.rounds))
            case _:
                asyncio.run(speed(policy, place, asked.pictures, asked.rounds))


if __name__ == "__main__":
    main()
