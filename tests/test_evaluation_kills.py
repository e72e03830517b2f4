"""Evaluations that were accepted are judged, and counted once, whichever process is killed."""

from __future__ import annotations

import base64

import httpx2

from sentinel.imaging import encode
from sentinel.settings import Settings
from sentinel.store import open_store
from sentinel.testing import scene

from .serving import Town, town, wait_for

MANY = 16

BODY = {
    "generated_image_url": "data:image/png;base64," + base64.b64encode(encode(scene(64, 48))).decode(),
    "task_type": "headshot",
}  # fmt: skip


def submitted(url: str, count: int) -> list[str]:
    with httpx2.Client(base_url=url, timeout=30) as client:
        answers = [client.post("/v1/evaluations", json=BODY) for _ in range(count)]
    assert {each.status_code for each in answers} == {202}
    return [each.json()["id"] for each in answers]


def statuses(url: str, ids: list[str]) -> list[str]:
    with httpx2.Client(base_url=url, timeout=30) as client:
        return [client.get(f"/v1/evaluations/{each}").json()["status_code"] for each in ids]


def counted(home: Town) -> int:
    settings = Settings.read(home=home.home)
    store = open_store(settings.database_url, settings.media, settings.media_days)
    try:
        return store.queries.overview().counts.evaluations
    finally:
        store.close()


def test_what_was_accepted_is_judged_by_the_living_or_after_the_next_start_and_counted_once(
    tmp_path,
):
    shared = town(tmp_path)
    with shared.serving(2, SENTINEL_WORKERS="2", JUDGING="0.6") as (first, second):
        ids = submitted(first.url, MANY)
        wait_for(lambda: shared.marks("judged") >= 2)
        first.kill()
        by_then = statuses(second.url, ids).count("completed")
        wait_for(lambda: statuses(second.url, ids).count("completed") >= by_then + 4)
        second.kill()
    late = shared.marks("judged")
    with shared.serving(1) as [third]:
        wait_for(lambda: set(statuses(third.url, ids)) == {"completed"})

    assert by_then < MANY
    assert counted(shared) == MANY
    assert late < MANY
    in_hand = 4  # what the two had begun when they were killed, and nobody has heard of
    assert MANY <= shared.marks("judged") <= MANY + in_hand
