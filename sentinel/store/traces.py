"""Trace in, rows and rollups out, in one transaction; and id in, trace out."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, text

from sentinel.contracts import Trace
from sentinel.errors import MediaAway, NotFound
from sentinel.store import rollups
from sentinel.store.baring import bare
from sentinel.store.engines import Engines
from sentinel.store.media import Media
from sentinel.store.rows import Rows, restored, rows_of
from sentinel.store.tables import (
    EvaluationRow,
    FailureRow,
    GateResultRow,
    OutcomeRow,
    Row,
    TraceRow,
    table_of,
    words,
)

TRACE = table_of(TraceRow)

KNOWN = select(TRACE.c.id).where(TRACE.c.id == bindparam("trace_id"))

log = logging.getLogger(__name__)


class Traces:
    """Saves and loads traces. Plain blocking code, safe in threads and across processes."""

    def __init__(self, engines: Engines, media: Media, *, words: bool = True) -> None:
        """Traces in the database of `engines`, reference pictures in `media`; or no `words`."""
        self._engines = engines
        self._media = media
        self._words = words
        self.elsewhere: Callable[[str], Trace | None] = lambda _: None
        """Who is asked for a trace first: what is not kept here may wait for its caller there."""

    def save(self, trace: Trace) -> None:
        """Store a trace, or put it in the place of the one with its id; all of it or nothing.

        Where the media store is away its references are lost, and a note says so.
        ValueError unless attempts are numbered in rising order.
        """
        trace = trace if self._words else bare(trace)
        numbers = [attempt.number for attempt in trace.attempts]
        if numbers != sorted(set(numbers)):
            raise ValueError(f"attempts are numbered {numbers}; number them in rising order")
        rows = self._rows(trace)
        change = rollups.Change()
        change.count(rows.evaluations, rows.failures)
        with self._engines.write.begin() as connection:
            replaced = _take_out(connection, rows.trace["id"], change)
            _insert(connection, rows)
            change.apply(connection, shrinking=replaced)

    def load(self, trace_id: str) -> Trace:
        """The trace as it was saved; NotFound if there is none.

        Bytes of reference pictures that have expired, or were never kept, come back as b"".
        """
        if (waiting := self.elsewhere(trace_id)) is not None:
            return waiting
        key = words(trace_id)
        with self._engines.read.begin() as connection:
            wanted = select(TRACE.c.brief, TRACE.c.payload).where(TRACE.c.id == key)
            found = connection.execute(wanted).one_or_none()
            if found is None:
                raise NotFound(f"no trace {trace_id[:80]!r} is stored")
            evaluations = _of(connection, EvaluationRow, key, "number", "brief")
            gates = _grouped(_of(connection, GateResultRow, key, "attempt", "position"))
            outcomes = _grouped(_of(connection, OutcomeRow, key, "attempt", "position"))
        fetch = cache(self._fetch)
        brief = restored(json.loads(found.brief), fetch)
        attempts = []
        for row in evaluations:
            attempt = json.loads(row["payload"])
            own = row["brief"]
            attempt["brief"] = json.loads(found.brief if own is None else own)
            attempt["verdict"]["gates"] = gates[row["number"]]
            attempt["verdict"]["outcomes"] = outcomes[row["number"]]
            attempts.append(_restored(attempt, fetch))
        payload = json.loads(found.payload)
        attempts += [_restored(attempt, fetch) for attempt in payload.pop("unjudged", [])]
        attempts.sort(key=lambda attempt: int(attempt["number"]))
        return Trace.model_validate(payload | {"brief": brief, "attempts": attempts})

    def _rows(self, trace: Trace) -> Rows:
        try:
            return rows_of(trace, cache(self._media.put))
        except MediaAway as error:
            log.warning("trace %s is kept without its references: %s", trace.id, error)
            note = "the references could not be kept: the media store does not answer"
            noted = trace.model_copy(update={"notes": (*trace.notes, note)})
            return rows_of(noted, lambda data: hashlib.sha256(data).hexdigest())

    def _fetch(self, sha256: str) -> bytes:
        try:
            return self._media.get(sha256)
        except NotFound:
            return b""
        except MediaAway as error:
            log.warning("a reference could not be read: %s", error)
            return b""


def _restored(attempt: dict[str, Any], fetch: Callable[[str], bytes]) -> dict[str, Any]:
    """An attempt with the bytes of its references back in place."""
    attempt["brief"] = restored(attempt["brief"], fetch)
    if feedback := attempt["feedback"]:
        feedback["brief"] = restored(feedback["brief"], fetch)
    return attempt


def _take_out(connection: Connection, trace_id: str, change: rollups.Change) -> bool:
    """Delete the trace with this id and take it out of the rollups; False if there is none."""
    if connection.dialect.name == "postgresql":
        # two savers of one id: the second waits here, then finds what the first wrote
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))")
        connection.execute(lock, {"id": trace_id})
    if connection.execute(KNOWN, {"trace_id": trace_id}).first() is None:
        return False
    change.count(*rollups.contribution(connection, trace_id), sign=-1)
    connection.execute(delete(TRACE).where(TRACE.c.id == trace_id))
    return True


def _insert(connection: Connection, rows: Rows) -> None:
    parts: tuple[tuple[type[Row], list[dict[str, Any]]], ...] = (
        (TraceRow, [rows.trace]),
        (EvaluationRow, rows.evaluations),
        (GateResultRow, rows.gates),
        (OutcomeRow, rows.outcomes),
        (FailureRow, rows.failures),
    )
    for table, values in parts:
        if values:
            connection.execute(insert(table_of(table)), values)


def _of(
    connection: Connection, model: type[Row], trace_id: str, number: str, other: str
) -> list[RowMapping]:
    columns = table_of(model).c
    wanted = select(columns[number], columns[other], columns.payload)
    ordered = wanted.where(columns.trace_id == trace_id).order_by(columns[number], columns[other])
    return list(connection.execute(ordered).mappings())


def _grouped(rows: list[RowMapping]) -> dict[int, list[Any]]:
    """The parts of each attempt, in the order they were given."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["attempt"]].append(json.loads(row["payload"]))
    return groups
