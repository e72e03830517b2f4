"""One key, one answer: over HTTP, from many callers at once, in two processes on one database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from sentinel.api.app import create_app
from sentinel.settings import Settings

from .serving import Server, Town, town, wait_for

KEYS = count(1)

ASKED = {"prompt": "a red cup", "width": 64, "height": 64}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Town:
    return town(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def servers(shared: Town) -> Iterator[list[Server]]:
    with shared.serving(2) as servers:
        yield servers


@pytest.fixture
def key() -> str:
    return f"key-{next(KEYS)}"


def send(server: Server, key: str | None, body: Any = None, path: str = "/v1/generate"):
    headers = {} if key is None else {"Idempotency-Key": key}
    with httpx2.Client(timeout=60) as client:
        return client.post(f"{server.url}{path}", json=body or ASKED, headers=headers)


def together(*calls: tuple[Server, str, Any]) -> list[httpx2.Response]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: send(*call), calls))


def test_callers_with_one_key_at_the_same_moment_do_the_work_once(servers, shared, key):
    before = shared.marks("painted")
    answers = together(*((servers[0], key, ASKED) for _ in range(6)))

    assert shared.marks("painted") - before == 1
    assert [each.status_code for each in answers] == [200] * 6
    assert len({each.content for each in answers}) == 1
    assert len({each.headers["x-sentinel-trace-id"] for each in answers}) == 1
    assert sum("idempotent-replayed" in each.headers for each in answers) == 5


def test_two_processes_on_one_database_do_the_work_of_one_key_once(servers, shared, key):
    before = shared.marks("painted")
    answers = together(*((server, key, ASKED) for server in servers * 2))

    assert shared.marks("painted") - before == 1
    assert {each.status_code for each in answers} == {200}
    assert len({each.content for each in answers}) == 1


def test_another_body_under_a_key_is_refused_also_while_the_first_is_at_work(servers, key):
    first, other = together((servers[0], key, ASKED), (servers[1], key, {**ASKED, "seed": 1}))
    refused = first if first.status_code == 422 else other
    later = send(servers[1], key, {**ASKED, "prompt": "a blue cup"})

    assert {first.status_code, other.status_code} == {200, 422}
    for each in (refused, later):
        assert (each.status_code, each.json()["code"]) == (422, "idempotency_conflict")
        assert each.json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_key_is_its_routes_own(servers, key):
    painted = send(servers[0], key)
    run = send(
        servers[0], key, {"input": ASKED}, "/v1/models/black-forest-labs/flux-1-schnell/runs"
    )

    assert (painted.status_code, run.status_code) == (200, 202)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(
            "/v1/models/black-forest-labs/flux-1-schnell/runs", {"input": ASKED}, id="run"
        ),
        pytest.param("/v1/generate", {**ASKED, "async": True}, id="job"),
    ],
)
def test_what_is_accepted_under_a_key_is_accepted_once(servers, shared, key, path, body):
    answers = [send(server, key, body, path) for server in servers]

    assert [each.status_code for each in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["location"] == answers[0].headers["location"]


def test_a_refusal_is_the_same_the_second_time(servers, key):
    wrong = {**ASKED, "width": 0}
    one, two = (send(servers[0], key, wrong) for _ in range(2))

    assert (one.status_code, two.status_code) == (422, 422)
    assert one.json() == two.json()
    assert "idempotent-replayed" in two.headers


def test_a_failure_of_ours_is_not_kept(servers, key):
    broken = {**ASKED, "prompt": "no paint"}
    one, two = (send(servers[0], key, broken) for _ in range(2))

    assert (one.status_code, two.status_code) == (502, 502)
    assert "idempotent-replayed" not in two.headers
    assert one.headers["x-sentinel-trace-id"] != two.headers["x-sentinel-trace-id"]


def test_who_waits_for_a_failure_begins_anew(servers, key):
    broken = {**ASKED, "prompt": "no paint"}
    one, two = together((servers[0], key, broken), (servers[1], key, broken))

    assert (one.status_code, two.status_code) == (502, 502)
    assert one.headers["x-sentinel-trace-id"] != two.headers["x-sentinel-trace-id"]


@pytest.mark.parametrize("bad", ["", "x" * 256, "a\tb"], ids=["empty", "long", "with a tab"])
def test_a_key_that_is_none_is_told(servers, bad):
    answer = send(servers[0], bad)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_without_a_key_each_request_is_one_of_its_own(servers):
    assert len({send(servers[0], None).json()["id"] for _ in range(2)}) == 2


def test_where_no_picture_is_kept_no_answer_is_either(shared):
    settings = Settings.read(
        home=shared.folder / "bare", generator="fixed", media_days=0,
        policies=shared.folder / "empty",
    )  # fmt: skip
    with TestClient(create_app(settings), client=("127.0.0.1", 1)) as client:
        wait_for(lambda: client.get("/readyz").status_code == 200)
        headers = {"Idempotency-Key": "k"}
        one, two = (client.post("/v1/generate", json=ASKED, headers=headers) for _ in range(2))

    assert one.json()["images"][0]["url"].startswith("data:image/png;base64,")
    assert (two.status_code, two.json()["code"]) == (409, "idempotency_gone")


def test_an_answer_outlives_its_process_and_a_process_that_dies_at_work_is_stood_in_for(
    servers, shared
):
    first, second = servers  # the last test: one of them is killed
    kept = send(first, "kept").json()
    before = shared.marks("painted")
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(_outcome, first, "killed")
        wait_for(lambda: shared.marks("painted") == before + 1)
        first.kill()
        again, stood_in = send(second, "kept"), send(second, "killed")

    assert killed.result() is None
    assert again.json() == kept
    assert stood_in.status_code == 200
    assert shared.marks("painted") == before + 2


def _outcome(server: Server, key: str) -> int | None:
    try:
        return send(server, key).status_code
    except httpx2.TransportError:
        return None
