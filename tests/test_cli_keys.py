"""`sentinel keys` as an operator uses it, and a real server that asks for what it made."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from sentinel.cli import main
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.store.keys import SCOPES


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Sentinel = Callable[..., Ran]


@pytest.fixture
def sentinel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sentinel:
    """`sentinel("keys", "list")`: what it says, in a home of the test's own."""
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path))
    monkeypatch.delenv("SENTINEL_DATABASE", raising=False)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, " ".join(said.err.split()))

    return run


def listed(sentinel: Sentinel) -> list[dict[str, Any]]:
    return json.loads(sentinel("keys", "list", "--json").out)  # type: ignore[no-any-return]


def test_create_prints_the_key_alone_where_a_script_reads_it(sentinel: Sentinel) -> None:
    ran = sentinel("keys", "create", "--label", "shop")
    [line] = ran.out.splitlines()

    assert ran.code == 0
    assert line.startswith("sentinel_")
    assert len(line) > 60
    assert "not shown again" in ran.err
    assert line not in ran.err


def test_create_tells_all_of_it_as_json(sentinel: Sentinel) -> None:
    ran = sentinel(
        "keys", "create", "--json", "--scope", "generate", "--scope", "read", "--budget", "$0.50",
        "--per-minute", "60", "--project", "posters", "--expires", "90d",
    )  # fmt: skip
    made = json.loads(ran.out)
    until = datetime.fromisoformat(made["expires"])

    assert made["key"].startswith(made["prefix"] + "_")
    assert made["scopes"] == ["generate", "read"]
    assert (made["budget"], made["spent"], made["per_minute"]) == (0.5, 0.0, 60)
    assert (made["project"], made["state"], made["last_used"]) == ("posters", "live", None)
    assert timedelta(days=89, hours=23) < until - datetime.now(UTC) < timedelta(days=90)


def test_list_shows_every_key_and_no_secret(sentinel: Sentinel) -> None:
    secret = sentinel("keys", "create", "--label", "[red]shop\x1b[2J").out.strip()
    table, told = sentinel("keys", "list").out, sentinel("keys", "list", "--json").out
    hidden = secret.split("_", 2)[2]

    assert secret.rsplit(hidden, 1)[0].rstrip("_") in table
    assert "[red]shop\\u001b[2J" in table
    assert "evaluations:create" in table
    assert hidden not in table + told
    assert max(len(line) for line in table.splitlines()) <= 80


@pytest.mark.parametrize(
    ("budget", "shown"), [("25", "$25.00"), ("0.5", "$0.50"), ("0.003", "$0.003"), ("0", "$0.00")]
)
def test_money_is_shown_to_the_last_digit_that_counts(
    sentinel: Sentinel, budget: str, shown: str
) -> None:
    assert f"$0.00 of {shown} spent" in sentinel("keys", "create", "--budget", budget).err


def test_without_keys_the_list_says_who_is_served(sentinel: Sentinel) -> None:
    ran = sentinel("keys", "list")

    assert (ran.code, ran.out) == (0, "")
    assert "only this machine is served" in ran.err
    assert listed(sentinel) == []


def test_revoke_takes_the_prefix_and_the_list_says_so(sentinel: Sentinel) -> None:
    sentinel("keys", "create")
    prefix = listed(sentinel)[0]["prefix"]
    ran = sentinel("keys", "revoke", prefix)

    assert ran.code == 0
    assert f"{prefix} opens nothing any more" in ran.err
    assert listed(sentinel)[0]["state"] == "revoked"
    assert json.loads(sentinel("keys", "revoke", prefix, "--json").out)["state"] == "revoked"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("revoke", "sentinel_nobody"), "there is no key 'sentinel_nobody'; `sentinel keys list`"),
        (("revoke",), "Missing argument"),
        (("create", "--scope", "paint"), "'paint' is no scope; use some of generate"),
        (("create", "--budget", "ten"), "'ten' is no amount"),
        (("create", "--budget", "-1"), "'-1' is no amount"),
        (("create", "--budget", "nan"), "'nan' is no amount"),
        (("create", "--per-minute", "0"), "0 requests per minute"),
        (("create", "--expires", "tomorrow"), "'tomorrow' is no time to come"),
        (("create", "--expires", "2020-01-01"), "'2020-01-01' is no time to come"),
        (("create", "--expires", "999999w"), "'999999w' is no time to come"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_a_mistake_is_told_with_its_value_and_the_way_out(
    sentinel: Sentinel, words: tuple[str, ...], told: str
) -> None:
    ran = sentinel("keys", *words)

    assert ran.code == 2
    assert told in ran.err.replace("│ ", "")
    assert listed(sentinel) == []


def test_the_help_names_every_scope(sentinel: Sentinel) -> None:
    page = sentinel("keys", "create", "--help").out

    assert [scope for scope in SCOPES if scope not in page] == []


def test_a_date_is_meant_to_its_end(sentinel: Sentinel) -> None:
    made = json.loads(sentinel("keys", "create", "--json", "--expires", "2999-12-30").out)

    assert made["expires"] == "2999-12-31T00:00:00+00:00"


# ── a real server ─────────────────────────────────────────────────────────────────────────────


class Served(NamedTuple):
    url: str
    log: Path


@pytest.fixture
def served(sentinel: Sentinel, tmp_path: Path, free_port: int) -> Iterator[Callable[..., Served]]:
    """`served()`: `sentinel serve` in a process of its own, in the test's home, answering."""
    policies = tmp_path / "policies"
    policies.mkdir()
    for name in builtin():
        (policies / f"{name}.toml").write_text(f'name = "{name}"\n')
    environment = {**os.environ, "SENTINEL_POLICIES": str(policies)}
    processes = []

    def start(*words: str) -> Served:
        log = tmp_path / "log"
        command = [sys.executable, "-m", "sentinel", "serve", "--port", str(free_port), *words]
        with log.open("wb") as said:
            processes.append(subprocess.Popen(command, env=environment, stderr=said, stdout=said))
        url = f"http://127.0.0.1:{free_port}"
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx2.get(f"{url}/readyz").status_code == 200:
                    return Served(url, log)
            except httpx2.TransportError:
                pass
            assert processes[-1].poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)

    yield start
    for process in processes:
        process.terminate()
        process.wait(20)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_running_server_follows_the_keys_as_they_are_made_and_revoked(
    sentinel: Sentinel, served: Callable[..., Served]
) -> None:
    server = served()
    keyless = httpx2.get(f"{server.url}/v1/judges").status_code
    secret = sentinel("keys", "create").out.strip()
    mine = {"Authorization": f"Bearer {secret}"}
    deadline = time.monotonic() + 5
    while httpx2.get(f"{server.url}/v1/judges").status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with_key = httpx2.get(f"{server.url}/v1/judges", headers=mine).status_code
    sentinel("keys", "revoke", secret)
    while httpx2.get(f"{server.url}/v1/judges", headers=mine).status_code != 401:
        assert time.monotonic() < deadline + 5
        time.sleep(0.1)
    said = server.log.read_text()

    assert (keyless, with_key) == (200, 200)
    assert "this machine only is served, without one" in said
    assert secret.split("_", 2)[2] not in said


def test_with_a_key_the_world_may_be_served_and_nobody_believes_a_header(
    sentinel: Sentinel, served: Callable[..., Served]
) -> None:
    mine = {"x-api-key": sentinel("keys", "create", "--per-minute", "5").out.strip()}
    server = served("--host", "0.0.0.0")  # noqa: S104 - what keys are for
    answer = httpx2.get(f"{server.url}/v1/judges", headers={**mine, "X-Forwarded-For": "9.9.9.9"})

    assert answer.status_code == 200
    assert answer.headers["x-ratelimit-remaining"] == "4"
    assert "every request needs an access key" in server.log.read_text()


def test_the_world_is_not_served_without_a_key(sentinel: Sentinel) -> None:
    ran = sentinel("serve", "--host", "0.0.0.0")  # noqa: S104 - what must be refused

    assert ran.code == 2
    assert "sentinel keys create" in ran.err
    assert "--i-know-there-are-no-keys" in ran.err


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("origins", "https://shop.example/", "is no origin"),
        ("origins", "shop.example", "is no origin"),
        ("proxies", "10.0.0.0/33", "does not appear to be an IPv4 or IPv6 network"),
        ("proxies", "10.0.0.1/8", "has host bits set"),
    ],
    ids=["a path", "no scheme", "no network", "host bits"],
)
def test_a_setting_that_could_never_fit_stops_the_start(
    sentinel: Sentinel, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"SENTINEL_{name.upper()}", value)
    ran = sentinel("serve")

    assert ran.code == 2
    assert f"SENTINEL_{name.upper()}" in ran.err
    assert told in ran.err


def test_origins_and_proxies_are_lists() -> None:
    settings = Settings.read(origins="https://a.example, *", proxies='["10.0.0.0/8", "::1"]')

    assert settings.origins == ("https://a.example", "*")
    assert settings.proxies == ("10.0.0.0/8", "::1")
