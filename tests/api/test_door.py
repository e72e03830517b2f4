"""The outermost layer answers whoever is still waiting when the server's patience ends."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sentinel.api.door import Door
from sentinel.api.server import serve
from sentinel.errors import ConfigError
from sentinel.settings import Settings
from sentinel.store import engines

from .conftest import Start

SCOPE = {"type": "http", "method": "POST", "path": "/v1/score", "headers": []}


async def stopped(app: Any) -> list[dict[str, Any]]:
    """What a caller gets whose request is cancelled by a server that stops."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    task = asyncio.create_task(Door(app, body_mb=1)(dict(SCOPE), receive, send))
    await asyncio.sleep(0.01)
    task.cancel("graceful shutdown exceeded")
    await asyncio.gather(task, return_exceptions=True)
    return sent


def test_a_request_that_a_stopping_server_gives_up_is_told_to_come_back() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(60)

    start, body = asyncio.run(stopped(slow))
    headers = dict(start["headers"])

    assert start["status"] == 503
    assert json.loads(body["body"])["code"] == "stopping"
    assert headers[b"retry-after"] == b"10"


def test_an_answer_that_has_begun_is_not_begun_again_when_the_server_stops() -> None:
    async def begun(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(60)

    assert [message["status"] for message in asyncio.run(stopped(begun))] == [200]


def test_a_port_that_is_taken_is_told_before_any_model_is_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} of '127.0.0.1' cannot .* --port"):
            serve(Settings.read(home=tmp_path, port=port))


def test_a_database_that_does_not_answer_is_told_and_the_next_request_is_served(
    start: Start, tmp_path: Path, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_MS", 50)
    client = start()
    with closing(sqlite3.connect(tmp_path / "sentinel.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        locked = client.post("/v1/score", files={"image": png})
        other.execute("ROLLBACK")

    assert (locked.status_code, locked.json()["code"]) == (503, "unavailable")
    assert locked.json()["message"] == "the database does not answer; try again in 5 s"
    assert locked.headers["retry-after"] == "5"
    assert client.post("/v1/score", files={"image": png}).status_code == 200


def test_a_form_that_was_cut_off_does_not_pass_for_a_shorter_one(
    client: TestClient, png: bytes
) -> None:
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
    form = part.format('image"; filename="a.png').encode() + png + b"\r\n"
    form += part.format("palette").encode() + b"red\r\n"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    cut = client.post("/v1/score", content=form[:-3], headers=kind)
    whole = client.post("/v1/score", content=form + b"--b--\r\n", headers=kind)

    assert (cut.status_code, cut.json()["code"]) == (400, "bad_request")
    assert whole.json()["outcomes"][1]["measurements"]["palette"] == ["red"]


@pytest.mark.parametrize("field", ["prompt", "model"])
def test_words_that_are_too_long_are_counted_in_characters(
    client: TestClient, png: bytes, field: str
) -> None:
    answer = client.post("/v1/score", files={"image": png}, data={field: "x" * 20_001})

    assert answer.status_code == 422
    assert "characters" in answer.json()["errors"][0]["message"]
