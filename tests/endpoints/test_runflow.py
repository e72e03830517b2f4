"""Runflow's pictures and runs over a real server by a plain HTTP client, and its page's quickstart."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from sentinel.api.compat.runflow import examples

from .conftest import SMALL, Served
from .test_evaluations import Receiver, receiver  # noqa: F401 - a fixture

PAGE = Path(__file__).parents[2] / "docs" / "endpoints" / "runflow.md"

MODEL = "black-forest-labs/flux-1-schnell"

RUNS = f"/v1/models/{MODEL}/runs"

PROMPT = "a red circle on a blue ground"


def generate(http: httpx2.Client, **fields: Any) -> httpx2.Response:
    return http.post("/v1/generate", json={"prompt": PROMPT, **SMALL, **fields})


def start(http: httpx2.Client, **fields: Any) -> dict[str, Any]:
    answer = http.post(RUNS, json={"input": {"prompt": PROMPT, **SMALL}, **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()


def ended(http: httpx2.Client, run: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while run["status_code"] in ("queued", "dispatching", "running"):
        assert time.monotonic() < deadline, run
        time.sleep(0.1)
        run = http.get(run["links"]["self"]).json()
    return run


def test_the_quickstart_of_the_page_runs_with_nothing_but_the_address_changed(server: Served):
    [quickstart] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    environment = {**os.environ, "RUNFLOW_URL": f"{server.url}/v1"}
    done = subprocess.run(
        [sys.executable, "-c", quickstart], env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{server.url}/media/")
    assert "0.000786432 True" in done.stdout
    assert "color None None no palette asked for" in done.stdout


# ── pictures ──────────────────────────────────────────────────────────────────────────────────


def test_the_picture_has_an_absolute_address_that_needs_no_key(http, server):
    answer = generate(http, model=MODEL, seed=7)
    told = answer.json()
    [image] = told["images"]
    picture = httpx2.get(image["url"])

    assert image["url"].startswith(f"{server.url}/media/")
    assert image["url"].endswith(".png")
    assert (picture.headers["content-type"], image["content_type"]) == ("image/png",) * 2
    assert Image.open(io.BytesIO(picture.content)).size == (image["width"], image["height"])
    assert answer.headers["x-sentinel-trace-id"] == told["trace_id"] == told["id"]
    assert (told["status"], told["model"], told["seed"]) == ("completed", MODEL, 7)


def test_the_price_is_the_delivered_pictures_and_what_was_spent_stands_apart(http):
    answer = generate(http, palette=["#00ff00"], max_attempts=2)
    told = answer.json()

    assert len(told["attempts"]) == 2
    assert told["cost"] == 128 * 128 / 1e6 * 0.003
    assert told["spent"] == sum(each["cost"] for each in told["attempts"])
    assert float(answer.headers["x-sentinel-cost-usd"]) == pytest.approx(told["cost"], abs=1e-8)


def test_left_out_sides_are_1024_and_steps_4(http):
    told = http.post("/v1/generate", json={"prompt": PROMPT}).json()
    [image] = told["images"]

    assert (image["width"], image["height"]) == (1024, 1024)
    assert told["cost"] == pytest.approx(0.003145728)


def test_the_seed_that_was_drawn_brings_the_same_picture_again(http):
    first = generate(http).json()
    again = generate(http, seed=first["seed"]).json()

    assert again["images"][0]["url"] == first["images"][0]["url"]
    assert again["seed"] == first["seed"]


def test_fields_that_are_none_of_ours_are_left_alone_and_told(http):
    answer = generate(http, enable_safety_checker=True, model_id="x", seed=None)

    assert answer.status_code == 200, answer.text
    assert answer.json()["notes"] == [
        "there is no field 'enable_safety_checker'; it was ignored",
        "there is no field 'model_id'; it was ignored",
    ]


def test_a_field_that_is_nearly_ours_is_a_mistake(http):
    answer = generate(http, widht=128)

    assert answer.status_code == 422
    assert "did you mean 'width'" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"width": 0}, "width"), ({"width": -8}, "width"), ({"height": 10**9}, "height"),
        ({"width": "wide"}, "width"), ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"seed": True}, "seed"), ({"prompt": 7}, "prompt"), ({"width": 4096}, "width"),
    ],
    ids=["zero", "negative", "absurd", "a word", "no steps", "a truth value", "a number", "the cap"],
)  # fmt: skip
def test_sizes_and_steps_that_cannot_be_are_told_with_their_limits(http, fields, field):
    answer = generate(http, **fields)

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


# ── runs ──────────────────────────────────────────────────────────────────────────────────────


def test_a_run_is_queued_and_succeeds_behind(http):
    answer = http.post(RUNS, json={"input": {"prompt": PROMPT, "seed": 7, **SMALL},
                                   "metadata": {"order": [17]}, "client_ref": "c"})  # fmt: skip
    queued = answer.json()
    run = ended(http, queued)
    evaluation = run["output"]["evaluation"]
    read = http.get(
        f"/v1/evaluations/{run['evaluation_id']}", params={"embed": "judges,action,gate_failures"}
    )

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/runs/{queued['id']}"
    assert (queued["status_code"], queued["output"], queued["model_id"]) == ("queued", None, MODEL)
    assert run["status_code"] == "succeeded", run
    assert set(run) == set(queued) == set(examples.RUN)
    assert (run["metadata"], run["client_ref"]) == ({"order": [17]}, "c")
    assert run["cost"] == "0.000049152"
    assert httpx2.get(run["output"]["images"][0]["url"]).status_code == 200
    assert run["output"]["seed"] == 7
    assert run["duration_ms"] >= 0
    assert read.json() == evaluation
    assert (evaluation["run_id"], evaluation["client_ref"]) == (run["id"], "c")


def test_a_run_and_a_request_with_the_same_seed_bring_the_same_picture(http):
    run = ended(http, start(http, input={"prompt": PROMPT, "seed": 9, **SMALL}))
    made = generate(http, seed=9).json()

    assert run["output"]["images"] == made["images"]


def test_a_run_may_have_several_pictures(http):
    run = ended(http, start(http, input={"prompt": PROMPT, "num_images": 2, **SMALL}))
    urls = {image["url"] for image in run["output"]["images"]}

    assert len(urls) == 2
    assert run["cost"] == "0.000098304"


def test_the_logs_tell_what_happened_in_order(http):
    run = ended(http, start(http))
    lines = http.get(run["links"]["logs"]).json()["logs"]

    assert [sorted(each) for each in lines] == [["level", "message", "source", "timestamp"]] * 3
    assert "painted by embedded" in lines[0]["message"]
    assert [each["timestamp"] for each in lines] == sorted(each["timestamp"] for each in lines)


def test_a_run_that_delivers_nothing_has_failed_and_says_at_which_stage(http):
    run = ended(http, start(http, input={"prompt": "  ", **SMALL}))

    assert (run["status_code"], run["output"]) == ("failed", None)
    assert (run["failure_code"], run["failure_stage_code"]) == ("rejected", "screening")
    assert run["failure_message"]
    assert run["cost"] == "0.000000000"


def test_a_cancelled_run_has_no_output_and_one_that_has_ended_stays(http):
    running = start(http, input={"prompt": PROMPT, "num_images": 4, **SMALL})
    stopped = http.post(running["links"]["cancel"]).json()
    done = ended(http, start(http))
    still = http.post(done["links"]["cancel"]).json()

    assert (stopped["status_code"], stopped["output"]) == ("cancelled", None)
    assert still["status_code"] == "succeeded"


def test_the_end_of_a_run_is_called_back_once(http, receiver: Receiver):  # noqa: F811 - the fixture
    run = ended(http, start(http, callback_url=receiver.url, metadata={"order": 17}))
    _, body = receiver.first()
    told = httpx2.Response(200, content=body).json()
    time.sleep(0.6)
    [delivery] = http.get(run["links"]["callback"]).json()["deliveries"]

    assert (told["event"], told["status"], told["run_id"]) == (
        "run.succeeded", "succeeded", run["id"],
    )  # fmt: skip
    assert told["output"] == run["output"]
    assert told["metadata"] == {"order": 17}
    assert told["duration_ms"] == run["duration_ms"]
    assert (delivery["event"], delivery["reference"]) == ("run.succeeded", run["id"])
    assert len(receiver.taken) == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        pytest.param("/v1/models/other/model/runs", {"input": {}}, 404, "model", id="model"),
        pytest.param(RUNS, {}, 422, "input", id="no input"),
        pytest.param(RUNS, {"input": {}}, 422, "input.prompt", id="no prompt"),
        pytest.param(RUNS, {"input": {"prompt": 1}}, 422, "input.prompt", id="a number"),
        pytest.param(RUNS, {"input": "x"}, 422, "input", id="a word"),
        pytest.param(RUNS, {"input": {"prompt": "x", "width": 0}}, 422, "input.width", id="width"),
        pytest.param(RUNS, {"input": {"prompt": "x"}, "metadata": 1}, 422, "metadata",
                     id="metadata"),
        pytest.param(RUNS, {"input": {"prompt": "x"}, "callback_url": "http://10.0.0.1/"}, 422,
                     "callback_url", id="a private callback"),
        pytest.param(RUNS, {"input": {"prompt": "x", "policy": "postre"}}, 404, "policy",
                     id="policy"),
    ],
)  # fmt: skip
def test_a_run_that_cannot_be_is_told_by_field(http, path, body, status, field):
    answer = http.post(path, json=body)

    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("part", ["", "/logs", "/callback"])
def test_a_run_that_is_not_there_is_told(http, part):
    answer = http.get(f"/v1/runs/0b9c6a52-6a1e-4f0e-9a43-5f0f5f6f2f11{part}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_requests_of_other_services_are_no_runs(http):
    queued = http.post("/queue/fal-ai/flux/schnell", json={"prompt": PROMPT, "image_size": SMALL})

    assert http.get(f"/v1/runs/{queued.json()['request_id']}").status_code == 404
