"""Traces and their pictures, what is on offer, readiness, and the OpenAPI document."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from sentinel.api import examples
from sentinel.api.errors import ErrorAnswer
from sentinel.api.offer import PluginsAnswer, PoliciesAnswer, PolicyAnswer, ReadyAnswer
from sentinel.api.traced import TraceAnswer
from sentinel.api.wire import ScoreAnswer
from sentinel.errors import ConfigError
from sentinel.settings import Settings

from .conftest import await_ready, write_policies

Start = Any


@pytest.fixture(scope="module")
def scored(client: TestClient, png: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(
        "/v1/score",
        files=[("image", ("a.png", png)), ("references", ("b.png", png))],
        data={"prompt": "a wish", "policy": "poster"},
    ).json()
    return answer


def test_a_trace_is_the_answer_and_what_led_to_it(
    client: TestClient, scored: dict[str, Any], png: bytes
) -> None:
    trace = client.get(scored["trace_url"]).json()

    assert {name: trace[name] for name in scored} == scored
    assert trace["brief"]["prompt"] == "a wish"
    assert trace["brief"]["references"][0]["bytes"] == len(png)
    assert len(trace["attempts"]) == 1


def test_the_picture_comes_back_as_it_was_sent(
    client: TestClient, scored: dict[str, Any], png: bytes
) -> None:
    response = client.get(scored["picture_url"])

    assert response.content == png
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]
    assert response.headers["content-disposition"].startswith("inline; filename=")


def test_a_picture_is_served_under_the_type_of_its_bytes(client: TestClient, jpeg: bytes) -> None:
    files = {"image": ("evil.html", jpeg, "text/html")}
    answer = client.post("/v1/score", files=files).json()

    assert client.get(answer["picture_url"]).headers["content-type"] == "image/jpeg"


def test_the_annotated_picture_is_a_png_that_can_be_looked_at(
    client: TestClient, scored: dict[str, Any]
) -> None:
    response = client.get(scored["annotated_url"])
    with Image.open(io.BytesIO(response.content)) as image:
        size = image.size

    assert response.headers["content-type"] == "image/png"
    assert size[0] > 400


@pytest.mark.parametrize("url", ["annotated_url", "picture_url"])
def test_a_picture_that_the_caller_has_is_not_sent_again(
    client: TestClient, scored: dict[str, Any], url: str
) -> None:
    tag = client.get(scored[url]).headers["etag"]
    response = client.get(scored[url], headers={"if-none-match": f'"other", {tag}'})

    assert (response.status_code, response.content) == (304, b"")


def test_an_attempt_that_never_was_has_no_picture(
    client: TestClient, scored: dict[str, Any]
) -> None:
    response = client.get(scored["picture_url"], params={"attempt": 2})

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_a_house_that_keeps_no_pictures_keeps_the_trace(start: Start, png: bytes) -> None:
    client = start(media_days=0)
    answer = client.post("/v1/score", files={"image": png}).json()

    assert client.get(answer["trace_url"]).status_code == 200
    assert client.get(answer["picture_url"]).status_code == 404
    assert client.get(answer["annotated_url"]).json()["code"] == "not_found"


def test_judges_say_whether_they_run(client: TestClient) -> None:
    answer = client.get("/v1/judges").json()
    judges = {each["name"]: each for each in answer["judges"]}

    assert judges["fixed"]["ready"]
    assert judges["fixed"]["policies"] == ["default", "portrait", "product"]
    assert {"fixedgate", "raisinggate"} <= {each["name"] for each in answer["gates"]}


def test_policies_are_listed_and_each_is_told_in_full(client: TestClient) -> None:
    listed = client.get("/v1/policies").json()
    poster = next(each for each in listed["policies"] if each["name"] == "poster")
    full = client.get(poster["url"]).json()

    assert listed["default"] == "default"
    assert full["fingerprint"] == poster["fingerprint"]
    assert full["judges"]["pointing"]["threshold"] == 0.8


def test_health_answers_while_models_are_still_loading(
    start: Start, tmp_path: Path, png: bytes
) -> None:
    slow = {"poster": "[judges.slow.options]\nseconds = 0.6"}
    folder = tmp_path / "slow"
    folder.mkdir()
    for name in ("default", "portrait", "product"):
        slow[name] = "[judges.fixed]"
    client = start(wait=False, policies=write_policies(folder, slow))
    health, ready = client.get("/healthz"), client.get("/readyz")
    refused = client.post("/v1/score", files={"image": png})
    await_ready(client)

    assert health.json()["status"] == "ok"
    assert (ready.status_code, ready.json()["code"]) == (503, "not_ready")
    assert "judge slow" in {each["field"] for each in ready.json()["errors"]}
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert client.post("/v1/score", files={"image": png}).status_code == 200


def test_a_policy_that_cannot_be_seated_is_told_by_readyz(
    start: Start, tmp_path: Path, png: bytes
) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    names = ("default", "portrait", "poster", "product")
    client = start(
        wait=False, policies=write_policies(folder, dict.fromkeys(names, "[judges.fixd]"))
    )
    for _ in range(100):
        answer = client.get("/readyz")
        if answer.json()["code"] != "not_ready":
            break

    assert (answer.status_code, answer.json()["code"]) == (503, "start_failed")
    assert "did you mean 'fixed'" in answer.json()["message"]
    assert client.post("/v1/score", files={"image": png}).status_code == 503


def test_a_server_with_an_unknown_policy_does_not_start(tmp_path: Path, policies: Path) -> None:
    from sentinel.api.server import serve

    with pytest.raises(ConfigError, match="did you mean 'poster'"):
        serve(Settings.read(home=tmp_path, policies=policies, policy="postre"))


def test_a_server_whose_models_are_missing_stops_with_what_mends_it(
    tmp_path: Path, doubles: Path
) -> None:
    from sentinel.api.server import serve

    folder = tmp_path / "policies"
    folder.mkdir()
    names = ("default", "portrait", "poster", "product")
    write_policies(folder, dict.fromkeys(names, "[judges.fixd]"))

    with pytest.raises(ConfigError, match="did you mean 'fixed'"):
        serve(Settings.read(home=tmp_path, policies=folder, port=18_651))


OPENAIS = ("/v1/chat", "/v1/images", "/v1/models")
"""OpenAI's routes beside ours; the answers of foreign services are in docs/endpoints."""


def test_the_openapi_document_has_an_example_of_every_answer_of_our_own(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    ours = {
        path: items
        for path, items in paths.items()
        if path.startswith(("/v1/", "/media", "/healthz", "/readyz"))
        and not path.startswith(OPENAIS)
    }
    operations = [item for items in ours.values() for item in items.values()]

    assert len(operations) >= 15
    for operation in operations:
        for response in operation["responses"].values():
            for media, content in response.get("content", {}).items():
                assert "example" in content or media.startswith("image/")


@pytest.mark.parametrize(
    ("example", "shape"),
    [
        (examples.ANSWER, ScoreAnswer), (examples.TRACE, TraceAnswer),
        (examples.POLICY, PolicyAnswer),
        (examples.JUDGES_RESPONSES[200]["content"]["application/json"]["example"], PluginsAnswer),
        (examples.POLICIES_RESPONSES[200]["content"]["application/json"]["example"],
         PoliciesAnswer),
        (examples.READY_RESPONSES[200]["content"]["application/json"]["example"], ReadyAnswer),
        (examples.BUSY["content"]["application/json"]["example"], ErrorAnswer),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_every_example_is_what_would_be_sent(example: Any, shape: Any) -> None:
    assert set(shape.model_validate(example).model_dump()) == set(example)


def test_the_examples_of_a_score_can_be_sent(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    content = document["paths"]["/v1/score"]["post"]["requestBody"]["content"]
    body = content["application/json"]["example"]
    answer = client.post("/v1/score", json=body)

    assert answer.status_code == 200
    assert set(content["multipart/form-data"]["schema"]["properties"]) == {
        *content["application/json"]["schema"]["properties"], "reference_kinds",
    }  # fmt: skip


def test_every_route_is_in_the_docs(client: TestClient) -> None:
    docs = Path(__file__).parents[2] / "docs"
    page = "".join(path.read_text() for path in (docs / "api.md", *docs.glob("endpoints/*.md")))
    paths = client.get("/openapi.json").json()["paths"]

    assert [path for path in paths if path not in page] == []
    assert re.search(r"```bash\ncurl", page)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_load_balancer_may_ask_by_head(client: TestClient, path: str):
    answer = client.head(path)

    assert answer.status_code == 200
    assert answer.content == b""
