"""Who may look: this machine while there is no key, whoever signs in with one that reads afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from sentinel import policy
from sentinel.api import visitors
from sentinel.api.app import create_app
from sentinel.settings import Settings
from sentinel.store.keys import NewKey
from tests.dashboard.hostile import hostile_trace

WRITE = "/dashboard/traces/hostile-1/1/said"


@contextmanager
def opened(home: Path) -> Iterator[TestClient]:
    """A caller on this machine of a house whose policies ask for nothing."""
    folder = home / "policies"
    folder.mkdir()
    for name in policy.builtin():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n')
    settings = Settings.read(home=home, policies=folder)
    made = TestClient(create_app(settings), follow_redirects=False, client=("127.0.0.1", 5))
    with made:
        made.app.state.house.store.traces.save(hostile_trace(1_750_000_000_000))
        yield made


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A house of the test's own, in which keys may be made."""
    with opened(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A house without keys that the tests of this file share."""
    with opened(tmp_path_factory.mktemp("keyless")) as made:
        yield made


def make_key(client: TestClient, *scopes: str) -> str:
    made = client.app.state.house.store.keys.create(
        NewKey(label="desk", scopes=scopes or ("read",))
    )
    client.app.state.keyring._looked = float("-inf")
    return made.secret


def sign_in(client: TestClient, secret: str):
    return client.post("/dashboard/login?next=/dashboard/pictures", data={"key": secret})


def token(client: TestClient) -> str:
    page = client.get("/dashboard/traces/hostile-1").text
    return page.partition('name="csrf" content="')[2].partition('"')[0]


def test_while_there_is_no_key_this_machine_looks_without_one(client):
    assert client.get("/dashboard/").status_code == 200
    assert client.get("/dashboard").headers["location"] == "/dashboard/"


def test_while_there_is_no_key_another_machine_may_not_look(client):
    client._transport.client = ("192.0.2.7", 5)

    assert client.get("/dashboard/").status_code == 403
    assert client.get("/dashboard/login").status_code == 403


@pytest.mark.parametrize(
    "path", ["/", "/pictures", "/pictures.csv", "/traces/hostile-1", "/thumbs/" + "a" * 64]
)
def test_once_a_key_exists_every_page_leads_to_the_login(client, path):
    make_key(client)
    answer = client.get(f"/dashboard{path}")

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/dashboard/login?next=%2Fdashboard")
    assert "hostile" not in answer.text


def test_a_key_that_reads_lets_in_by_a_cookie_that_no_script_sees(client):
    answer = sign_in(client, make_key(client))

    assert answer.status_code == 303
    assert answer.headers["location"] == "/dashboard/pictures"
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
    assert client.get("/dashboard/").status_code == 200


@pytest.mark.parametrize("scopes", [("score",), ("generate",)])
def test_a_key_that_may_not_read_lets_nobody_in(client, scopes):
    answer = sign_in(client, make_key(client, *scopes))

    assert answer.status_code == 401
    assert "looking needs read" in answer.text
    assert "set-cookie" not in answer.headers


def test_a_wrong_key_is_told_and_not_repeated(client):
    make_key(client)
    answer = sign_in(client, "sk-wrong-<script>")

    assert answer.status_code == 401
    assert "there is no such access key" in answer.text
    assert "sk-wrong" not in answer.text


def test_a_key_that_is_revoked_lets_nobody_in_any_more(client, monkeypatch):
    sign_in(client, make_key(client))
    assert client.get("/dashboard/").status_code == 200
    keys = client.app.state.house.store.keys
    keys.revoke(keys.list()[0].id)
    monkeypatch.setattr(visitors, "KNOWN", 0.0)

    assert client.get("/dashboard/").status_code == 303


@pytest.mark.parametrize("change", ["key.9999999999.0", "", "a.b.c", "...", "x" * 4000])
def test_a_cookie_that_we_did_not_sign_lets_nobody_in(client, change):
    make_key(client)
    client.cookies.set(visitors.COOKIE, change)

    assert client.get("/dashboard/").status_code == 303


def test_a_sign_in_ends_after_its_time(client, monkeypatch):
    secret = make_key(client)
    monkeypatch.setattr(visitors, "LASTING", -1)
    told = sign_in(client, secret).headers["set-cookie"].partition(";")[0].partition("=")[2]
    client.cookies.set(visitors.COOKIE, told)

    assert client.get("/dashboard/").status_code == 303


@pytest.mark.parametrize(
    "sent", [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}], ids=["none", "empty", "wrong"]
)
def test_a_write_without_the_page_s_token_is_refused(keyless, sent):
    answer = keyless.post(WRITE, data={"thumb": "up"}, headers=sent)

    assert answer.status_code == 403
    assert keyless.app.state.house.store.evaluations.said(["hostile-1"]) == {}


def test_a_write_from_a_page_of_another_host_is_refused(keyless):
    headers = {"X-CSRF-Token": token(keyless), "Origin": "https://evil.example"}

    assert keyless.post(WRITE, data={"thumb": "up"}, headers=headers).status_code == 403
    assert (
        keyless.post("/dashboard/login", headers={"Origin": "https://evil.example"}).status_code
        == 403
    )


def test_a_write_with_the_token_is_kept_where_the_api_finds_it(client):
    sign_in(client, make_key(client))
    headers = {"X-CSRF-Token": token(client)}
    answer = client.post(WRITE, data={"thumb": "down", "reason": "no"}, headers=headers)
    said = client.app.state.house.store.evaluations.said(["hostile-1"])["hostile-1", 1]

    assert answer.status_code == 200
    assert (said.is_positive, said.reason) == (False, "no")


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example/",
        "//evil.example/dashboard/",
        "/dashboard/../v1",
        "\\\\evil",
        "/dashboard\\@evil",
    ],
)
def test_the_login_sends_nobody_elsewhere(client, where):
    secret = make_key(client)
    answer = client.post("/dashboard/login", params={"next": where}, data={"key": secret})

    assert answer.headers["location"].startswith("/dashboard/")
    assert "evil" not in answer.headers["location"]


def test_signing_out_forgets_the_cookie(client):
    sign_in(client, make_key(client))
    answer = client.post("/dashboard/leave", headers={"X-CSRF-Token": token(client)})

    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert answer.headers["hx-redirect"] == "/dashboard/login"


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/",
        "/dashboard/pictures",
        "/dashboard/traces/none",
        "/dashboard/nothing",
        "/dashboard/login",
    ],
)
def test_every_page_forbids_scripts_and_styles_of_its_own(keyless, path):
    policy_sent = keyless.get(path, follow_redirects=True).headers["content-security-policy"]

    assert "default-src 'none'" in policy_sent
    assert "unsafe" not in policy_sent


@pytest.mark.parametrize("path", [
    "/dashboard/pictures?after=nonsense", "/dashboard/pictures?after=1e999~1~a~1", "/dashboard/pictures?shown=-1&range=%00",
    "/dashboard/?range=bad&policy=%00%ff", "/dashboard/pictures?order=drop&standing=none&said=maybe",
    "/dashboard/traces/hostile-1?suppose=nothing", "/dashboard/?" + "model=" + "x" * 5000,
])  # fmt: skip
def test_an_address_that_makes_no_sense_still_opens(keyless, path):
    assert keyless.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/pictures.xls",
        "/dashboard/traces/%00",
        "/dashboard/thumbs/..%2f..%2fetc",
        "/dashboard/static/x/../../app.py",
    ],
)
def test_what_is_not_there_is_told_as_a_page(keyless, path):
    answer = keyless.get(path)

    assert answer.status_code == 404


def test_parquet_is_written_or_the_answer_says_what_to_install(keyless):
    answer = keyless.get("/dashboard/pictures.parquet?range=1y")
    if find_spec("pyarrow") is None:
        assert answer.status_code == 501
        assert "pip install 'sentinel-gatekeeper[parquet]'" in answer.text
    else:
        assert answer.content[:4] == b"PAR1"
