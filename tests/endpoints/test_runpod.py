"""RunPod's routes over a real server: what its clients never show, and what they cannot ask for."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx2
import pytest

HERE = "/v2/black-forest-labs-flux-1-schnell"
ASKED = {"prompt": "a red circle on a blue ground", "seed": 7, "width": 256, "height": 256}


def sync(http: httpx2.Client, wait: float | None = None, **fields: Any) -> dict[str, Any]:
    query = "" if wait is None else f"?wait={wait}"
    answer = http.post(f"{HERE}/runsync{query}", json={"input": {**ASKED, **fields}})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def run(http: httpx2.Client, more: dict[str, Any] | None = None, **fields: Any) -> str:
    answer = http.post(f"{HERE}/run", json={"input": {**ASKED, **fields}, **(more or {})})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"id": answer.json()["id"], "status": "IN_QUEUE"}
    job_id: str = answer.json()["id"]
    return job_id


def ended(http: httpx2.Client, job_id: str) -> dict[str, Any]:
    told: dict[str, Any] = http.get(f"{HERE}/status-sync/{job_id}?wait=60000").json()
    assert told["status"] not in ("IN_QUEUE", "IN_PROGRESS"), told
    return told


def picture(told: dict[str, Any]) -> bytes:
    answer = httpx2.get(told["output"]["image_url"])
    assert answer.status_code == 200
    return answer.content


@pytest.fixture(scope="module")
def done(http: httpx2.Client) -> dict[str, Any]:
    """A job that was waited for."""
    return sync(http)


@contextmanager
def busy(http: httpx2.Client) -> Iterator[None]:
    """The workers have more to do than they can for a while."""
    told = [run(http, seed=seed, width=1536, height=1536) for seed in (100, 200, 300)]
    try:
        yield
    finally:
        for job_id in told:
            http.post(f"{HERE}/cancel/{job_id}")


# ── answers ───────────────────────────────────────────────────────────────────────────────────


def test_a_job_that_was_waited_for_is_answered_as_runpod_does(http):
    begun = time.monotonic()
    answer = http.post(f"{HERE}/runsync", json={"input": ASKED})
    took = (time.monotonic() - begun) * 1000
    told = answer.json()

    assert set(told) == {"id", "status", "delayTime", "executionTime", "workerId", "output",
                         "sentinel"}  # fmt: skip
    assert re.fullmatch(r"sync-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-u1", told["id"])
    assert set(told["output"]) == {"image_url", "cost"}
    assert all(type(told[name]) is int for name in ("delayTime", "executionTime"))
    assert 0 < told["executionTime"] <= told["delayTime"] + told["executionTime"] <= took + 1
    assert answer.headers["x-sentinel-trace-id"] == told["sentinel"]["trace_id"]
    assert answer.headers["x-sentinel-action"] == told["sentinel"]["action"] == "pass"
    assert float(answer.headers["x-sentinel-cost-usd"]) == told["output"]["cost"]
    assert http.get(f"/v1/traces/{told['sentinel']['trace_id']}").status_code == 200


@pytest.mark.parametrize(
    ("width", "height", "cost"),
    [(512, 512, 0.00062915), (1024, 768, 0.00188744), (256, 1536, 0.00094372)],
)
def test_the_cost_is_runpods_formula_for_the_size(http, width, height, cost):
    told = sync(http, width=width, height=height)

    assert told["output"]["cost"] == cost


def test_the_format_is_the_one_that_was_asked_for(http, done):
    png = sync(http, image_format="png")
    answer = httpx2.get(png["output"]["image_url"])

    assert done["output"]["image_url"].endswith(".jpg")
    assert picture(done)[:2] == b"\xff\xd8"
    assert png["output"]["image_url"].endswith(".png")
    assert (answer.headers["content-type"], answer.content[:4]) == ("image/png", b"\x89PNG")


def test_a_seed_paints_the_same_bytes_again_and_another_one_others(http, done):
    queued = ended(http, run(http))
    other = sync(http, seed=8)
    reworded = sync(http, prompt="a blue square on a red ground")

    assert picture(queued) == picture(done)
    assert len({picture(each) for each in (done, other, reworded)}) == 3


@pytest.mark.parametrize("seed", [-1, None])
def test_a_seed_that_was_drawn_is_told_and_paints_the_same_again(http, seed):
    drawn = sync(http, seed=seed)
    again = sync(http, seed=drawn["sentinel"]["seed"])

    assert picture(again) == picture(drawn)


def test_eight_callers_at_once_are_all_served(http, done):
    with ThreadPoolExecutor(8) as many:
        told = list(many.map(lambda _: sync(http), range(8)))

    assert {each["status"] for each in told} == {"COMPLETED"}
    assert len({each["id"] for each in told}) == 8
    assert {picture(each) for each in told} == {picture(done)}


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────


def test_a_wait_that_is_over_answers_an_id_that_goes_on(http):
    begun = time.monotonic()
    told = sync(http, wait=1, seed=21)
    took = time.monotonic() - begun
    later = ended(http, told["id"])

    assert told["status"] in ("IN_QUEUE", "IN_PROGRESS")
    assert "output" not in told
    assert took < 1
    assert (later["id"], later["status"]) == (told["id"], "COMPLETED")
    assert http.get(f"{HERE}/status/{told['id']}").json() == later


def test_a_job_waits_works_and_ends(http):
    with busy(http):
        job_id = run(http, seed=22)
        waiting = http.get(f"{HERE}/status/{job_id}").json()
        still = http.get(f"{HERE}/status-sync/{job_id}?wait=50").json()
        health = http.get(f"{HERE}/health").json()
    told = ended(http, job_id)

    assert waiting == still == {"id": job_id, "status": "IN_QUEUE"}
    assert health["jobs"]["inQueue"] >= 1
    assert set(health["jobs"]) == {"completed", "failed", "inProgress", "inQueue", "retried"}
    assert set(health["workers"]) == {
        "idle", "initializing", "ready", "running", "throttled", "unhealthy",
    }  # fmt: skip
    assert told["delayTime"] > 0, "it stood in a queue"


def test_a_chunk_is_streamed_once_by_whoever_asks_first(http):
    job_id = run(http, seed=23)
    ended(http, job_id)
    with ThreadPoolExecutor(4) as many:
        told = list(many.map(lambda _: http.get(f"{HERE}/stream/{job_id}").json(), range(4)))
    chunks = [chunk for each in told for chunk in each["stream"]]

    assert {each["status"] for each in told} == {"COMPLETED"}
    assert chunks == [{"output": http.get(f"{HERE}/status/{job_id}").json()["output"]}]


def test_a_cancelled_job_has_no_output_and_a_finished_one_stays_completed(http, done):
    with busy(http):
        job_id = run(http)
        told = http.post(f"{HERE}/cancel/{job_id}", headers={"content-type": "application/json"})
        stream = http.get(f"{HERE}/stream/{job_id}").json()
    late = http.post(f"{HERE}/cancel/{done['id']}", json={})

    assert told.json() == {"id": job_id, "status": "CANCELLED"}
    assert http.get(f"{HERE}/status/{job_id}").json() == {"id": job_id, "status": "CANCELLED"}
    assert (stream["status"], stream["stream"]) == ("CANCELLED", [])
    assert late.json() == {"id": done["id"], "status": "COMPLETED"}


def test_a_purge_cancels_what_waits_and_nothing_else(http, done):
    with busy(http):
        waiting = [run(http, seed=seed) for seed in (31, 32)]
        before = http.get(f"{HERE}/health").json()["jobs"]
        purged = http.post(f"{HERE}/purge-queue").json()
        states = {http.get(f"{HERE}/status/{each}").json()["status"] for each in waiting}
        again = http.post(f"{HERE}/purge-queue", json={}).json()

    assert before["inQueue"] >= 2
    assert purged["removed"] >= 2
    assert (purged["status"], again) == ("completed", {"removed": 0, "status": "completed"})
    assert states == {"CANCELLED"}
    assert http.get(f"{HERE}/status/{done['id']}").json()["status"] == "COMPLETED"


def test_a_job_that_has_waited_longer_than_its_ttl_has_timed_out(http):
    with busy(http):
        job_id = run(http, {"policy": {"ttl": 300, "lowPriority": True}})
        time.sleep(0.4)
        told = http.get(f"{HERE}/status/{job_id}").json()

    assert (told["status"], "output" in told) == ("TIMED_OUT", False)


def test_a_job_that_may_take_no_time_has_timed_out(http):
    told = ended(http, run(http, {"policy": {"executionTimeout": 1}}))

    assert told["status"] == "TIMED_OUT"
    assert "output" not in told


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that takes webhooks, and what came."""
    came: list[dict[str, Any]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    listening = HTTPServer(("127.0.0.1", 0), Taking)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}/hook", came
    listening.shutdown()
    listening.server_close()


def test_the_end_of_a_job_is_posted_as_status_tells_it(http, receiver):
    url, came = receiver
    job_id = run(http, {"webhook": url})
    told = ended(http, job_id)
    deadline = time.monotonic() + 20
    while not came:
        assert time.monotonic() < deadline, "no webhook came"
        time.sleep(0.05)

    assert came == [told]
