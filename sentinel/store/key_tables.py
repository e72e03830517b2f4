"""Access keys as rows: who may do what, what each month came to, and each charge once."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Text
from sqlmodel import Field

from sentinel.store.tables import Row


class KeyRow(Row, table=True):
    """A key without the key: `digest` is its SHA-256, `prefix` what people know it by.

    `scopes` are parted by spaces; `nanodollars` is the budget of a calendar month (UTC).
    """

    __tablename__ = "access_key"
    __table_args__ = (Index(None, "digest", unique=True), Index(None, "prefix", unique=True))

    id: str = Field(primary_key=True, sa_type=Text)
    prefix: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    label: str = Field(sa_type=Text)
    scopes: str = Field(sa_type=Text)
    project: str = Field(sa_type=Text)
    created_ms: int = Field(sa_type=BigInteger)
    expires_ms: int | None = Field(sa_type=BigInteger)
    revoked_ms: int | None = Field(sa_type=BigInteger)
    used_ms: int | None = Field(sa_type=BigInteger)
    per_minute: int | None
    nanodollars: int | None = Field(sa_type=BigInteger)


class SpendRow(Row, table=True):
    """What a key has spent in a month such as 2026-01."""

    __tablename__ = "key_spend"
    __table_args__ = (ForeignKeyConstraint(["key_id"], ["access_key.id"], ondelete="CASCADE"),)

    key_id: str = Field(primary_key=True, sa_type=Text)
    month: str = Field(primary_key=True, sa_type=Text)
    nanodollars: int = Field(sa_type=BigInteger)


class ChargeRow(Row, table=True):
    """One charge, by what it was for (a trace, a job), so that nothing is charged twice."""

    __tablename__ = "key_charge"
    __table_args__ = (ForeignKeyConstraint(["key_id"], ["access_key.id"], ondelete="CASCADE"),)

    key_id: str = Field(primary_key=True, sa_type=Text)
    reference: str = Field(primary_key=True, sa_type=Text)
    created_ms: int = Field(sa_type=BigInteger)
    nanodollars: int = Field(sa_type=BigInteger)


class HoldRow(Row, table=True):
    """What is set aside for a request or a job that is under way, until it has ended or lapsed."""

    __tablename__ = "key_hold"
    __table_args__ = (
        ForeignKeyConstraint(["key_id"], ["access_key.id"], ondelete="CASCADE"),
        Index(None, "key_id"),
    )

    reference: str = Field(primary_key=True, sa_type=Text)
    key_id: str = Field(sa_type=Text)
    nanodollars: int = Field(sa_type=BigInteger)
    until_ms: int = Field(sa_type=BigInteger)
