"""Where nothing is to be kept, nothing of a prompt or picture is: in no table and in no file."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from ulid import ULID

from sentinel import imaging
from sentinel.api.app import create_app
from sentinel.contracts import Attempt, Box, Brief, Evidence, FailureMode, Score, Trace, Verdict
from sentinel.errors import NotFound
from sentinel.imaging import encode
from sentinel.jobs.handover import Handovers
from sentinel.jobs.tables import Place
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.store import open_store
from sentinel.store.baring import WITHHELD, bare
from sentinel.store.evaluation_tables import (
    EvaluationFeedbackRow,
    EvaluationPictureRow,
    EvaluationRequestRow,
)
from sentinel.store.forgetting import forget
from sentinel.store.tables import table_of
from sentinel.testing import scene

WORDS = {
    "prompt": "a zeppelin over Quedlinburg", "negative_prompt": "no marmalade whatsoever",
    "expected_text": ["XYLOPHONE"], "palette": ["#a1b2c3"], "model": "their-model-9",
}  # fmt: skip
POLICY = """
name = "default"
[gates.integrity]
[judges.fixed]
threshold = 0.5
[judges.echo]
weight = 0.0
"""
PIECE = 24
"""Bytes of a picture that are looked for, at many places."""
JOB_SECONDS = 30


@contextmanager
def serving(home: Path, policies: Path, **given: object) -> Iterator[TestClient]:
    settings = Settings.read(home=home, policies=policies, generator="fixed", **given)
    with TestClient(create_app(settings)) as client:
        deadline = time.monotonic() + JOB_SECONDS
        while client.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield client


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    for name in builtin():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n')
    (folder / "default.toml").write_text(POLICY)
    return folder


def reference() -> bytes:
    return encode(scene(90, 70))


def wanted(**fields: object) -> dict[str, object]:
    image = "data:image/png;base64," + base64.b64encode(reference()).decode()
    return {
        **WORDS, "width": 64, "height": 64, "references": [{"image": image, "kind": "style"}], **fields,
    }  # fmt: skip


def picture_of(answer: dict[str, Any]) -> bytes:
    kind, _, encoded = answer["images"][0]["url"].partition(";base64,")
    assert kind == "data:image/png"
    return base64.b64decode(encoded)


def ended(client: TestClient, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + JOB_SECONDS
    while (job := client.get(f"/v1/jobs/{job_id}").json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    return job


def traces_of(home: Path, pictures: list[bytes], words: list[str]) -> dict[str, list[str]]:
    """Which of these words and pieces of pictures lie in which file."""
    needles: dict[str, bytes] = {}
    for word in words:
        needles[word] = word.encode()
        needles[f"{word} (UTF-16)"] = word.encode("utf-16-le")
    for number, picture in enumerate(pictures):
        for at in range(33, len(picture) - PIECE, 31):
            needles[f"picture {number} at {at}"] = picture[at : at + PIECE]
        encoded = base64.b64encode(picture)
        for at in range(44, len(encoded) - PIECE, 64):
            needles[f"picture {number} encoded, at {at}"] = encoded[at : at + PIECE]
    found: dict[str, list[str]] = {}
    for path in (path for path in home.rglob("*") if path.is_file()):
        held = path.read_bytes()
        if here := [name for name, needle in needles.items() if needle in held]:
            found[str(path.relative_to(home))] = here
    return found


def spoken() -> list[str]:
    return [
        str(WORDS["prompt"]),
        str(WORDS["negative_prompt"]),
        "XYLOPHONE",
        "a1b2c3",
        "their-model-9",
    ]


def told() -> Trace:
    """A trace with words wherever one can have them."""
    brief = Brief(prompt=str(WORDS["prompt"]), category="poster", client={"model": "their-model-9"})
    text = Score(
        judge="text", version="2", threshold=0.7, value=0.4, reason="XYLOPHONE reads XYL",
        measurements={"read": "XYL"}, evidence=(Evidence(claim="XYL", box=Box(1, 2, 3, 4)),),
        issues=(FailureMode(category="text", subcategory="misspelled", detail="XYL"),),
    )  # fmt: skip
    verdict = Verdict(
        action="regenerate", standing="failed", score=0.4, outcomes=(text,), reason="XYL",
        top_issues=("XYL",),
    )  # fmt: skip
    attempt = Attempt(
        number=1, brief=brief, generator="fixed", verdict=verdict, cost=0.5, seconds=1.0,
        picture="ab" * 32, fingerprint="cd" * 8, notes=("XYL",),
    )  # fmt: skip
    return Trace(
        id=str(ULID()), created_ms=1_750_075_200_000, policy="default", policy_fingerprint="f00d",
        mode="guard", brief=brief, attempts=(attempt,), delivered=1, reason="XYL", seconds=2.5,
        notes=("XYL",),
    )  # fmt: skip


def test_nothing_of_a_prompt_or_picture_lies_in_any_file(
    doubles: Path, policies: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    given = {"retention": "none", "handover_minutes": 0.01}
    with serving(home, policies, **given) as client:
        sync = client.post("/v1/generate", json=wanted(seed=1)).json()
        judged_behind = client.post("/v1/generate", json=wanted(seed=2, mode="score")).json()
        job = client.post("/v1/generate", json={**wanted(seed=3), "async": True}).json()
        assert ended(client, job["id"])["status"] == "done"
        scored = client.post(
            "/v1/score", files={"image": reference()}, data={"prompt": WORDS["prompt"]}
        )
        lists = client.get("/v1/jobs").text
        kept = [
            client.get(f"/v1/traces/{each}").text
            for each in (sync["id"], scored.json()["trace_id"])
        ]
        time.sleep(1)
        client.app.state.house.jobs._forgot = float("-inf")
        deadline = time.monotonic() + JOB_SECONDS
        while traces_of(home, [reference()], spoken()):
            assert time.monotonic() < deadline, traces_of(home, [reference()], spoken())
            time.sleep(0.2)
    pictures = [picture_of(sync), picture_of(judged_behind), reference()]

    assert traces_of(home, pictures, spoken()) == {}
    assert not (home / "media").exists()
    assert not [word for word in spoken() for text in (lists, *kept) if word in text]


def test_nothing_of_a_run_lies_in_any_file_once_its_result_has_waited(
    doubles: Path, policies: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    asked = {"input": wanted(seed=4), "metadata": {"note": "XYLOPHONE"}, "client_ref": "a1b2c3"}
    with serving(home, policies, retention="none") as client:
        run = client.post("/v1/models/black-forest-labs/flux-1-schnell/runs", json=asked).json()
        deadline = time.monotonic() + JOB_SECONDS
        while (told := client.get(f"/v1/runs/{run['id']}").json())["status_code"] != "succeeded":
            assert time.monotonic() < deadline, told
            time.sleep(0.05)
        picture = picture_of(told["output"])
        waiting = traces_of(home, [picture], spoken())
        jobs = client.app.state.house.jobs
        jobs._handovers._clock = lambda: time.time_ns() // 1_000_000 + 11 * 60_000
        jobs._forgot = float("-inf")
        while traces_of(home, [picture, reference()], spoken()):
            assert time.monotonic() < deadline + JOB_SECONDS, home
            time.sleep(0.2)
        gone = client.get(f"/v1/runs/{run['id']}").status_code

    assert any(name.startswith("sentinel_jobs.db") for name in waiting)
    assert gone == 404
    assert traces_of(home, [picture, reference()], spoken()) == {}


def test_the_search_finds_what_is_kept(doubles: Path, policies: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home, policies) as client:
        answer = client.post("/v1/generate", json=wanted(seed=1)).json()
        picture = client.get(answer["images"][0]["url"]).content

    found = traces_of(home, [picture, reference()], spoken())

    assert found.keys() >= {
        f"media/{sha[:2]}/{sha[2:4]}/{sha}" for sha in map(named, [picture, reference()])
    }
    assert any(name.startswith("sentinel.db") and spoken()[0] in found[name] for name in found)


def named(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_an_answer_carries_the_picture_and_all_words_while_its_trace_keeps_numbers(
    doubles: Path, policies: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "home", policies, retention="none") as client:
        answer = client.post("/v1/generate", json=wanted(seed=7)).json()
        kept = client.get(answer["trace_url"]).json()
        gone = client.get(kept["picture_url"])

    [attempt] = answer["attempts"]
    [bared] = kept["attempts"]
    assert imaging.inspect(picture_of(answer), imaging.Limits()).width == 64
    assert attempt["prompt"] == WORDS["prompt"]
    assert kept["brief"]["prompt"] is bared["prompt"] is None
    assert bared["seed"] == attempt["seed"]
    assert bared["score"] == attempt["score"]
    assert [each["judge"] for each in bared["outcomes"]] == [
        each["judge"] for each in attempt["outcomes"]
    ]
    assert (
        bared["outcomes"][1]["measurements"]["pixel"]
        == attempt["outcomes"][1]["measurements"]["pixel"]
    )
    assert bared["outcomes"][1]["measurements"]["prompt"] is None
    assert kept["ended"] == WITHHELD
    assert gone.status_code == 404


def test_a_jobs_result_waits_for_its_caller_and_is_gone_after_that(
    doubles: Path, policies: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "home", policies, retention="none") as client:
        job = client.post("/v1/generate", json={**wanted(seed=3), "async": True}).json()
        ended(client, job["id"])
        results = [client.get(job["result_url"]) for _ in range(2)]
        listed = client.get("/v1/jobs").json()["jobs"]

    assert [each.status_code for each in results] == [200, 200]
    assert picture_of(results[0].json()) == picture_of(results[1].json())
    assert results[0].json()["attempts"][0]["prompt"] == WORDS["prompt"]
    assert [each["prompt"] for each in listed] == [""]
    with serving(
        tmp_path / "home", policies, retention="none"
    ) as client:  # and so it does after a restart
        assert client.get(job["result_url"]).status_code == 200
        handovers = client.app.state.house.jobs._handovers
        handovers._clock = lambda: time.time_ns() // 1_000_000 + 11 * 60_000
        late = client.get(job["result_url"])

    assert late.status_code == 404
    assert "SENTINEL_RETENTION=none" in late.json()["message"]


def test_what_waited_is_overwritten_when_its_time_is_up(tmp_path: Path) -> None:
    place = Place.beside(f"sqlite:///{tmp_path}/sentinel.db", wiping=True)
    engines = place.open()
    now = [1_000_000]
    handovers = Handovers(engines, 10, lambda: now[0])
    picture = encode(scene(300, 200))
    trace = told()
    handovers.put(trace, picture)

    assert traces_of(tmp_path, [picture], spoken())
    assert handovers.get(trace.id).trace == trace
    now[0] += 10 * 60_000
    with pytest.raises(NotFound, match="beyond 10 minutes"):
        handovers.get(trace.id)
    assert handovers.sweep() == 1
    assert traces_of(tmp_path, [picture], spoken()) == {}
    engines.close()


def test_a_bare_trace_counts_like_the_whole_one_and_says_what_it_lacks(tmp_path: Path) -> None:
    whole = told()
    counts = []
    for words in (True, False):
        url = f"sqlite:///{tmp_path}/{words}.db"
        store = open_store(url, tmp_path / "media", 7, words=words)
        store.traces.save(whole)
        counts.append(store.queries.overview().counts)
        kept = store.traces.load(whole.id)
        store.close()

    assert counts[0] == counts[1]
    assert counts[0].evaluations == 1
    assert kept == bare(whole)
    assert kept.notes == (WITHHELD,)
    assert (kept.cost, kept.seconds, kept.brief.category) == (whole.cost, whole.seconds, "poster")


def test_of_measurements_numbers_and_boxes_stay() -> None:
    [first] = told().attempts
    score = first.verdict.outcomes[0].model_copy(
        update={
            "measurements": {
                "read": "ZEPPELIN", "similarity": 0.5, "match": True, "boxes": [[1, 2, 3, 4]],
                "phrases": [{"expected": "ZEPPELIN", "distance": 2}], "ZEPPELIN OVER": 0.7,
            }
        }
    )  # fmt: skip
    verdict = first.verdict.model_copy(update={"outcomes": (score,)})
    trace = told().model_copy(update={"attempts": (first.model_copy(update={"verdict": verdict}),)})

    kept = bare(trace)

    [outcome] = kept.attempts[0].verdict.outcomes
    assert outcome.measurements == {
        "read": None, "similarity": 0.5, "match": True, "boxes": [[1, 2, 3, 4]], "phrases": [[None, 2]],
    }  # fmt: skip
    assert outcome.evidence == (Evidence(claim="", box=score.evidence[0].box),)
    assert outcome.issues[0] == FailureMode(category="text", subcategory="misspelled", detail="")
    assert "ZEPPELIN" not in kept.model_dump_json()
    assert Trace.model_validate(json.loads(kept.model_dump_json())) == kept


def test_what_was_to_be_judged_said_or_delivered_is_wiped_when_it_has_ended(tmp_path: Path) -> None:
    word = str(WORDS["prompt"])
    store = open_store(f"sqlite:///{tmp_path}/sentinel.db", tmp_path / "media", 7, words=False)
    now = time.time_ns() // 1_000_000
    long_ago = now - 11 * 60_000
    request = dict.fromkeys(column.name for column in table_of(EvaluationRequestRow).columns)
    request |= {"project": "p", "task_type": "t", "beat_ms": 0, "taken": 1, "asked": word}
    requests = [
        request | {"id": f"r{number}", "trace_id": f"t{number}", "state": state, "created_ms": at, "updated_ms": at}
        for number, (state, at) in enumerate([("completed", long_ago), ("running", long_ago), ("failed", now)])
    ]  # fmt: skip
    feedback = {
        "trace_id": "t",
        "attempt": 1,
        "is_positive": False,
        "reason": word,
        "updated_ms": long_ago,
    }
    with store.engines.write.begin() as connection:
        connection.execute(table_of(EvaluationRequestRow).insert(), requests)
        picture = {"request_id": "r0", "position": 0, "content": word.encode()}
        connection.execute(table_of(EvaluationPictureRow).insert(), picture)
        connection.execute(table_of(EvaluationFeedbackRow).insert(), feedback)

    assert forget(store.engines, 10) == 1
    with store.engines.write.begin() as connection:
        left = connection.execute(select(table_of(EvaluationRequestRow).c.id)).scalars().all()
        said = connection.execute(select(table_of(EvaluationFeedbackRow))).one()
        connection.execute(table_of(EvaluationRequestRow).delete())
    forget(store.engines, 10)

    assert left == ["r1", "r2"]
    assert (said.is_positive, said.reason) == (False, None)
    assert traces_of(tmp_path, [], [word]) == {}
    store.close()
