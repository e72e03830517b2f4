"""Jobs that are to be entered in, what they will cost set aside of their payer's budget out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sentinel.jobs.port import Task
from sentinel.store.holds import JOB, Holds


@contextmanager
def afforded(holds: Holds, job_ids: Sequence[str], task: Task) -> Iterator[None]:
    """While they are entered; Overdrawn. Where they are not taken, nothing stays set aside.

    Each job's is lifted when it is put away, after it was charged. Blocking code.
    """
    if task.payer is None or task.price is None:
        yield
        return
    holds.place(task.payer, job_ids, task.price, seconds=JOB)
    try:
        yield
    except BaseException:
        holds.lift(*job_ids)
        raise
