"""Who may use the house over HTTP: this machine while there is no key, then whoever has one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

from sentinel.api import app as app_module
from sentinel.api import keyring
from sentinel.api.app import create_app
from sentinel.api.compat.asking import wanted_of
from sentinel.api.compat.surface import refuse_the_rest, telling
from sentinel.api.scopes import entry_of
from sentinel.api.security import billed, charge
from sentinel.errors import Unavailable
from sentinel.guarding import Wanted
from sentinel.settings import Settings
from sentinel.store import Store, open_store
from sentinel.store.keys import NANO, SCOPES, Key, NewKey, nanodollars, now_ms

from .conftest import await_ready

PRICE = 0.25
"""What the generator asks for a picture, in US dollars."""

SOLD = 1024 * 1024 / 1e6 * 0.003
"""What a caller of /v1/generate is charged for a picture of the size that none was named for."""

SHOP = {"prompt": "a red cup"}

LOOPBACK = ("127.0.0.1", 50_000)


def told(status: int, answer: Any, headers: Any) -> JSONResponse:
    return JSONResponse({"shop says": answer.code}, status, headers=dict(headers))


shop = APIRouter(prefix="/shop", route_class=telling(told))
"""A foreign service."""


@shop.post("/sold")
async def sold(request: Request) -> dict[str, str]:
    for _ in range(2):
        await charge(request, 0.003, reference="one sale")
    return {"project": wanted_of(request).project}


@shop.post("/ordered")
async def ordered(request: Request) -> dict[str, Any]:
    wanted = billed(request, Wanted(), 0.0024)
    return {"payer": wanted.payer, "price": wanted.price, "project": wanted.project}


refuse_the_rest(shop)


def app_of(home: Path, policies: Path, **given: Any) -> FastAPI:
    known = {"home": home, "policies": policies, "generator": "fixed",
             "generator_options": {"fixed": {"cost": PRICE}}}  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "ROUTERS", (shop,))
        return create_app(Settings.read(**known | given))


def from_peer(client: TestClient, host: str) -> TestClient:
    """The same house, asked from another address."""
    return TestClient(client.app, client=(host, 50_000))


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


# ── while there is no key ─────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def keyless(
    doubles: Path, policies: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    app = app_of(tmp_path_factory.mktemp("keyless"), policies)
    with TestClient(app, client=LOOPBACK) as client:
        await_ready(client)
        yield client


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_without_keys_this_machine_is_served_whatever_key_it_sends(
    keyless: TestClient, peer: str
) -> None:
    here = from_peer(keyless, peer)

    assert here.get("/v1/judges").status_code == 200
    assert here.get("/v1/judges", headers={"Authorization": "Key whatever"}).status_code == 200


@pytest.mark.parametrize("peer", ["203.0.113.7", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"])
def test_without_keys_nobody_else_is_served(keyless: TestClient, peer: str) -> None:
    there = from_peer(keyless, peer)
    answers = [
        there.get("/v1/judges"),
        there.get("/nowhere"),
        there.post("/v1/generate", json=SHOP),
    ]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {(403, "not_local")}
    assert "sentinel keys create" in answers[0].json()["message"]
    assert there.post("/shop/sold").json() == {"shop says": "not_local"}
    assert there.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "127.0.0.1"}, {"X-Real-IP": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}],
    ids=lambda headers: next(iter(headers)),
)
def test_no_header_makes_a_neighbour(keyless: TestClient, headers: dict[str, str]) -> None:
    assert from_peer(keyless, "203.0.113.7").get("/v1/judges", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Forwarded-For": "127.0.0.1, 203.0.113.7"},
        {"X-Forwarded-For": "unknown"},
        {"X-Real-IP": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
    ],
    ids=["one hop", "two hops", "no address", "real ip", "rfc 7239"],
)
def test_what_a_proxy_here_hands_on_is_not_from_here(
    keyless: TestClient, headers: dict[str, str]
) -> None:
    assert keyless.get("/v1/judges", headers=headers).json()["code"] == "not_local"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", ""])
def test_a_page_of_another_host_may_not_ask(keyless: TestClient, origin: str) -> None:
    answer = keyless.post("/v1/generate", json=SHOP, headers={"Origin": origin})

    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_of_the_same_host_may_ask(keyless: TestClient) -> None:
    assert keyless.get("/v1/judges", headers={"Origin": "http://testserver"}).status_code == 200


def test_origins_that_are_listed_may_ask_and_read(policies: Path, tmp_path: Path) -> None:
    app = app_of(tmp_path, policies, origins="https://shop.example, http://localhost:3000")
    page = {"Origin": "https://shop.example"}
    with TestClient(app, client=LOOPBACK) as client:
        asked = client.get("/v1/policies", headers=page)
        before = client.options("/v1/generate", headers={
            **page, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        })  # fmt: skip
        other = client.get("/v1/policies", headers={"Origin": "https://evil.example"})

    assert asked.headers["access-control-allow-origin"] == "https://shop.example"
    assert "X-Sentinel-Trace-Id" in asked.headers["access-control-expose-headers"]
    assert before.status_code == 200
    assert (other.status_code, other.headers.get("access-control-allow-origin")) == (403, None)


def test_a_house_that_is_open_to_anybody_asks_for_a_key_once_there_is_one(
    policies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "KNOWN", 0.0)
    with TestClient(app_of(tmp_path, policies, anybody=True), client=("203.0.113.7", 1)) as client:
        before = client.get("/v1/policies").status_code
        client.app.state.house.store.keys.create(NewKey())  # type: ignore[attr-defined]
        after = client.get("/v1/policies").status_code

    assert (before, after) == (200, 401)


def test_the_first_key_opens_the_house_to_its_holder_at_once(
    policies: Path, tmp_path: Path
) -> None:
    with TestClient(app_of(tmp_path, policies), client=("203.0.113.7", 1)) as client:
        before = client.get("/v1/policies").status_code
        made = client.app.state.house.store.keys.create(NewKey())  # type: ignore[attr-defined]
        after = client.get("/v1/policies", headers=bearer(made.secret)).status_code

    assert (before, after) == (403, 200)


# ── once there is one ─────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keyed")


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[Store]:
    """The keyed house's database, as another process has it open."""
    opened = open_store(f"sqlite:///{home / 'sentinel.db'}", home / "media", 7)
    opened.keys.create(NewKey(label="the first"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def keyed(doubles: Path, policies: Path, home: Path, store: Store) -> Iterator[TestClient]:
    app = app_of(home, policies)
    app.router.routes.append(Mount("/mounted", PlainTextResponse("inside")))
    app.router.routes.append(Route("/plain", lambda request: PlainTextResponse("inside")))
    with TestClient(app, client=LOOPBACK) as client:
        await_ready(client)
        yield client


Make = Callable[..., tuple[Key, dict[str, str]]]


@pytest.fixture
def make(store: Store) -> Make:
    """`make(scopes=("read",))`: a key, and the headers of who has it."""

    def made(**given: Any) -> tuple[Key, dict[str, str]]:
        found = store.keys.create(NewKey(**given))
        return found.key, bearer(found.secret)

    return made


def test_every_route_there_is_asks_for_the_key_on_this_machine_too(keyed: TestClient) -> None:
    paths = keyed.get("/openapi.json").json()["paths"]
    asked = {
        (method, path): keyed.request(method, path.replace("{", "").replace("}", ""))
        for path, methods in paths.items()
        for method in methods
    }
    open_to_all = {path for (_, path), answer in asked.items() if answer.status_code != 401}

    assert len(asked) > 10
    assert open_to_all == {"/healthz", "/readyz", "/media/{name}"}


@pytest.mark.parametrize(
    "path", ["/nowhere", "/mounted/x", "/plain", "/v1/generate/", "/media/a/b", "/healthz/x", "//"]
)
def test_a_stranger_is_told_nothing_of_other_paths(keyed: TestClient, path: str) -> None:
    answer = keyed.get(path)

    assert (answer.status_code, answer.json()["code"]) == (401, "key_missing")


def test_who_has_a_key_is_told_of_other_paths(keyed: TestClient, make: Make) -> None:
    _, mine = make()

    assert keyed.get("/nowhere", headers=mine).status_code == 404
    assert keyed.get("/plain", headers=mine).text == "inside"
    assert keyed.delete("/v1/score", headers=mine).status_code == 405


@pytest.mark.parametrize(
    "way",
    [("Authorization", "Bearer {}"), ("Authorization", "bearer  {}"), ("Authorization", "Key {}"),
     ("x-api-key", "{}")],
    ids=["Bearer", "bearer", "Key", "x-api-key"],
)  # fmt: skip
def test_a_key_is_taken_whichever_way_clients_send_it(
    keyed: TestClient, store: Store, way: tuple[str, str]
) -> None:
    secret = store.keys.create(NewKey()).secret

    assert keyed.get("/v1/judges", headers={way[0]: way[1].format(secret)}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Basic {}"}, {"Authorization": "{}"}, {"Authorization": "Bearer"}, {}],
    ids=["basic", "no scheme", "no key", "nothing"],
)
def test_a_key_that_is_not_sent_so_is_missing(
    keyed: TestClient, store: Store, headers: dict[str, str]
) -> None:
    secret = store.keys.create(NewKey()).secret
    sent = {name: value.format(secret) for name, value in headers.items()}
    answer = keyed.get("/v1/judges", headers=sent)

    assert (answer.status_code, answer.json()["code"]) == (401, "key_missing")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_wrong_key_is_refused_and_repeated_nowhere(
    keyed: TestClient, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    right = store.keys.create(NewKey()).secret
    wrong = right[:-4] + "W0ng"
    answers = [keyed.get("/v1/judges", headers=bearer(each)) for each in (wrong, right)]
    said = answers[0].text + str(answers[0].headers)

    assert [each.status_code for each in answers] == [401, 200]
    assert answers[0].json()["code"] == "key_unknown"
    assert "W0ng" not in caplog.text + said
    assert right not in caplog.text


@pytest.mark.parametrize("secret", ["\xff\xfe", "a" * 4000, "' OR 1=1 --", "%00"])
def test_a_key_of_any_bytes_is_merely_wrong(keyed: TestClient, secret: str) -> None:
    headers = [(b"authorization", b"Bearer " + secret.encode("latin-1"))]

    assert keyed.get("/v1/judges", headers=headers).status_code == 401


def test_expired_and_revoked_keys_are_told_apart(
    keyed: TestClient, store: Store, make: Make
) -> None:
    _, expired = make(expires_ms=now_ms() - 60_000)
    key, revoked = make()
    store.keys.revoke(key.prefix)
    answers = [keyed.get("/v1/judges", headers=each) for each in (expired, revoked)]

    assert [each.status_code for each in answers] == [401, 401]
    assert [each.json()["code"] for each in answers] == ["key_ended", "key_ended"]
    assert "this access key expired on 2" in answers[0].json()["message"]
    assert "this access key was revoked on 2" in answers[1].json()["message"]


def test_a_key_that_is_revoked_while_it_is_used_opens_nothing_two_seconds_later(
    keyed: TestClient, store: Store, make: Make
) -> None:
    key, mine = make()
    before = keyed.get("/v1/judges", headers=mine).status_code
    store.keys.revoke(key.id)
    began = time.monotonic()
    while keyed.get("/v1/judges", headers=mine).status_code == 200:
        assert time.monotonic() - began < keyring.KNOWN + 1
        time.sleep(0.05)

    assert before == 200


def test_a_key_that_was_just_asked_for_is_known_without_the_database(
    keyed: TestClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, mine = make()
    first = keyed.get("/v1/judges", headers=mine).status_code
    monkeypatch.setattr(keyed.app.state.house.store.keys, "_read", None)  # type: ignore[attr-defined]

    assert (first, keyed.get("/v1/judges", headers=mine).status_code) == (200, 200)


def test_a_database_that_does_not_answer_is_told_as_that(
    keyed: TestClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(secret: str) -> None:
        raise Unavailable("the database", "locked", 5.0) from OperationalError("", {}, Exception())

    _, mine = make()
    monkeypatch.setattr(
        type(keyed.app.state.house.store.keys), "find", lambda _, secret: gone(secret)
    )  # type: ignore[attr-defined]
    answer = keyed.get("/v1/judges", headers=mine)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert keyed.post("/shop/sold", headers=mine).json() == {"shop says": "unavailable"}


def test_when_a_key_was_last_used_is_written(keyed: TestClient, store: Store, make: Make) -> None:
    key, mine = make()
    keyed.get("/v1/judges", headers=mine)
    deadline = time.monotonic() + 5
    while next(each for each in store.keys.list() if each.id == key.id).used_ms is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


# ── scopes ────────────────────────────────────────────────────────────────────────────────────

HERE = [
    ("POST", "/v1/score", {"score"}),
    ("POST", "/v1/generate", {"generate"}),
    ("GET", "/v1/traces/01J", {"read", "generate", "score", "evaluations:read"}),
    ("GET", "/v1/traces/01J/picture", {"read", "generate", "score", "evaluations:read"}),
    ("GET", "/v1/jobs", {"read"}),
    ("GET", "/v1/jobs/01J", {"read", "generate"}),
    ("DELETE", "/v1/jobs/01J", {"generate"}),
    ("GET", "/v1/judges", {*SCOPES}),
    ("GET", "/v1/policies/default", {*SCOPES}),
    ("POST", "/shop/sold", {"generate"}),
    ("GET", "/shop/status", {"generate", "read"}),
    ("PUT", "/shop/cancel", {"generate"}),
]
"""Method, path, and the scopes that open it beside `admin`."""

NEEDED = [
    *HERE,
    ("POST", "/v1/evaluations", {"evaluations:create"}),
    ("PATCH", "/v1/evaluations/01J/feedback", {"evaluations:create"}),
    ("GET", "/v1/evaluations", {"evaluations:read"}),
    ("GET", "/v1/evaluations/01J", {"evaluations:read"}),
    ("POST", "/v1/callback-secrets", {"evaluations:create", "generate"}),
    ("GET", "/v1/deliveries/01J", {"generate", "read", "evaluations:read"}),
    ("POST", "/v1/deliveries/01J/redeliver", {"generate", "evaluations:create"}),
    ("POST", "/storage/upload/initiate", {"generate"}),
    ("POST", "/fal-ai/flux/schnell", {"generate"}),
    ("GET", "/queue/fal-ai/flux/requests/1/status", {"generate", "read"}),
    ("POST", "/a\n/b", {"generate"}),
    ("BREW", "/coffee", {"generate"}),
]


def test_each_scope_opens_what_it_is_for_and_nothing_else(keyed: TestClient, make: Make) -> None:
    keys = {scope: make(scopes=(scope,))[1] for scope in SCOPES}
    opened = {
        (method, path): {
            scope
            for scope, mine in keys.items()
            if keyed.request(method, path, headers=mine).status_code != 403
        }
        for method, path, _ in HERE
    }

    assert opened == {(method, path): scopes | {"admin"} for method, path, scopes in HERE}


def _named(part: object) -> str:
    """The same in every process: a set's order is not."""
    return "+".join(sorted(part)) if isinstance(part, set | frozenset) else str(part)[:40]


@pytest.mark.parametrize(("method", "path", "scopes"), NEEDED, ids=_named)
def test_the_table_says_which_scopes_open_a_path(method: str, path: str, scopes: set[str]) -> None:
    assert entry_of(method, path).scopes == scopes | {"admin"}


def test_a_scope_that_is_missing_is_named(keyed: TestClient, make: Make) -> None:
    _, mine = make(scopes=("read",))
    answer = keyed.post("/v1/generate", json=SHOP, headers=mine)

    assert (answer.status_code, answer.json()["code"]) == (403, "scope")
    assert answer.json()["message"] == "this key is for read; this needs generate"


# ── how often ─────────────────────────────────────────────────────────────────────────────────


def test_a_limited_key_is_told_what_is_left_and_then_to_wait(keyed: TestClient, make: Make) -> None:
    _, mine = make(per_minute=3)
    _, other = make(per_minute=3)
    paths = ("/v1/judges", "/nowhere", "/v1/jobs/none", "/v1/judges", "/nowhere")
    answers = [keyed.get(path, headers=mine) for path in paths]
    last = answers[3]
    elsewhere = keyed.get("/v1/judges", headers=other)

    assert [each.status_code for each in answers] == [200, 404, 404, 429, 429]
    assert [each.headers["x-ratelimit-remaining"] for each in answers] == ["2", "1", "0", "0", "0"]
    assert {each.headers["x-ratelimit-limit"] for each in answers} == {"3"}
    assert 0 < int(last.headers["retry-after"]) <= 60
    assert 0 <= int(last.headers["x-ratelimit-reset"]) - time.time() <= 61
    assert last.json()["code"] == "rate_limited"
    assert (elsewhere.status_code, elsewhere.headers["x-ratelimit-remaining"]) == (200, "2")


def test_a_key_without_a_limit_has_no_such_headers(keyed: TestClient, make: Make) -> None:
    _, mine = make()

    assert "x-ratelimit-limit" not in keyed.get("/v1/judges", headers=mine).headers


# ── money ─────────────────────────────────────────────────────────────────────────────────────


def test_what_is_delivered_is_charged_and_a_budget_that_is_spent_stops_the_next(
    keyed: TestClient, store: Store, make: Make
) -> None:
    key, mine = make(budget=nanodollars(2 * SOLD), project="posters")
    answers = [keyed.post("/v1/generate", json=SHOP, headers=mine) for _ in range(3)]
    trace = keyed.get(f"/v1/traces/{answers[0].json()['id']}", headers=mine)

    assert [each.status_code for each in answers] == [200, 200, 402], answers[0].text
    assert answers[2].json()["code"] == "budget_spent"
    assert "0.0063 of 0.0063 US dollars are spent" in answers[2].json()["message"]
    assert store.keys.spent(key.id) == nanodollars(2 * SOLD)
    assert trace.json()["project"] == "posters"


def test_attempts_that_were_thrown_away_are_not_charged(
    keyed: TestClient, store: Store, make: Make
) -> None:
    key, mine = make(budget=10 * NANO)
    answer = keyed.post("/v1/generate", json={**SHOP, "policy": "poster"}, headers=mine).json()

    assert [each["cost"] for each in answer["attempts"]] == [PRICE] * 3
    assert store.keys.spent(key.id) == nanodollars(SOLD)


def test_a_picture_that_is_not_delivered_is_not_charged(
    keyed: TestClient, store: Store, make: Make
) -> None:
    key, mine = make(budget=10 * NANO)
    answer = keyed.post("/v1/generate", json={**SHOP, "policy": "portrait"}, headers=mine).json()

    assert answer["status"] == "rejected"
    assert store.keys.spent(key.id) == 0


def test_a_spent_budget_still_reads_and_cancels(
    keyed: TestClient, store: Store, make: Make
) -> None:
    _, mine = make(budget=0)
    answers = [
        keyed.post("/v1/generate", json=SHOP, headers=mine),
        keyed.post("/shop/sold", headers=mine),
        keyed.get("/v1/jobs", headers=mine),
        keyed.delete("/v1/jobs/none", headers=mine),
        keyed.post("/shop/cancel/7", headers=mine),
        keyed.post("/v1/score", headers=mine),
    ]

    assert [each.status_code for each in answers] == [402, 402, 200, 404, 404, 415]


def test_money_that_another_process_charged_a_moment_ago_counts(
    keyed: TestClient, store: Store, make: Make
) -> None:
    key, mine = make(budget=NANO)
    before = keyed.post("/shop/ordered", headers=mine).status_code
    store.keys.charge(key.id, 1.0, "elsewhere")

    assert (before, keyed.post("/shop/ordered", headers=mine).status_code) == (200, 402)


def test_a_job_is_charged_once_when_it_is_done_and_has_its_callers_project(
    keyed: TestClient, store: Store, make: Make
) -> None:
    key, mine = make(budget=10 * NANO, project="nightly")
    accepted = keyed.post("/v1/generate", json={**SHOP, "async": True}, headers=mine)
    job = accepted.json()["status_url"]
    deadline = time.monotonic() + 20
    while (status := keyed.get(job, headers=mine).json()["status"]) in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while store.keys.spent(key.id) == 0:  # in the same thread as the end, a moment behind
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for _ in range(2):
        keyed.get(f"{job}/result", headers=mine)

    assert status == "done"
    assert store.keys.spent(key.id) == nanodollars(SOLD)
    assert store.traces.load(accepted.json()["id"]).project == "nightly"


def test_scoring_has_the_callers_project_and_costs_nothing(
    keyed: TestClient, store: Store, make: Make, png: bytes
) -> None:
    key, mine = make(project="audit", budget=0)
    answer = keyed.post("/v1/score", files={"image": png}, headers=mine)

    assert answer.status_code == 200
    assert store.traces.load(answer.json()["trace_id"]).project == "audit"
    assert store.keys.spent(key.id) == 0


# ── foreign services ──────────────────────────────────────────────────────────────────────────


def test_a_foreign_service_tells_every_refusal_in_its_own_shape(
    keyed: TestClient, make: Make
) -> None:
    _, reader = make(scopes=("read",))
    _, broke = make(budget=0)
    _, busy = make(per_minute=1)
    keyed.get("/v1/judges", headers=busy)
    answers = [keyed.post("/shop/sold", headers=each) for each in ({}, broke, reader, busy)]
    unknown = keyed.get("/shop/nothing/here")

    assert [(each.status_code, each.json()) for each in answers] == [
        (401, {"shop says": "key_missing"}),
        (402, {"shop says": "budget_spent"}),
        (403, {"shop says": "scope"}),
        (429, {"shop says": "rate_limited"}),
    ]
    assert "retry-after" in answers[3].headers
    assert (unknown.status_code, unknown.json()) == (401, {"shop says": "key_missing"})


def test_a_foreign_service_charges_by_its_own_formula_once(
    keyed: TestClient, store: Store, make: Make
) -> None:
    key, mine = make(project="shop")
    sold = keyed.post("/shop/sold", headers=mine)
    ordered = keyed.post("/shop/ordered", headers=mine)

    assert sold.json() == {"project": "shop"}
    assert ordered.json() == {"payer": key.id, "price": 0.0024, "project": "shop"}
    assert store.keys.spent(key.id) == nanodollars(0.003)


def test_a_picture_is_not_lost_over_a_charge_that_cannot_be_kept(
    keyed: TestClient, make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*_: object) -> bool:
        raise Unavailable("the database", "locked", 5.0)

    key, mine = make()
    monkeypatch.setattr(type(keyed.app.state.house.store.keys), "charge", gone)  # type: ignore[attr-defined]
    answer = keyed.post("/v1/generate", json=SHOP, headers=mine)

    assert answer.status_code == 200
    assert f"key {key.id} was not charged for {answer.json()['id']}" in caplog.text
