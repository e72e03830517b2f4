"""A store in which nothing of prompts and pictures is kept in, what waited too long in it gone.

Some rows must hold words for a while: what is to be judged, what somebody said of a verdict, what
a webhook is to deliver. They go when their work has ended and their callers have had the time that
the results of jobs have. What waits for a receiver stays until it was delivered or given up.
"""

from __future__ import annotations

import time

from sqlalchemy import delete, or_, update

from sentinel.store.deliveries import DeliveryRow
from sentinel.store.engines import Engines
from sentinel.store.evaluation_tables import EvaluationFeedbackRow, EvaluationRequestRow
from sentinel.store.tables import table_of

MINUTE_MS = 60_000

ASKED = table_of(EvaluationRequestRow)
SAID = table_of(EvaluationFeedbackRow)
DELIVERY = table_of(DeliveryRow)


def forget(engines: Engines, minutes: float) -> int:
    """Delete what ended so many minutes ago; how many rows went. For a database opened `wiping`."""
    before = time.time_ns() // 1_000_000 - round(minutes * MINUTE_MS)
    judged = delete(ASKED).where(
        ASKED.c.state.in_(("completed", "failed")),
        ASKED.c.updated_ms <= before,
        or_(ASKED.c.called_ms.is_(None), ASKED.c.called_ms > 0),
    )
    told = delete(DELIVERY).where(DELIVERY.c.state != "waiting", DELIVERY.c.updated_ms <= before)
    said = update(SAID).where(SAID.c.reason.is_not(None), SAID.c.updated_ms <= before)
    with engines.write.begin() as connection:
        gone = connection.execute(judged).rowcount + connection.execute(told).rowcount
        connection.execute(said.values(reason=None))
    emptied(engines)
    return int(gone)


def emptied(engines: Engines) -> None:
    """Let SQLite's write-ahead log forget what it holds, as far as nobody reads from it."""
    if engines.url.get_backend_name() != "sqlite":
        return
    raw = engines.write.raw_connection()
    try:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        raw.close()
