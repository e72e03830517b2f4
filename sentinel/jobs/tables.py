"""Jobs, batches, what is recorded of jobs, and who works: tables beside the engine's own.

A record says what one step came to, under a name that is the same whenever the step is reached
again. The pictures of a generation stand beside it until the job has ended, since the store's
own copies may expire, or lie on another machine's disk.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    inspect,
    text,
)
from sqlalchemy.exc import DBAPIError

from sentinel.errors import ConfigError
from sentinel.store.engines import Engines, connect, outages_told, parse
from sentinel.store.schema import write_ahead

METADATA = MetaData()

JOB = Table(
    "job", METADATA,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("step", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("code", Text),
    Column("error", Text),
    Column("owner", Text),
    Column("task", Text, nullable=False),
    Index("ix_job_state_id", "state", "id"),
)  # fmt: skip
"""`owner` is the executor that works at it; `task` is its JSON, "" once the job has ended."""

RECORD = Table(
    "record", METADATA,
    Column("job_id", Text, ForeignKey("job.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("seconds", Float, nullable=False),
    Column("payload", Text, nullable=False),
)  # fmt: skip
"""`seconds` of the job's budget had passed when it was written."""

PICTURE = Table(
    "picture", METADATA,
    Column("job_id", Text, ForeignKey("job.id"), primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
)  # fmt: skip

BATCH = Table(
    "batch", METADATA,
    Column("id", Text, primary_key=True),
    Column("surface", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("asked", Text, nullable=False),
    Index("ix_batch_surface_created", "surface", "created_ms"),
)  # fmt: skip
"""`asked` is JSON: what the surface that accepted it wants to know again."""

MEMBER = Table(
    "member", METADATA,
    Column("job_id", Text, ForeignKey("job.id"), primary_key=True),
    Column("batch_id", Text, ForeignKey("batch.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Index("ix_member_batch", "batch_id", "number"),
)  # fmt: skip
"""Which jobs are a batch's, in the order of its pictures, from 0."""

HANDOVER = Table(
    "handover", METADATA,
    Column("job_id", Text, primary_key=True),
    Column("trace", Text, nullable=False),
    Column("sha256", Text),
    Column("picture", LargeBinary),
    Column("until_ms", BigInteger, nullable=False),
    Index("ix_handover_sha256", "sha256"),
)  # fmt: skip
"""Results that wait for their callers where nothing is kept (`sentinel.jobs.handover`)."""

HANDED = Table(
    "handed", METADATA,
    Column("batch_id", Text, ForeignKey("batch.id"), primary_key=True),
    Column("what", Text, primary_key=True),
)  # fmt: skip
"""What of a batch was handed out already, where that is done once."""

EXECUTOR = Table(
    "executor", METADATA,
    Column("id", Text, primary_key=True),
    Column("seen_ms", BigInteger, nullable=False),
)  # fmt: skip

LOCK = 0x53454E544A4F4253
"""The advisory lock's number: "SENTJOBS" in ASCII."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where jobs are kept: a SQLite file of their own, or a schema of the store's PostgreSQL."""

    url: URL
    schema: str | None
    wiping: bool = False
    """Whether what is deleted is overwritten (SQLite)."""

    @classmethod
    def beside(cls, database: str, *, wiping: bool = False) -> Place:
        """The place that belongs to a store's database."""
        url = parse(database)
        if url.get_backend_name() == "sqlite":
            path = Path(str(url.database))
            return cls(url.set(database=str(path.with_name(f"{path.stem}_jobs.db"))), None, wiping)
        found = re.search(r"search_path=(\w+)", str(url.query.get("options", "")))
        return cls(url, f"{found[1]}_jobs" if found else "sentinel_jobs")

    @property
    def exists(self) -> bool:
        """False where certainly nobody has kept a job yet."""
        return self.schema is not None or Path(str(self.url.database)).exists()

    def open(self) -> Engines:
        """Engines for it, with all tables there, in an older place too; ConfigError."""
        engines = connect(self.url.render_as_string(hide_password=False), wiping=self.wiping)
        try:
            opened = self._made(engines)
        except (DBAPIError, sqlite3.Error) as error:
            engines.close()
            cause = error.orig if isinstance(error, DBAPIError) else error
            reason = str(cause).strip().partition("\n")[0]
            raise ConfigError(
                f"jobs cannot be kept in {engines.shown!r} ({reason}); mend that, or set "
                "SENTINEL_DATABASE to another database"
            ) from error
        outages_told(engines)
        return opened

    def _check(self, connection: Connection, engines: Engines) -> None:
        """ConfigError where a table is not as this version has it: there are no migrations."""
        found = inspect(connection)
        for name, table in METADATA.tables.items():
            columns = {each["name"] for each in found.get_columns(name, schema=self.schema)}
            if columns != set(table.columns.keys()):
                odd = ", ".join(sorted(columns ^ set(table.columns.keys())))
                raise ConfigError(
                    f"jobs in {engines.shown!r} were kept by another version "
                    f"(table {name}: {odd}); let that version finish them, then move the place of "
                    "jobs away: traces and pictures lie elsewhere"
                )

    def _made(self, engines: Engines) -> Engines:
        if self.schema is None:
            write_ahead(engines)
            with engines.write.begin() as connection:  # whoever comes second finds them
                METADATA.create_all(connection)
                self._check(connection, engines)
            return engines
        mapped = {"schema_translate_map": {None: self.schema}}
        write = engines.write.execution_options(**mapped)
        with write.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{self.schema}"'))
            METADATA.create_all(connection)
            self._check(connection, engines)
        return Engines(engines.url, write, engines.read.execution_options(**mapped))
