"""POST /v1/generate: a picture and its story come back, in Runflow's shape and ours."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sentinel import registry
from sentinel.api import generation_examples
from sentinel.api.app import create_app
from sentinel.api.generated import GenerateAnswer
from sentinel.api.painting import APART
from sentinel.contracts import Capabilities
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.testing import FixedGate, RedJudge, ScriptedGenerator, WeightlessJudge, red


class Rising(ScriptedGenerator):
    """Redder every time; a new request begins anew."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(red(0.2), cost=0.003, seconds=seconds, price=0.003,
                         capabilities=Capabilities(references=("style",)))  # fmt: skip

    def generate(self, brief):
        louder = min(0.9, 0.2 + 0.3 * brief.prompt.count("spelled"))
        self.script = (red(0.9 if brief.seed != 7 else louder),)
        return super().generate(brief)


class Broken(ScriptedGenerator):
    def __init__(self) -> None:
        super().__init__(b"streamed garbage")


class Slow(ScriptedGenerator):
    def __init__(self) -> None:
        super().__init__(red(0.9), seconds=0.5)


class Heavy(ScriptedGenerator):
    def __init__(self) -> None:
        super().__init__(red(0.9))

    load = WeightlessJudge.load


OFFERED = {
    "sentinel.judges": {"red": RedJudge},
    "sentinel.gates": {"no": FixedGate},
    "sentinel.generators": {"rising": Rising, "broken": Broken, "slow": Slow, "heavy": Heavy},
}

POLICIES = {
    "default": "[judges.red]\nthreshold = 0.5",
    "poster": "[gates.no.options]\npassed = false\nmendable = false\n[judges.red]",
}


@pytest.fixture(scope="module")
def offered() -> Iterator[None]:
    class Point(EntryPoint):
        def load(self):
            return OFFERED[self.group][self.name]

    def points(group):
        return [Point(name, f"here:{name}", group) for name in OFFERED.get(group, {})]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "entry_points", points)
        registry._offered.cache_clear()
        yield
    registry._offered.cache_clear()


def opened(home: Path, generator: str) -> TestClient:
    folder = home / "policies"
    folder.mkdir()
    for name in builtin():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n{POLICIES.get(name, "")}\n')
    return TestClient(create_app(Settings.read(home=home, policies=folder, generator=generator)))


@pytest.fixture(scope="module")
def client(offered, tmp_path_factory) -> Iterator[TestClient]:
    with opened(tmp_path_factory.mktemp("home"), "rising,broken,slow") as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.05)
        yield client


def generate(client: TestClient, **fields: Any) -> Any:
    small = {"prompt": "a red square", "width": 32, "height": 32}
    return client.post("/v1/generate", json={**small, **fields})


def test_the_answer_has_the_picture_its_evaluation_and_every_attempt(client):
    response = generate(client, seed=7)
    answer = response.json()

    assert response.status_code == 200, response.text
    assert response.headers["x-sentinel-trace-id"] == answer["trace_id"] == answer["id"]
    assert (answer["status"], answer["action"], answer["stopped_because"]) == (
        "completed", "pass", "passed",
    )  # fmt: skip
    assert [each["action"] for each in answer["attempts"]] == ["regenerate", "pass"]
    assert answer["attempts"][0]["seed"] == 7
    assert answer["spent"] == pytest.approx(0.006)
    assert answer["cost"] == 32 * 32 / 1e6 * 0.003  # one picture's, by Runflow's price
    assert answer["evaluation"]["overall_passed"] is True
    assert answer["evaluation"]["primary_action_code"] == "deliver"
    assert answer["evaluation"]["attempt_number"] == answer["delivered_attempt"] == 2


def test_the_picture_and_those_of_all_attempts_can_be_fetched(client):
    answer = generate(client, seed=7).json()
    [image] = answer["images"]
    delivered = client.get(image["url"])

    assert delivered.content == red(0.9)
    assert delivered.headers["content-type"] == image["content_type"] == "image/png"
    assert client.get(answer["attempts"][0]["image_url"]).content == red(0.2)


def test_the_trace_tells_the_same(client):
    answer = generate(client, seed=7).json()
    trace = client.get(answer["trace_url"]).json()

    assert trace["mode"] == "guard"
    assert trace["delivered"] == answer["delivered_attempt"]
    assert trace["stopped_because"] == "passed"
    assert trace["ended"] == answer["reason"]
    assert [each["prompt"] for each in trace["attempts"]] == [
        each["prompt"] for each in answer["attempts"]
    ]


def test_a_budget_is_kept_and_the_best_is_delivered_as_not_passed(client):
    answer = generate(client, seed=7, max_attempts=1).json()

    assert (answer["stopped_because"], answer["action"], answer["passed"]) == (
        "budget", "score", False,
    )  # fmt: skip
    assert len(answer["images"]) == 1


def test_what_asks_for_more_than_the_policy_allows_is_told(client):
    answer = generate(client, max_attempts=9).json()

    assert answer["notes"] == ["max_attempts is 9: the policy allows 3, which is used"]


@pytest.mark.parametrize("wish", [{"max_attempts": 0}, {"max_seconds": 0}, {"max_cost": 0}])
def test_a_budget_of_nothing_is_an_answer_without_a_picture(client, wish):
    response = generate(client, **wish)
    answer = response.json()

    assert (response.status_code, answer["code"]) == (422, "rejected")
    assert (answer["status"], answer["images"], answer["attempts"]) == ("rejected", [], [])
    assert answer["stopped_because"] in ("budget", "deadline")
    assert client.get(answer["trace_url"]).json()["attempts"] == []
    assert client.get(f"{answer['trace_url']}/picture").status_code == 404


def test_a_refused_picture_is_not_delivered_and_stays_in_the_trace(client):
    response = generate(client, policy="poster")
    answer = response.json()

    assert (response.status_code, answer["code"]) == (422, "rejected")
    assert answer["errors"][0]["field"] == "attempts[0]"
    assert answer["message"].endswith(f"trace {answer['id']}")
    assert (answer["status"], answer["action"], answer["stopped_because"]) == (
        "rejected", "reject", "rejected",
    )  # fmt: skip
    assert answer["evaluation"]["gate_failures"] == ["no"]


def test_score_mode_answers_before_the_judges_and_the_trace_has_their_word(client):
    answer = generate(client, mode="score", seed=7).json()
    for _ in range(100):
        trace = client.get(answer["trace_url"])
        if trace.status_code == 200 and trace.json()["attempts"][0]["judged"]:
            break
        time.sleep(0.02)

    assert answer["evaluation"]["status_code"] == "pending"
    assert trace.json()["standing"] == "failed"


def test_candidates_are_painted_at_once(client):
    answer = generate(client, candidates=2, seed=8).json()

    assert [each["round"] for each in answer["attempts"]] == [1, 1]


def test_every_field_arrives(client):
    answer = generate(
        client, negative_prompt="green", width=32, height=32, num_inference_steps=4,
        guidance_scale=3.5, seed=8, num_images=1, output_format="png", expected_text="SALE",
        references=[{"kind": "style", "image": base64.b64encode(red(0.5)).decode()}],
        palette=["red"], category="shop", policy="default", generator="rising", mode="guard",
        candidates=1, max_attempts=2, max_seconds=60, max_cost=1, model="flux",
    ).json()  # fmt: skip
    brief = client.get(answer["trace_url"]).json()["brief"]

    assert brief["expected_text"] == ["SALE"]
    assert brief["references"][0]["kind"] == "style"
    assert "takes no negative prompt: 'green' was not sent" in " ".join(
        answer["attempts"][0]["notes"]
    )


@pytest.mark.parametrize(
    ("fields", "status", "field", "told"),
    [
        pytest.param({"prompt": None}, 422, "prompt", "string", id="no prompt"),
        pytest.param({"num_images": 5}, 422, "num_images", "4", id="too many pictures"),
        pytest.param({"num_images": 0}, 422, "num_images", "1", id="no pictures"),
        pytest.param({"num_image": 1}, 422, "num_image", "did you mean 'num_images'", id="typo"),
        pytest.param({"candidates": 99}, 422, "candidates", "16", id="too many candidates"),
        pytest.param({"max_cost": -1}, 422, "max_cost", "0", id="negative money"),
        pytest.param({"width": 0}, 422, "width", "1", id="no width"),
        pytest.param({"seed": -1}, 422, "seed", "0", id="negative seed"),
        pytest.param({"policy": "postre"}, 404, "policy", "did you mean 'poster'", id="policy"),
        pytest.param({"generator": "risin"}, 404, "generator", "'rising'", id="generator"),
        pytest.param({"references": ["!"]}, 422, "references[0]", "base64", id="reference"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_by_field(client, fields, status, field, told):
    response = generate(client, **fields)
    [problem, *_] = response.json()["errors"]

    assert response.status_code == status, response.text
    assert problem["field"] == field
    assert told in problem["message"]


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        pytest.param({"content": b"prompt=x", "headers": {"content-type": "text/plain"}}, 415,
                     "media_type", id="no JSON"),
        pytest.param({"content": b"{", "headers": {"content-type": "application/json"}}, 400,
                     "json_invalid", id="broken JSON"),
        pytest.param({"json": []}, 422, "invalid", id="a list"),
        pytest.param({"json": {}}, 422, "invalid", id="an empty object"),
        pytest.param({"json": {"prompt": "x"}, "params": {"seed": 1}}, 422, "invalid",
                     id="fields in the address"),
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_told(client, given, status, code):
    response = client.post("/v1/generate", **given)

    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_generator_that_gives_no_picture_is_a_bad_gateway_and_not_a_200(client):
    response = generate(client, generator="broken", max_attempts=1)
    answer = response.json()

    assert (response.status_code, answer["code"]) == (502, "no_picture")
    assert answer["errors"][0]["field"] == "attempts[0]"
    trace = client.get(f"/v1/traces/{response.headers['x-sentinel-trace-id']}").json()
    assert trace["attempts"][0]["error"]


def test_a_deadline_that_no_picture_met_is_a_gateway_timeout(client):
    response = generate(client, generator="slow", max_seconds=0.1)

    assert (response.status_code, response.json()["code"]) == (504, "deadline")


def test_missing_weights_are_told_with_the_command_that_brings_them(offered, tmp_path):
    with opened(tmp_path, "heavy") as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.05)
        response = generate(client)

    assert response.status_code == 503
    assert "sentinel models pull" in response.json()["message"]


def test_a_caller_who_hangs_up_stops_the_work(offered, tmp_path):
    async def hang_up(app) -> None:
        body = json.dumps({"prompt": "x", "seed": 7, "width": 32, "height": 32}).encode()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            if messages:
                return messages.pop(0)
            await asyncio.sleep(0.1)
            return {"type": "http.disconnect"}

        async def send(message):
            pass

        scope = {
            "type": "http", "method": "POST", "path": "/v1/generate", "raw_path": b"/v1/generate",
            "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1",
            "headers": [(b"content-type", b"application/json")], "server": ("x", 80),
            "client": ("x", 1), "app": app,
        }  # fmt: skip
        async with app.router.lifespan_context(app):
            await app.state.house.loaded()
            await app(scope, receive, send)
            await asyncio.sleep(0)
            await app.state.house.settled()

    client = opened(tmp_path, "slow")
    asyncio.run(hang_up(client.app))
    folder = Settings.read(home=tmp_path).media

    assert any(path.is_file() for path in folder.rglob("*"))


def test_the_example_is_what_would_be_sent():
    answer = GenerateAnswer.model_validate(generation_examples.ANSWER)

    assert set(answer.model_dump()) == set(generation_examples.ANSWER)
    for attempt, example in zip(
        answer.attempts, generation_examples.ANSWER["attempts"], strict=True
    ):
        assert set(attempt.model_dump()) == set(example)


# ── several pictures ──────────────────────────────────────────────────────────────────────────


def test_each_of_several_pictures_has_its_seed_its_attempts_and_its_trace(client):
    answer = generate(client, seed=7, num_images=3).json()
    parts = [answer, *answer["others"]]
    traces = [client.get(each["trace_url"]).json() for each in parts]

    assert len(answer["images"]) == 3
    assert [len(each["images"]) for each in answer["others"]] == [1, 1]
    assert len({each["id"] for each in parts}) == 3
    assert [each["seed"] for each in parts] == [7, 7 + APART, 7 + 2 * APART]
    assert [len(each["attempts"]) for each in parts] == [len(each["attempts"]) for each in traces]
    assert len(answer["attempts"]) > len(answer["others"][0]["attempts"]) == 1
    assert answer["others"][1]["others"] == []
    assert answer["cost"] == pytest.approx(3 * answer["others"][0]["cost"])
    assert answer["spent"] == pytest.approx(sum(each["cost"] for each in traces))
    assert GenerateAnswer.model_validate(answer).others[0].passed


def test_of_several_pictures_none_is_told_twice_and_one_has_no_others(client):
    assert generate(client, seed=8).json()["others"] == []


def test_where_no_picture_of_several_came_the_first_failure_is_told(client):
    answer = generate(client, num_images=2, generator="broken")

    assert answer.status_code == 502
    assert answer.json()["code"] == "no_picture"


def test_several_pictures_in_the_background_are_a_job_each(client):
    told = generate(client, seed=7, num_images=2, **{"async": True})
    jobs = [told.json(), *told.json()["others"]]
    deadline = time.monotonic() + 30
    while (found := [client.get(each["status_url"]).json() for each in jobs]) and any(
        each["status"] in ("queued", "running") for each in found
    ):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    results = [client.get(each["result_url"]).json() for each in jobs]

    assert told.status_code == 202
    assert told.headers["location"] == jobs[0]["status_url"]
    assert [each["status"] for each in found] == ["done", "done"]
    assert [each["seed"] for each in results] == [7, 7 + APART]
    assert [len(each["images"]) for each in results] == [1, 1]
