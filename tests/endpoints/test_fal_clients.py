"""fal's own clients, unmodified, against a real server: Python through TLS, JavaScript two ways."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import httpx2
import pytest

from .conftest import CLIENTS, Run, Served, printed

AT_ONCE = 2.0
"""Seconds: a client that tries ten times takes a minute."""

PAGE = CLIENTS.parent.parent / "docs" / "endpoints" / "fal.md"


@pytest.fixture(scope="module")
def environment(server: Served) -> dict[str, str]:
    """What `sentinel serve --tls` prints, and a key, which the client insists on."""
    known = {key: value for key, value in os.environ.items() if not key.startswith("FAL_")}
    return {**known, **server.printed, "FAL_KEY": "any"}


@pytest.fixture(scope="module")
def python(environment: dict[str, str]) -> dict[str, Any]:
    """What a program has from the Python client."""
    return printed([sys.executable, "fal_calls.py"], cwd=CLIENTS, env=environment)


@pytest.fixture(scope="module", params=["proxy", "middleware"])
def javascript(request: pytest.FixtureRequest, node: Run) -> dict[str, Any]:
    """What a program has from the JavaScript client."""
    return node("fal.mjs", request.param)


def whole(result: dict[str, Any], server: Served) -> dict[str, Any]:
    """A result that has all that fal's schema requires; without what is measured."""
    assert set(result) == {"images", "timings", "seed", "has_nsfw_concepts", "prompt"}
    assert result["timings"]["inference"] > 0
    assert all(image["url"].startswith(f"{server.url}/media/") for image in result["images"])
    return {key: value for key, value in result.items() if key != "timings"}


def test_three_lines_are_printed_for_the_python_client(server):
    assert set(server.printed) == {"FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "SSL_CERT_FILE"}


def test_python_has_the_same_answer_by_run_subscribe_submit_and_async(python, server):
    ways = (python["run"], python["subscribe"]["result"], python["handle"]["result"],
            python["handle"]["again"], python["async"]["result"])  # fmt: skip
    first, *others = [whole(each, server) for each in ways]

    assert (first["seed"], first["has_nsfw_concepts"]) == (7, [False])
    assert others == [first] * 4
    picture = httpx2.get(first["images"][0]["url"])
    assert (picture.headers["content-type"], picture.content[:2]) == ("image/jpeg", b"\xff\xd8")


def test_python_sees_the_request_wait_work_and_end_with_what_really_happened(python):
    seen, said = python["subscribe"]["seen"], python["subscribe"]["said"]

    assert seen == sorted(seen, key=["Queued", "InProgress", "Completed"].index)
    assert seen[-1] == "Completed"
    assert any(
        re.fullmatch(r"attempt 1: painted by embedded in [\d.]+ s, seed 7", line) for line in said
    )
    assert said[-1] == "attempt 1 is delivered"
    assert python["async"]["states"][0] == "Completed"
    assert python["handle"]["metrics"]["inference_time"] > 0


def test_python_cancels_a_request_that_then_ends_without_a_picture(python):
    cancelled = python["cancel"]

    assert (cancelled["status"], cancelled["error_type"]) == ("Completed", "client_cancelled")
    assert cancelled["result"]["class"] == "FalClientHTTPError"
    assert (cancelled["result"]["status"], cancelled["result"]["error_type"]) == (
        499,
        "client_cancelled",
    )
    assert python["handle"]["late"]["status"] == 400


@pytest.mark.parametrize(
    ("call", "status"),
    [("wrong", 422), ("wrong_queued", 422), ("elsewhere", 404), ("unknown", 404)],
)
def test_python_raises_its_own_error_at_once(python, call, status):
    raised = python[call]

    assert (raised["class"], raised["status"]) == ("FalClientHTTPError", status)
    assert raised["seconds"] < AT_ONCE


def test_python_is_told_which_field_is_wrong(python):
    assert [each["loc"] for each in python["wrong"]["message"]] == [["body", "image_size"]]
    assert [each["loc"] for each in python["wrong_queued"]["message"]] == [["body", "prompt"]]


def test_javascript_has_the_same_answer_by_run_polling_streaming_and_queue(javascript, server):
    ways = (javascript["run"], javascript["polled"], javascript["streamed"],
            javascript["handled"]["result"])  # fmt: skip
    first, *others = [whole(each["data"], server) for each in ways]

    assert first["seed"] == 7
    assert others == [first] * 3
    assert all(each["requestId"] for each in ways)
    assert javascript["handled"]["result"]["requestId"] == javascript["handled"]["requestId"]


def test_javascript_streams_each_log_line_once(javascript):
    states, said = javascript["streamed"]["states"], javascript["streamed"]["said"]

    assert states[-1] == "COMPLETED"
    assert said[-1] == "attempt 1 is delivered"
    assert len(set(said)) == len(said)


def test_javascript_cancels_a_request_that_then_ends_without_a_picture(javascript):
    cancelled = javascript["cancelled"]

    assert (cancelled["status"]["status"], cancelled["status"]["error_type"]) == (
        "COMPLETED", "client_cancelled",
    )  # fmt: skip
    assert (cancelled["result"]["status"], cancelled["result"]["api"]) == (499, True)
    assert javascript["handled"]["late"]["body"] == {"status": "ALREADY_COMPLETED"}


def test_javascript_raises_its_own_errors_at_once_and_finds_the_field(javascript):
    wrong, elsewhere = javascript["wrong"], javascript["elsewhere"]

    assert (wrong["validation"], wrong["status"], len(wrong["fields"])) == (True, 422, 1)
    assert (elsewhere["api"], elsewhere["status"]) == (True, 404)
    assert max(wrong["seconds"], elsewhere["seconds"]) < AT_ONCE


def test_javascript_uploads_a_picture_and_redux_says_who_cannot_look_at_it(javascript, server):
    assert javascript["uploaded"] == {
        "url": javascript["uploaded"]["url"], "type": "image/jpeg", "same": True,
    }  # fmt: skip
    assert javascript["uploaded"]["url"].startswith(f"{server.url}/uploads/")
    told = javascript["redux"]["body"]["detail"][0]
    assert (told["loc"], told["type"]) == (["body", "image_url"], "feature_not_supported")
    assert "'embedded'" in told["msg"]


def quickstart(language: str) -> str:
    """The sample that fal's own page prints, as our page repeats it."""
    found = re.search(
        rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return found[1]


def test_the_sample_of_fals_page_runs_in_python_with_the_environment_alone(environment, tmp_path):
    (tmp_path / "sample.py").write_text(quickstart("python"))
    said = printed([sys.executable, "sample.py"], cwd=tmp_path, env=environment, text=True)

    assert "attempt 1 is delivered" not in said  # the page prints logs while it works, not after
    assert "'has_nsfw_concepts': [" in said


def test_the_sample_of_fals_page_runs_in_javascript_with_one_line_more(node, server, tmp_path):
    sample = quickstart("js").replace("http://127.0.0.1:8600", server.url)
    (CLIENTS / "js" / "quickstart.mjs").write_text(sample)
    try:
        said = node("quickstart.mjs", text=True)
    finally:
        (CLIENTS / "js" / "quickstart.mjs").unlink()

    assert "has_nsfw_concepts: [" in said
    assert re.search(r"^01[0-9A-Z]{24}$", said, re.MULTILINE)
