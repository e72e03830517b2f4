"""RunPod's own clients, unmodified, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from .conftest import CLIENTS, Run, Served, printed, serving

AT_ONCE = 2.0
"""Seconds: a client that tries five times takes half a minute."""

PAGE = CLIENTS.parent.parent / "docs" / "endpoints" / "runpod.md"

WRONG = "Invalid parameter: width must be divisible by 64"


def environment(server: Served, **more: str) -> dict[str, str]:
    """What `sentinel endpoints` prints for RunPod's Python client."""
    return {**os.environ, "RUNPOD_ENDPOINT_BASE_URL": f"{server.url}/v2", **more}


@pytest.fixture(scope="module")
def python(server: Served, runpod_python: Path) -> dict[str, Any]:
    """What a program has from the Python client."""
    command = [str(runpod_python), "runpod_calls.py"]
    return printed(command, cwd=CLIENTS, env=environment(server))


@pytest.fixture(scope="module")
def javascript(node: Run) -> dict[str, Any]:
    """What a program has from the JavaScript client."""
    return node("runpod.mjs")


@pytest.fixture(scope="module")
def locked(
    policies: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, str]]:
    """A server that asks for a key, and the key."""
    home = tmp_path_factory.mktemp("locked")
    create = [sys.executable, "-m", "sentinel", "keys", "create", "--label", "shop"]
    told = {**os.environ, "SENTINEL_HOME": str(home)}
    made = subprocess.run(create, env=told, capture_output=True, text=True, check=True)
    with serving(home, policies) as served:
        yield served, made.stdout.split()[-1]


def test_python_has_the_same_picture_waited_for_queued_and_streamed(python, server):
    output = python["run_sync"]
    picture = httpx2.get(output["image_url"])

    assert output == python["bare"] == python["handle"]["output"]
    assert set(output) == {"image_url", "cost"}
    assert output["image_url"].startswith(f"{server.url}/media/")
    assert output["image_url"].endswith(".jpg")
    assert output["cost"] == 0.00015729
    assert (picture.headers["content-type"], picture.content[:2]) == ("image/jpeg", b"\xff\xd8")


def test_python_sees_a_job_wait_work_and_end(python):
    handle = python["handle"]

    assert re.fullmatch(r"[0-9a-f-]{36}-u1", handle["id"])
    assert handle["first"] in ("IN_QUEUE", "IN_PROGRESS")
    assert handle["last"] == "COMPLETED"
    assert handle["late"] == {"id": handle["id"], "status": "COMPLETED"}


def test_python_is_handed_each_chunk_once(python):
    handle = python["handle"]

    assert handle["streamed"] == [handle["output"]], "nobody had streamed it before"
    assert handle["stream"] == [handle["output"]]


def test_python_cancels_a_job_and_purges_those_that_wait(python):
    told = python["cancel"]

    assert told["told"]["status"] == told["status"] == told["waiting"] == "CANCELLED"
    assert told["output"] is None
    assert told["health"]["jobs"]["inQueue"] >= 1
    assert told["purged"]["status"] == "completed"
    assert told["purged"]["removed"] >= 1


@pytest.mark.parametrize(
    ("call", "status", "said"),
    [
        pytest.param("wrong", 400, WRONG, id="a wrong width"),
        pytest.param("wrong_run", 400, WRONG, id="a wrong width, queued"),
        pytest.param("empty", 400, "Invalid parameter: prompt is required", id="no prompt"),
        pytest.param("elsewhere", 404, None, id="another endpoint"),
    ],
)
def test_python_raises_at_once_and_the_body_says_why(python, call, status, said):
    raised = python[call]

    assert (raised["class"], raised["status"]) == ("HTTPError", status)
    assert raised["seconds"] < AT_ONCE
    if said is not None:
        assert raised["body"] == {"id": raised["body"]["id"], "status": "FAILED", "error": said}


def test_python_is_told_of_a_wrong_key_and_served_with_the_right_one(locked, runpod_python):
    server, key = locked
    command = [str(runpod_python), "runpod_calls.py", "locked"]
    told = printed(command, cwd=CLIENTS, env=environment(server, SENTINEL_KEY=key))

    assert told["wrong"]["class"] == "RuntimeError"
    assert told["wrong"]["told"].startswith("401 Unauthorized")
    assert told["right"]["jobs"]["completed"] == 0


def test_javascript_has_the_same_picture_waited_for_queued_and_streamed(javascript, server):
    waited, handled = javascript["runSync"], javascript["handled"]

    assert (waited["status"], waited["completed"], waited["succeeded"]) == ("COMPLETED", True, True)
    assert waited["output"]["image_url"].startswith(f"{server.url}/media/")
    assert waited["output"] == handled["last"]["output"] == handled["again"]["output"]
    assert javascript["streamed"] == [{"output": waited["output"]}]
    assert handled["first"] == "IN_QUEUE"
    assert handled["late"] == {"id": handled["id"], "status": "COMPLETED"}
    assert waited["executionTime"] > 0
    assert waited["delayTime"] >= 0


def test_javascript_has_a_large_picture_for_its_own_price(javascript):
    large = javascript["polled"]

    assert (large["status"], large["output"]["cost"]) == ("COMPLETED", 0.00251658)


def test_javascript_cancels_a_job_and_purges_those_that_wait(javascript):
    told = javascript["cancelled"]

    assert (
        told["told"]["status"] == told["status"]["status"] == told["gone"]["status"] == "CANCELLED"
    )
    assert "output" not in told["status"]
    assert all(type(count) is int for group in told["health"].values() for count in group.values())
    assert told["purged"]["removed"] >= 1


def test_javascript_throws_at_once_and_the_response_says_why(javascript):
    wrong = javascript["wrong"]

    assert (wrong["status"], wrong["body"]["status"], wrong["body"]["error"]) == (
        400,
        "FAILED",
        WRONG,
    )
    assert javascript["elsewhere"]["status"] == javascript["unknown"]["status"] == 404
    assert max(javascript[each]["seconds"] for each in ("wrong", "elsewhere", "unknown")) < AT_ONCE


def quickstart(language: str, server: Served) -> str:
    """The page's sample, at this server."""
    pattern = rf"^## Quickstart.*?^```{language}\n(.*?)^```"
    found = re.search(pattern, PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1].replace("http://127.0.0.1:8600", server.url)


def test_the_pages_sample_runs_in_python_with_the_environment_alone(
    server, runpod_python, tmp_path
):
    (tmp_path / "sample.py").write_text(quickstart("python", server))
    command = [str(runpod_python), "sample.py"]
    said = printed(command, cwd=tmp_path, env=environment(server), text=True)

    assert re.fullmatch(rf"{server.url}/media/\w+\.png 0\.00062915\n", said)


def test_the_pages_sample_runs_in_javascript(node, server):
    sample = CLIENTS / "js" / "runpod-quickstart.mjs"
    sample.write_text(quickstart("js", server))
    try:
        said = node(sample.name, text=True)
    finally:
        sample.unlink()

    assert re.fullmatch(rf"COMPLETED {server.url}/media/\w+\.jpg true\n", said)


def test_the_pages_sample_runs_in_a_shell(server):
    script = quickstart("sh", server).replace("curl", "curl -sf", 1)
    told = printed(["bash", "-c", script], cwd=CLIENTS, env=dict(os.environ))

    assert (told["status"], told["output"]["cost"]) == ("COMPLETED", 0.00062915)
