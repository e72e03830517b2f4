"""fal's queue over a real server: what its clients never show, and what they cannot ask for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx2
import pytest

from .conftest import SMALL

APP = "/queue/fal-ai/flux/schnell"
ASKED = {"prompt": "a red circle on a blue ground", "seed": 7, "image_size": SMALL}


def submit(http: httpx2.Client, app: str = APP, **fields: Any) -> dict[str, Any]:
    answer = http.post(app, json={**ASKED, **fields})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def ended(told: dict[str, Any], seconds: float = 60) -> httpx2.Response:
    deadline = time.monotonic() + seconds
    while (answer := httpx2.get(f"{told['status_url']}?logs=1")).status_code == 202:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return answer


@pytest.fixture(scope="module")
def done(http: httpx2.Client) -> dict[str, Any]:
    """A request for two pictures that has ended."""
    told = submit(http, num_images=2)
    ended(told)
    return told


@contextmanager
def busy(http: httpx2.Client) -> Iterator[None]:
    """The workers have more to do than they can for a while."""
    told = [submit(http, num_images=4, seed=seed) for seed in (100, 200, 300)]
    try:
        yield
    finally:
        for each in told:
            httpx2.put(each["cancel_url"])


def test_submit_answers_at_once_with_addresses_that_can_be_opened(http, server):
    told = submit(http)
    status = httpx2.get(told["status_url"])

    assert set(told) == {
        "request_id", "response_url", "status_url", "cancel_url", "status", "queue_position",
    }  # fmt: skip
    assert (told["status"], type(told["queue_position"])) == ("IN_QUEUE", int)
    assert told["response_url"].startswith(f"{server.url}/queue/fal-ai/flux/requests/")
    assert status.json()["request_id"] == told["request_id"]
    assert ended(told).json()["status"] == "COMPLETED"


def test_the_result_is_what_run_answers_to_the_byte_of_its_pictures(http, done):
    queued = httpx2.get(done["response_url"])
    straight = http.post("/fal-ai/flux/schnell", json={**ASKED, "num_images": 2})
    one, other = ({**each.json(), "timings": None} for each in (queued, straight))

    assert one == other
    assert queued.headers["x-fal-request-id"] == done["request_id"]
    assert queued.headers["x-fal-billable-units"] == straight.headers["x-fal-billable-units"] == "2"


def test_sync_mode_is_kept_for_the_result(http):
    told = submit(http, sync_mode=True)
    ended(told)

    assert (
        httpx2.get(told["response_url"]).json()["images"][0]["url"].startswith("data:image/jpeg;")
    )


@pytest.mark.parametrize("below", ["", "/schnell", "/schnell/redux"])
def test_a_request_is_found_by_its_short_and_long_address(http, done, below):
    here = f"/queue/fal-ai/flux{below}/requests/{done['request_id']}"

    assert http.get(here).json()["seed"] == 7
    assert http.get(f"{here}/status").json()["status"] == "COMPLETED"


def test_a_host_that_begins_with_queue_means_the_queue(http, server):
    host = {"host": f"queue.localhost:{server.port}"}
    told = http.post("/fal-ai/flux/schnell", json=ASKED, headers=host).json()
    here = f"/fal-ai/flux/requests/{told['request_id']}"

    assert told["status"] == "IN_QUEUE"
    assert told["status_url"] == f"http://queue.localhost:{server.port}{here}/status"
    assert http.get(f"{here}/status", headers=host).status_code in (200, 202)


def test_the_status_has_the_keys_that_clients_need_at_every_stage(http):
    with busy(http):
        told = submit(http, seed=9)
        waiting = httpx2.get(f"{told['status_url']}?logs=true").json()
        early = httpx2.get(told["response_url"])
    last = ended(told).json()
    bare = httpx2.get(f"{told['status_url']}?logs=0").json()

    assert (waiting["status"], waiting["queue_position"] > 0) == ("IN_QUEUE", True)
    assert (early.status_code, early.json()["error_type"]) == (400, "bad_request")
    assert last["metrics"]["inference_time"] > 0
    assert all(set(line) == {"message", "level", "source", "timestamp"} for line in last["logs"])
    assert (bare["logs"], "error" in bare) == (None, False)


def test_the_stream_tells_each_change_once_and_ends_with_the_request(http):
    told = submit(http, num_images=2, seed=11)
    with httpx2.stream("GET", f"{told['status_url']}/stream?logs=1", timeout=60) as answer:
        kind = answer.headers["content-type"]
        lines = [line for line in answer.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line[0] != ":"]
    said = [json.dumps(line) for event in events for line in event.get("logs", [])]

    assert kind.startswith("text/event-stream")
    assert [event["status"] for event in events].count("COMPLETED") == 1
    assert events[-1]["status"] == "COMPLETED"
    assert len(said) == len(set(said))
    assert sum("is delivered" in line for line in said) == 2


def test_the_log_tells_what_really_happened_to_each_picture(http, done):
    lines = [line["message"] for line in ended(done).json()["logs"]]
    result = httpx2.get(done["response_url"])
    traces = [http.get(f"/v1/traces/{each}").json()
              for each in result.headers["x-sentinel-trace-id"].split(", ")]  # fmt: skip

    for number, trace in enumerate(traces, 1):
        seed = trace["attempts"][0]["seed"]
        assert any(
            line.startswith(f"picture {number} of 2: attempt 1: painted by embedded")
            and line.endswith(f"seed {seed}")
            for line in lines
        )


def test_a_request_that_was_cancelled_while_it_waited_never_has_a_picture(http):
    with busy(http):
        told = submit(http, seed=31)
        stopped = httpx2.put(told["cancel_url"], headers={"content-type": "application/json"})
    status = ended(told).json()
    result = httpx2.get(told["response_url"])
    again = httpx2.put(told["cancel_url"])

    assert (stopped.status_code, stopped.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    assert (status["status"], status["error_type"]) == ("COMPLETED", "client_cancelled")
    assert (result.status_code, result.json()["error_type"]) == (499, "client_cancelled")
    assert result.headers["x-fal-error-type"] == "client_cancelled"
    assert (again.status_code, again.json()) == (400, {"status": "ALREADY_COMPLETED"})


def test_a_request_that_is_not_begun_in_time_is_given_up_and_not_tried_again(http):
    with busy(http):
        headers = {"x-fal-request-timeout": "0.5", "x-fal-queue-priority": "low"}
        told = http.post(APP, json={**ASKED, "seed": 41}, headers=headers).json()
        status = ended(told).json()
    result = httpx2.get(told["response_url"])

    assert (status["status"], status["error_type"]) == ("COMPLETED", "request_timeout")
    assert result.status_code == 504
    assert result.headers["x-fal-request-timeout-type"] == "user"


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf", ""])
def test_a_patience_that_is_no_number_of_seconds_is_a_bad_request(http, seconds):
    answer = http.post(APP, json=ASKED, headers={"x-fal-request-timeout": seconds})

    assert (answer.status_code, answer.json()["error_type"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("method", "below"),
    [("GET", ""), ("GET", "/status"), ("GET", "/status/stream"), ("PUT", "/cancel")],
)
@pytest.mark.parametrize("request_id", ["01M89RAFG90P7BM6WAKCAMXARY", "a%20b", "x" * 80])
def test_an_unknown_request_is_told_in_fals_shape(http, method, below, request_id):
    answer = http.request(method, f"/queue/fal-ai/flux/requests/{request_id}{below}")

    assert answer.status_code in (404, 422)
    assert "detail" in answer.json()


def test_what_is_wrong_is_refused_at_submit(http):
    answer = http.post(APP, json={**ASKED, "num_images": 0})

    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "num_images"])


def test_a_request_that_delivers_nothing_ends_with_the_refusal_that_run_gives(http):
    told = submit(http, prompt="a naked woman, explicit pornography")
    status = ended(told).json()
    result = httpx2.get(told["response_url"])

    assert (status["status"], status["error_type"]) == ("COMPLETED", "content_policy_violation")
    assert (result.status_code, result.json()["detail"][0]["type"]) == (
        422,
        "content_policy_violation",
    )


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that takes webhooks, and what it was told."""
    heard: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/hook?a=b", heard
        listening.shutdown()


def heard_of(heard: list[dict[str, Any]], request_id: str, seconds: float = 20) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while not (found := [each for each in heard if each["request_id"] == request_id]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found[0]


def test_a_webhook_is_told_the_result_or_why_there_is_none(http, receiver):
    url, heard = receiver
    good = http.post(APP, params={"fal_webhook": url}, json=ASKED).json()
    asked = {**ASKED, "prompt": "a naked woman, explicit pornography"}
    bad = http.post(APP, params={"fal_webhook": url}, json=asked).json()
    fine, wrong = (heard_of(heard, each["request_id"]) for each in (good, bad))

    assert (fine["status"], fine["gateway_request_id"]) == ("OK", good["request_id"])
    assert fine["payload"] == httpx2.get(good["response_url"]).json()
    assert httpx2.get(fine["payload"]["images"][0]["url"]).status_code == 200
    assert (wrong["status"], bool(wrong["error"])) == ("ERROR", True)
    assert wrong["payload"]["detail"][0]["type"] == "content_policy_violation"


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/x", "ftp://127.0.0.1/x", "words", "http://[/"]
)
def test_a_webhook_that_may_not_be_dialled_is_refused_at_submit(http, url):
    answer = http.post(APP, params={"fal_webhook": url}, json=ASKED)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "fal_webhook"]
