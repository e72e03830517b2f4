"""One server with real guard runs behind it, and Debian's Chromium in front of it."""

from __future__ import annotations

import os
import random
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
import psutil
import pytest

from sentinel import imaging, policy
from sentinel.contracts import Trace
from sentinel.store import open_store
from sentinel.testing import scene
from tests.dashboard.hostile import hostile_trace

PROMPTS = (
    'a yellow star above a pink heart, on a blue background, that says "JAZZ"',
    'a poster of two red cups on a white background, with the word "OPEN"',
    'a white moon on the left, on a purple background, with the word "NIGHT"',
    'a black ring, on an orange background, that says "MUSIC"',
    'a flyer showing four orange diamonds, brown background, the word "SALE"',
    'a green cross and a red square, on a yellow background, that says "TEA"',
)

STRICT = """
name = "strict"
mode = "guard"
pass_mark = 0.99
[gates.integrity]
[judges.text]
threshold = 0.99
[judges.fidelity]
threshold = 0.5
"""


@dataclass(frozen=True)
class House:
    """A server with a house of its own: where it listens, and where its database lies."""

    url: str
    home: Path
    guarded: tuple[str, ...] = ()
    """Ids of the traces of real guard runs."""


def policies(folder: Path) -> Path:
    """`poster-demo` as it ships and a strict one; the others emptied: their models are slow."""
    folder.mkdir(exist_ok=True)
    for name in policy.builtin():
        if name != "poster-demo":
            (folder / f"{name}.toml").write_text(f'name = "{name}"\n')
    (folder / "strict.toml").write_text(STRICT.replace("[judges.fidelity]\nthreshold = 0.5\n", ""))
    return folder


def served(home: Path, **more: str) -> Iterator[House]:
    """A server of its own process on a free port, until the caller is done."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ, "SENTINEL_HOME": str(home), "SENTINEL_PORT": str(port),
        "SENTINEL_POLICIES": str(policies(home / "policies")), **more,
    }  # fmt: skip
    code = "from sentinel.api.server import serve; from sentinel.settings import Settings; serve(Settings.read())"
    with (home / "log").open("wb") as said:
        process = psutil.Popen([sys.executable, "-c", code], env=environment, stderr=said)
        try:
            house = House(f"http://127.0.0.1:{port}", home)
            _await(house, process)
            yield house
        finally:
            process.terminate()
            try:
                process.wait(15)
            except psutil.TimeoutExpired:
                process.kill()


def _await(house: House, process: psutil.Popen) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, (house.home / "log").read_text()
        try:
            if httpx2.get(f"{house.url}/readyz", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, (house.home / "log").read_text()
        time.sleep(0.1)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Twelve guarded requests on the poster world, three pictures scored, and hostile traces."""
    for running in served(tmp_path_factory.mktemp("house")):
        with ThreadPoolExecutor(2) as pool:
            guarded = tuple(pool.map(partial(_guard, running), range(12)))
        for category in ("photo", "photo", "shop"):
            _score(running, category)
        _spread(running)
        yield House(running.url, running.home, guarded)


@pytest.fixture(scope="session")
def empty_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that has judged nothing yet."""
    home = tmp_path_factory.mktemp("empty")
    (home / "policies").mkdir()
    (home / "policies" / "poster-demo.toml").write_text('name = "poster-demo"\n')
    yield from served(home)


def _guard(house: House, at: int) -> str:
    asked = {
        "prompt": PROMPTS[at % len(PROMPTS)], "policy": "poster-demo", "seed": 40 + at,
        "category": ("event", "shop", "café")[at % 3], "max_attempts": (1, 3, 1, 1)[at % 4],
        "width": 512, "height": 512,
    }  # fmt: skip
    answer = httpx2.post(f"{house.url}/v1/generate", json=asked, timeout=90)
    assert answer.status_code == 200, answer.text
    return answer.headers["X-Sentinel-Trace-Id"]


def _score(house: House, category: str) -> None:
    form = {"category": category, "policy": "strict", "model": "another"}
    answer = httpx2.post(
        f"{house.url}/v1/score",
        data=form,
        files={"image": imaging.encode(scene(240, 180))},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text


def _spread(house: House) -> None:
    """The runs' hours, spread over the last days: what happens in one minute draws no line."""
    store = open_store(f"sqlite:///{house.home}/sentinel.db", house.home / "media", 7)
    rng = random.Random(5)  # noqa: S311 - the same draw every time
    for listed in store.queries.recent(limit=100).traces:
        trace = store.traces.load(listed.id)
        earlier = trace.created_ms - rng.randrange(5 * 24) * 3_600_000
        store.traces.save(trace.model_copy(update={"created_ms": earlier}))
    store.traces.save(hostile_trace(int(time.time() * 1000)))
    store.close()


@pytest.fixture(scope="session")
def bare_trace(house: House) -> Trace:
    """A real run of which no word and no picture was kept."""
    url, media = f"sqlite:///{house.home}/sentinel.db", house.home / "media"
    kept = open_store(url, media, 7)
    run = kept.traces.load(house.guarded[1])
    kept.close()
    store = open_store(url, media, 7, words=False)
    bare = run.model_copy(update={"id": "bare-1", "created_ms": int(time.time() * 1000), "attempts": tuple(
        each.model_copy(update={"picture": "0" * 64}) for each in run.attempts
    )})  # fmt: skip
    store.traces.save(bare)
    loaded = store.traces.load("bare-1")
    store.close()
    return loaded


class Tab:
    """A page of the browser that remembers everything the console said."""

    def __init__(self, page: object, house: House) -> None:
        self.page = page
        self.house = house
        self.said: list[str] = []
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))

    def _failed(self, request: object) -> None:
        """What was under way when the page was left has not failed."""
        if request.failure != "net::ERR_ABORTED":
            self.said.append(f"failed: {request.url} ({request.failure})")

    def open(self, path: str) -> object:
        answer = self.page.goto(self.house.url + path, wait_until="load")
        if self.page.query_selector("[data-chart]"):
            self.page.wait_for_selector("[data-drawn]")
        return answer


@pytest.fixture
def tab(request: pytest.FixtureRequest, chromium: object, house: House) -> Iterator[Tab]:
    """A page on the house; `@pytest.mark.parametrize("tab", [(390, "dark")], indirect=True)`."""
    width, scheme = getattr(request, "param", (1440, "light"))
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
    )
    yield Tab(context.new_page(), house)
    context.close()
