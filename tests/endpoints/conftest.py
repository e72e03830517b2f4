"""A real server, as `sentinel serve --tls` starts it, and the services' own clients against it.

The policy has the cheap gates and judges alone; the generator is the one that ships.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from sentinel.policy import builtin

CLIENTS = Path(__file__).parent.parent / "clients"
JS = CLIENTS / "js"

POLICY = """
name = "default"
[gates.request]
[gates.integrity]
[gates.safety]
[judges.color]
threshold = 0.5
"""

SMALL = {"width": 128, "height": 128}
"""A size that the embedded generator paints without enlarging."""


@dataclass(frozen=True)
class Served:
    """A server of its own: where it listens, where its home is, and what it has said."""

    port: int
    tls_port: int
    home: Path
    log: Path
    process: psutil.Popen

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def printed(self) -> dict[str, str]:
        """The environment that `sentinel serve --tls` printed."""
        lines = (line for line in self.log.read_text().splitlines() if line.startswith("export "))
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of policies, of which only the default one has anything in it."""
    folder = tmp_path_factory.mktemp("policies")
    for name in builtin():
        (folder / f"{name}.toml").write_text(POLICY if name == "default" else f'name = "{name}"')
    return folder


@pytest.fixture(scope="session")
def server(policies: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`sentinel serve --tls` in a process and a home of its own."""
    with serving(tmp_path_factory.mktemp("served"), policies) as served:
        yield served


@contextmanager
def serving(home: Path, policies: Path) -> Iterator[Served]:
    """A server in that home, as long as the block goes on."""
    port, tls_port = free_ports(2)
    environment = {
        **os.environ, "SENTINEL_HOME": str(home), "SENTINEL_POLICIES": str(policies),
        "SENTINEL_OUTBOUND_PRIVATE": "127.0.0.1",
    }  # fmt: skip
    command = [sys.executable, "-m", "sentinel", "serve", "--port", str(port), "--tls",
               "--tls-port", str(tls_port)]  # fmt: skip
    log = home / "log"
    with log.open("wb") as said:
        process = psutil.Popen(command, env=environment, stdout=said, stderr=said)
        served = Served(port, tls_port, home, log, process)
        try:
            await_ready(served)
            yield served
        finally:
            process.terminate()
            try:
                process.wait(20)
            except psutil.TimeoutExpired:
                process.kill()


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def await_ready(served: Served, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        assert served.process.poll() is None, served.log.read_text()
        try:
            if httpx2.get(f"{served.url}/readyz", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, served.log.read_text()
        time.sleep(0.1)


@pytest.fixture(scope="session")
def http(server: Served) -> Iterator[httpx2.Client]:
    """A plain HTTP client of the server."""
    with httpx2.Client(base_url=server.url, timeout=60) as client:
        yield client


Run = Callable[..., Any]


@pytest.fixture(scope="session")
def node(server: Served) -> Run:
    """`node("fal.mjs", "run")`: what a script of tests/clients/js prints, as JSON or text."""
    if shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    installed, locked = JS / "node_modules" / ".package-lock.json", JS / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < locked.stat().st_mtime:
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=JS, check=True)

    def run(*words: str, text: bool = False, **environment: str) -> Any:
        told = {**os.environ, "SENTINEL_URL": server.url, **environment}
        return printed(["node", *words], cwd=JS, env=told, text=text)

    return run


RUNPOD = CLIENTS / "runpod.txt"

VENV = CLIENTS.parent.parent / ".venv-runpod"
"""Where RunPod's Python client is installed: beside Sentinel, its FastAPI with all extras would give
uvicorn another event loop and another parser than users have."""


@pytest.fixture(scope="session")
def runpod_python() -> Path:
    """A Python that has RunPod's client; made once, and anew when its pins change."""
    stamp = VENV / "runpod.txt"
    if not stamp.exists() or stamp.read_text() != RUNPOD.read_text():
        making = VENV.with_name(f"{VENV.name}-{os.getpid()}")
        subprocess.run([sys.executable, "-m", "venv", making], check=True)
        install = [making / "bin" / "python", "-m", "pip", "install", "-q", "-r", RUNPOD]
        subprocess.run(install, check=True)
        shutil.rmtree(VENV, ignore_errors=True)
        making.rename(VENV)
        stamp.write_text(RUNPOD.read_text())
    return VENV / "bin" / "python"


def printed(command: list[str], *, cwd: Path, env: dict[str, str], text: bool = False) -> Any:
    """What a program prints: all of it as text, or the last line as JSON."""
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout if text else json.loads(done.stdout.splitlines()[-1])
