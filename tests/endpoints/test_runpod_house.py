"""RunPod's surface over a house of doubles: refusals, failures, keys, keeping nothing, restarts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sentinel import registry
from sentinel.api.app import create_app
from sentinel.contracts import Finding
from sentinel.errors import ProviderFailed
from sentinel.imaging import encode
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.store.keys import NewKey
from sentinel.testing import ScriptedGenerator, red, scene

HERE = "/v2/black-forest-labs-flux-1-schnell"
ASKED = {"prompt": "a red circle", "seed": 7, "width": 256, "height": 256}
BODY = {"input": ASKED}

GATE = threading.Event()


class Painter(ScriptedGenerator):
    """Paints a scene for a quarter; nothing where it is asked for nothing; waits where it is told to wait."""

    def __init__(self) -> None:
        super().__init__(red(0.9), cost=0.25, price=0.25)

    def generate(self, brief):
        self.script = (encode(scene(brief.width, brief.height), brief.output_format),)
        if brief.prompt == "nothing":
            self.script = (ProviderFailed("painter", "has no paint left"),)
        if brief.prompt == "wait":
            GATE.wait(20)
        return super().generate(brief)


class Prude:
    """A safety gate that everything offends."""

    version = "1"

    def check(self, sample):
        return Finding(passed=False, reason="offensive")


OFFERED = {"sentinel.generators": {"painter": Painter}, "sentinel.gates": {"safety": Prude}}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home of its own; the policy `product` refuses every picture."""

    class Point(EntryPoint):
        def load(self):
            return OFFERED[self.group][self.name]

    def offered(group):
        return [Point(name, "here:x", group) for name in OFFERED.get(group, {})]

    monkeypatch.setattr(registry, "entry_points", offered)
    registry._offered.cache_clear()
    folder = tmp_path / "policies"
    folder.mkdir()
    for name in builtin():
        gate = "[gates.safety]" if name == "product" else ""
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n{gate}\n')
    GATE.clear()
    yield Settings.read(
        home=tmp_path / "home", policies=folder, generator="painter", jobs_at_once=1
    )
    GATE.set()
    registry._offered.cache_clear()


@contextmanager
def opened(settings: Settings, **more: Any) -> Iterator[TestClient]:
    with TestClient(create_app(settings.model_copy(update=more))) as client:
        while client.get("/readyz").status_code != 200:
            pass
        yield client


def ask(client: TestClient, prompt: str = "a red circle", **headers: str) -> Any:
    body = {"input": {**ASKED, "prompt": prompt}}
    return client.post(f"{HERE}/runsync", json=body, headers=headers)


def test_what_the_rules_refuse_is_400_and_the_job_failed(settings):
    with opened(settings) as client:
        answer = ask(client, **{"X-Sentinel-Policy": "product"})
        told = answer.json()
        read = client.get(f"{HERE}/status/{told['id']}")
        health = client.get(f"{HERE}/health").json()["jobs"]

    assert (answer.status_code, told["status"], "output" in told) == (400, "FAILED", False)
    assert "offensive" in told["error"]
    assert (read.status_code, read.json()) == (200, told)
    assert (health["completed"], health["failed"]) == (0, 1)


def test_a_generator_that_gives_nothing_is_502_and_the_job_failed(settings):
    with opened(settings) as client:
        answer = ask(client, "nothing", **{"X-Sentinel-Max-Attempts": "1"})

    assert (answer.status_code, answer.json()["status"]) == (502, "FAILED")
    assert "has no paint left" in answer.json()["error"]
    assert answer.json()["executionTime"] > 0


def test_imageapi_tells_why_nothing_may_be_delivered(settings):
    with opened(settings) as client:
        body = {"prompt": "a red circle", "width": 128, "height": 128}
        answer = client.post(
            "/api/v1/generate", json=body, headers={"X-Sentinel-Policy": "product"}
        )

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "content_policy_violation"
    assert "offensive" in answer.json()["error"]["message"]


def test_imageapi_asks_for_a_key_where_there_is_one_and_charges_what_the_picture_cost(settings):
    body = {"prompt": "a red circle", "width": 128, "height": 128}
    with opened(settings) as client:
        keys = client.app.state.house.store.keys
        key = keys.create(NewKey())
        denied = client.post("/api/v1/generate", json=body)
        served = client.post(
            "/api/v1/generate", json=body, headers={"Authorization": f"Bearer {key.secret}"}
        )
        spent = keys.spent(key.key.id)

    assert (denied.status_code, denied.json()["error"]["code"]) == (401, "unauthorized")
    assert served.status_code == 200
    assert spent == 0.25 * 1e9


def test_a_job_goes_on_after_a_restart_under_its_id(settings):
    body = {"input": {**ASKED, "prompt": "wait"}}
    with opened(settings) as client:
        job_id = client.post(f"{HERE}/runsync?wait=0", json=body).json()["id"]
        threading.Timer(0.3, GATE.set).start()  # while the house closes
    with opened(settings) as client:
        told = client.get(f"{HERE}/status-sync/{job_id}?wait=20000").json()

    assert (told["id"], told["status"]) == (job_id, "COMPLETED")


def test_a_key_sees_and_purges_the_jobs_of_its_project_alone(settings):
    with opened(settings) as client:
        keys = client.app.state.house.store.keys
        mine, theirs = (
            {"Authorization": f"Bearer {keys.create(NewKey(project=name)).secret}"}
            for name in ("mine", "theirs")
        )
        none = client.post(f"{HERE}/runsync", json=BODY)
        wrong = client.get(f"{HERE}/health", headers={"Authorization": "Bearer sk-wrong"})
        held = client.post(
            f"{HERE}/run", json={"input": {**ASKED, "prompt": "wait"}}, headers=mine
        ).json()["id"]
        job_id = client.post(f"{HERE}/run", json=BODY, headers=mine).json()["id"]
        foreign = client.get(f"{HERE}/status/{job_id}", headers=theirs)
        purged = client.post(f"{HERE}/purge-queue", headers=theirs).json()
        counts = [
            client.get(f"{HERE}/health", headers=who).json()["jobs"] for who in (mine, theirs)
        ]
        GATE.set()
        client.get(f"{HERE}/status-sync/{held}", headers=mine)
        done = client.get(f"{HERE}/status-sync/{job_id}", headers=mine).json()

    assert [(each.status_code, set(each.json())) for each in (none, wrong)] == [
        (401, {"error"})
    ] * 2
    assert foreign.status_code == 404
    assert purged["removed"] == 0
    assert [sum(each.values()) for each in counts] == [2, 0]
    assert done["status"] == "COMPLETED"


def test_a_finished_job_is_charged_once_and_a_failed_one_never(settings):
    with opened(settings) as client:
        keys = client.app.state.house.store.keys
        key = keys.create(NewKey())
        who = {"Authorization": f"Bearer {key.secret}", "X-Sentinel-Max-Attempts": "1"}
        cost = ask(client, **who).json()["output"]["cost"]
        ask(client, "nothing", **who)
        spent = keys.spent(key.key.id)

    assert spent == pytest.approx(cost * 1e9)


def test_a_full_queue_is_503_and_says_when_to_come_back(settings):
    with opened(settings, jobs_waiting=1) as client:
        held = {"input": {**ASKED, "prompt": "wait"}}
        client.post(f"{HERE}/runsync?wait=0", json=held)
        answers = [client.post(f"{HERE}/run", json=held) for _ in range(3)]
        GATE.set()

    assert answers[-1].status_code == 503
    assert answers[-1].headers["retry-after"]
    assert "queue of jobs" in answers[-1].json()["error"]


def test_a_house_that_keeps_nothing_answers_with_the_picture_itself(settings):
    with opened(settings, retention="none") as client:
        told = ask(client).json()
        read = client.get(f"{HERE}/status/{told['id']}").json()

    assert told["output"]["image_url"].startswith("data:image/jpeg;base64,")
    assert read == told


def test_a_picture_whose_time_is_up_leaves_a_completed_job(settings):
    with opened(settings) as client:
        told = ask(client).json()
        for picture in (settings.home / "media").rglob("*"):
            if picture.is_file():
                picture.unlink()
        read = client.get(f"{HERE}/status/{told['id']}").json()

    assert read == told
