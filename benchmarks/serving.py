"""POST /v1/score at eight callers against the same panel in process, in one run.

    python benchmarks/serving.py [--pictures 32] [--rounds 3] [--policy default] [--quick]

A real server on a real port decodes, judges, stores and answers; the panel in process is handed
decoded samples and only judges. Same pictures (512 x 512 JPEG), same policy, eight at a time on
both sides. Rounds alternate, so that a noisy machine disturbs both alike. Target: the server
scores at least 0.90 times as many pictures a second.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table
from skimage import data

from sentinel import imaging
from sentinel.contracts import Brief, Sample
from sentinel.panel import Panel
from sentinel.policy import builtin
from sentinel.seating import Seating
from sentinel.settings import Settings
from sentinel.wiring import hold_back_threads

CALLERS = 8
TARGET = 0.90
SIDE = 512
WORKERS = 2
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
PROMPT = 'a photo, "OPEN DAILY" on a sign'
PALETTE = ("#8b5a2b", "white")
SERVE = (
    "from sentinel.api.server import serve\n"
    "from sentinel.settings import Settings\n"
    "serve(Settings.read())"
)


def pictures(count: int) -> list[bytes]:
    """JPEGs of 512 x 512 pixels, no two alike."""
    made = []
    for index in range(count):
        photo = Image.fromarray(getattr(data, PHOTOS[index % len(PHOTOS)])()[..., :3])
        square = photo.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        moved = Image.fromarray(np.roll(np.asarray(square), 3 * index, axis=1))
        buffer = io.BytesIO()
        moved.save(buffer, "JPEG", quality=92)
        made.append(buffer.getvalue())
    return made


async def in_process(panel: Panel, encoded: list[bytes]) -> float:
    """Pictures a second through the panel, handed decoded samples, eight at a time."""
    brief = Brief(prompt=PROMPT, palette=PALETTE)
    samples = [imaging.sample(imaging.read(each), brief) for each in encoded]
    room = asyncio.Semaphore(CALLERS)

    async def one(sample: Sample) -> None:
        async with room:
            await panel.evaluate(sample)

    started = time.perf_counter()
    await asyncio.gather(*(one(sample) for sample in samples))
    return len(samples) / (time.perf_counter() - started)


def over_http(client: httpx2.Client, encoded: list[bytes]) -> tuple[float, list[float]]:
    """Pictures a second through POST /v1/score from eight callers; and each overhead in ms."""

    def one(picture: bytes) -> float:
        form = {"prompt": PROMPT, "palette": list(PALETTE)}
        answer = client.post("/v1/score", files={"image": ("p.jpg", picture)}, data=form)
        answer.raise_for_status()
        return float(answer.headers["x-sentinel-overhead-ms"])

    started = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as callers:
        overheads = list(callers.map(one, encoded))
    return len(encoded) / (time.perf_counter() - started), overheads


@contextlib.contextmanager
def server(policy: str) -> Iterator[httpx2.Client]:
    """A server of its own in a home of its own, ready; and a client of it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home, (Path(home) / "log").open("wb") as log:
        environment = os.environ | {
            "SENTINEL_HOME": home, "SENTINEL_PORT": str(port), "SENTINEL_POLICY": policy,
            "SENTINEL_WORKERS": str(WORKERS),
        }  # fmt: skip
        process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stderr=log)  # noqa: S603 - our own interpreter
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
                _await_ready(client, process, Path(home) / "log")
                yield client
        finally:
            process.terminate()
            process.wait(15)


def _await_ready(client: httpx2.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            if client.get("/readyz").is_success:
                return
        time.sleep(0.2)
    raise SystemExit(f"the server did not start:\n{log.read_text()}")


async def measure(policy: str, count: int, rounds: int) -> tuple[list[float], ...]:
    """Pictures a second in process and over HTTP by round, and the overheads in ms."""
    hold_back_threads(1)
    panel = await Seating(Settings.read(workers=WORKERS)).seat(builtin()[policy])
    encoded = pictures(count)
    inside: list[float] = []
    outside: list[float] = []
    overheads: list[float] = []
    with server(policy) as client:
        await in_process(panel, encoded[:CALLERS])
        await asyncio.to_thread(over_http, client, encoded[:CALLERS])
        for index in track(range(rounds), description="rounds", console=Console(stderr=True)):
            for turn in (0, 1) if index % 2 else (1, 0):
                if turn:
                    inside.append(await in_process(panel, encoded))
                else:
                    rate, spent = await asyncio.to_thread(over_http, client, encoded)
                    outside.append(rate)
                    overheads += spent
    return inside, outside, overheads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--policy", default="default", choices=sorted(builtin()))
    parser.add_argument("--quick", action="store_true", help="one round of 16 pictures")
    wanted = parser.parse_args()
    count, rounds = (16, 1) if wanted.quick else (wanted.pictures, wanted.rounds)
    inside, outside, overheads = asyncio.run(measure(wanted.policy, count, rounds))
    ratio = statistics.median(out / into for out, into in zip(outside, inside, strict=True))
    title = f"policy {wanted.policy}, {rounds} rounds of {count} pictures, {CALLERS} at a time"
    table = Table("what", "pictures a second", title=title)
    table.add_row("panel in process", f"{statistics.median(inside):.2f}")
    table.add_row("POST /v1/score", f"{statistics.median(outside):.2f}")
    table.add_row("ratio (target at least 0.90)", f"{ratio:.3f}")
    table.add_row("overhead a request, median", f"{statistics.median(overheads):.1f} ms")
    Console().print(table)
    raise SystemExit(0 if ratio >= TARGET else 1)


if __name__ == "__main__":
    main()
