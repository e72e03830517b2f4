"""Rollups of one name at a time as rows, and what was in force in which hour.

A page that filters by nothing, or by one name, reads these: a row per hour or day and name,
however many projects, models and categories there are together.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Text
from sqlmodel import Field

from sentinel.store.tables import CLUSTERED, Counted, Row


class Glance(Row):
    """The key: all evaluations (`kind` and `name` are ""), or those of one name of one kind.

    `kind` is project, model, policy, category or mode.
    """

    kind: str = Field(primary_key=True, sa_type=Text)
    start_ms: int = Field(primary_key=True, sa_type=BigInteger)
    name: str = Field(primary_key=True, sa_type=Text)


class GlanceHour(Glance, Counted, table=True):
    """Counts per hour and name."""

    __tablename__ = "glance_hour"
    __table_args__ = CLUSTERED


class GlanceDay(Glance, Counted, table=True):
    """Counts per UTC day and name."""

    __tablename__ = "glance_day"
    __table_args__ = CLUSTERED


class GlanceFailure(Glance):
    """The key and count of a failure mode."""

    quality: str = Field(primary_key=True, sa_type=Text)
    subcategory: str = Field(primary_key=True, sa_type=Text)
    n: int = Field(sa_type=BigInteger)


class GlanceFailureHour(GlanceFailure, table=True):
    """How many evaluations of an hour and name had a failure mode."""

    __tablename__ = "glance_failure_hour"
    __table_args__ = CLUSTERED


class GlanceFailureDay(GlanceFailure, table=True):
    """How many evaluations of a UTC day and name had a failure mode."""

    __tablename__ = "glance_failure_day"
    __table_args__ = CLUSTERED


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
