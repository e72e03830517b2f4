"""Pictures to be judged as rows: what was asked, the bytes until they are judged, what people say.

An evaluation that was asked for is a row before its caller hears of it. Its trace's id is drawn
with it, so that whoever takes the work up again puts the same trace into the same place.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, Text
from sqlmodel import Field

from sentinel.store.tables import Row


class EvaluationRequestRow(Row, table=True):
    """One picture that somebody wants judged.

    `state` is pending, running, completed or failed; `owner` is the process that works at it and
    `beat_ms` its last sign of life; `called_ms` is when its callback was handed on, 0 while that is
    still owed, null where nobody waits for one.
    """

    __tablename__ = "evaluation_request"
    __table_args__ = (
        Index(None, "created_ms", "id"),
        Index(None, "state"),
        Index(None, "trace_id", unique=True),
        Index(None, "client_ref"),
        Index(None, "called_ms"),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    trace_id: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    created_ms: int = Field(sa_type=BigInteger)
    updated_ms: int = Field(sa_type=BigInteger)
    started_ms: int | None = Field(sa_type=BigInteger)
    completed_ms: int | None = Field(sa_type=BigInteger)
    project: str = Field(sa_type=Text)
    task_type: str = Field(sa_type=Text)
    run_id: str | None = Field(sa_type=Text)
    client_ref: str | None = Field(sa_type=Text)
    callback_url: str | None = Field(sa_type=Text)
    called_ms: int | None = Field(sa_type=BigInteger)
    owner: str | None = Field(sa_type=Text)
    beat_ms: int = Field(sa_type=BigInteger)
    taken: int
    code: str | None = Field(sa_type=Text)
    error: str | None = Field(sa_type=Text)
    asked: str = Field(sa_type=Text)


class EvaluationPictureRow(Row, table=True):
    """The picture (position 0) and its references (1, 2, …), until they are judged."""

    __tablename__ = "evaluation_picture"
    __table_args__ = (
        ForeignKeyConstraint(["request_id"], ["evaluation_request.id"], ondelete="CASCADE"),
    )

    request_id: str = Field(primary_key=True, sa_type=Text)
    position: int = Field(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)


class EvaluationFeedbackRow(Row, table=True):
    """What a person says of a verdict; outlives a trace that is saved anew."""

    __tablename__ = "evaluation_feedback"

    trace_id: str = Field(primary_key=True, sa_type=Text)
    attempt: int = Field(primary_key=True)
    is_positive: bool | None
    reason: str | None = Field(sa_type=Text)
    updated_ms: int = Field(sa_type=BigInteger)
