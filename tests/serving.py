"""Servers in processes of their own, several on one home, that can be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from sentinel.policy import builtin

SLOW = '''
"""A judge that takes its time, and a painter that does; both leave a mark each time they begin."""

import os
import secrets
import time
from pathlib import Path

from generator.fixed import Fixed
from sentinel.contracts import Reading


def mark(kind):
    (Path(os.environ["MARKS"]) / f"{kind}-{secrets.token_hex(8)}").touch()


class Slow:
    version = "1"
    copies = 4

    def judge(self, samples):
        mark("judged")
        time.sleep(float(os.environ.get("JUDGING", "0.15")))
        return [Reading(value=0.9, reason="looked") for _ in samples]


class Painter(Fixed):
    concurrent = 8

    def generate(self, brief):
        mark("painted")
        time.sleep(0.6)
        if brief.prompt == "no paint":
            raise RuntimeError("out of paint")
        return super().generate(brief)
'''

POINTS = """
[sentinel.judges]
slow = serving_double:Slow
[sentinel.generators]
painter = serving_double:Painter
"""

POLICY = 'name = "default"\n[judges.slow]\nthreshold = 0.5\n[budget]\nattempts = 1\n'


@dataclass
class Server:
    """A server: where it listens, and what it is."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@dataclass
class Town:
    """A home that servers share: one database, one folder of pictures."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def marks(self, kind: str) -> int:
        """How often something was begun, by whichever process."""
        return len(list((self.folder / "marks").glob(f"{kind}-*")))

    @contextlib.contextmanager
    def serving(self, count: int, **environment: str) -> Iterator[list[Server]]:
        """So many servers, ready."""
        servers = [self._start(environment) for _ in range(count)]
        try:
            for server in servers:
                _await(server)
            yield servers
        finally:
            for server in servers:
                if server.process.poll() is None:
                    server.process.terminate()
            for server in servers:
                server.process.wait(20)

    def _start(self, given: dict[str, str]) -> Server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join(
                [str(self.folder / "doubles"), os.environ.get("PYTHONPATH", "")]
            ),
            "MARKS": str(self.folder / "marks"), "SENTINEL_HOME": str(self.home),
            "SENTINEL_POLICIES": str(self.folder / "policies"), "SENTINEL_GENERATOR": "painter",
            "SENTINEL_OUTBOUND_PRIVATE": "127.0.0.1", **given,
        }  # fmt: skip
        log = self.folder / f"log-{port}"
        command = [sys.executable, "-m", "sentinel", "serve", "--port", str(port)]
        with log.open("wb") as said:
            process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        return Server(f"http://127.0.0.1:{port}", process, log)


def town(folder: Path) -> Town:
    """An empty home, and the doubles that its servers paint and judge with."""
    for name in ("home", "marks", "policies", "empty", "doubles"):
        (folder / name).mkdir()
    (folder / "doubles" / "serving_double.py").write_text(SLOW)
    info = folder / "doubles" / "serving_doubles-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: serving-doubles\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    for name in builtin():
        bare = f'name = "{name}"\n'
        (folder / "empty" / f"{name}.toml").write_text(bare)
        (folder / "policies" / f"{name}.toml").write_text(POLICY if name == "default" else bare)
    return Town(folder)


def wait_for(claim: Callable[[], bool], seconds: float = 30) -> None:
    """Until it holds."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def _await(server: Server, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        assert server.process.poll() is None, server.log.read_text()
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{server.url}/readyz", timeout=5).status_code == 200:
                return
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.1)
