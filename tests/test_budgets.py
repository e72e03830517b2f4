"""A budget holds, whoever asks at the same moment: money is set aside before a picture is painted."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from subprocess import run
from threading import Barrier

import pytest
from fastapi.testclient import TestClient

from generator.fixed import Fixed
from sentinel.api.app import create_app
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.store import holds as module
from sentinel.store import open_store
from sentinel.store.holds import Overdrawn
from sentinel.store.keys import NewKey, nanodollars

PRICE = 0.003

SMALL = {"prompt": "a red square", "width": 64, "height": 64}
COSTS = 64 * 64 / 1e6 * 0.003
"""What Runflow asks for such a picture."""

FAL = {"prompt": "a red square", "image_size": {"width": 64, "height": 64}}


@pytest.fixture
def store(database, tmp_path):
    opened = open_store(database, tmp_path / "media", 7)
    yield opened
    opened.close()


def key_of(store, pictures):
    return store.keys.create(NewKey(budget=nanodollars(PRICE) * pictures)).key


def placed(store, key, reference, seconds=60.0):
    """Whether the budget had room."""
    try:
        store.holds.place(key.id, (reference,), PRICE, seconds=seconds)
    except Overdrawn:
        return False
    return True


def test_of_many_who_ask_at_the_same_moment_only_those_that_the_budget_pays_for_begin(store):
    key = key_of(store, 3)
    at_once = Barrier(8)

    def ask(number):
        at_once.wait()
        return placed(store, key, f"request {number}")

    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(ask, range(8)))

    assert sum(begun) == 3
    assert store.holds.held(key.id) == key.budget


CODE = """
import sys
from sentinel.store import open_store
from sentinel.store.holds import Overdrawn
store = open_store(sys.argv[1], sys.argv[2], 7)
try:
    store.holds.place(sys.argv[3], ("elsewhere",), 0.003, seconds=60)
except Overdrawn as error:
    print(error)
"""


def test_what_another_process_has_set_aside_counts(store, database, tmp_path):
    key = key_of(store, 1)
    assert placed(store, key, "here")
    command = [sys.executable, "-c", CODE, database, tmp_path / "media", key.id]
    said = run(command, capture_output=True, text=True, check=True).stdout

    assert said.startswith("this costs 0.0030 US dollars; of this month's 0.0030, 0.0000 are spent")


def test_what_is_set_aside_is_free_again_when_it_is_lifted_or_has_lapsed(store, monkeypatch):
    key = key_of(store, 1)
    begun = [placed(store, key, "a"), placed(store, key, "b")]
    store.holds.lift("a", "never placed")
    begun += [placed(store, key, "c", seconds=30), placed(store, key, "d")]
    later = module.now_ms() + 31_000
    monkeypatch.setattr(module, "now_ms", lambda: later)

    assert [*begun, placed(store, key, "e")] == [True, False, True, False, True]


def test_several_are_set_aside_together_or_none_is(store):
    key = key_of(store, 2)
    with pytest.raises(Overdrawn, match=r"this costs 0\.0090 US dollars"):
        store.holds.place(key.id, ("a", "b", "c"), PRICE, seconds=60)

    assert store.holds.held(key.id) == 0


def test_a_key_without_a_budget_sets_nothing_aside(store):
    key = store.keys.create(NewKey()).key
    store.holds.place(key.id, ("a",), 1000.0, seconds=60)

    assert store.holds.held(key.id) == 0


# ── over HTTP ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def client(tmp_path, monkeypatch):
    """A house whose pictures take a while, one job at a time."""
    paint = Fixed.generate

    def slowly(self, brief):
        time.sleep(0.5)
        return paint(self, brief)

    monkeypatch.setattr(Fixed, "generate", slowly)
    folder = tmp_path / "policies"
    folder.mkdir()
    for name in builtin():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n[gates.integrity]\n')
    settings = Settings.read(
        home=tmp_path / "home", policies=folder, jobs_at_once=1, generator="fixed"
    )
    with TestClient(create_app(settings), client=("127.0.0.1", 50_000)) as found:
        while found.get("/readyz").status_code != 200:
            time.sleep(0.05)
        yield found


def free_again(store, key):
    """Wait until nothing is set aside: every job has ended and was put away."""
    deadline = time.monotonic() + 60
    while store.holds.held(key.id):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("path", "body", "price"),
    [
        ("/v1/generate", SMALL, COSTS),
        ("/v1/generate", {**SMALL, "async": True}, COSTS),
        ("/v1/images/generations", {"prompt": "a red square", "size": "256x256"}, 0.0005),
        ("/fal-ai/flux/schnell", FAL, PRICE),
        ("/queue/fal-ai/flux/schnell", FAL, PRICE),
    ],
    ids=["waited for", "as a job", "OpenAI's", "fal's", "fal's queue"],
)
def test_callers_at_the_same_moment_cannot_overrun_a_budget(client, path, body, price):
    store = client.app.state.house.store
    made = store.keys.create(NewKey(budget=nanodollars(price) * 2))
    mine = {"Authorization": f"Bearer {made.secret}"}

    def ask(_):
        return client.post(path, json=body, headers=mine)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    taken = [each for each in answers if each.status_code in (200, 202)]
    refused = [each for each in answers if each.status_code == 402]

    assert (len(taken), len(refused)) == (2, 4), [each.text for each in answers]
    assert all("begins anew on" in each.text for each in refused)
    free_again(store, made.key)
    assert store.keys.spent(made.key.id) == made.key.budget


def test_a_job_that_was_cancelled_gives_back_what_was_set_aside_for_it(client):
    store = client.app.state.house.store
    key, secret = (made := store.keys.create(NewKey(budget=nanodollars(1)))).key, made.secret
    mine = {"Authorization": f"Bearer {secret}"}
    jobs = [client.post("/v1/generate", json={**SMALL, "async": True}, headers=mine).json()["id"]
            for _ in range(2)]  # fmt: skip
    aside = store.holds.held(key.id)
    client.delete(f"/v1/jobs/{jobs[1]}", headers=mine)
    free_again(store, key)
    ends = [client.get(f"/v1/jobs/{each}", headers=mine).json()["status"] for each in jobs]

    assert aside == 2 * nanodollars(COSTS)
    assert ends == ["done", "cancelled"]
    assert store.keys.spent(key.id) == nanodollars(COSTS)
