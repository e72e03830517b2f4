"""Deliveries and callback secrets over HTTP."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fastapi.testclient import TestClient

from sentinel.api import delivery_examples
from sentinel.api.app import create_app
from sentinel.api.deliveries import (
    DeliveriesAnswer,
    DeliveryAnswer,
    NewSecretAnswer,
    SecretAnswer,
    SecretsAnswer,
    WholeDeliveryAnswer,
)
from sentinel.settings import Settings

from .conftest import Start


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            made.hits.append((self.path, dict(self.headers), body))
            made.gate.wait(5)
            with contextlib.suppress(OSError):
                self.send_response(made.status)
                self.end_headers()

        def log_message(self, *args):
            """Nothing."""

    made = HTTPServer(("127.0.0.1", 0), Handler)
    made.hits, made.status, made.gate = [], 200, threading.Event()
    made.gate.set()
    made.url = f"http://127.0.0.1:{made.server_address[1]}/hook"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def client(start: Start) -> TestClient:
    return start(wait=False, outbound_private="127.0.0.1", webhook_delays="0.05,60")


def sent(client: TestClient, url: str, **more: str) -> str:
    """A delivery as a surface sends it, in the house's own loop."""
    send = client.app.state.house.webhooks.send

    async def work() -> str:
        named = {"surface": "runflow", "reference": "run1"} | more
        return (await send("run.completed", url, {"status": "succeeded"}, **named)).id

    return client.portal.call(work)


def seen(client: TestClient, delivery_id: str, claim, seconds: float = 10.0) -> dict:
    deadline = time.monotonic() + seconds
    while not claim(told := client.get(f"/v1/deliveries/{delivery_id}").json()):
        assert time.monotonic() < deadline, told
        time.sleep(0.03)
    return told


def test_a_delivery_can_be_followed_to_its_end(client, receiver):
    told = seen(client, sent(client, receiver.url), lambda it: it["status"] == "delivered")
    [attempt] = told["attempts"]

    assert (attempt["status"], attempt["error"]) == (200, None)
    assert (told["event"], told["surface"], told["reference"]) == (
        "run.completed", "runflow", "run1",
    )  # fmt: skip
    assert told["body"] == '{"status": "succeeded"}'
    assert told["next_attempt"] is None


def test_a_failing_one_tells_when_it_is_tried_again_and_goes_out_when_asked(client, receiver):
    receiver.status = 500
    delivery_id = sent(client, receiver.url)
    waiting = seen(client, delivery_id, lambda it: len(it["attempts"]) == 2)
    receiver.status = 200
    again = client.post(f"{waiting['delivery_url']}/redeliver")
    ended = seen(client, delivery_id, lambda it: it["status"] == "delivered")

    assert (waiting["status"], waiting["next_attempt"] > waiting["updated"]) == ("waiting", True)
    assert (again.status_code, again.json()["id"]) == (202, delivery_id)
    assert [each["status"] for each in ended["attempts"]] == [500, 500, 200]
    assert len({headers["webhook-id"] for _, headers, _ in receiver.hits}) == 1


def test_what_is_being_sent_cannot_be_sent_once_more(client, receiver):
    receiver.gate.clear()
    delivery_id = sent(client, receiver.url)
    while not receiver.hits:
        time.sleep(0.01)
    response = client.post(f"/v1/deliveries/{delivery_id}/redeliver")
    receiver.gate.set()
    seen(client, delivery_id, lambda it: it["status"] == "delivered")

    assert (response.status_code, response.json()["code"]) == (409, "delivery_busy")
    assert response.headers["retry-after"] == "1"
    assert len(receiver.hits) == 1


def test_the_list_goes_from_page_to_page_by_status_and_reference(client, receiver):
    ids = [sent(client, receiver.url, reference=f"r{number}") for number in range(3)]
    for each in ids:
        seen(client, each, lambda it: it["status"] == "delivered")
    first = client.get("/v1/deliveries?limit=2&status=delivered").json()
    second = client.get(first["next_url"]).json()
    listed = [each["id"] for each in (*first["deliveries"], *second["deliveries"])]

    assert sorted(listed) == sorted(ids)
    assert second["next_url"] is None
    assert "status=delivered" in first["next_url"]
    assert client.get("/v1/deliveries?status=failed").json()["deliveries"] == []
    [one] = client.get("/v1/deliveries?reference=r1").json()["deliveries"]
    assert one["reference"] == "r1"
    assert "body" not in one


def test_a_secret_is_shown_once_and_signs(client, receiver):
    made = client.post("/v1/callback-secrets", json={"label": "shop"})
    secret = made.json()
    listed = client.get("/v1/callback-secrets")
    seen(client, sent(client, receiver.url), lambda it: it["status"] == "delivered")
    _, headers, body = receiver.hits[0]
    digest = hmac.new(secret["plain_secret"].encode(), body, hashlib.sha256).hexdigest()

    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert secret["label"] == "shop"
    assert [each["id"] for each in listed.json()["secrets"]] == [secret["id"]]
    assert secret["plain_secret"] not in listed.text
    assert headers["Runflow-Signature"] == digest


def test_secrets_are_rotated(client):
    first = client.post("/v1/callback-secrets").json()
    client.post("/v1/callback-secrets", json={"label": "new"})
    third = client.post("/v1/callback-secrets", json={})
    ended = client.delete(f"/v1/callback-secrets/{first['id']}")
    gone = client.delete(f"/v1/callback-secrets/{first['id']}")

    assert (third.status_code, third.json()["code"]) == (409, "too_many_secrets")
    assert (ended.status_code, ended.json()["id"]) == (200, first["id"])
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert client.post("/v1/callback-secrets", json={}).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "/v1/deliveries/01X", None, 404, None),
        ("POST", "/v1/deliveries/01X/redeliver", None, 404, None),
        ("GET", "/v1/deliveries/a%20b", None, 422, "delivery_id"),
        ("GET", "/v1/deliveries?limit=0", None, 422, "limit"),
        ("GET", "/v1/deliveries?status=lost", None, 422, "status"),
        ("GET", "/v1/deliveries?after=01X", None, 404, None),
        ("DELETE", "/v1/callback-secrets/01X", None, 404, None),
        ("POST", "/v1/callback-secrets", b'{"label": 7}', 422, "label"),
        ("POST", "/v1/callback-secrets", b'{"lable": "x"}', 422, "lable"),
        ("POST", "/v1/callback-secrets", b'{"label": "' + b"x" * 101 + b'"}', 422, "label"),
        ("POST", "/v1/callback-secrets", b"[]", 422, None),
        ("POST", "/v1/callback-secrets", b"{", 400, None),
        ("POST", "/v1/callback-secrets", b'{"label": "\\ud800"}', 400, None),
        ("GET", "/v1/deliveries?reference=%00%ed%a0%80", None, 200, None),
        ("POST", "/v1/callback-secrets", b'{"label": "\\u0000"}', 201, None),
    ],
)
def test_what_is_not_there_and_what_cannot_be_asked(client, method, path, body, status, field):
    response = client.request(method, path, content=body)

    assert response.status_code == status, response.text
    assert field is None or response.json()["errors"][0]["field"] == field


def test_a_project_sees_nothing_of_another(client, receiver):
    other = sent(client, receiver.url, project="other")
    kept = client.app.state.house.store.callbacks
    secret = kept.create("other", "theirs")

    assert client.get(f"/v1/deliveries/{other}").status_code == 404
    assert client.post(f"/v1/deliveries/{other}/redeliver").status_code == 404
    assert client.get("/v1/deliveries").json()["deliveries"] == []
    assert client.get("/v1/callback-secrets").json()["secrets"] == []
    assert client.delete(f"/v1/callback-secrets/{secret.id}").status_code == 404


def test_a_house_that_lists_nothing_says_which_setting_allows_loopback(start, receiver):
    client = start(wait=False)
    with pytest.raises(Exception, match="SENTINEL_OUTBOUND_PRIVATE"):
        sent(client, receiver.url)


def test_what_was_accepted_is_delivered_after_a_restart(tmp_path, policies, doubles, receiver):
    settings = Settings.read(home=tmp_path, policies=policies, outbound_private="127.0.0.1")
    receiver.status = 503
    with TestClient(create_app(settings)) as client:
        delivery_id = sent(client, receiver.url)
        seen(client, delivery_id, lambda it: it["attempts"])
    receiver.status = 200
    with TestClient(create_app(settings)) as client:
        client.post(f"/v1/deliveries/{delivery_id}/redeliver")
        told = seen(client, delivery_id, lambda it: it["status"] == "delivered")

    assert [each["status"] for each in told["attempts"]] == [503, 200]


def test_the_examples_have_the_fields_of_the_answers():
    examples = (
        (delivery_examples.DELIVERY, DeliveryAnswer), (delivery_examples.WHOLE, WholeDeliveryAnswer),
        (delivery_examples.SECRET, SecretAnswer), (delivery_examples.NEW_SECRET, NewSecretAnswer),
        ({"secrets": [delivery_examples.SECRET]}, SecretsAnswer),
        ({"deliveries": [delivery_examples.DELIVERY], "next_url": None}, DeliveriesAnswer),
    )  # fmt: skip
    for example, shape in examples:
        assert set(shape.model_validate(example).model_dump()) == set(example)


def test_an_example_tells_of_a_next_attempt_and_a_secret():
    told = DeliveryAnswer.model_validate(delivery_examples.DELIVERY)
    secret = NewSecretAnswer.model_validate(delivery_examples.NEW_SECRET)

    assert told.next_attempt > told.updated
    assert told.delivery_url.endswith(told.id)
    assert secret.plain_secret.startswith("whsec_")
