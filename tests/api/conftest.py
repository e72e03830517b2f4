"""A house of doubles behind the HTTP face: in process, and as a server of its own."""

from __future__ import annotations

import io
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from sentinel import imaging, registry
from sentinel.api.app import create_app
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.testing import noise, scene

POINTER = '''
"""A judge with a box, a judge that looks slowly, one whose load takes a while, and one that echoes."""

import time

from sentinel.contracts import Box, Evidence, FailureMode, Reading


class Pointing:
    version = "1"

    def judge(self, samples):
        return [
            Reading(
                value=0.4,
                reason="something is there",
                measurements={"width": sample.width, "references": len(sample.references)},
                evidence=(Evidence(claim="here", box=Box(1, 2, sample.width, sample.height)),),
                issues=(FailureMode(category="text", subcategory="misspelled", detail="I for L"),),
            )
            for sample in samples
        ]


class Echo:
    version = "1"

    def judge(self, samples):
        return [
            Reading(value=1.0, reason="as sent", measurements={
                "prompt": sample.brief.prompt,
                "text": list(sample.brief.expected_text),
                "palette": list(sample.brief.palette),
                "kinds": [each.kind for each in sample.references],
                "pixel": [int(value) for value in sample.pixels[0, 0]],
            })
            for sample in samples
        ]


class Slow:
    version = "1"

    def __init__(self, seconds=1.0):
        self.seconds = seconds

    def load(self, runtime):
        time.sleep(self.seconds)

    def judge(self, samples):
        return [Reading(value=1.0, reason="late") for _ in samples]
'''

POINTS = """
[sentinel.judges]
pointing = pointing_double:Pointing
echo = pointing_double:Echo
slow = pointing_double:Slow
fixed = sentinel.testing:FixedJudge
declining = sentinel.testing:DecliningJudge
raising = sentinel.testing:RaisingJudge
[sentinel.gates]
fixedgate = sentinel.testing:FixedGate
raisinggate = sentinel.testing:RaisingGate
"""

POLICIES = {
    "default": """
        [gates.fixedgate]
        [judges.fixed]
        threshold = 0.5
        [judges.echo]
        weight = 0.0
        [judges.declining]
        threshold = 0.5
    """,
    "portrait": """
        [gates.fixedgate.options]
        passed = false
        [judges.fixed]
    """,
    "product": """
        [gates.raisinggate]
        required = false
        [judges.fixed]
        [judges.raising]
        threshold = 0.5
        required = false
    """,
    "poster": """
        [judges.pointing]
        threshold = 0.8
        weight = 2.0
    """,
}


@pytest.fixture(scope="session")
def doubles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on the path, with an installed package whose plugins are the doubles."""
    folder = tmp_path_factory.mktemp("doubles")
    (folder / "pointing_double.py").write_text(POINTER)
    info = folder / "sentinel_doubles-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sentinel-doubles\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    sys.path.insert(0, str(folder))
    registry._offered.cache_clear()
    yield folder
    sys.path.remove(str(folder))
    registry._offered.cache_clear()


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of policies made of doubles; it replaces all that are built in."""
    return write_policies(tmp_path_factory.mktemp("policies"), POLICIES)


def write_policies(folder: Path, policies: dict[str, str]) -> Path:
    """These policies, and the other built-in ones emptied: their models are others' tests."""
    for name, text in (dict.fromkeys(builtin(), "") | policies).items():
        lines = "\n".join(line.strip() for line in text.splitlines())
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n{lines}')
    return folder


Start = Callable[..., TestClient]


@pytest.fixture
def start(doubles: Path, policies: Path, tmp_path: Path) -> Iterator[Start]:
    """`start(body_mb=1)`: a client of a fresh house with these settings, its models loaded."""
    opened: list[TestClient] = []

    def make(*, wait: bool = True, **given: object) -> TestClient:
        settings = Settings.read(**{"home": tmp_path, "policies": policies, **given})
        client = TestClient(create_app(settings), raise_server_exceptions=True)
        client.__enter__()
        opened.append(client)
        if wait:
            await_ready(client)
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture(scope="module")
def client(
    doubles: Path, policies: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A client of one house that the tests of a file share."""
    settings = Settings.read(home=tmp_path_factory.mktemp("home"), policies=policies)
    with TestClient(create_app(settings)) as client:
        await_ready(client)
        yield client


def await_ready(client: TestClient | httpx2.Client, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while (answer := client.get("/readyz")).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


@pytest.fixture(scope="session")
def png() -> bytes:
    """A good picture."""
    return imaging.encode(scene(160, 120))


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """Another good picture."""
    buffer = io.BytesIO()
    Image.fromarray(noise(96, 64)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@dataclass
class Server:
    """A server of its own: where it listens, its process, and what it has said."""

    url: str
    process: psutil.Popen
    log: Path

    @property
    def megabytes(self) -> float:
        return self.process.memory_info().rss / 1e6


@pytest.fixture(scope="session")
def server(
    doubles: Path, policies: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A real server on a real port of this machine, in a home of its own."""
    home = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ, "PYTHONPATH": str(doubles), "SENTINEL_HOME": str(home),
        "SENTINEL_POLICIES": str(policies), "SENTINEL_PORT": str(port),
    }  # fmt: skip
    code = "from sentinel.api.server import serve; from sentinel.settings import Settings; serve(Settings.read())"
    log = home / "log"
    with log.open("wb") as said:
        process = psutil.Popen([sys.executable, "-c", code], env=environment, stderr=said)
        served = Server(f"http://127.0.0.1:{port}", process, log)
        try:
            with httpx2.Client(base_url=served.url, timeout=5) as client:
                _await_server(client, process, log)
            yield served
        finally:
            process.terminate()
            try:
                process.wait(15)
            except psutil.TimeoutExpired:
                process.kill()


def _await_server(client: httpx2.Client, process: psutil.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
