"""A job's id in, what it ended with out: patient while it runs, and never silent about the bill.

Looking is free and may be repeated, so trouble on the way is sat out. When the time is up the job
is cancelled, and only where the service confirms that it never began is it certainly unbilled.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sentinel.errors import (
    NoPicture,
    ProviderError,
    ProviderFailed,
    ProviderTimeout,
    RateLimited,
    SafetyRefused,
    Unreachable,
)

FIRST, LONGEST, GROWTH = 0.1, 2.0, 1.5
"""Seconds between looks: a schnell picture takes one or two, a cold start half a minute."""

GRACE = 3.0
"""Seconds that a cancelled job has to say what became of it."""

PASSING = (ProviderFailed, ProviderTimeout, Unreachable, RateLimited, NoPicture)
"""Trouble of the look, not of the job."""

State = Literal["queued", "running", "ended", "cancelled"]


@dataclass(frozen=True, slots=True)
class Job:
    """Work that a service has taken on. `look` and `cancel` take a deadline."""

    provider: str
    id: str
    look: Callable[[float], tuple[State, dict[str, Any]]]
    cancel: Callable[[float], object]


def outcome(job: Job, deadline: float) -> dict[str, Any]:
    """What the job ended with; ProviderTimeout where the time is up, with what is known of it."""
    state, ended = _until(job, deadline, "queued")
    if ended is not None:
        return ended
    if state == "cancelled":
        told = f"cancelled job {job.id} of itself"
        raise ProviderFailed(job.provider, told, submitted=False, job=job.id)
    with contextlib.suppress(ProviderError):
        job.cancel(time.monotonic() + GRACE)
    now, ended = _until(job, time.monotonic() + GRACE, state)
    if ended is not None:
        return ended
    if now == "cancelled":
        told = f"took too long; job {job.id} was cancelled while {state}"
        unbilled = False if state == "queued" else None
        raise ProviderTimeout(job.provider, told, submitted=unbilled, job=job.id)
    told = f"took too long; job {job.id} may still be painted and billed"
    raise ProviderTimeout(job.provider, told, submitted=True, job=job.id)


def failure(provider: str, told: str, *, safety: bool, job: str) -> ProviderError:
    """What a job that says it failed means."""
    if safety:
        return SafetyRefused(provider, f"will not paint this; it says: {told}", job=job)
    return ProviderFailed(provider, f"failed; it says: {told}", submitted=False, job=job)


def _until(job: Job, deadline: float, state: State) -> tuple[State, dict[str, Any] | None]:
    """Look until the job ended or the time is up; the last state that was seen."""
    pause = FIRST
    while time.monotonic() < deadline:
        least = 0.0
        try:
            state, table = job.look(deadline)
        except PASSING as error:
            least = error.retry_after or 0.0
        except ProviderError as error:
            told = f"lost sight of job {job.id}: {error}"
            raise ProviderTimeout(job.provider, told, submitted=True, job=job.id) from error
        else:
            if state == "ended":
                return state, table
            if state == "cancelled":
                return state, None
        time.sleep(max(0.0, min(max(pause, least), deadline - time.monotonic())))
        pause = min(LONGEST, pause * GROWTH)
    return state, None
