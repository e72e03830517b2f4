"""Keys are hashed, found, limited, charged exactly, and let go: on SQLite and PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from sentinel.errors import ConfigError, NotFound
from sentinel.store import Store, keys
from sentinel.store.keys import MOST, NANO, USUAL, NewKey, nanodollars


def test_a_key_is_found_by_its_secret_and_by_nothing_else(store: Store) -> None:
    made = store.keys.create(NewKey(label="shop", project="posters", per_minute=60, budget=NANO))

    assert store.keys.find(made.secret) == made.key
    assert store.keys.find(made.secret[:-1]) is None
    assert store.keys.find(made.key.prefix) is None
    assert store.keys.find("") is None
    assert made.key.scopes == USUAL
    assert (made.key.project, made.key.per_minute, made.key.budget) == ("posters", 60, NANO)


def test_the_database_holds_no_part_of_the_secret(store: Store) -> None:
    made = store.keys.create(NewKey())
    hidden = made.secret.removeprefix(made.key.prefix + "_")
    with store.engines.read.begin() as connection:
        row = connection.execute(text("SELECT * FROM access_key")).mappings().one()

    assert len(hidden) >= 43  # 256 bits in base64
    assert hidden not in repr(dict(row))
    assert len(row["digest"]) == 64


def test_a_house_knows_whether_a_key_was_ever_made(store: Store) -> None:
    before = store.keys.exist()
    made = store.keys.create(NewKey())
    store.keys.revoke(made.key.id)

    assert (before, store.keys.exist()) == (False, True)


@pytest.mark.parametrize("by", ["id", "prefix", "short", "beginning", "secret"])
def test_a_key_is_revoked_by_whatever_names_it(store: Store, by: str) -> None:
    made, other = store.keys.create(NewKey()), store.keys.create(NewKey())
    short = made.key.prefix.removeprefix("sentinel_")
    names = {"id": made.key.id, "prefix": made.key.prefix, "short": short,
             "beginning": made.key.prefix[:-1], "secret": made.secret}  # fmt: skip
    revoked = store.keys.revoke(names[by])

    assert revoked.id == made.key.id
    assert "was revoked on 2" in (revoked.flaw(keys.now_ms()) or "")
    assert other.key == store.keys.find(other.secret)


def test_a_key_that_is_revoked_again_keeps_its_first_date(store: Store) -> None:
    made = store.keys.create(NewKey())

    assert store.keys.revoke(made.key.id) == store.keys.revoke(made.key.id)


def test_a_name_that_fits_no_key_or_several_is_told_without_repeating_a_secret(
    store: Store,
) -> None:
    first, second = store.keys.create(NewKey()), store.keys.create(NewKey())
    with pytest.raises(NotFound, match=r"may be sentinel_.*, sentinel_.*; write more"):
        store.keys.revoke("sentinel_")
    with pytest.raises(NotFound, match="there is no key '%'"):
        store.keys.revoke("%")
    with pytest.raises(NotFound, match="there is no key ''"):
        store.keys.revoke("")
    with pytest.raises(NotFound) as told:
        store.keys.revoke("sentinel_????????_S3cret")

    assert "S3cret" not in str(told.value)
    assert [each.revoked_ms for each in store.keys.list()] == [None, None]
    assert {each.id for each in store.keys.list()} == {first.key.id, second.key.id}


def test_an_expired_key_says_when(store: Store) -> None:
    made = store.keys.create(NewKey(expires_ms=1_750_075_200_000))

    assert made.key.flaw(keys.now_ms()) == "expired on 2025-06-16 12:00 UTC"
    assert made.key.flaw(1_750_075_199_999) is None


def test_the_last_use_is_written_at_most_once_a_minute(store: Store) -> None:
    made = store.keys.create(NewKey())
    store.keys.touch(made.key.id)
    first = store.keys.list()[0].used_ms
    store.keys.touch(made.key.id)

    assert first is not None
    assert store.keys.list()[0].used_ms == first


def test_the_same_reference_is_charged_once(store: Store) -> None:
    made = store.keys.create(NewKey(budget=NANO))
    charged = [store.keys.charge(made.key.id, 0.003, ref) for ref in ("a", "a", "b")]
    nothing = [store.keys.charge(made.key.id, 0.0, "c"), store.keys.charge("nobody", 1.0, "c")]

    assert charged == [True, False, True]
    assert nothing == [False, False]
    assert store.keys.spent(made.key.id) == 6_000_000
    assert store.keys.list()[0].spent == 6_000_000


def test_a_new_month_begins_at_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made = store.keys.create(NewKey(budget=NANO))
    store.keys.charge(made.key.id, 1.0, "a")
    monkeypatch.setattr(keys, "month", lambda: "2999-01")

    assert store.keys.spent(made.key.id) == 0
    assert store.keys.list()[0].spent == 0


CHARGING = """
import sys
from pathlib import Path
from sentinel.store import open_store
store = open_store(sys.argv[1], Path(sys.argv[2]), 7)
for number in range(25):
    store.keys.charge(sys.argv[3], 0.0001, f"{sys.argv[4]}-{number}")
store.close()
"""


def test_two_processes_and_their_threads_agree_on_the_sum(
    store: Store, url: str, tmp_path: Path
) -> None:
    made = store.keys.create(NewKey(budget=NANO))
    command = [sys.executable, "-c", CHARGING, url, str(tmp_path / "media"), made.key.id]
    other = subprocess.Popen([*command, "other"])
    charge = store.keys.charge
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: charge(made.key.id, 0.0001, f"here-{number}"), range(25)))
        list(pool.map(lambda number: charge(made.key.id, 0.0001, f"other-{number}"), range(25)))
    code = other.wait(60)

    assert code == 0
    assert store.keys.spent(made.key.id) == 50 * 100_000


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ({"scopes": ("paint",)}, "'paint' is no scope; use some of generate"),
        ({"scopes": ()}, "a key without a scope"),
        ({"per_minute": 0}, "0 requests per minute"),
        ({"budget": -1}, "a budget is 0 to 1,000,000"),
        ({"budget": MOST + 1}, "a budget is 0 to 1,000,000"),
    ],
    ids=["unknown scope", "no scope", "no requests", "negative budget", "absurd budget"],
)
def test_a_key_that_makes_no_sense_is_not_made(new: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        NewKey(**new)  # type: ignore[arg-type]


def test_dollars_become_exact_nanodollars() -> None:
    assert nanodollars(0.00251658) == 2_516_580
    assert nanodollars(Decimal("0.1")) == 100_000_000
    for wrong in (-0.01, float("nan"), float("inf"), 1e9):
        with pytest.raises(ValueError, match="no price"):
            nanodollars(wrong)


def test_names_from_outside_are_kept_as_every_database_takes_them(store: Store) -> None:
    made = store.keys.create(NewKey(label="a\x00b\ud800" * 200, project="p\x00" * 200))

    assert made.key == store.keys.find(made.secret)
    assert len(made.key.project) == 100
