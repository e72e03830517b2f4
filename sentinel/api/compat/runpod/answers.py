"""A batch of RunPod's in, what its clients are answered out: where a job stands, and errors.

{"id", "status": "COMPLETED", "delayTime": ms, "executionTime": ms, "workerId",
"output": {"image_url", "cost"}, "sentinel": {…}}
{"id", "status": "FAILED", "error": "Invalid parameter: width must be divisible by 64"}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from sentinel.api.compat import prices
from sentinel.api.compat.asking import story
from sentinel.api.compat.ours import own_words
from sentinel.api.compat.rejected import told_why
from sentinel.api.compat.surface import respond
from sentinel.api.errors import ErrorAnswer, Problem, Refusal
from sentinel.api.painting import Delivered, delivered
from sentinel.api.published import Places, address_on
from sentinel.contracts import Trace
from sentinel.errors import NotFound
from sentinel.guarding import Guarded
from sentinel.jobs import Batch, Job
from sentinel.webhooks import Body
from sentinel.wiring import Sentinel

SURFACE = "runpod"

STATUSES = {"queued": "IN_QUEUE", "running": "IN_PROGRESS"}
"""RunPod's word for the states that another one follows."""

BAD_REQUEST, INVALID = 400, 422
"""RunPod's status of whatever is wrong with a request, and ours."""

FIELDS = {"guidance_scale": "guidance", "num_images": "count", "output_format": "image_format"}
"""Fields by the names that RunPod has for them, where a brief's name is not the same."""

UNTIL = "until_ms"
"""What a batch is asked beside: when its caller's patience is over, in Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class Told:
    """A job as it is answered: the object, headers, and why it failed."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    refusal: Refusal | None = None
    trace: Trace | None = None


def told_of(places: Places, batch: Batch, found: Guarded | None) -> Told:
    """Where a job stands; `found` is what there is of one that has ended. Blocking code."""
    job = batch.jobs[0]
    trace = None if found is None else found.trace
    body: dict[str, Any] = {"id": batch.id, "status": STATUSES.get(batch.state, "FAILED")}
    body |= _worker(job)
    if batch.state in STATUSES:
        return Told(body, {})
    body |= _times(job, trace)
    if batch.state == "cancelled":
        return Told({**body, "status": "TIMED_OUT" if timed_out(batch) else "CANCELLED"}, {})
    try:
        return _completed(places, body, _delivered(job, found))
    except Refusal as refusal:
        why = refusal if trace is None else told_why(refusal, trace)
        failed = {**body, "error": words_of(str(why), why.problems)}
        if trace is not None and trace.stopped_because == "deadline":
            failed["status"] = "TIMED_OUT"
        return Told(failed, why.headers, why, trace)


def timed_out(batch: Batch) -> bool:
    """Whether a cancelled job was given up because its `ttl` had passed."""
    until = batch.asked.get(UNTIL)
    return isinstance(until, int) and batch.jobs[0].updated_ms >= until


def shape(house: Sentinel, batch: Batch, traces: Sequence[Trace]) -> tuple[str, Body]:
    """What RunPod posts to a webhook: the job as /status tells it."""
    places = Places(house.store, str(batch.asked["origin"]))
    found = None
    if traces:
        sha256 = traces[0].last.picture if traces[0].delivered is not None else None
        found = Guarded(traces[0], None, {}, kept=house.store.media.keeps)
        try:
            picture = None if sha256 is None else house.store.media.get(sha256)
            found = Guarded(traces[0], picture, {}, kept=house.store.media.keeps)
        except NotFound:
            pass
    body = told_of(places, batch, found).body
    return f"job.{str(body['status']).lower()}", body


# ── errors ────────────────────────────────────────────────────────────────────────────────────


def tell(status: int, error: ErrorAnswer, headers: Mapping[str, str]) -> Response:
    """An error that belongs to no job."""
    return tell_of(None, status, error, headers)


def tell_of(
    job_id: str | None, status: int, error: ErrorAnswer, headers: Mapping[str, str]
) -> Response:
    """An error as RunPod tells it: 400 for whatever is wrong with a request."""
    status = BAD_REQUEST if status == INVALID else status
    body: dict[str, Any] = {"error": words_of(error.message, error.errors)}
    if status == BAD_REQUEST or job_id is not None:
        body = {"status": "FAILED", **body}
    return respond(status, body if job_id is None else {"id": job_id, **body}, headers)


def words_of(message: str, problems: Sequence[Problem]) -> str:
    """What is wrong, by field: `Invalid parameter: …`."""
    named = [each for each in problems if not each.field.startswith("attempts[")]
    if not named:
        return message
    return "Invalid parameter: " + "; ".join(_word(each) for each in named)


# ── below ─────────────────────────────────────────────────────────────────────────────────────


def _word(problem: Problem) -> str:
    field = FIELDS.get(problem.field, problem.field)
    said = problem.message
    return said if said.startswith(field) else f"{field}: {said}"


def _completed(places: Places, body: dict[str, Any], picture: Delivered) -> Told:
    trace = picture.trace
    cost = prices.runpod(picture.width, picture.height)
    url = places.of(picture) if picture.data else _gone(places, trace)
    output = {"image_url": url, "cost": cost}
    done = {**body, "status": "COMPLETED", "output": output, "sentinel": own_words(picture)}
    return Told(done, story([picture], cost), trace=trace)


def _gone(places: Places, trace: Trace) -> str:
    """The address at which the picture was, until its time was up."""
    kind = f"image/{trace.brief.output_format}"
    return address_on(places.origin, places.store, trace.last.picture or "", kind)


def _delivered(job: Job, found: Guarded | None) -> Delivered:
    if job.state == "failed" or found is None:
        raise _failure(job)
    data = found.picture
    if data is None and found.trace.delivered is not None:
        data = b""  # its time is up, which is no failure of the job
    return delivered(found.trace, data, found.trace.brief, kept=found.kept)


def _failure(job: Job) -> Refusal:
    """A job that failed: for its caller's mistake, which names the field first, or for another."""
    told = job.error or "the job failed"
    if job.code == "brief_invalid":
        problem = Problem(field=told.partition(" ")[0], message=told)
        return Refusal(INVALID, "invalid", told, problems=(problem,))
    return Refusal(500, job.code or "internal", told)


def _worker(job: Job) -> dict[str, str]:
    """The process that works at it; nothing while it waits."""
    return {} if job.owner is None else {"workerId": job.owner}


def _times(job: Job, trace: Trace | None) -> dict[str, int]:
    """Milliseconds that it was worked at, and that it waited before (and between two processes)."""
    if trace is None:
        return {}
    working = round(trace.seconds * 1000)
    whole = job.updated_ms - job.created_ms
    return {"delayTime": max(0, whole - working), "executionTime": working}
