"""The commands of docs/api.md, as a user types them: curl against a real server."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sentinel.api import server

from .conftest import Server

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")


def curl(*arguments: str) -> Any:
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "30", *arguments], capture_output=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture
def file(tmp_path: Path, png: bytes) -> Path:
    path = tmp_path / "cup.png"
    path.write_bytes(png)
    return path


def test_a_user_scores_a_picture_with_curl_and_looks_at_it(
    server: Server, file: Path, tmp_path: Path
) -> None:
    answer = curl(
        "-F", f"image=@{file}", "-F", "prompt=a red cup", "-F", "palette=white",
        "-F", "palette=#c8102e", f"{server.url}/v1/score",
    )  # fmt: skip
    out = tmp_path / "annotated.png"
    subprocess.run(
        ["curl", "-sS", "-o", str(out), server.url + answer["annotated_url"]], check=True
    )

    assert answer["action"] == "pass"
    assert answer["outcomes"][1]["measurements"]["palette"] == ["white", "#c8102e"]
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_user_scores_a_picture_with_curl_and_json(server: Server, file: Path) -> None:
    body = file.with_suffix(".json")
    body.write_text(json.dumps({"image": base64.b64encode(file.read_bytes()).decode()}))
    answer = curl("--json", f"@{body}", f"{server.url}/v1/score")

    assert curl(server.url + answer["trace_url"])["trace_id"] == answer["trace_id"]


def test_a_huge_upload_with_curl_ends_in_an_answer(server: Server, tmp_path: Path) -> None:
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(100_000_000)
    answer = curl("-F", f"image=@{huge}", f"{server.url}/v1/score")

    assert answer["code"] == "body_too_large"


def test_many_callers_are_answered_side_by_side(server: Server, file: Path) -> None:
    def call(_: int) -> str:
        action: str = curl("-F", f"image=@{file}", f"{server.url}/v1/score")["action"]
        return action

    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        actions = list(pool.map(call, range(24)))

    assert set(actions) == {"pass"}
    assert time.monotonic() - started < 30


def test_a_body_that_stops_arriving_does_not_hold_the_others(server: Server, file: Path) -> None:
    waiting = subprocess.Popen(
        ["curl", "-sS", "--limit-rate", "1k", "-F", f"image=@{file}", f"{server.url}/v1/score"],
        stdout=subprocess.DEVNULL,
    )
    try:
        answer = curl("-F", f"image=@{file}", f"{server.url}/v1/score")
    finally:
        waiting.kill()
        waiting.wait()

    assert answer["action"] == "pass"


def test_an_answer_does_not_wait_for_the_callers_acknowledgement_of_its_head():
    with server._listen("127.0.0.1", 0) as listening:
        with socket.create_connection(listening.getsockname()[:2], 5):
            accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
