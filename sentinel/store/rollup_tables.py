"""Rollups beside the hourly ones as rows: by UTC day, and what was in force in which hour."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text
from sqlmodel import Field

from sentinel.store.tables import CLUSTERED, Bucket, Row


class HistDay(Bucket, table=True):
    """`HistHour` by the UTC day: a range of months is read from a thirtieth of the rows."""

    __tablename__ = "hist_day"
    __table_args__ = CLUSTERED

    metric: str = Field(primary_key=True, sa_type=Text)
    k: int = Field(primary_key=True)
    n: int = Field(sa_type=BigInteger)


class FailureDay(Bucket, table=True):
    """`FailureHour` by the UTC day."""

    __tablename__ = "failure_day"
    __table_args__ = CLUSTERED

    quality: str = Field(primary_key=True, sa_type=Text)
    subcategory: str = Field(primary_key=True, sa_type=Text)
    n: int = Field(sa_type=BigInteger)


class InForceHour(Row, table=True):
    """How many evaluations of an hour (UTC) a policy made, by its fingerprint, and of which model.

    The policy comes first in the key, so that its history is one walk through the tree.
    """

    __tablename__ = "in_force_hour"
    __table_args__ = CLUSTERED

    policy: str = Field(primary_key=True, sa_type=Text)
    policy_fingerprint: str = Field(primary_key=True, sa_type=Text)
    model: str = Field(primary_key=True, sa_type=Text)
    start_ms: int = Field(primary_key=True, sa_type=BigInteger)
    n: int = Field(sa_type=BigInteger)
