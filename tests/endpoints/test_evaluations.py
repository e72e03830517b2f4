"""Runflow's evaluation API, field by field, over a real server by a plain HTTP client."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import numpy as np
import pytest

from sentinel.api.compat.runflow import examples
from sentinel.api.evaluation import EvaluationAnswer
from sentinel.imaging import encode
from sentinel.testing import flat, scene

from .conftest import SMALL

ALL = "judges,action,gate_failures"

FIELDS = {
    "id", "org_id", "run_id", "target_type_code", "model_id", "task_type", "task_description",
    "generation_prompt", "generated_image_url", "input_attributes", "evaluation_instructions",
    "reference_images", "overall_passed", "weighted_pass_rate", "override_reason", "top_issues",
    "top_strengths", "check_summary", "analysis_modules_executed", "primary_action_code",
    "parent_evaluation_id", "attempt_number", "superseded_at", "eval_duration_ms",
    "feedback_is_positive", "feedback_reason", "created_at", "updated_at", "submitted_at",
    "completed_at", "client_ref", "callback_url", "cost", "links", "status_code", "failure_code",
}  # fmt: skip
"""Runflow's own, as it publishes them."""


def uri(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


RED = encode(flat(96, 96, (200, 30, 40)))
HALVES = np.repeat([[[200, 30, 40]], [[240, 240, 240]]], 48, axis=0).repeat(96, axis=1)
GRAIN = np.random.default_rng(1).normal(HALVES, 3)
TWO = encode(np.clip(GRAIN, 0, 255).astype(np.uint8))
"""Red above, white below."""

BOTH = {"palette": ["#c81e28", "#f0f0f0"]}
SCENE = encode(scene(96, 96))

ASKED = {"generated_image_url": uri(SCENE), "task_type": "headshot"}


def submit(http: httpx2.Client, **fields: Any) -> dict[str, Any]:
    answer = http.post("/v1/evaluations", json={**ASKED, **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()


def read(http: httpx2.Client, named: str, embed: str = ALL) -> dict[str, Any]:
    answer = http.get(f"/v1/evaluations/{named}", params={"embed": embed})
    assert answer.status_code == 200, answer.text
    return answer.json()


def judged(http: httpx2.Client, named: str, seconds: float = 30) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while (found := read(http, named))["status_code"] in ("pending", "running"):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


# ── asked for, and read ───────────────────────────────────────────────────────────────────────


def test_a_picture_made_elsewhere_is_accepted_at_once_and_judged_behind(http):
    answer = http.post("/v1/evaluations", json={**ASKED, "client_ref": "order 17"})
    accepted = answer.json()
    found = judged(http, accepted["id"])

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/evaluations/{accepted['id']}"
    assert set(accepted) == {"id", "status_code", "job_class_code", "client_ref"}
    assert (accepted["status_code"], accepted["job_class_code"]) == ("pending", "standard")
    assert accepted["client_ref"] == found["client_ref"] == "order 17"
    assert found["status_code"] == "completed"
    assert set(found) >= FIELDS | {"score", "trace_id", "judges", "action", "gate_failures"}


def test_what_was_asked_is_told_back(http):
    asked = {
        "task_description": "a portrait for a badge", "generation_prompt": "a red disc",
        "evaluation_instructions": "be strict", "input_attributes": {"team": ["a", 1, None]},
        "reference_images": [{"url": uri(RED), "kind": "style", "description": "the house's"}],
        "run_id": "run 1", "client_ref": "r", "job_class": "standard",
    }  # fmt: skip
    found = judged(http, submit(http, **asked)["id"])
    [reference] = found["reference_images"]

    told = {name: found[name] for name in asked if name in found and name != "reference_images"}
    assert told == {name: asked[name] for name in told}
    assert len(told) == 6
    assert (reference["kind"], reference["description"]) == ("style", "the house's")
    assert httpx2.get(reference["url"]).content == RED
    assert httpx2.get(found["generated_image_url"]).content == SCENE
    assert found["target_type_code"] == "image"
    assert (found["model_id"], found["override_reason"]) == (None, None)
    assert Decimal(found["cost"]) == 0


def test_times_have_offsets_and_follow_each_other(http):
    found = judged(http, submit(http)["id"])
    times = [found[name] for name in ("created_at", "submitted_at", "completed_at", "updated_at")]

    assert times == sorted(times)
    assert all(each.endswith("+00:00") for each in times)
    assert found["eval_duration_ms"] >= 0
    assert found["superseded_at"] is None


def test_the_palette_among_the_attributes_is_what_the_judge_of_colour_goes_by(http):
    asked = {"generated_image_url": uri(TWO)}
    right = judged(http, submit(http, **asked, input_attributes=BOTH)["id"])
    wrong = judged(http, submit(http, **asked, input_attributes={"palette": "#00ff00"})["id"])
    without = judged(http, submit(http, **asked)["id"])
    [[red], [green], [none]] = (each["judges"] for each in (right, wrong, without))

    assert [each["name"] for each in (red, green, none)] == ["color"] * 3
    assert (red["passed"], green["passed"], none["passed"]) == (True, False, None)
    assert (none["skipped"], none["reasoning"]) == (True, "no palette asked for")


def test_pass_and_pass_rate_follow_from_judges_and_gates(http):
    asked = {"generated_image_url": uri(TWO)}
    passed = judged(http, submit(http, **asked, input_attributes=BOTH)["id"])
    failed = judged(http, submit(http, **asked, input_attributes={"palette": "#00ff00"})["id"])

    for each in (passed, failed):
        verdicts = [judge for judge in each["judges"] if judge["passed"] is not None]
        weight = sum(judge["weight"] for judge in verdicts)
        share = sum(judge["weight"] for judge in verdicts if judge["passed"]) / weight
        assert each["weighted_pass_rate"] == pytest.approx(share)
        assert each["overall_passed"] is (share == 1 and not each["gate_failures"])
    assert (passed["overall_passed"], failed["overall_passed"]) == (True, False)
    assert passed["primary_action_code"] == "deliver"
    assert (failed["action"]["code"], failed["primary_action_code"]) == ("regenerate",) * 2
    assert failed["top_issues"]
    [issue, *_] = failed["judges"][0]["issues"]
    assert issue["evaluation_id"] == failed["id"]
    assert issue["evaluation_judge_id"] == failed["judges"][0]["id"]
    assert issue["category"] == "color"


def test_a_gate_that_refuses_ends_it_before_the_judges(http):
    black = encode(flat(96, 96, (0, 0, 0)))
    found = judged(http, submit(http, generated_image_url=uri(black))["id"])

    assert found["gate_failures"] == ["integrity"]
    assert (found["overall_passed"], found["judges"]) == (False, [])
    assert found["weighted_pass_rate"] is None
    assert found["check_summary"]["gates_failed"] == 1
    assert found["primary_action_code"] == "regenerate"


def test_a_policy_of_the_tasks_name_judges_it_and_else_the_default(http):
    named = judged(http, submit(http, task_type="portrait")["id"])
    free = judged(http, submit(http, task_type="whatever it is")["id"])
    traces = [http.get(each["links"]["trace"]).json() for each in (named, free)]

    assert [each["policy"] for each in traces] == ["portrait", "default"]
    assert [each["task_type"] for each in (named, free)] == ["portrait", "whatever it is"]


def test_the_same_picture_gets_the_same_verdict(http):
    one, two = (judged(http, submit(http)["id"]) for _ in range(2))

    assert [one[name] for name in ("score", "overall_passed", "top_issues")] == [
        two[name] for name in ("score", "overall_passed", "top_issues")
    ]


def test_a_picture_that_sentinel_keeps_is_judged_by_its_address(http):
    made = http.post("/v1/generate", json={"prompt": "a red disc", **SMALL}).json()
    [image] = made["images"]
    found = judged(http, submit(http, generated_image_url=image["url"])["id"])

    assert found["generated_image_url"] == image["url"]
    assert found["status_code"] == "completed"


def test_statuses_and_job_classes_are_listed(http):
    statuses = http.get("/v1/evaluations/statuses").json()["statuses"]
    classes = http.get("/v1/evaluations/job-classes").json()["job_classes"]

    assert [each["code"] for each in statuses] == ["pending", "running", "completed", "failed"]
    assert [each["final"] for each in statuses] == [False, False, True, True]
    assert [each["code"] for each in classes] == ["standard"]


# ── of pictures that Sentinel painted ─────────────────────────────────────────────────────────


def test_the_evaluation_of_a_painted_picture_reads_back_as_it_was_answered(http):
    made = http.post("/v1/generate", json={"prompt": "a red disc", **SMALL}).json()["evaluation"]
    plain = http.get(f"/v1/evaluations/{made['id']}").json()

    assert read(http, made["id"]) == made
    assert set(made) - set(plain) == {"judges", "action", "gate_failures"}
    assert plain == {name: made[name] for name in plain}
    assert made["id"] == f"{made['trace_id']}-1"


def test_in_score_mode_it_is_pending_first_and_there_at_once(http):
    asked = {"prompt": "a red disc", "mode": "score", **SMALL}
    made = http.post("/v1/generate", json=asked).json()["evaluation"]
    found = http.get(f"/v1/evaluations/{made['id']}")
    later = judged(http, made["id"])

    assert (made["status_code"], made["overall_passed"]) == ("pending", None)
    assert found.status_code == 200
    assert later["status_code"] == "completed"
    assert later["primary_action_code"] == "deliver"


def test_attempts_lead_from_one_to_the_next(http):
    asked = {"prompt": "a red disc", "palette": ["#00ff00"], "max_attempts": 2, **SMALL}
    made = http.post("/v1/generate", json=asked).json()
    first, second = (read(http, f"{made['id']}-{number}") for number in (1, 2))

    assert (first["attempt_number"], second["attempt_number"]) == (1, 2)
    best = made["delivered_attempt"] == 1
    assert first["primary_action_code"] == ("deliver" if best else "regenerate")
    assert first["superseded_at"] == first["completed_at"]
    assert second["parent_evaluation_id"] == first["id"]
    assert first["parent_evaluation_id"] is None


# ── feedback, the list ────────────────────────────────────────────────────────────────────────


def test_people_say_whether_a_verdict_was_right_and_the_last_word_counts(http):
    named = judged(http, submit(http)["id"])["id"]
    path = f"/v1/evaluations/{named}/feedback"
    said = http.patch(path, json={"is_positive": False, "reason": "the colour is fine"})
    taken_back = http.patch(path, json={"is_positive": None})

    assert said.status_code == 200, said.text
    assert (said.json()["feedback_is_positive"], said.json()["feedback_reason"]) == (
        False, "the colour is fine",
    )  # fmt: skip
    assert taken_back.json()["feedback_is_positive"] is None
    assert read(http, named)["feedback_reason"] is None
    assert read(http, named)["updated_at"] > read(http, named)["completed_at"]


def test_feedback_on_a_painted_picture_is_kept_as_well(http):
    made = http.post("/v1/generate", json={"prompt": "a red disc", **SMALL}).json()["evaluation"]
    http.patch(f"/v1/evaluations/{made['id']}/feedback", json={"is_positive": True})

    assert read(http, made["id"])["feedback_is_positive"] is True


@pytest.mark.parametrize(
    "body", [{}, {"is_positive": "yes"}, {"is_positive": 1}, {"is_positive": True, "reason": 7}],
    ids=["nothing", "a word", "a number", "a reason that is a number"],
)  # fmt: skip
def test_feedback_that_is_none_is_told_by_field(http, body):
    named = judged(http, submit(http)["id"])["id"]
    answer = http.patch(f"/v1/evaluations/{named}/feedback", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in ("is_positive", "reason")


def test_the_list_goes_from_page_to_page_and_leaves_none_out(http):
    ref = f"page {time.time_ns()}"
    sent = [submit(http, client_ref=ref)["id"] for _ in range(5)]
    for each in sent:
        judged(http, each)
    url, found = f"/v1/evaluations?limit=2&client_ref={ref}&embed=action", []
    while url is not None:
        page = http.get(url).json()
        found += page["evaluations"]
        url = page["next_url"]

    assert [each["id"] for each in found] == sent[::-1]
    assert all("action" in each and "judges" not in each for each in found)


def test_the_list_has_painted_pictures_too_once_each_and_the_newest_first(http):
    made = http.post("/v1/generate", json={"prompt": "a red disc", **SMALL}).json()["evaluation"]
    sent = judged(http, submit(http)["id"])
    url, found = "/v1/evaluations?limit=7", []
    while url is not None:
        page = http.get(url).json()
        found += page["evaluations"]
        url = page["next_url"]
    ids = [each["id"] for each in found]

    assert ids[:2] == [sent["id"], made["id"]]
    assert len(set(ids)) == len(ids)
    assert f"{sent['trace_id']}-1" not in ids
    created = [each["created_at"] for each in found]
    assert created == sorted(created, reverse=True)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"overall_passed": "true"}, lambda each: each["overall_passed"] is True),
        ({"overall_passed": "false"}, lambda each: each["overall_passed"] is False),
        ({"status_code": "completed"}, lambda each: each["status_code"] == "completed"),
        ({"task_type": "list"}, lambda each: each["task_type"] == "list"),
        ({"run_id": "listed"}, lambda each: each["run_id"] == "listed"),
    ],
    ids=["passed", "failed", "status", "task", "run"],
)
def test_the_list_is_filtered(http, query, fits):
    for palette in ("#8080a0", "#00ff00"):
        attributes = {"palette": palette}
        asked = {"input_attributes": attributes, "task_type": "list", "run_id": "listed"}
        judged(http, submit(http, **asked)["id"])
    found = http.get("/v1/evaluations", params=query).json()["evaluations"]

    assert found
    assert all(fits(each) for each in found)


# ── bad input ─────────────────────────────────────────────────────────────────────────────────

PRIVATE = "http://10.0.0.1/a.png"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"generated_image_url": None}, "generated_image_url", id="no picture"),
        pytest.param({"generated_image_url": 7}, "generated_image_url", id="a number"),
        pytest.param({"generated_image_url": "data:image/png;base64,!"}, "generated_image_url",
                     id="broken base64"),
        pytest.param({"generated_image_url": "data:image/png;base64,AAAA"}, "generated_image_url",
                     id="no picture in it"),
        pytest.param({"generated_image_url": "file:///etc/passwd"}, "generated_image_url",
                     id="a file"),
        pytest.param({"generated_image_url": PRIVATE}, "generated_image_url", id="a private host"),
        pytest.param({"task_type": None}, "task_type", id="no task"),
        pytest.param({"task_type": ""}, "task_type", id="an empty task"),
        pytest.param({"task_type": "x" * 1001}, "task_type", id="a long task"),
        pytest.param({"generation_prompt": ["a"]}, "generation_prompt", id="a prompt in a list"),
        pytest.param({"generation_prompt": "\ud800"}, "generation_prompt", id="half a character"),
        pytest.param({"job_class": "express"}, "job_class", id="an unknown class"),
        pytest.param({"input_attributes": []}, "input_attributes", id="attributes in a list"),
        pytest.param({"input_attributes": {"a": "x" * 20_000}}, "input_attributes",
                     id="large attributes"),
        pytest.param({"input_attributes": {"palette": [1]}}, "input_attributes",
                     id="a palette of numbers"),
        pytest.param({"reference_images": [{"url": uri(RED)}] * 5}, "reference_images",
                     id="five references"),
        pytest.param({"reference_images": [{"kind": "face"}]}, "reference_images[0].url",
                     id="a reference without a picture"),
        pytest.param({"reference_images": [{"url": uri(RED), "kind": "moon"}]},
                     "reference_images[0].kind", id="an unknown kind"),
        pytest.param({"reference_images": [{"url": uri(RED)}, {"url": PRIVATE}]},
                     "reference_images[1].url", id="a private reference"),
        pytest.param({"callback_url": "http://169.254.169.254/latest"}, "callback_url",
                     id="a private callback"),
        pytest.param({"callback_url": "mailto:a@b"}, "callback_url", id="a callback by mail"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_by_field(http, fields, field):
    body = json.dumps({**ASKED, **fields})
    answer = http.post(
        "/v1/evaluations", content=body, headers={"content-type": "application/json"}
    )
    told = answer.json()

    if "\\ud800" in body:
        assert answer.status_code == 400
        return
    assert answer.status_code == 422, answer.text
    assert told["errors"][0]["field"] == field
    assert field in told["message"]


def test_unknown_fields_and_nulls_are_left_alone(http):
    fields = {"sdk_version": "9", "client_ref": None, "reference_images": None}

    assert submit(http, **fields)["client_ref"] is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
def test_a_body_that_is_none_is_told(http, body):
    answer = http.post("/v1/evaluations", content=body)

    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"code", "message", "errors"}


@pytest.mark.parametrize(
    "named", ["nothing", "01K9QZ6M3V8T4C5N2B7XWJ0RHE-1", "0b9c6a52-6a1e-4f0e-9a43-5f0f5f6f2f11",
              "a-0", "x" * 81, "%00"],
)  # fmt: skip
def test_an_evaluation_that_is_not_there_is_told(http, named):
    for answer in (
        http.get(f"/v1/evaluations/{named}"),
        http.patch(f"/v1/evaluations/{named}/feedback", json={"is_positive": True}),
    ):
        assert answer.status_code in (404, 422)
        assert answer.json()["code"] in ("not_found", "invalid")


def test_an_attempt_that_never_was_has_no_evaluation(http):
    made = http.post("/v1/generate", json={"prompt": "a red disc", **SMALL}).json()

    assert http.get(f"/v1/evaluations/{made['id']}-9").status_code == 404


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "after=x", "after=1.a%20b", "status_code=done", "embed=all",
              "created_after=yesterday", "overall_passed=maybe"],
)  # fmt: skip
def test_a_query_that_cannot_be_used_is_told(http, query):
    answer = http.get(f"/v1/evaluations?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


# ── the callback ──────────────────────────────────────────────────────────────────────────────


class Receiver(ThreadingHTTPServer):
    """Takes callbacks on this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/done"

    def first(self, seconds: float = 20) -> tuple[dict[str, str], bytes]:
        deadline = time.monotonic() + seconds
        while not self.taken:
            assert time.monotonic() < deadline, "nobody called"
            time.sleep(0.05)
        return self.taken[0]


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.taken.append((headers, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        yield receiver
        receiver.shutdown()


def test_the_callback_has_the_envelope_and_the_signature(http, receiver):
    secret = http.post("/v1/callback-secrets", json={"label": "test"}).json()
    try:
        sent = submit(http, callback_url=receiver.url, client_ref="c", run_id="r")
        headers, body = receiver.first()
    finally:
        http.delete(f"/v1/callback-secrets/{secret['id']}")
    told = json.loads(body)
    signed = hmac.new(secret["plain_secret"].encode(), body, hashlib.sha256).hexdigest()

    assert headers["runflow-signature"] == signed
    assert headers["runflow-request-id"]
    assert (told["event"], told["status"]) == ("evaluation.completed", "completed")
    assert (told["evaluation_id"], told["run_id"], told["client_ref"]) == (sent["id"], "r", "c")
    assert told["output"] == read(http, sent["id"])
    assert told["duration_ms"] >= 0
    assert told["created_at"].endswith("+00:00")
    assert told["completed_at"].endswith("+00:00")
    assert told["metadata"] == {}
    deliveries = http.get("/v1/deliveries", params={"reference": sent["id"]}).json()["deliveries"]
    assert [each["event"] for each in deliveries] == ["evaluation.completed"]


# ── what the document shows ───────────────────────────────────────────────────────────────────


def test_the_example_is_what_would_be_sent():
    shown = examples.FEEDBACK_RESPONSES[200]["content"]["application/json"]["example"]

    assert set(EvaluationAnswer.model_validate(shown).model_dump()) == set(shown)


def test_the_example_of_a_request_can_be_sent(http):
    body = http.get("/openapi.json").json()["paths"]["/v1/evaluations"]["post"]["requestBody"]
    example = body["content"]["application/json"]["example"]

    assert http.post("/v1/evaluations", json=example).status_code == 202
