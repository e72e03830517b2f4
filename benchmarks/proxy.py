"""What Sentinel adds in front of an image service, beside what LiteLLM's proxy adds, in one run.

    python -m venv /tmp/litellm && /tmp/litellm/bin/pip install 'litellm[proxy]'
    python benchmarks/proxy.py --litellm /tmp/litellm/bin/litellm [--calls 200] [--memory 10000]

A stand-in speaks OpenAI's images API and answers at once, so that nearly all of the time is the
proxies'. Both are called as their clients call them (POST …/images/generations, b64_json), with a
picture of some 100 bytes and with one of 500 kB; calls to the stand-in, to Sentinel and to LiteLLM
take turns, so that a noisy machine disturbs all three alike. Sentinel passes the picture on without
judging it (mode off): it still decodes it, fingerprints it and keeps picture and trace, which
LiteLLM does not. Target: at most a quarter of what LiteLLM adds. `bare` hands requests on and
answers back untouched, on the same server and HTTP library: what is left of the target when a proxy
does nothing. Then 32 callers at once, and with
`--memory` what the process holds after so many calls, against after a tenth of them.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
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
import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sentinel import imaging

TARGET = 0.25
CALLERS = 32
MODEL = "deepinfra/black-forest-labs/FLUX-1-schnell"
ASKED = {"model": MODEL, "prompt": "a red disc", "n": 1}
SIZES = {"tiny": "256x256", "500 kB": "416x416"}
STARTING = 120.0
"""Seconds that a server may take to start."""


def pictures() -> dict[str, bytes]:
    """PNGs as the stand-in gives them: a plain one, and noise of some 500 kB."""
    noise = np.random.default_rng(0).integers(0, 256, (416, 416, 3), dtype=np.uint8)
    plain = np.full((256, 256, 3), (200, 40, 40), np.uint8)
    plain[64:192, 64:192] = 240  # not blank
    return {"tiny": imaging.encode(plain), "500 kB": imaging.encode(noise)}


def stand_in(port: int) -> None:
    """Serve OpenAI's images API: every answer is the picture that the prompt names."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    answers = {
        name: b'{"created":1,"data":[{"b64_json":"%b"}]}' % base64.b64encode(data)
        for name, data in pictures().items()
    }

    async def generations(request: Request) -> Response:
        asked = await request.json()
        body = answers["500 kB" if "500 kB" in asked["prompt"] else "tiny"]
        return Response(body, media_type="application/json")

    app = Starlette(routes=[Route("/v1/images/generations", generations, methods=["POST"])])
    uvicorn.run(app, port=port, log_level="error")


def bare(port: int, upstream: str) -> None:
    """Hand every request on and its answer back, as they are: the least that a proxy can do."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    client = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=CALLERS))

    async def forward(request: Request) -> Response:
        headers = {"content-type": "application/json"}
        content = await request.body()
        answer = await client.post(
            f"{upstream}/images/generations", content=content, headers=headers
        )
        return Response(answer.content, answer.status_code, media_type="application/json")

    app = Starlette(routes=[Route("/v1/images/generations", forward, methods=["POST"])])
    uvicorn.run(app, port=port, log_level="error")


@contextlib.contextmanager
def running(command: list[str], port: int, env: dict[str, str]) -> Iterator[psutil.Process]:
    """A server as a process of its own, until it listens and until we are done."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, env={**os.environ, **env}, stdout=log, stderr=log
        )
        try:
            _await(port, process)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise SystemExit(f"{process.args!r} does not listen after {STARTING:.0f} s")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Caller:
    """A client of one of the three, over a connection that stays open."""

    def __init__(self, base: str) -> None:
        """Nothing is sent yet."""
        self._url = f"{base}/images/generations"
        headers = {"Authorization": "Bearer none", "X-Sentinel-Mode": "off"}
        limits = httpx2.Limits(max_connections=CALLERS)
        self._http = httpx2.Client(headers=headers, timeout=60, limits=limits)

    def call(self, kind: str, seed: int) -> float:
        """Seconds of one call."""
        body = {**ASKED, "size": SIZES[kind], "prompt": f"a red disc, {kind}, number {seed}"}
        began = time.perf_counter()
        answer = self._http.post(self._url, json=body)
        took = time.perf_counter() - began
        if answer.status_code != httpx2.codes.OK or "b64_json" not in answer.text:
            raise SystemExit(f"{self._url}: {answer.status_code} {answer.text[:300]}")
        return took

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def beside(callers: dict[str, Caller], kind: str, calls: int) -> dict[str, float]:
    """Median milliseconds by who was called, taking turns."""
    for caller in callers.values():
        for at in range(5):
            caller.call(kind, -at - 1)
    took: dict[str, list[float]] = {name: [] for name in callers}
    for at in track(range(calls), kind):
        for name, caller in callers.items():
            took[name].append(caller.call(kind, at))
    return {name: statistics.median(each) * 1000 for name, each in took.items()}


def rate(caller: Caller, kind: str, calls: int) -> float:
    """Requests a second with `CALLERS` callers at once."""
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(lambda at: caller.call(kind, at), range(CALLERS)))
        began = time.perf_counter()
        list(pool.map(lambda at: caller.call(kind, at), range(calls)))
    return calls / (time.perf_counter() - began)


def added(callers: dict[str, Caller], calls: int) -> Table:
    """Milliseconds that both add, one call at a time."""
    added = [name for name in callers if name != "stand-in"]
    table = Table("picture", "stand-in ms", *(f"{name} adds ms" for name in added),
                  "bare / LiteLLM", "Sentinel / LiteLLM",
                  title=f"one caller, {calls} calls each, medians; target ≤ {TARGET}")  # fmt: skip
    for kind in pictures():
        told = beside(callers, kind, calls)
        more = {name: told[name] - told["stand-in"] for name in added}
        ratios = (more[name] / more["LiteLLM"] for name in ("bare", "Sentinel"))
        table.add_row(
            kind, f"{told['stand-in']:.1f}", *(f"{each:.1f}" for each in more.values()),
            *(f"{each:.2f}" for each in ratios),
        )  # fmt: skip
    return table


def rates(callers: dict[str, Caller], calls: int) -> Table:
    """Requests a second of all three."""
    table = Table("picture", *callers, "Sentinel / LiteLLM",
                  title=f"{CALLERS} callers, requests a second")  # fmt: skip
    for kind in pictures():
        found = {name: rate(caller, kind, calls) for name, caller in callers.items()}
        ratio = found["Sentinel"] / found["LiteLLM"]
        table.add_row(kind, *(f"{each:.0f}" for each in found.values()), f"{ratio:.1f}")
    return table


def memory(caller: Caller, process: psutil.Process, calls: int) -> Table:
    """Resident megabytes of Sentinel after a tenth of the calls, and after all of them."""
    held = {}
    done = 0
    with ThreadPoolExecutor(CALLERS) as pool:
        for upto in (calls // 10, calls):
            turns = range(done, upto)
            list(track(pool.map(lambda at: caller.call("tiny", at), turns), "memory", len(turns)))
            held[upto], done = process.memory_info().rss / 1e6, upto
    table = Table("calls", "MB", title="resident memory of Sentinel")
    for upto, megabytes in held.items():
        table.add_row(str(upto), f"{megabytes:.0f}")
    return table


def main() -> None:
    """Start all three, call them, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm", type=Path, help="the command of an installed litellm[proxy]")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--memory", type=int, default=0)
    parser.add_argument("--stand-in", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--upstream", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.stand_in:
        stand_in(asked.stand_in)
        return
    if asked.bare:
        bare(asked.bare, asked.upstream)
        return
    if asked.litellm is None:
        raise SystemExit("name LiteLLM's command: --litellm PATH (see --help)")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        _compare(asked, Path(folder), stack)


def _compare(asked: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> None:
    up, ours, theirs, least = (free_port() for _ in range(4))
    upstream = f"http://127.0.0.1:{up}/v1"
    stack.enter_context(running([sys.executable, __file__, "--stand-in", str(up)], up, {}))
    handing_on = [sys.executable, __file__, "--bare", str(least), "--upstream", upstream]
    stack.enter_context(running(handing_on, least, {}))
    options = f'{{"opper": {{"base_url": "{upstream}", "route": "images"}}}}'
    process = stack.enter_context(running(
        [sys.executable, "-m", "sentinel", "serve", "--port", str(ours)], ours,
        {"SENTINEL_HOME": str(folder), "SENTINEL_GENERATOR": "opper", "OPPER_API_KEY": "none",
         "SENTINEL_GENERATOR_OPTIONS": options},
    ))  # fmt: skip
    config = folder / "litellm.yaml"
    config.write_text(
        f"model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/flux\n"
        f"      api_base: {upstream}\n      api_key: none\n"
    )
    stack.enter_context(running(
        [str(asked.litellm), "--config", str(config), "--port", str(theirs)], theirs,
        {"LITELLM_LOCAL_MODEL_COST_MAP": "True",
         "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"},
    ))  # fmt: skip
    callers = {
        "stand-in": Caller(upstream),
        "Sentinel": Caller(f"http://127.0.0.1:{ours}/v3/compat"),
        "bare": Caller(f"http://127.0.0.1:{least}/v1"),
        "LiteLLM": Caller(f"http://127.0.0.1:{theirs}/v1"),
    }
    for caller in callers.values():
        stack.callback(caller.close)
    _ready(f"http://127.0.0.1:{ours}/readyz")
    console = Console()
    console.print(added(callers, asked.calls))
    console.print(rates(callers, asked.calls * 2))
    if asked.memory:
        console.print(memory(callers["Sentinel"], process, asked.memory))


def _ready(url: str) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(url).status_code == httpx2.codes.OK:
                return
        time.sleep(0.5)
    raise SystemExit(f"{url} is not ready after {STARTING:.0f} s")


if __name__ == "__main__":
    main()
