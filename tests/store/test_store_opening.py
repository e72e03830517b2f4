"""Opening a store migrates it, or says what is wrong and what mends it."""

import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, text

from sentinel.errors import ConfigError, MissingRequirement
from sentinel.store import Store, engines, open_store, schema
from sentinel.store.engines import connect, network_filesystem
from sentinel.store.tables import Row

from .conftest import Make


def tables(url: str) -> set[str]:
    engine = connect(url)
    found = set(inspect(engine.read).get_table_names())
    engine.close()
    return found


def test_an_empty_database_is_migrated_to_the_tables_the_code_knows(
    url: str, tmp_path: Path
) -> None:
    store = open_store(url, tmp_path / "media", 7)
    with store.engines.write.begin() as connection:
        command.check(schema.config(connection))  # raises where model and schema differ
    store.close()

    assert tables(url) == set(Row.metadata.tables) | {"sentinel_version"}


def test_migrations_go_down_to_nothing(url: str, tmp_path: Path) -> None:
    store = open_store(url, tmp_path / "media", 7)
    with store.engines.write.begin() as connection:
        command.downgrade(schema.config(connection), "base")
    store.close()

    assert tables(url) == {"sentinel_version"}


def test_a_store_opened_again_keeps_what_it_has(url: str, tmp_path: Path, make) -> None:
    trace = make("failed", "passed")
    first = open_store(url, tmp_path / "media", 7)
    first.traces.save(trace)
    first.close()

    second = open_store(url, tmp_path / "media", 7)
    loaded = second.traces.load(trace.id)
    second.close()

    assert loaded == trace


def test_many_may_open_an_empty_store_at_once(url: str, tmp_path: Path) -> None:
    def opened(_: int) -> int:
        store = open_store(url, tmp_path / "media", 7)
        counted = store.queries.overview().counts.evaluations
        store.close()
        return counted

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(opened, range(4))) == [0] * 4


def test_a_database_from_a_newer_version_is_refused(url: str, tmp_path: Path) -> None:
    store = open_store(url, tmp_path / "media", 7)
    with store.engines.write.begin() as connection:
        connection.execute(text("UPDATE sentinel_version SET version_num = '9999'"))
    store.close()

    with pytest.raises(ConfigError, match=r"schema 9999, written by a newer Sentinel"):
        open_store(url, tmp_path / "media", 7)


def test_a_failed_migration_leaves_nothing_behind(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(config, revision) -> None:
        connection = config.attributes["connection"]
        connection.execute(text("CREATE TABLE half (id INTEGER)"))
        connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    monkeypatch.setattr(command, "upgrade", half)

    with pytest.raises(ConfigError, match="nowhere"):
        open_store(url, tmp_path / "media", 7)
    assert tables(url) == set()


def test_the_sqlite_file_is_its_owners_alone_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "sentinel.db"
    store = open_store(f"sqlite:///{path}", tmp_path / "media", 7)
    with store.engines.write.begin() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        keys = connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    store.close()

    assert (mode, keys, synchronous) == ("wal", 1, 1)
    assert set(modes.values()) == {0o600}


def test_the_read_engine_cannot_write(store) -> None:
    with (
        pytest.raises(Exception, match=r"(?i)read-?only"),
        store.engines.read.begin() as connection,
    ):
        connection.execute(text("DELETE FROM trace"))


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql://sentinel:secret@127.0.0.1:1/sentinel",
        "postgresql+psycopg://sentinel:secret@no-such-host.invalid/sentinel?connect_timeout=2",
        "postgres://sentinel@127.0.0.1:1/sentinel?password=secret",
        "postgresql://sentinel:se@cret:secret@host:port/sentinel",
        "mysql://sentinel:secret@host/sentinel",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:////tmp/x.db",
        "secret://no url secret@",
        "",
    ],
)
def test_a_wrong_url_is_named_without_its_password(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the database") as raised:
        open_store(wrong, tmp_path / "media", 7)

    message = str(raised.value)
    assert "set SENTINEL_DATABASE to" in message
    assert ":secret@" not in message
    assert "password=secret" not in message


def test_a_wrong_password_is_not_repeated(url: str, tmp_path: Path) -> None:
    if url.startswith("sqlite"):
        pytest.skip("a SQLite file has no password")
    wrong = engines.parse(url).set(password="not-the-one").render_as_string(hide_password=False)

    with pytest.raises(ConfigError, match="authentication failed") as raised:
        open_store(wrong, tmp_path / "media", 7)

    assert "not-the-one" not in str(raised.value)


def test_a_folder_that_is_none_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ConfigError, match=r"cannot be written \(Not a directory\)|File exists"):
        open_store(f"sqlite:///{tmp_path}/file/x/sentinel.db", tmp_path / "media", 7)


def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8\xff" * 1000)

    with pytest.raises(ConfigError, match="file is not a database"):
        open_store(f"sqlite:///{tmp_path}/holiday.jpg", tmp_path / "media", 7)
    assert (tmp_path / "holiday.jpg").read_bytes() == b"\xff\xd8\xff" * 1000


def test_somebody_elses_tables_stop_the_start(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE trace (x)")
    other.close()

    with pytest.raises(ConfigError, match="table trace already exists"):
        open_store(f"sqlite:///{tmp_path}/other.db", tmp_path / "media", 7)


def test_postgresql_without_its_driver_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)

    with pytest.raises(MissingRequirement, match=r"sentinel-gatekeeper\[postgres\]"):
        open_store("postgresql://host/sentinel", tmp_path / "media", 7)


def test_a_network_file_system_is_recognised_by_its_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    share = tmp_path / "my share"
    mounts.write_text(
        "/dev/vda / ext4 rw 0 0\n"
        f"server:/export {str(share).replace(' ', chr(92) + '040')} nfs4 rw 0 0\n"
        f"tmpfs {str(share).replace(' ', chr(92) + '040')}/local tmpfs rw 0 0\n"
    )

    assert network_filesystem(share / "deep", mounts) == "nfs4"
    assert network_filesystem(share / "local" / "deep", mounts) is None
    assert network_filesystem(tmp_path, mounts) is None
    assert network_filesystem(tmp_path, tmp_path / "no such file") is None


def test_sqlite_on_a_network_file_system_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engines, "network_filesystem", lambda path: "cifs")

    with caplog.at_level(logging.WARNING):
        open_store(f"sqlite:///{tmp_path}/sentinel.db", tmp_path / "media", 7).close()

    assert "network file system (cifs)" in caplog.text


def test_a_url_shows_everything_but_its_password() -> None:
    opened = connect("postgres://me:secret@host:5/db?sslpassword=secret&sslmode=require")

    assert opened.shown == "postgresql+psycopg://me:***@host:5/db?sslmode=require"


@pytest.mark.parametrize("database", ["postgres"], indirect=True, ids=["postgres"])
@pytest.mark.postgres
def test_connections_that_the_server_dropped_are_opened_again(
    url: str, store: Store, make: Make
) -> None:
    store.traces.save(made := make())
    ask, drop = text("SELECT pg_backend_pid()"), text("SELECT pg_terminate_backend(:pid)")
    pools = (store.engines.read, store.engines.write)
    for pool in pools:
        with pool.connect() as connection:
            pid = connection.execute(ask).scalar_one()
        other = connect(url)
        with other.write.begin() as connection:
            connection.execute(drop, {"pid": pid})
        other.close()
    store.traces.save(made)

    assert store.traces.load(made.id).id == made.id
