"""A home that an older version made opens: whatever the revision, nothing that was in it is lost."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData

from sentinel.store import Store, open_store, schema
from sentinel.store.engines import connect
from sentinel.store.keys import NewKey
from sentinel.store.migrations import VERSION_TABLE
from sentinel.store.tables import Row

from .conftest import NOON, make_trace

HOUR_MS = 3_600_000
REVISIONS = [
    each.revision for each in ScriptDirectory(str(schema.SCRIPTS)).walk_revisions(base="base")
][::-1]

MADE = {"secret"}
"""What a start makes where it is missing."""

Rows = dict[str, list[dict[str, Any]]]


def lived_in(folder: Path) -> Rows:
    """Every row of a home of today's in which something of everything has happened."""
    store = open_store(f"sqlite:///{folder}/today.db", folder / "media", 7)
    for number, (standings, given) in enumerate([
        (("failed", "passed"), {}),
        (("refused", "undecided"), {"delivered": None, "policy_fingerprint": "beef"}),
        (("passed",), {"mode": "score", "policy": "poster", "project": "shop"}),
        (("failed",), {"created_ms": NOON + 30 * HOUR_MS, "seconds": float("nan")}),
    ]):  # fmt: skip
        known = {"created_ms": NOON + number * HOUR_MS}
        store.traces.save(make_trace(*standings, **known | given))
    key = store.keys.create(NewKey(label="shop", budget=10**9)).key
    store.keys.charge(key.id, 0.003, "a trace")
    store.media.put(b"\x89PNG\r\n a picture")
    store.uploads.enter("01A", hashlib.sha256(b"").hexdigest())
    store.holds.place(key.id, ("a job",), 0.003, seconds=60)
    found = rows_of(store.engines.write)
    store.close()
    for table in ("evaluation_request", "delivery", "callback", "callback_secret", "answer"):
        found[table] = [made_up(table)]
    return found


def made_up(name: str) -> dict[str, Any]:
    """A row with something in every column."""
    samples: dict[type, Any] = {int: 7, str: "words", float: 0.5, bool: True, bytes: b"bytes"}
    return {each.name: samples[each.type.python_type] for each in Row.metadata.tables[name].columns}


def rows_of(engine: Engine) -> Rows:
    """Every row of every table, by what the database itself says of its tables."""
    found = MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
            for table in found.sorted_tables
            if table.name != VERSION_TABLE
        }


def aged(url: str, revision: str, rows: Rows) -> set[str]:
    """Make a database as that revision had it, with as much of the rows as it had room for."""
    engines = connect(url)
    with engines.write.begin() as connection:
        command.upgrade(schema.config(connection), revision)
    old = MetaData()
    old.reflect(engines.write)
    with engines.write.begin() as connection:
        for table in old.sorted_tables:
            known = {column.name for column in table.columns}
            fitting = [
                {k: v for k, v in row.items() if k in known} for row in rows.get(table.name, [])
            ]
            if fitting:
                connection.execute(table.insert(), fitting)
    engines.close()
    return {table.name for table in old.sorted_tables if table.name != VERSION_TABLE}


def alike(rows: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    """Rows in an order of their own, numbers as numbers."""
    plain = [
        sorted((k, float(v) if isinstance(v, int | float) else v) for k, v in row.items())
        for row in rows
    ]
    return sorted(plain, key=repr)


def opened(url: str, folder: Path) -> Store:
    return open_store(url, folder / "media", 7)


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_an_older_revision_opens_with_every_row_as_today_would_have_written_it(
    url: str, tmp_path: Path, revision: str
) -> None:
    today = lived_in(tmp_path)
    old = aged(url, revision, today)
    store = opened(url, tmp_path)
    with store.engines.write.begin() as connection:
        command.check(schema.config(connection))
    upgraded = rows_of(store.engines.write)
    counted = store.queries.overview().counts
    loaded = [store.traces.load(row["id"]) for row in today["trace"]]
    store.close()
    derived = {"in_force_hour", *(name for name in today if name.startswith("glance_"))}

    assert {*upgraded} == {*Row.metadata.tables}
    for table in {*old, *derived}:
        assert alike(upgraded[table]) == alike(today[table]), table
    assert not [row for table in {*upgraded} - old - derived - MADE for row in upgraded[table]]
    assert (counted.evaluations, len(loaded)) == (6, 4)


def test_a_picture_whose_trace_is_gone_does_not_keep_a_home_from_opening(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sentinel.db"
    aged(url, "0005", lived_in(tmp_path))
    with closing(sqlite3.connect(tmp_path / "sentinel.db")) as bare:  # foreign keys are off here
        bare.execute("DELETE FROM trace WHERE policy = 'default'")
        bare.commit()
    store = opened(url, tmp_path)
    counted = store.queries.overview().counts.evaluations
    store.close()

    assert counted == 6
