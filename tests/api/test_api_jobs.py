"""Jobs over HTTP: accepted with 202, watched, listed, fetched, cancelled."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sentinel import registry
from sentinel.api import generation_examples
from sentinel.api.app import create_app
from sentinel.api.jobs import AcceptedAnswer, JobAnswer, JobsAnswer
from sentinel.jobs import Job
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.testing import RedJudge, ScriptedGenerator, red

GATE = threading.Event()


class Rising(ScriptedGenerator):
    """Red at the second attempt; "wait" in the prompt waits at the gate."""

    concurrent = 4

    def __init__(self) -> None:
        super().__init__(red(0.2), cost=0.003)

    def generate(self, brief):
        if "wait" in brief.prompt:
            GATE.wait(20)
        self.script = (red(0.2 if brief.seed == 7 else 0.9),)
        return super().generate(brief)


class Broken(ScriptedGenerator):
    def __init__(self) -> None:
        super().__init__(RuntimeError("out of paint"))


MOST_WAITING = 4

OFFERED = {
    "sentinel.judges": {"red": RedJudge},
    "sentinel.generators": {"rising": Rising, "broken": Broken},
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> Iterator[Any]:
    """`opened("rising")`: a client of a house of its own, its models loaded."""

    class Point(EntryPoint):
        def load(self):
            return OFFERED[self.group][self.name]

    def points(group):
        return [Point(name, f"here:{name}", group) for name in OFFERED.get(group, {})]

    folder = tmp_path_factory.mktemp("policies")
    for name in builtin():
        rules = "[judges.red]\nthreshold = 0.5" if name == "default" else ""
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n{rules}\n')

    def make(generator: str, **given: object) -> TestClient:
        home = tmp_path_factory.mktemp("home")
        known = {"home": home, "policies": folder, "generator": generator}
        return TestClient(create_app(Settings.read(**known | given)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "entry_points", points)
        registry._offered.cache_clear()
        yield make
    registry._offered.cache_clear()


@pytest.fixture(scope="module")
def client(opened) -> Iterator[TestClient]:
    with opened("rising,broken", jobs_at_once=1, jobs_waiting=MOST_WAITING) as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.05)
        yield client
        GATE.set()


def submit(client: TestClient, prompt: str = "a red square", **fields: Any) -> Any:
    small = {"prompt": prompt, "width": 32, "height": 32, "async": True}
    return client.post("/v1/generate", json={**small, **fields})


def ended(client: TestClient, job: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while (told := client.get(job["status_url"]).json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return told


def test_a_job_is_accepted_at_once_and_ends_with_the_answer_that_generate_gives(client):
    response = submit(client, seed=7)
    job = response.json()
    told = ended(client, job)
    result = client.get(job["result_url"])
    answer = result.json()
    waited = submit(client, seed=7, **{"async": False}).json()

    assert response.status_code == 202, response.text
    assert response.headers["location"] == job["status_url"] == f"/v1/jobs/{job['id']}"
    assert job["trace_id"] == job["id"] == response.headers["x-sentinel-trace-id"]
    assert (told["status"], told["attempt"], told["taken"]) == ("done", 2, 1)
    assert result.status_code == 200
    assert answer["id"] == job["id"]
    assert set(answer) == set(waited)
    assert [each["seed"] for each in answer["attempts"]] == [
        each["seed"] for each in waited["attempts"]
    ]
    assert client.get(answer["images"][0]["url"]).content == red(0.9)
    assert client.get(told["trace_url"]).json()["trace_id"] == job["id"]


def test_a_running_job_tells_its_attempt_and_has_no_result_yet(client):
    GATE.clear()
    job = submit(client, "wait for a red square").json()
    while (told := client.get(job["status_url"]).json())["status"] == "queued":
        time.sleep(0.05)
    early = client.get(job["result_url"])
    GATE.set()

    assert told["status"] == "running"
    assert (early.status_code, early.json()["code"]) == (409, "job_not_done")
    assert early.headers["retry-after"] == "1"
    assert ended(client, job)["status"] == "done"


def test_a_cancelled_job_has_no_result_and_says_so(client):
    GATE.clear()
    job = submit(client, "wait for a red square").json()
    waiting = submit(client, "wait as well").json()
    while client.get(job["status_url"]).json()["attempt"] == 0:
        time.sleep(0.05)
    stopped = [client.delete(each["status_url"]).json() for each in (job, waiting)]
    GATE.set()
    never = client.get(job["result_url"])
    again = client.delete(job["status_url"]).json()

    assert [each["status"] for each in (*stopped, again)] == ["cancelled"] * 3
    assert (never.status_code, never.json()["code"]) == (409, "job_cancelled")
    assert "retry-after" not in never.headers


def test_the_list_goes_from_page_to_page_and_by_status(client):
    for number in range(3):
        ended(client, submit(client, f"red {number}").json())
    first = client.get("/v1/jobs?limit=2&status=done").json()
    second = client.get(first["next_url"]).json()
    ids = [job["id"] for job in (*first["jobs"], *second["jobs"])]

    assert [job["prompt"] for job in first["jobs"]] == ["red 2", "red 1"]
    assert ids == sorted(set(ids), reverse=True)
    assert {job["status"] for job in second["jobs"]} == {"done"}
    assert client.get("/v1/jobs?limit=100").json()["next_url"] is None


def test_a_job_whose_generations_all_failed_is_told_as_a_failure(client):
    job = submit(client, generator="broken", max_attempts=1).json()
    told = ended(client, job)
    result = client.get(job["result_url"])

    assert told["status"] == "done"
    assert (result.status_code, result.json()["code"]) == (502, "no_picture")
    assert "out of paint" in result.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        pytest.param({"policy": "postre"}, 404, "policy", id="policy"),
        pytest.param({"generator": "risin"}, 404, "generator", id="generator"),
        pytest.param({"max_seconds": -1}, 422, "max_seconds", id="budget"),
    ],
)
def test_what_cannot_be_done_is_refused_before_it_is_accepted(client, fields, status, field):
    before = client.get("/v1/jobs?limit=1").json()["jobs"][:1]
    response = submit(client, **fields)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (status, field)
    assert client.get("/v1/jobs?limit=1").json()["jobs"][:1] == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/jobs/01X", 404),
        ("GET", "/v1/jobs/01X/result", 404),
        ("DELETE", "/v1/jobs/01X", 404),
        ("GET", "/v1/jobs/a%20b", 422),
        ("GET", "/v1/jobs?limit=0", 422),
        ("GET", "/v1/jobs?status=lost", 422),
    ],
)
def test_what_is_not_there_and_what_cannot_be_asked(client, method, path, status):
    assert client.request(method, path).status_code == status


def test_the_examples_have_the_fields_of_the_answers():
    accepted = AcceptedAnswer.model_validate(generation_examples.ACCEPTED)
    job = JobAnswer.model_validate(generation_examples.JOB)

    assert accepted.result_url == job.result_url
    assert (job.step, job.updated > job.created) == ("judging", True)
    assert JobsAnswer(jobs=(job,), next_url=None).next_url is None


def test_a_full_queue_is_told_with_when_to_come_back(client):
    GATE.clear()
    sent = []
    while (response := submit(client, "wait")).status_code == 202:
        sent.append(response.json())
    GATE.set()

    assert MOST_WAITING <= len(sent) <= MOST_WAITING + 1
    assert (response.status_code, response.json()["code"]) == (503, "busy")
    assert int(response.headers["retry-after"]) > 0
    assert [ended(client, job)["status"] for job in sent] == ["done"] * len(sent)


def test_a_failed_job_says_why():
    job = Job(id="01X", state="failed", step="ended", created_ms=0, updated_ms=0, taken=1,
              code="missing_requirement", error="no weights")  # fmt: skip
    told = JobAnswer.of(job)

    assert (told.status, told.error.code, told.error.message) == (
        "failed", "missing_requirement", "no weights",
    )  # fmt: skip
