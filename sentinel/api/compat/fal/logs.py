"""Jobs and their traces in, fal's log lines out: what really happened, in order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sentinel.contracts import Attempt, Trace
from sentinel.jobs import Job

Line = dict[str, Any]

STEPS = {
    "screening": "looking at the request", "generating": "painting", "judging": "judging",
    "feedback": "saying what to change",
}  # fmt: skip
"""What is done at a step, in words."""


def lines_of(jobs: Sequence[Job], traces: Mapping[str, Trace]) -> list[Line]:
    """How far each picture is, and of those that are finished their whole story."""
    lines: list[Line] = []
    for at, job in enumerate(jobs, 1):
        which = f"picture {at} of {len(jobs)}: " if len(jobs) > 1 else ""
        trace = traces.get(job.id)
        if trace is not None:
            lines += _story(which, trace)
        elif job.state == "running" and job.step in STEPS:
            attempt = f"attempt {job.attempt}, " if job.attempt else ""
            lines.append(_line(f"{which}{attempt}{STEPS[job.step]}", job.updated_ms))
        if job.error:
            lines.append(_line(f"{which}{job.error}", job.updated_ms, "ERROR"))
    return lines


def _story(which: str, trace: Trace) -> list[Line]:
    """Every attempt: painted, judged, and what the next was told."""
    now = float(trace.created_ms)
    lines = []
    for attempt in trace.attempts:
        painted = now + attempt.made_in * 1000
        now += attempt.seconds * 1000
        named = f"{which}attempt {attempt.number}"
        lines.append(_line(f"{named}: {_painted(attempt)}", painted))
        if attempt.error is None:
            lines.append(_line(f"{named}: {_judged(attempt)}", now))
        if attempt.feedback is not None:
            told = "; ".join(change.change for change in attempt.feedback.changes)
            lines.append(_line(f"{named}: the next is told: {told or 'another seed'}", now))
    which_one = (
        f"attempt {trace.delivered} is delivered" if trace.delivered else "nothing is delivered"
    )
    lines.append(_line(f"{which}{which_one}", trace.created_ms + trace.seconds * 1000))
    return lines


def _painted(attempt: Attempt) -> str:
    if attempt.error is not None:
        return f"no picture came ({attempt.error})"
    seed = "" if attempt.seed is None else f", seed {attempt.seed}"
    return f"painted by {attempt.generator} in {attempt.made_in:.2f} s{seed}"


def _judged(attempt: Attempt) -> str:
    if not attempt.judged:
        return "not judged"
    verdict = attempt.verdict
    score = "" if verdict.score is None else f", score {verdict.score:.2f}"
    return f"{verdict.action}{score}: {verdict.reason}"


def _line(message: str, ms: float, level: str = "INFO") -> Line:
    when = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {"message": message, "level": level, "source": "SENTINEL", "timestamp": when}
