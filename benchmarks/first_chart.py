"""A dashboard of many evaluations in, how soon its first chart stands out: against a static page.

    python benchmarks/first_chart.py [--evaluations 1000000] [--loads 15]

The static page is the same one, byte for byte: what the server answered is recorded and replayed
from memory, header by header. So the ratio tells what asking the database and writing the page
cost a visitor. Each load is in a new browser context, with nothing cached; the two alternate, and
the time is the browser's own, from the navigation's start to the first drawn chart. Target: 1.5.
Needs Playwright and a Chromium (SENTINEL_CHROMIUM, else Debian's).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dashboard
import httpx2
import uvicorn
from playwright.sync_api import Browser, sync_playwright
from proxy import free_port, running
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentinel.policy import builtin
from sentinel.store import open_store
from sentinel.store.media import now_ms
from sentinel.store.rollups import DAY_MS

CHROMIUM = os.environ.get("SENTINEL_CHROMIUM", "/usr/bin/chromium")
PAGE = "/dashboard/"
WATCH = """
window.drawn = new Promise((ready) => {
  const look = () => {
    const chart = document.querySelector("[data-chart] canvas, [data-chart] svg");
    if (chart) requestAnimationFrame(() => ready(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
});
"""
"""Milliseconds from the navigation's start to the frame that shows the first chart."""


@contextmanager
def live(evaluations: int) -> Iterator[str]:
    """A server of its own process over so many evaluations of the last 90 days."""
    dashboard.END = now_ms() // DAY_MS * DAY_MS
    with tempfile.TemporaryDirectory() as home:
        store = open_store(f"sqlite:///{home}/sentinel.db", Path(home) / "media", 7)
        dashboard.fill(store, evaluations, 90, Console().print)
        store.close()
        port = free_port()
        environment = {
            "SENTINEL_HOME": home, "SENTINEL_PORT": str(port),
            "SENTINEL_POLICIES": str(_policies(Path(home) / "policies")),
        }  # fmt: skip
        with running([sys.executable, "-m", "sentinel", "serve"], port, environment):
            yield f"http://127.0.0.1:{port}"


def _policies(folder: Path) -> Path:
    """Models are no part of it: every policy that ships is emptied."""
    folder.mkdir()
    for name in builtin():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n')
    return folder


@contextmanager
def replayed(answers: dict[str, Response]) -> Iterator[str]:
    """A server that knows these answers and nothing else."""

    async def answer(request: Request) -> Response:
        return answers.get(request.url.path, Response(status_code=404))

    app = Starlette(routes=[Route("/{path:path}", answer)])
    port = free_port()
    config = uvicorn.Config(app, port=port, log_level="error", http="httptools")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def recorded(browser: Browser, url: str) -> dict[str, Response]:
    """Everything that the page loads, as it was answered."""
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url + PAGE, wait_until="load")
    page.close()
    kept = {}
    with httpx2.Client(headers={"Accept-Encoding": "gzip", "Accept": "*/*"}) as client:
        for each in dict.fromkeys(address for address in asked if address.startswith(url)):
            with client.stream("GET", each) as answer:
                content = b"".join(answer.iter_raw())
            headers = {k: v for k, v in answer.headers.items() if k not in ("date", "server")}
            kept[answer.url.path] = Response(content, answer.status_code, headers)
    return kept


def first_chart(browser: Browser, url: str) -> float:
    """Milliseconds until it stands, in a browser that has seen nothing."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(url + PAGE, wait_until="commit")
    taken = float(page.evaluate("window.drawn"))
    context.close()
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluations", type=int, default=1_000_000)
    parser.add_argument("--loads", type=int, default=15)
    given = parser.parse_args()
    with live(given.evaluations) as url, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        answers = recorded(browser, url)
        with replayed(answers) as still:
            first_chart(browser, url)
            first_chart(browser, still)
            ours, theirs = [], []
            for _ in range(given.loads):
                ours.append(first_chart(browser, url))
                theirs.append(first_chart(browser, still))
        browser.close()
    weight = sum(len(each.body) for each in answers.values())
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    said = f"{len(answers)} files, {weight / 1000:.0f} kB, {given.evaluations:,} evaluations"
    Console().print(said)
    for name, taken in (("dashboard", ours), ("static page", theirs)):
        Console().print(f"{name}: first chart after {statistics.median(taken):.0f} ms (median)")
    Console().print(
        f"ratio {statistics.median(ours) / statistics.median(theirs):.2f} of the medians, "
        f"{statistics.median(ratios):.2f} the median of pairs; target 1.5"
    )


if __name__ == "__main__":
    main()
