"""Engines in, a database at the newest schema out.

Safe with several processes starting at once: the migration runs in one transaction under
SQLite's write lock or a PostgreSQL advisory lock, so whoever comes second finds it done.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from sentinel.errors import ConfigError
from sentinel.store.engines import WAY_OUT, Engines, begin_immediate
from sentinel.store.migrations import VERSION_TABLE

log = logging.getLogger(__name__)

SCRIPTS = Path(__file__).parent / "migrations"

LOCK = 0x53454E54494E454C
"""The advisory lock's number: "SENTINEL" in ASCII."""

PATIENCE_SECONDS = 60
"""How long a start waits for another process that is migrating the same database."""

RETRY_SECONDS = 0.02


def upgrade(engines: Engines) -> None:
    """Run the migrations that are missing; ConfigError if the database cannot be used."""
    try:
        with _alone(engines) as connection:
            _to_head(connection, engines)
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = str(cause).strip().partition("\n")[0]
        raise ConfigError(
            f"the database {engines.shown!r} cannot be used ({reason}); mend that, or {WAY_OUT}"
        ) from error


def config(connection: Connection) -> Config:
    """Alembic's configuration for one connection."""
    made = Config()
    made.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def _to_head(connection: Connection, engines: Engines) -> None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    script = ScriptDirectory.from_config(config(connection))
    now = context.get_current_revision()
    if now == script.get_current_head():
        return
    if now is not None and now not in {step.revision for step in script.walk_revisions()}:
        raise ConfigError(
            f"the database {engines.shown!r} is at schema {now}, written by a newer Sentinel (this "
            f"one knows up to {script.get_current_head()}); install that version, or {WAY_OUT}"
        )
    command.upgrade(config(connection), "head")


@contextmanager
def _alone(engines: Engines) -> Iterator[Connection]:
    """A transaction that no other migration runs beside."""
    if engines.url.get_backend_name() != "sqlite":
        with engines.write.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            yield connection
        return
    # a connection of its own: foreign keys off, since batch migrations copy and drop tables
    engine = create_engine(
        engines.url, poolclass=NullPool,
        connect_args={"isolation_level": None, "timeout": PATIENCE_SECONDS},
    )  # fmt: skip
    write_ahead(engines)
    event.listen(engine, "begin", begin_immediate)
    with engine.begin() as connection:
        yield connection


def write_ahead(engines: Engines) -> None:
    """Turn on WAL, which stays on in the file; SQLite's own waiting does not cover this step."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    mode = None
    while mode is None:
        connection = engines.write.raw_connection()
        try:
            mode = connection.cursor().execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
        finally:
            connection.close()
    if mode != "wal":
        log.warning("%s: no write-ahead log here (%s); writers will wait", engines.shown, mode)
