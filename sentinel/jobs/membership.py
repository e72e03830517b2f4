"""Jobs that are to be forgotten in, those and their batches gone: a batch goes as a whole or stays.

A batch of which a job is missing would be in another state than it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, select

from sentinel.jobs.tables import BATCH, HANDED, JOB, MEMBER


def whole(over: ColumnElement[bool]) -> ColumnElement[bool]:
    """That no job of the same batch is anything else than `over`."""
    kept = select(MEMBER.c.batch_id).join(JOB, JOB.c.id == MEMBER.c.job_id).where(~over)
    theirs = select(MEMBER.c.job_id).where(MEMBER.c.batch_id.in_(kept))
    return JOB.c.id.not_in(theirs)


def with_siblings(connection: Connection, job_ids: Sequence[str]) -> list[str]:
    """These jobs and all others of their batches."""
    batches = select(MEMBER.c.batch_id).where(MEMBER.c.job_id.in_(job_ids))
    theirs = select(MEMBER.c.job_id).where(MEMBER.c.batch_id.in_(batches))
    return sorted({*job_ids, *connection.execute(theirs).scalars()})


def forget(connection: Connection, job_ids: Sequence[str]) -> None:
    """Drop the batches of these jobs, which are all of theirs."""
    batches = select(MEMBER.c.batch_id).where(MEMBER.c.job_id.in_(job_ids)).distinct()
    found = connection.execute(batches).scalars().all()
    connection.execute(delete(HANDED).where(HANDED.c.batch_id.in_(found)))
    connection.execute(delete(MEMBER).where(MEMBER.c.batch_id.in_(found)))
    connection.execute(delete(BATCH).where(BATCH.c.id.in_(found)))
