"""Pictures to be judged in, where each stands out; and every evaluation there is, page by page.

An evaluation's id is a request's own (a UUID), or `TRACE-ATTEMPT` for a picture that Sentinel had
painted or scored at once. Plain blocking code for threads, safe across processes.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, case, delete, func, insert, select, update

from sentinel.errors import Busy, NotFound
from sentinel.store.engines import Engines
from sentinel.store.evaluation_tables import (
    EvaluationFeedbackRow,
    EvaluationPictureRow,
    EvaluationRequestRow,
)
from sentinel.store.tables import insert_into, name, table_of, words

REQUEST = table_of(EvaluationRequestRow)
PICTURE = table_of(EvaluationPictureRow)
FEEDBACK = table_of(EvaluationFeedbackRow)

RETRY_AFTER = 10.0
"""Seconds a caller is asked to wait where too many pictures wait."""

BARE = "{}"
"""Stands for what was asked where nothing of it is kept."""

State = Literal["pending", "running", "completed", "failed"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What comes in: `asked` is its JSON, `pictures` the picture and then its references."""

    id: str
    trace_id: str
    asked: str
    pictures: tuple[bytes, ...]
    task_type: str
    project: str = "default"
    run_id: str | None = None
    client_ref: str | None = None
    callback_url: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Where a request stands. Times are milliseconds since 1970-01-01 UTC."""

    id: str
    trace_id: str
    state: State
    created_ms: int
    updated_ms: int
    started_ms: int | None
    completed_ms: int | None
    project: str
    task_type: str
    run_id: str | None
    client_ref: str | None
    callback_url: str | None
    taken: int
    code: str | None
    error: str | None
    asked: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said of a verdict."""

    is_positive: bool | None
    reason: str | None
    updated_ms: int


class Evaluations:
    """The tables, as one process sees them."""

    def __init__(self, engines: Engines, *, words: bool = True) -> None:
        """Without `words` nothing of what was asked is kept once it is judged."""
        self._engines = engines
        self._words = words

    def accept(self, asked: Asked, most: int) -> Known:
        """Enter a request; Busy where `most` are waiting already."""
        now = now_ms()
        row = {
            "id": asked.id, "trace_id": asked.trace_id, "state": "pending", "created_ms": now,
            "updated_ms": now, "started_ms": None, "completed_ms": None,
            "project": name(asked.project), "task_type": words(asked.task_type),
            "run_id": asked.run_id and words(asked.run_id),
            "client_ref": asked.client_ref and words(asked.client_ref),
            "callback_url": asked.callback_url, "called_ms": None, "owner": None, "beat_ms": 0,
            "taken": 0, "code": None, "error": None, "asked": words(asked.asked),
        }  # fmt: skip
        pictures = [
            {"request_id": asked.id, "position": at, "content": each}
            for at, each in enumerate(asked.pictures)
        ]
        waiting = select(func.count()).select_from(REQUEST).where(REQUEST.c.state == "pending")
        with self._engines.write.begin() as connection:
            if connection.execute(waiting).scalar_one() >= most:
                raise Busy(f"the queue of evaluations ({most} are waiting)", RETRY_AFTER)
            connection.execute(insert(REQUEST), row)
            connection.execute(insert(PICTURE), pictures)
        return _known(row)

    def request(self, request_id: str) -> Known:
        """Where a request stands; NotFound if there is none."""
        with self._engines.read.begin() as connection:
            return _known(_row(connection, request_id))

    def of_traces(self, trace_ids: Collection[str]) -> dict[str, Known]:
        """The requests that traces were made for, by the trace's id."""
        wanted = select(REQUEST).where(REQUEST.c.trace_id.in_(trace_ids))
        with self._engines.read.begin() as connection:
            found = connection.execute(wanted).mappings().all()
        return {each["trace_id"]: _known(each) for each in found}

    # ── working ───────────────────────────────────────────────────────────────────────────────

    def waiting(self, most: int) -> Sequence[str]:
        """Requests that nobody works at yet, the oldest first."""
        wanted = select(REQUEST.c.id).where(REQUEST.c.state == "pending")
        ordered = wanted.order_by(REQUEST.c.created_ms, REQUEST.c.id).limit(most)
        with self._engines.read.begin() as connection:
            return connection.execute(ordered).scalars().all()

    def owned(self) -> list[tuple[str, str, int]]:
        """Requests that somebody works at: id, who, and the last sign of life."""
        wanted = select(REQUEST.c.id, REQUEST.c.owner, REQUEST.c.beat_ms)
        with self._engines.read.begin() as connection:
            found = connection.execute(wanted.where(REQUEST.c.state == "running")).all()
        return [(each.id, each.owner, each.beat_ms) for each in found]

    def take(self, request_id: str, owner: str, *, dead: str | None = None) -> Known | None:
        """It is `owner`'s now, to be judged; None where somebody else was quicker.

        `dead` names the process that it is taken from.
        """
        now = now_ms()
        free = REQUEST.c.state == "pending"
        left = (REQUEST.c.state == "running") & (REQUEST.c.owner == dead)
        taken = update(REQUEST).where(REQUEST.c.id == request_id, left if dead else free).values(
            state="running", owner=owner, beat_ms=now, updated_ms=now, taken=REQUEST.c.taken + 1,
            started_ms=func.coalesce(REQUEST.c.started_ms, now),
        )  # fmt: skip
        with self._engines.write.begin() as connection:
            if not connection.execute(taken).rowcount:
                return None
            return _known(_row(connection, request_id))

    def pictures(self, request_id: str) -> tuple[bytes, ...]:
        """The picture, and then its references."""
        wanted = select(PICTURE.c.content).where(PICTURE.c.request_id == request_id)
        with self._engines.read.begin() as connection:
            found = connection.execute(wanted.order_by(PICTURE.c.position)).scalars().all()
        return tuple(bytes(each) for each in found)

    def beat(self, request_ids: Iterable[str], owner: str) -> None:
        """Say that the owner lives and works at these."""
        mine = (REQUEST.c.id.in_(list(request_ids)), REQUEST.c.owner == owner)
        with self._engines.write.begin() as connection:
            connection.execute(update(REQUEST).where(*mine).values(beat_ms=now_ms()))

    def give_back(self, request_id: str, owner: str) -> None:
        """Let somebody else work at it."""
        mine = (REQUEST.c.id == request_id, REQUEST.c.owner == owner, REQUEST.c.state == "running")
        with self._engines.write.begin() as connection:
            back = update(REQUEST).where(*mine).values(state="pending", owner=None)
            connection.execute(back)

    def end(
        self, request_id: str, owner: str, *, code: str | None = None, error: str | None = None
    ) -> Known | None:
        """Judged, or failed where `code` says why; None where it is no longer `owner`'s.

        The bytes are let go: the store's own copy is kept as long as all pictures are.
        """
        now = now_ms()
        mine = (REQUEST.c.id == request_id, REQUEST.c.owner == owner, REQUEST.c.state == "running")
        ended = update(REQUEST).where(*mine).values(
            state="failed" if code else "completed", code=code, error=error and words(error),
            **({} if self._words else {"asked": BARE}),
            completed_ms=now, updated_ms=now, owner=None,
            called_ms=case((REQUEST.c.callback_url.is_not(None), 0)),
        )  # fmt: skip
        with self._engines.write.begin() as connection:
            if not connection.execute(ended).rowcount:
                return None
            connection.execute(delete(PICTURE).where(PICTURE.c.request_id == request_id))
            return _known(_row(connection, request_id))

    def uncalled(self, most: int) -> list[Known]:
        """Requests that have ended and whose callers were not called back yet."""
        wanted = select(REQUEST).where(REQUEST.c.called_ms == 0)
        with self._engines.read.begin() as connection:
            found = connection.execute(wanted.order_by(REQUEST.c.created_ms).limit(most))
            return [_known(each) for each in found.mappings()]

    def called(self, request_id: str) -> None:
        """The callback was handed on."""
        with self._engines.write.begin() as connection:
            done = update(REQUEST).where(REQUEST.c.id == request_id).values(called_ms=now_ms())
            connection.execute(done)

    # ── what people say ───────────────────────────────────────────────────────────────────────

    def say(self, trace_id: str, attempt: int, feedback: Feedback) -> None:
        """Keep what a person said; the last word counts."""
        row = {
            "trace_id": trace_id, "attempt": attempt, "is_positive": feedback.is_positive,
            "reason": feedback.reason and words(feedback.reason),
            "updated_ms": feedback.updated_ms,
        }  # fmt: skip
        with self._engines.write.begin() as connection:
            put = insert_into(EvaluationFeedbackRow, connection.dialect.name)
            changed = {key: put.excluded[key] for key in ("is_positive", "reason", "updated_ms")}
            connection.execute(
                put.on_conflict_do_update(index_elements=["trace_id", "attempt"], set_=changed), row
            )

    def said(self, trace_ids: Collection[str]) -> dict[tuple[str, int], Feedback]:
        """What people said of these traces' attempts."""
        wanted = select(FEEDBACK).where(FEEDBACK.c.trace_id.in_(trace_ids))
        with self._engines.read.begin() as connection:
            found = connection.execute(wanted).mappings().all()
        return {
            (each["trace_id"], each["attempt"]): Feedback(
                each["is_positive"], each["reason"], each["updated_ms"]
            )
            for each in found
        }


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def _row(connection: Connection, request_id: str) -> RowMapping:
    wanted = select(REQUEST).where(REQUEST.c.id == words(request_id))
    found = connection.execute(wanted).mappings().one_or_none()
    if found is None:
        raise NotFound(f"there is no evaluation {request_id[:80]!r}")
    return found


def _known(row: Any) -> Known:
    return Known(**{key: row[key] for key in Known.__dataclass_fields__})
