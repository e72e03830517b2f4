"""imageapi.org's route over a real server, by plain HTTP: its users have no package."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from .conftest import CLIENTS, Served

ROUTE = "/api/v1/generate"
ASKED = {"prompt": "a red circle on a blue ground", "width": 128, "height": 128, "seed": 7}

PAGE = CLIENTS.parent.parent / "docs" / "endpoints" / "imageapi.md"


def generate(http: httpx2.Client, **fields: Any) -> dict[str, Any]:
    answer = http.post(ROUTE, json={**ASKED, **fields})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def picture(told: dict[str, Any]) -> bytes:
    answer = httpx2.get(told["images"][0]["url"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    return answer.content


def test_a_picture_is_answered_with_its_address_size_and_story(http, server):
    answer = http.post(ROUTE, json={**ASKED, "model": "flux-schnell", "num_inference_steps": 4})
    told = answer.json()
    image = told["images"][0]

    assert set(told) == {"id", "status", "model", "seed", "num_inference_steps", "images",
                         "sentinel"}  # fmt: skip
    assert (told["status"], told["model"], told["seed"]) == ("completed", "flux-schnell", 7)
    assert told["num_inference_steps"] == 4
    assert (image["width"], image["height"], image["content_type"]) == (128, 128, "image/png")
    assert image["url"].startswith(f"{server.url}/media/")
    assert image["url"].endswith(".png")
    assert picture(told)[:4] == b"\x89PNG"
    assert answer.headers["x-sentinel-trace-id"] == told["id"] == told["sentinel"]["trace_id"]
    assert (answer.headers["x-sentinel-passed"], told["sentinel"]["passed"]) == ("true", True)
    assert "x-sentinel-cost-usd" not in answer.headers, "the service has no price for a picture"


def test_what_is_left_out_has_the_services_defaults(http):
    told = generate(http, width=None, height=None, seed=None)

    assert (told["images"][0]["width"], told["images"][0]["height"]) == (1024, 1024)
    assert told["num_inference_steps"] == 8
    assert picture(generate(http, width=1024, height=1024, seed=told["seed"])) == picture(told)


def test_a_seed_paints_the_same_bytes_again_and_another_one_others(http):
    first, again, other = (picture(generate(http, seed=seed)) for seed in (7, 7, 8))
    reworded = picture(generate(http, prompt="a blue square on a red ground"))

    assert first == again
    assert len({first, other, reworded}) == 3


def test_eight_callers_at_once_are_all_served(http):
    with ThreadPoolExecutor(8) as many:
        told = list(many.map(lambda _: generate(http), range(8)))

    assert len({each["id"] for each in told}) == 8
    assert len({picture(each) for each in told}) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"prompt": None}, "prompt is required", id="no prompt"),
        pytest.param({"prompt": " "}, "prompt must not be blank", id="a blank prompt"),
        pytest.param({"prompt": 7}, "prompt must be a valid string", id="a number"),
        pytest.param({"width": 0}, "width must be between 1 and 8192", id="nothing wide"),
        pytest.param({"height": -64}, "height must be between 1 and 8192", id="negative"),
        pytest.param({"width": 10**9}, "width must be between 1 and 8192", id="absurd"),
        pytest.param({"width": 4096, "height": 4096}, "width", id="more than the generator paints"),
        pytest.param({"width": True}, "width must be a number, not a boolean", id="a boolean"),
        pytest.param({"width": 128.5}, "width must be a valid integer", id="half a pixel"),
        pytest.param({"num_inference_steps": 9}, "num_inference_steps must be between 1 and 8", id="steps"),
        pytest.param({"num_inference_steps": 0}, "num_inference_steps must be between 1 and 8", id="no steps"),
        pytest.param({"negative_prompt": "text"}, "negative_prompt is not supported", id="negative prompt"),
        pytest.param({"model": "sdxl"}, "model must be 'flux-schnell'", id="another model"),
        pytest.param({"seed": "x"}, "seed must be a valid integer", id="seed"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(http, fields, said):
    answer = http.post(ROUTE, json={**ASKED, **fields})

    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["code"] == "invalid_request"
    assert answer.json()["error"]["message"].startswith(said)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"prompt": "\\ud800"}'])
def test_a_body_that_is_no_object_is_refused(http, body):
    answer = http.post(ROUTE, content=body)

    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/elsewhere", 404),
        ("GET", "/api/v1/generate", 404),
        ("GET", "/api/v1/", 404),
    ],
)
def test_what_is_not_there_is_404_in_the_services_shape(http, method, path, status):
    answer = http.request(method, path)

    assert answer.status_code == status
    assert answer.json()["error"]["code"] == "not_found"


def test_an_empty_negative_prompt_and_unknown_fields_are_ignored(http):
    told = generate(http, negative_prompt="", quality="high", account="me")

    assert told["status"] == "completed"


def test_headers_say_what_the_body_has_no_field_for(http):
    answer = http.post(ROUTE, json=ASKED, headers={"X-Sentinel-Policy": "defautl"})

    assert answer.status_code == 404
    assert "defautl" in answer.json()["error"]["message"]


# ── the page ──────────────────────────────────────────────────────────────────────────────────


def block(language: str, server: Served) -> str:
    """The page's first sample in that language, at this server."""
    sample = PAGE.read_text().split(f"```{language}\n", 1)[1].split("```", 1)[0]
    return sample.replace("http://127.0.0.1:8600", server.url)


def test_the_pages_python_sample_runs_as_printed(server, tmp_path: Path):
    (tmp_path / "sample.py").write_text(block("python", server))
    done = subprocess.run(
        [sys.executable, "sample.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert f"{server.url}/media/" in done.stdout
    assert (tmp_path / "cup.png").read_bytes()[:4] == b"\x89PNG"


def test_the_pages_shell_sample_runs_as_printed(server):
    done = subprocess.run(
        ["bash", "-c", block("sh", server)], capture_output=True, text=True, check=False
    )

    assert '"status":"completed"' in done.stdout
