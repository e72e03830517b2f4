"""What RunPod's endpoint refuses: HTTP 400 with status FAILED and the field, or 404; never a 500."""

from __future__ import annotations

from typing import Any

import pytest

HERE = "/v2/black-forest-labs-flux-1-schnell"
ASKED = {"prompt": "a red circle on a blue ground", "seed": 7, "width": 256, "height": 256}

HALF = "between 256 and 1536"


@pytest.mark.parametrize("route", ["runsync", "run"])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"width": 1000}, "width must be divisible by 64", id="RunPod's own sample"),
        pytest.param({"width": 192}, f"width must be {HALF}", id="too narrow"),
        pytest.param({"height": 1600}, f"height must be {HALF}", id="too high"),
        pytest.param({"height": True}, "height must be a number, not a boolean", id="a boolean"),
        pytest.param({"width": "wide"}, "width must be a valid integer", id="a word"),
        pytest.param({"num_inference_steps": 9}, "num_inference_steps must be between 1 and 8", id="steps"),
        pytest.param({"guidance": 10.5}, "guidance must be between 0 and 10", id="guidance"),
        pytest.param({"seed": -2}, "seed must be between -1 and", id="seed"),
        pytest.param({"seed": 2**80}, "seed must be between -1 and", id="a seed without end"),
        pytest.param({"image_format": "gif"}, "image_format must be 'jpeg' or 'png'", id="format"),
        pytest.param({"prompt": None}, "prompt is required", id="no prompt"),
        pytest.param({"prompt": "  "}, "prompt must not be blank", id="a blank prompt"),
        pytest.param({"prompt": ["a"]}, "prompt must be a valid string", id="a list"),
        pytest.param({"negative_prompt": 5}, "negative_prompt must be a valid string", id="negative"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(http, route, fields, said):
    answer = http.post(f"{HERE}/{route}", json={"input": {**ASKED, **fields}})
    told = answer.json()

    assert answer.status_code == 400
    assert set(told) == {"id", "status", "error"}
    assert told["id"].startswith("sync-") is (route == "runsync")
    assert told["status"] == "FAILED"
    assert told["error"].startswith(f"Invalid parameter: {said}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({}, "input is required", id="nothing"),
        pytest.param({"input": {"input": ASKED}}, "prompt is required", id="wrapped twice"),
        pytest.param({"input": "a red cup"}, "input must be", id="a bare prompt"),
        pytest.param({"input": ASKED, "webhook": 7}, "webhook must be a valid string", id="webhook"),
        pytest.param({"input": ASKED, "policy": {"ttl": 0}}, "policy.ttl must be between", id="ttl"),
        pytest.param({"input": ASKED, "policy": []}, "policy must be", id="policy"),
        pytest.param({"input": ASKED, "webhook": "http://10.0.0.1/"}, "webhook", id="a private place"),
        pytest.param({"input": ASKED, "webhook": "ftp://a.example"}, "webhook", id="no http"),
    ],
)  # fmt: skip
def test_what_is_wrong_beside_the_input_is_named(http, body, said):
    answer = http.post(f"{HERE}/runsync", json=body)

    assert (answer.status_code, answer.json()["status"]) == (400, "FAILED")
    assert answer.json()["error"].startswith(f"Invalid parameter: {said}")


def test_several_wrong_fields_are_told_at_once(http):
    told = http.post(f"{HERE}/runsync", json={"input": {**ASKED, "width": 1, "seed": "x"}}).json()

    assert "width must be" in told["error"]
    assert "seed must be" in told["error"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"input": {"prompt": "\\ud800"}}']
)
def test_a_body_that_is_no_object_is_refused(http, body):
    answer = http.post(f"{HERE}/runsync", content=body)

    assert (answer.status_code, answer.json()["status"]) == (400, "FAILED")
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("header", "value"), [("X-Sentinel-Candidates", "many"), ("X-Sentinel-Mode", "loud")]
)
def test_a_wrong_header_is_named(http, header, value):
    answer = http.post(f"{HERE}/runsync", json={"input": ASKED}, headers={header: value})

    assert answer.status_code == 400
    assert header in answer.json()["error"]


def test_a_policy_that_is_not_there_is_404(http):
    headers = {"X-Sentinel-Policy": "defautl"}
    answer = http.post(f"{HERE}/runsync", json={"input": ASKED}, headers=headers)

    assert answer.status_code == 404
    assert "defautl" in answer.json()["error"]


@pytest.mark.parametrize("wait", ["soon", "-1", "nan"])
def test_a_wait_that_is_no_time_is_refused(http, wait):
    answer = http.post(f"{HERE}/runsync?wait={wait}", json={"input": ASKED})

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Invalid parameter: wait must be milliseconds")


@pytest.mark.parametrize("job_id", ["nobody", "sync-x-u1", "%00", "a" * 300, "%F0%9F%8E%A8"])
@pytest.mark.parametrize("route", ["status", "status-sync", "stream", "cancel"])
def test_a_job_that_nobody_knows_is_404(http, route, job_id):
    method = "POST" if route == "cancel" else "GET"
    answer = http.request(method, f"{HERE}/{route}/{job_id}")

    assert answer.status_code == 404
    assert answer.json()["error"].startswith("there is no job")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/another-endpoint/runsync"),
        ("GET", "/v2/another-endpoint/health"),
        ("POST", f"{HERE}/elsewhere"),
        ("GET", "/v2/"),
    ],
)
def test_what_is_not_there_is_404(http, method, path):
    answer = http.request(method, path, json={"input": ASKED})

    assert answer.status_code == 404
    assert set(answer.json()) == {"error"}


def test_a_job_of_another_service_is_none_of_runpods(http):
    fal: dict[str, Any] = http.post(
        "/queue/fal-ai/flux/schnell",
        json={"prompt": "a red cup", "image_size": {"width": 128, "height": 128}},
    ).json()

    assert http.get(f"{HERE}/status/{fal['request_id']}").status_code == 404


def test_nulls_are_not_given_and_unknown_fields_are_ignored(http):
    body = {"input": {**ASKED, "guidance": None, "scheduler": "x"}, "webhook": None, "s3Config": {}}
    answer = http.post(f"{HERE}/runsync", json=body)

    assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")


def test_a_negative_prompt_and_guidance_are_taken(http):
    fields = {"negative_prompt": "text", "guidance": 1.0, "num_inference_steps": 8}
    answer = http.post(f"{HERE}/runsync", json={"input": {**ASKED, **fields}})

    assert answer.json()["status"] == "COMPLETED"
