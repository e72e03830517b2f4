"""POST /v1/score: what goes in by either road arrives, and what comes out says so."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from fastapi.testclient import TestClient

Fields = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def score(client: TestClient, data: bytes, **fields: Any) -> Fields:
    response = client.post("/v1/score", files={"image": ("p.png", data)}, data=fields)
    assert response.status_code == 200, response.text
    answer: Fields = response.json()
    return answer


def heard(answer: Fields) -> Fields:
    """What the echoing judge heard."""
    outcome = next(each for each in answer["outcomes"] if each["judge"] == "echo")
    measured: Fields = outcome["measurements"]
    return measured


def test_a_picture_alone_is_scored(client: TestClient, png: bytes) -> None:
    answer = score(client, png)

    assert (answer["action"], answer["passed"], answer["score"]) == ("pass", True, 1.0)
    assert (answer["picture"]["width"], answer["picture"]["height"]) == (160, 120)


def test_every_field_of_a_form_arrives(client: TestClient, png: bytes, jpeg: bytes) -> None:
    answer = client.post(
        "/v1/score",
        files=[("image", ("a.png", png)), ("references", ("b.jpg", jpeg)),
               ("references", ("c.png", png))],
        data={"prompt": "two red cups", "negative_prompt": "blur", "expected_text": ["SALE", "50 %"],
              "palette": ["#c8102e", "white"], "reference_kinds": ["style", "face"],
              "category": "shop", "model": "flux"},
    ).json()  # fmt: skip

    assert heard(answer) | {"pixel": 0} == {
        "prompt": "two red cups", "text": ["SALE", "50 %"], "palette": ["#c8102e", "white"],
        "kinds": ["style", "face"], "pixel": 0,
    }  # fmt: skip
    assert answer["model"] == "flux"


def test_every_field_of_a_json_body_arrives(client: TestClient, png: bytes, jpeg: bytes) -> None:
    body = {
        "image": f"data:image/png;base64,{b64(png)}", "prompt": "two red cups",
        "negative_prompt": None, "expected_text": ["SALE"], "palette": "white",
        "references": [b64(jpeg), {"kind": "product", "image": b64(png)}], "category": None,
        "policy": None, "model": "flux",
    }  # fmt: skip
    answer = client.post("/v1/score", json=body).json()

    assert heard(answer) | {"pixel": 0} == {
        "prompt": "two red cups", "text": ["SALE"], "palette": ["white"],
        "kinds": ["face", "product"], "pixel": 0,
    }  # fmt: skip


def test_both_roads_lead_to_the_same_verdict(client: TestClient, png: bytes) -> None:
    by_form = score(client, png, prompt="x")
    by_json = client.post("/v1/score", json={"image": b64(png), "prompt": "x"}).json()

    assert heard(by_form) == heard(by_json)
    assert by_form["picture"] == by_json["picture"]


def test_a_picture_may_be_base64_in_a_form(client: TestClient, png: bytes) -> None:
    answer = client.post("/v1/score", files={"image": (None, b64(png))}).json()

    assert answer["picture"]["width"] == 160


def test_the_policy_is_the_one_that_was_named(client: TestClient, png: bytes) -> None:
    answer = score(client, png, policy="poster")

    assert (answer["policy"], answer["action"], answer["standing"]) == ("poster", "score", "failed")
    assert answer["outcomes"][0]["evidence"] == [{"claim": "here", "box": [1, 2, 160, 120]}]
    assert answer["top_issues"] == ["pointing: I for L"]


def test_a_category_that_is_a_policy_chooses_it(client: TestClient, png: bytes) -> None:
    assert score(client, png, category="poster")["policy"] == "poster"
    assert score(client, png, category="poster", policy="default")["policy"] == "default"
    assert score(client, png, category="a kind nobody knows")["policy"] == "default"


def test_where_a_gate_refuses_the_judges_are_named_as_not_run(
    client: TestClient, png: bytes
) -> None:
    answer = score(client, png, policy="portrait")

    assert (answer["action"], answer["standing"], answer["score"]) == ("reject", "refused", None)
    assert (answer["outcomes"], answer["not_run"]) == ([], ["fixed"])


def test_what_breaks_is_named_and_the_rest_arrives(client: TestClient, png: bytes) -> None:
    answer = score(client, png, policy="product")
    kinds = {each["judge"]: each["kind"] for each in answer["outcomes"]}

    assert kinds == {"fixed": "score", "raising": "fault"}
    assert answer["gates"][0]["passed"] is None
    assert answer["not_run"] == ["raising"]


def test_the_head_says_where_the_time_went(client: TestClient, png: bytes) -> None:
    response = client.post("/v1/score", files={"image": ("p.png", png)})
    timing = dict(part.split(";dur=") for part in response.headers["server-timing"].split(", "))

    assert set(timing) >= {"decode", "panel", "store", "total", "gate-fixedgate", "judge-fixed"}
    assert float(timing["total"]) >= float(timing["panel"])
    assert 0 <= float(response.headers["x-sentinel-overhead-ms"]) <= float(timing["total"])
    assert response.headers["x-sentinel-trace-id"] == response.json()["trace_id"]


@pytest.mark.parametrize(
    "prompt",
    ["", "\u202eright to left", "NUL \u0000 inside", "x" * 20_000, "東京 \U0001f600", "a\nb\r\nc"],
    ids=["blank", "right to left", "NUL", "long", "not Latin", "lines"],
)
def test_an_odd_prompt_arrives_as_it_was_sent(client: TestClient, png: bytes, prompt: str) -> None:
    answer = client.post("/v1/score", json={"image": b64(png), "prompt": prompt}).json()
    kept = client.get(answer["trace_url"]).json()

    assert heard(answer)["prompt"] == prompt
    assert kept["brief"]["prompt"] == prompt
    assert client.get(answer["annotated_url"]).status_code == 200


def test_a_blank_file_field_of_a_browser_is_no_reference(client: TestClient, png: bytes) -> None:
    answer = client.post(
        "/v1/score", files=[("image", ("a.png", png)), ("references", ("", b""))]
    ).json()

    assert heard(answer)["kinds"] == []
