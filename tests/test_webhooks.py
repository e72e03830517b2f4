"""Webhooks: recorded before they are sent, signed, tried again, told once, whatever is killed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sentinel.contracts import Brief, Trace
from sentinel.errors import BriefError, NotFound, Unavailable
from sentinel.jobs import Batch, Job, State
from sentinel.outbound import Limits, Private
from sentinel.store import Store, open_store
from sentinel.store.callbacks import Callbacks, TooManySecrets
from sentinel.store.deliveries import Deliveries, Delivery, DeliveryAttempt
from sentinel.webhooks import Schedule, Webhooks
from sentinel.webhooks.schedule import decide

HERE = Limits(private=Private.of(["127.0.0.1"]))
DELAYS = (15, 30, 60, 120, 240, 480, 960, 1920, 3375)
QUICK = Schedule((0.05, 0.05, 0.05), seconds=0.5, lease=1.0, poll=0.02)
HOUR = 3_600_000


@dataclass
class Hit:
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(ThreadingHTTPServer):
    """Answers by the path: /500 with 500, /hang after the gate opens, everything else with 200."""

    daemon_threads = True
    hits: list[Hit]
    gate: threading.Event

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def of(self, path: str) -> list[Hit]:
        return [hit for hit in self.hits if hit.path == path]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.hits.append(Hit(self.path, headers, body))
            if self.path == "/hang":
                made.gate.wait(5)
            status = int(self.path[1:]) if self.path[1:].isdigit() else 200
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("location", "http://127.0.0.2/")
                self.send_header("retry-after", "7200" if status == 429 else "0")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

        def log_message(self, *args):
            """Nothing."""

    made = Receiver(("127.0.0.1", 0), Handler)
    made.hits, made.gate = [], threading.Event()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.gate.set()
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(database, tmp_path / "media", 7)
    yield opened
    opened.close()


class Batches:
    """Keeps batches as a desk of jobs does."""

    def __init__(self) -> None:
        self.known: dict[str, Batch] = {}

    def stands(self, batch_id: str, *states: State) -> None:
        jobs = tuple(
            Job(id=f"{batch_id}-{number}", state=state, created_ms=0, updated_ms=0)
            for number, state in enumerate(states)
        )
        self.known[batch_id] = Batch(id=batch_id, surface="fal", jobs=jobs, created_ms=0)

    async def batch(self, batch_id: str) -> Batch:
        if batch_id not in self.known:
            raise NotFound(f"there is no batch {batch_id!r}")
        return self.known[batch_id]

    async def result(self, job_id: str) -> Trace:
        brief = Brief(prompt="a red cup")
        return Trace(
            id=job_id, created_ms=0, policy="default", policy_fingerprint="f00d", mode="guard",
            brief=brief, attempts=(), delivered=None, model="m", seconds=1.0,
        )  # fmt: skip


def webhooks(store: Store, schedule: Schedule = QUICK, batches: Batches | None = None) -> Webhooks:
    return Webhooks(store, batches or Batches(), HERE, schedule)


async def rounds(desk: Webhooks, until, seconds: float = 5.0) -> None:
    """Rounds, one after the other and each to its end, until something is true."""
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        await asyncio.gather(*await desk.round())
        await asyncio.sleep(0.01)


def ended(store: Store, delivery: Delivery) -> bool:
    return store.deliveries.one(delivery.id).state != "waiting"


def send(desk: Webhooks, url: str, **more: Any) -> Delivery:
    body = {"status": "OK"}
    return asyncio.run(desk.send("done", url, body, surface="fal", reference="r1", **more))


def deliver(store: Store, url: str, schedule: Schedule = QUICK) -> Delivery:
    """Send, and play rounds until it has ended."""

    async def play() -> Delivery:
        desk = webhooks(store, schedule)
        sent = await desk.send("done", url, {"n": 1}, surface="fal", reference="r1")
        await rounds(desk, lambda: ended(store, sent))
        return store.deliveries.one(sent.id)

    return asyncio.run(play())


# ── one delivery ──────────────────────────────────────────────────────────────────────────────


def test_a_delivery_is_a_row_before_it_is_sent(store, receiver):
    sent = send(webhooks(store), receiver.at("/a"), headers={"X-Mine": "1"})

    assert store.deliveries.one(sent.id) == sent
    assert (sent.state, sent.attempts, receiver.hits) == ("waiting", (), [])


def test_it_arrives_once_with_its_body_and_its_names(store, receiver):
    found = deliver(store, receiver.at("/a"))
    [hit] = receiver.hits

    assert (found.state, found.attempts[0].status, found.attempts[0].error) == (
        "delivered", 200, None,
    )  # fmt: skip
    assert json.loads(hit.body) == {"n": 1}
    assert hit.headers["x-sentinel-delivery-id"] == found.id == hit.headers["webhook-id"]
    assert hit.headers["runflow-request-id"] == found.id
    assert abs(int(hit.headers["x-sentinel-timestamp"]) - time.time()) < 5
    assert "runflow-signature" not in hit.headers


def test_no_header_of_a_surface_stands_above_ours(store, receiver):
    async def play():
        desk = webhooks(store)
        headers = {"Webhook-Id": "mine", "X-Mine": "1"}
        sent = await desk.send(
            "done", receiver.at("/a"), b"{}", surface="fal", reference="r", headers=headers
        )
        await rounds(desk, lambda: ended(store, sent))

    asyncio.run(play())

    assert receiver.hits[0].headers["x-mine"] == "1"
    assert receiver.hits[0].headers["webhook-id"] != "mine"


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.254/", "ftp://a.org", "x"])
def test_an_address_that_is_not_dialled_is_refused_with_the_request(store, url):
    with pytest.raises(BriefError, match="callback_url is "):
        send(webhooks(store), url)
    with pytest.raises(BriefError, match="webhook is "):
        asyncio.run(webhooks(store).when_ended("b", url, surface="fal"))

    assert store.deliveries.page().deliveries == ()


@pytest.mark.parametrize(
    ("path", "state", "count", "told"),
    [
        ("/500", "failed", 4, None),
        ("/410", "failed", 1, None),
        ("/302", "failed", 4, "redirect, which is not followed"),
        ("/204", "delivered", 1, None),
        ("/hang", "failed", 4, r"no answer within 0\.1 s"),
    ],
)
def test_what_comes_back_decides_what_becomes_of_it(store, receiver, path, state, count, told):
    found = deliver(store, receiver.at(path), replace(QUICK, seconds=0.1))

    assert (found.state, len(found.attempts), len(receiver.of(path))) == (state, count, count)
    assert len(receiver.hits) == count, "a redirect was followed"
    assert told is None or re.search(told, found.attempts[0].error)


def test_a_receiver_that_is_not_there_is_tried_again(store):
    found = deliver(store, "http://127.0.0.1:9/")

    assert (found.state, len(found.attempts)) == ("failed", 4)
    assert "does not answer" in found.attempts[0].error


def test_a_receiver_that_hangs_holds_up_nobody_else(store, receiver):
    async def play():
        desk = webhooks(store, replace(QUICK, seconds=5.0))
        for _ in range(10):
            await desk.send("done", receiver.at("/hang"), b"{}", surface="s", reference="r")
        other = await desk.send(
            "done", receiver.at("/a").replace("127.0.0.1", "localhost"), b"{}",
            surface="s", reference="r",
        )  # fmt: skip
        desk.watch()
        began = time.monotonic()
        while not ended(store, other):
            assert time.monotonic() - began < 3
            await asyncio.sleep(0.02)
        hanging = len(receiver.of("/hang"))
        await desk.close()
        return hanging

    assert 1 <= asyncio.run(play()) <= 4  # the fourth may still be on its way there
    assert store.deliveries.claim("x", 1, 9, {"": 9}), "what was being sent is due at once"


# ── the schedule ──────────────────────────────────────────────────────────────────────────────


def test_ten_attempts_spread_over_two_hours():
    delivery = Delivery("d", "e", "u", "h", "s", "r", "p", b"")
    schedule, now = Schedule(DELAYS), 0
    for tries in range(10):
        attempt = DeliveryAttempt(now, 15_000, None, "no answer")
        state, now = decide(replace(delivery, tries=tries), attempt, schedule, chance=0.5)
        assert state == ("waiting" if tries < 9 else "failed")

    assert 7200 <= now / 1000 <= 7200 + 10 * 15


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_a_delay_is_a_fifth_longer_or_shorter(chance):
    delivery = Delivery("d", "e", "u", "h", "s", "r", "p", b"")
    _, due = decide(delivery, DeliveryAttempt(0, 0, 500), Schedule((100.0,)), chance)

    assert due == pytest.approx(80_000 if chance == 0 else 120_000, rel=0.001)


def test_an_hour_of_500s_is_outlasted(store, receiver):
    now = [1_800_000_000_000]
    ticking = replace(store, deliveries=Deliveries(store.engines, lambda: now[0]))
    url, times = receiver.at("/500"), []

    async def play() -> Delivery:
        desk = webhooks(ticking, Schedule(DELAYS))
        sent = await desk.send("done", url, b"{}", surface="fal", reference="r1")
        began = now[0]
        while (found := ticking.deliveries.one(sent.id)).state == "waiting":
            now[0] = max(now[0], found.next_ms)
            if now[0] - began > HOUR:
                receiver.RequestHandlerClass.do_POST = answering_200
            await asyncio.gather(*await desk.round())
            times.append((now[0] - began) / 1000)
        return found

    def answering_200(handler):
        handler.rfile.read(int(handler.headers["content-length"]))
        handler.send_response(200)
        handler.send_header("content-length", "0")
        handler.end_headers()

    found = asyncio.run(play())

    assert [each.status for each in found.attempts] == [500] * (len(times) - 1) + [200]
    assert 9 <= len(times) <= 10
    assert times[-1] > 3600
    assert all(late > early for early, late in itertools.pairwise(times))


def test_a_receiver_may_ask_for_more_time_but_not_for_ever(store, receiver):
    async def play():
        desk = webhooks(store)
        sent = await desk.send("done", receiver.at("/429"), b"{}", surface="s", reference="r")
        await asyncio.gather(*await desk.round())
        return store.deliveries.one(sent.id)

    found = asyncio.run(play())

    assert 3500 < (found.next_ms - found.attempts[0].at_ms) / 1000 <= 3601


def test_it_is_delivered_once_more_when_asked(store, receiver):
    first = deliver(store, receiver.at("/410"))
    again = store.deliveries.again(first.id)

    async def play():
        desk = webhooks(store)
        await rounds(desk, lambda: ended(store, first))

    asyncio.run(play())

    assert (again.state, again.id, again.tries) == ("waiting", first.id, 0)
    assert len(store.deliveries.one(first.id).attempts) == 2


def test_what_is_being_sent_is_not_begun_anew(store, receiver):
    sent = send(webhooks(store), receiver.at("/a"))
    [claimed] = store.deliveries.claim("me", 60_000, 9, {"": 9})

    assert store.deliveries.again(sent.id) is None
    assert store.deliveries.claim("you", 60_000, 9, {"": 9}) == ()
    assert not store.deliveries.finish(claimed, "you", DeliveryAttempt(0, 0, 200), "delivered", 0)
    assert store.deliveries.one(sent.id).state == "waiting"


def test_where_no_words_are_kept_a_body_goes_with_its_delivery(database, receiver, tmp_path):
    store = open_store(database, tmp_path / "media", 7, words=False)
    first = deliver(store, receiver.at("/a"))
    with pytest.raises(NotFound, match="SENTINEL_RETENTION"):
        store.deliveries.again(first.id)
    kept = store.deliveries.one(first.id)
    store.close()

    assert (receiver.hits[0].body, kept.body, kept.state) == (b'{"n": 1}', b"", "delivered")


def test_what_ended_long_ago_is_forgotten(store, receiver):
    old = deliver(store, receiver.at("/a"))
    new = send(webhooks(store), receiver.at("/a"))

    assert store.deliveries.sweep(store.deliveries.clock() + 1) == 1
    assert store.deliveries.one(new.id)
    with pytest.raises(NotFound):
        store.deliveries.one(old.id)


# ── signatures ────────────────────────────────────────────────────────────────────────────────


def snippets() -> dict[str, Any]:
    """What the page of webhooks tells receivers to run."""
    page = (Path(__file__).parent.parent / "docs" / "webhooks.md").read_text("utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(block, names)  # noqa: S102 - our own page
    return names


def test_the_snippets_of_the_page_verify_what_arrives(store, receiver):
    secret = store.callbacks.create("default", "shop").secret
    deliver(store, receiver.at("/a"))
    [hit] = receiver.hits
    page = snippets()
    verify, payload = page["is_from_sentinel"], page["payload"]

    assert verify(hit.body, hit.headers, [secret])
    assert payload(hit.body, hit.headers, secret) == {"n": 1}
    assert not verify(hit.body + b" ", hit.headers, [secret])
    assert not verify(hit.body, hit.headers, ["whsec_b3RoZXI="])
    assert payload(hit.body + b" ", hit.headers, secret) is None
    late = hit.headers | {"webhook-timestamp": str(int(time.time()) - 600)}
    assert payload(hit.body, late, secret) is None


def test_while_two_secrets_are_live_either_verifies(store, receiver):
    old, new = (store.callbacks.create("default", name).secret for name in ("old", "new"))
    deliver(store, receiver.at("/a"))
    [hit] = receiver.hits
    page = snippets()

    assert (
        hit.headers["runflow-signature"]
        == hmac.new(new.encode(), hit.body, hashlib.sha256).hexdigest()
    )
    for secret in (old, new):
        assert page["is_from_sentinel"](hit.body, hit.headers, [secret])
        assert page["payload"](hit.body, hit.headers, secret) == {"n": 1}


def test_a_third_secret_is_refused_until_one_is_ended(store):
    first = store.callbacks.create("default", "1")
    second = store.callbacks.create("default", "2")
    with pytest.raises(TooManySecrets, match="delete the one"):
        store.callbacks.create("default", "3")
    store.callbacks.revoke("default", first.id)

    assert store.callbacks.secrets("default") == (second,)
    assert store.callbacks.create("shop", "another project's").secret not in repr(second)
    with pytest.raises(NotFound):
        store.callbacks.revoke("shop", second.id)


# ── batches ───────────────────────────────────────────────────────────────────────────────────


def play_batch(store: Store, receiver: Receiver, desks: int = 1, **shapes: Any) -> list[Delivery]:
    async def play() -> list[Delivery]:
        batches = Batches()
        made = [webhooks(store, batches=batches) for _ in range(desks)]
        for desk in made:
            desk.shape.update(shapes)
        await made[0].when_ended("b1", receiver.at("/a"), surface="fal")
        await asyncio.gather(*(desk.round() for desk in made))
        assert store.deliveries.page().deliveries == ()
        batches.stands("b1", "running", "queued")
        await asyncio.gather(*(desk.round() for desk in made))
        assert store.deliveries.page().deliveries == ()
        batches.stands("b1", "done", "done")
        for _ in range(100):
            sent = await asyncio.gather(*(desk.round() for desk in made))
            await asyncio.gather(*(task for tasks in sent for task in tasks))
            await asyncio.sleep(0.01)
            if receiver.hits:
                break
        return list(store.deliveries.page().deliveries)

    return asyncio.run(play())


def worded(batch: Batch, traces: tuple[Any, ...]) -> tuple[str, dict[str, Any]]:
    return "completed", {
        "request_id": batch.id,
        "status": "OK",
        "pictures": [trace.id for trace in traces],
    }


def test_the_end_of_a_batch_is_told_in_the_surfaces_words(store, receiver):
    [told] = play_batch(store, receiver, fal=worded)

    assert (told.event, told.reference, told.surface) == ("completed", "b1", "fal")
    assert json.loads(receiver.hits[0].body) == {
        "request_id": "b1", "status": "OK", "pictures": ["b1-0", "b1-1"],
    }  # fmt: skip


def test_it_is_told_once_by_however_many_processes_that_look(store, receiver):
    told = play_batch(store, receiver, desks=4, fal=worded)

    assert (len(told), len(receiver.hits)) == (1, 1)


def test_words_that_fail_hold_up_no_other_batch_and_are_not_logged(store, receiver, caplog):
    def failing(batch, traces):
        raise ValueError("a secret prompt")

    async def play():
        batches = Batches()
        desk = webhooks(store, batches=batches)
        desk.shape.update(bad=failing, fal=worded)
        for name, surface in (("b1", "bad"), ("b2", "nobody"), ("b3", "fal")):
            batches.stands(name, "failed", "done")
            await desk.when_ended(name, receiver.at("/a"), surface=surface)
        await asyncio.gather(*await desk.round())

    asyncio.run(play())

    [told] = store.deliveries.page().deliveries
    assert (told.reference, json.loads(told.body)["pictures"]) == ("b3", ["b3-1"])
    assert "b1 has no words: ValueError" in caplog.text
    assert "secret prompt" not in caplog.text


def test_deliveries_go_out_while_nobody_can_say_where_batches_stand(store, receiver):
    class Away(Batches):
        async def batch(self, batch_id):
            raise Unavailable("the database of jobs", "gone", 5)

    async def play():
        desk = webhooks(store, batches=Away())
        await desk.when_ended("b1", receiver.at("/a"), surface="fal")
        sent = await desk.send("done", receiver.at("/b"), b"{}", surface="s", reference="r")
        await rounds(desk, lambda: ended(store, sent))

    asyncio.run(play())

    assert [hit.path for hit in receiver.hits] == ["/b"]
    assert len(store.callbacks.expected(9)) == 1


def test_a_batch_that_never_came_is_not_waited_for_for_ever(store, receiver):
    now = [1_800_000_000_000]
    deliveries = Deliveries(store.engines, lambda: now[0])
    ticking = replace(store, deliveries=deliveries, callbacks=Callbacks(store.engines, deliveries))

    async def play():
        desk = webhooks(ticking)
        await desk.when_ended("never", receiver.at("/a"), surface="fal")
        await desk.round()
        now[0] += HOUR + 1
        assert len(ticking.callbacks.expected(9)) == 1
        await desk.round()

    asyncio.run(play())

    assert ticking.callbacks.expected(9) == []


# ── several processes, and kill -9 ────────────────────────────────────────────────────────────

PROCESS = """
import asyncio, sys
from sentinel.outbound import Limits, Private
from sentinel.store import open_store
from sentinel.webhooks import Schedule, Webhooks

async def main(database, media, seconds):
    store = open_store(database, media, 7)
    here = Limits(private=Private.of(["127.0.0.1"]))
    desk = Webhooks(store, None, here, Schedule((0.1,) * 9, float(seconds), lease=1.0, poll=0.05))
    desk.watch()
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


@contextlib.contextmanager
def process(database: str, media: Path, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", PROCESS, database, str(media), str(seconds)]
    made = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert made.stdout is not None
        assert made.stdout.readline() == b"ready\n"
        yield made
    finally:
        made.kill()
        made.wait()
        made.stdout.close()


def await_true(claim, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_a_killed_process_was_sending_is_sent_by_another(database, store, receiver, tmp_path):
    sent = send(webhooks(store), receiver.at("/hang"))
    with process(database, tmp_path / "media", 30) as first:
        await_true(lambda: receiver.of("/hang"))
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    receiver.gate.set()
    with process(database, tmp_path / "media", 30):
        await_true(lambda: ended(store, sent))

    assert store.deliveries.one(sent.id).state == "delivered"
    assert len(receiver.of("/hang")) == 2
    assert {hit.headers["webhook-id"] for hit in receiver.hits} == {sent.id}


def test_two_processes_send_no_attempt_twice(database, store, receiver, tmp_path):
    sent = [send(webhooks(store), receiver.at("/a")) for _ in range(30)]
    media = tmp_path / "media"
    with process(database, media, 5), process(database, media, 5):
        await_true(lambda: all(ended(store, each) for each in sent))

    assert sorted(hit.headers["webhook-id"] for hit in receiver.hits) == sorted(
        each.id for each in sent
    )
