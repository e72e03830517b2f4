"""Tables in, the metadata that the migrations must arrive at out.

JSON (`brief`, `payload`) is what a trace is loaded from; it is text, exact, and never filtered
on. The other columns are what dashboards filter and count: `words` and `name` make text from
outside fit for them. Sums in
rollups are whole numbers, so that taking a trace out again leaves exactly what was there before.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

NAME_LENGTH = 100
"""Characters of a name (project, model, category …) that are kept in a key column. PostgreSQL
takes no index row above 2,704 bytes; four names of 100 characters of 4 bytes stay below it."""

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which PostgreSQL refuses in text, and lone surrogates, which are no UTF-8."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}
"""Names for indexes and constraints, the same on every dialect, so that a migration finds them."""


def words(text: str) -> str:
    """Text that every database takes: NUL becomes ␀ (U+2400), a lone surrogate U+FFFD."""
    return UNSTORABLE.sub(lambda found: "␀" if found[0] == "\x00" else "\ufffd", text)


def name(text: str | None) -> str:
    """A name fit for a key column: `words`, at most 100 characters, "" where there is none."""
    return words((text or "")[:NAME_LENGTH])


class Row(SQLModel):
    """What all tables share: metadata of our own, apart from SQLModel's global one."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


def table_of(model: type[Row]) -> Table:
    """The SQLAlchemy table of a row class, for statements."""
    return Row.metadata.tables[str(model.__tablename__)]


def insert_into(model: type[Row], dialect: str) -> sqlite.Insert | postgresql.Insert:
    """An insert that may say what happens on conflict, in the dialect of that name."""
    if dialect == "sqlite":
        return sqlite.insert(table_of(model))
    return postgresql.insert(table_of(model))


class TraceRow(Row, table=True):
    """One request: what was wanted, how it ended. `cost` is in US dollars."""

    __tablename__ = "trace"
    __table_args__ = (Index(None, "created_ms", "id"),)

    id: str = Field(primary_key=True, sa_type=Text)
    created_ms: int = Field(sa_type=BigInteger)
    project: str = Field(sa_type=Text)
    model: str = Field(sa_type=Text)
    policy: str = Field(sa_type=Text)
    policy_fingerprint: str = Field(sa_type=Text)
    category: str = Field(sa_type=Text)
    mode: str = Field(sa_type=Text)
    action: str | None = Field(sa_type=Text)
    standing: str | None = Field(sa_type=Text)
    score: float | None
    delivered: int | None
    stopped_because: str | None = Field(sa_type=Text)
    attempts: int
    seconds: float
    cost: float
    brief: str = Field(sa_type=Text)
    payload: str = Field(sa_type=Text)


class EvaluationRow(Row, table=True):
    """One attempt, that is one picture judged. `brief` is null where it is the trace's own.

    `superseded_by` is the number of the attempt that was made instead of this one. `rank` is the
    score, or -1 where there is none: what "worst first" goes by. `delivered` says that a picture
    we had painted was given out, `retried` that it was not of the first round. `guarded` and
    `added` (the seconds that guarding added) stand on a request's first picture.
    """

    __tablename__ = "evaluation"
    __table_args__ = (
        ForeignKeyConstraint(["trace_id"], ["trace.id"], ondelete="CASCADE"),
        Index(None, "created_ms"),
        Index(None, "rank", "created_ms"),
    )

    trace_id: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(primary_key=True)
    created_ms: int = Field(sa_type=BigInteger)
    project: str = Field(sa_type=Text)
    model: str = Field(sa_type=Text)
    policy: str = Field(sa_type=Text)
    policy_fingerprint: str = Field(sa_type=Text)
    category: str = Field(sa_type=Text)
    mode: str = Field(sa_type=Text)
    standing: str = Field(sa_type=Text)
    first: bool
    superseded_by: int | None
    delivered: bool
    retried: bool
    guarded: bool
    added: float
    score: float | None
    rank: float
    failed_judges: int
    picture: str | None = Field(sa_type=Text)
    fingerprint: str | None = Field(sa_type=Text)
    width: int = Field(sa_type=BigInteger)
    height: int = Field(sa_type=BigInteger)
    seconds: float
    cost: float
    brief: str | None = Field(sa_type=Text)
    payload: str = Field(sa_type=Text)


class Part(Row):
    """A row that belongs to one evaluation, in the order it was given."""

    trace_id: str = Field(primary_key=True, sa_type=Text)
    attempt: int = Field(primary_key=True)
    position: int = Field(primary_key=True)


def _of_evaluation() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["trace_id", "attempt"], ["evaluation.trace_id", "evaluation.number"], ondelete="CASCADE"
    )


class OutcomeRow(Part, table=True):
    """What one judge said; `kind` is score, abstention or fault."""

    __tablename__ = "outcome"
    __table_args__ = (_of_evaluation(),)

    judge: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    value: float | None
    threshold: float | None
    weight: float
    required: bool
    passed: bool | None
    seconds: float
    cause: str | None = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    payload: str = Field(sa_type=Text)


class GateResultRow(Part, table=True):
    """What one gate said; `passed` is null where the gate broke."""

    __tablename__ = "gate_result"
    __table_args__ = (_of_evaluation(),)

    gate: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    passed: bool | None
    seconds: float
    reason: str = Field(sa_type=Text)
    payload: str = Field(sa_type=Text)


class FailureRow(Row, table=True):
    """A failure mode of one evaluation: once, however many issues name it.

    `quality` is the failure mode's category. Only what made the evaluation fail counts: issues of
    judges below their threshold and of gates that refused. The others stay in their payload.
    """

    __tablename__ = "failure"
    __table_args__ = (_of_evaluation(),)

    trace_id: str = Field(primary_key=True, sa_type=Text)
    attempt: int = Field(primary_key=True)
    quality: str = Field(primary_key=True, sa_type=Text)
    subcategory: str = Field(primary_key=True, sa_type=Text)


class SecretRow(Row, table=True):
    """A secret of this house by name, as hexadecimal digits."""

    __tablename__ = "secret"

    name: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(sa_type=Text)


class MediaRow(Row, table=True):
    """A picture's bytes on disk, and until when."""

    __tablename__ = "media"
    __table_args__ = (Index(None, "expires_ms"),)

    sha256: str = Field(primary_key=True, sa_type=Text)
    bytes: int = Field(sa_type=BigInteger)
    content_type: str = Field(sa_type=Text)
    created_ms: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger)


class Bucket(Row):
    """The key that all rollups share: UTC time and what dashboards filter by."""

    start_ms: int = Field(primary_key=True, sa_type=BigInteger)
    project: str = Field(primary_key=True, sa_type=Text)
    model: str = Field(primary_key=True, sa_type=Text)
    policy: str = Field(primary_key=True, sa_type=Text)
    category: str = Field(primary_key=True, sa_type=Text)
    mode: str = Field(primary_key=True, sa_type=Text)


class Counted(Row):
    """Counts and sums over evaluations. passed + failed + refused + undecided = evaluations."""

    evaluations: int = Field(sa_type=BigInteger)
    passed: int = Field(sa_type=BigInteger)
    failed: int = Field(sa_type=BigInteger)
    refused: int = Field(sa_type=BigInteger)
    undecided: int = Field(sa_type=BigInteger)
    traces: int = Field(sa_type=BigInteger)
    first_passed: int = Field(sa_type=BigInteger)
    failed_judges: int = Field(sa_type=BigInteger)
    scored: int = Field(sa_type=BigInteger)
    score_millionths: int = Field(sa_type=BigInteger)
    microseconds: int = Field(sa_type=BigInteger)
    nanodollars: int = Field(sa_type=BigInteger)
    delivered: int = Field(sa_type=BigInteger)
    retried: int = Field(sa_type=BigInteger)
    guarded: int = Field(sa_type=BigInteger)
    added_microseconds: int = Field(sa_type=BigInteger)


class Rollup(Bucket, Counted):
    """A bucket with what is counted in it."""


CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False}
"""SQLite keeps the row in its primary key's tree: one look-up for an upsert instead of two."""


class RollupHour(Rollup, table=True):
    """A rollup per hour."""

    __tablename__ = "rollup_hour"
    __table_args__ = CLUSTERED


class RollupDay(Rollup, table=True):
    """A rollup per UTC day."""

    __tablename__ = "rollup_day"
    __table_args__ = CLUSTERED


class HistHour(Bucket, table=True):
    """How many evaluations of an hour fell into bucket `k` of `metric` ("seconds", "score")."""

    __tablename__ = "hist_hour"
    __table_args__ = CLUSTERED

    metric: str = Field(primary_key=True, sa_type=Text)
    k: int = Field(primary_key=True)
    n: int = Field(sa_type=BigInteger)


class FailureHour(Bucket, table=True):
    """How many evaluations of an hour had a failure mode."""

    __tablename__ = "failure_hour"
    __table_args__ = CLUSTERED

    quality: str = Field(primary_key=True, sa_type=Text)
    subcategory: str = Field(primary_key=True, sa_type=Text)
    n: int = Field(sa_type=BigInteger)
