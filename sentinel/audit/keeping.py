"""An audit that has ended in, its evaluations in the store out, where the dashboard shows them.

A trace's id is made of project, picture and what was asked: an audit that is kept twice takes its
own place.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

from ulid import ULID

from sentinel.audit.entries import Entry
from sentinel.audit.jobs import Job, job_of
from sentinel.audit.rows import Row, Rows
from sentinel.audit.sources import Source, completed
from sentinel.contracts import Attempt, Trace, Verdict
from sentinel.errors import PictureError
from sentinel.keeping import keep_scored
from sentinel.policy import Policy
from sentinel.settings import Settings
from sentinel.store import open_store

STOPPED = {"passed": "passed", "refused": "rejected", "undecided": "undecided"}


def keep(source: Source, folder: Path, policy: Policy, settings: Settings, project: str) -> int:
    """Keep each evaluation of an audit's folder as a trace, with its picture; how many. Blocking.

    A picture that has changed since, or is gone, is left out.
    """
    store = open_store(
        settings.database_url, settings.media, settings.media_days,
        media_options=settings.media_options, words=settings.keeps_words,
    )  # fmt: skip
    number = 0
    try:
        for row, job in _evaluated(source, Rows(folder), settings):
            keep_scored(store, _trace(row, job, policy, project), job.data)
            number += 1
    finally:
        store.close()
    return number


def _evaluated(source: Source, rows: Rows, settings: Settings) -> Iterator[tuple[Row, Job]]:
    """Rows that count, each with its picture as it was judged."""
    most = int(settings.body_mb * 1e6)
    for found, row in zip(source.entries(), rows, strict=False):  # a limit ends the rows early
        if not (isinstance(found, Entry) and row.counted and row.verdict is not None):
            continue
        try:
            data = found.read(most)
            job = job_of(completed(found, data, settings.formats), data, most)
        except PictureError:
            continue
        if job.sha256 == row.sha256:
            yield row, job


def _trace(row: Row, job: Job, policy: Policy, project: str) -> Trace:
    verdict: Verdict = row.verdict  # type: ignore[assignment]  # only evaluated rows come here
    attempt = Attempt(
        number=1, brief=job.brief, generator=job.maker, verdict=verdict, picture=row.sha256,
        fingerprint=row.fingerprint, width=row.width, height=row.height,
    )  # fmt: skip
    name = hashlib.sha256("/".join((project, *job.name)).encode()).digest()
    return Trace.model_validate(
        {
            "id": str(ULID.from_bytes(name[:16])), "created_ms": time.time_ns() // 1_000_000,
            "policy": policy.name, "policy_fingerprint": policy.fingerprint, "mode": "score",
            "brief": job.brief, "attempts": (attempt,), "project": project,
            "model": None if job.maker == "unknown" else job.maker,
            "delivered": 1 if verdict.action in {"pass", "score"} else None,
            "stopped_because": STOPPED.get(verdict.standing),
        }
    )  # fmt: skip
