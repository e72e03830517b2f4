"""RunPod's routes below /v2: every other endpoint's id is one that it does not know."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from uuid import uuid4

from fastapi import APIRouter, Request
from pydantic import JsonValue
from starlette.responses import Response

from sentinel.api.compat import prices
from sentinel.api.compat.asking import wanted_of, with_text
from sentinel.api.compat.runpod import answers, examples, standing
from sentinel.api.compat.runpod.answers import SURFACE, UNTIL
from sentinel.api.compat.runpod.fields import ENDPOINT, Asked
from sentinel.api.compat.surface import body_of, refuse_the_rest, respond, telling
from sentinel.api.errors import Problem, Refusal, explain, shown
from sentinel.api.painting import explained, stages_of
from sentinel.api.published import origin
from sentinel.api.routes import house_of, ready_house
from sentinel.api.security import billed
from sentinel.errors import SentinelError
from sentinel.guarding import Wanted
from sentinel.jobs import Batch
from sentinel.jobs.port import OPEN
from sentinel.wiring import Sentinel

router = APIRouter(prefix="/v2", route_class=telling(answers.tell), tags=["RunPod"])

HERE = f"/{ENDPOINT}"

WAIT_MS = 90_000
"""Milliseconds that a caller waits who does not say how long."""

LONGEST_MS = 300_000
"""Milliseconds that a caller may wait at most; a longer wish is cut to it."""

STREAMED = 1.0
"""Seconds that /stream waits for a chunk: RunPod's JavaScript client asks again at once."""


# ── asking ────────────────────────────────────────────────────────────────────────────────────


@router.post(
    f"{HERE}/runsync",
    summary="RunPod: a picture, waited for",
    responses=examples.RUNSYNC_RESPONSES,
    openapi_extra={**examples.BODY, **examples.WAIT},
)
async def runsync(request: Request) -> Response:
    """The picture, or its job's id where `wait` (milliseconds) is over before it is there."""
    job_id = f"sync-{uuid4()}-u1"
    try:
        wait = _wait(request)
        batch = await _accepted(request, job_id, now=True)
    except SentinelError as error:
        return answers.tell_of(job_id, *explain(error))
    batch = await house_of(request).jobs.wait_batch(batch.id, wait)
    told = await standing.told(request, batch)
    if told.trace is not None:
        request.scope["state"]["stages"] = stages_of(told.trace)
    if told.refusal is not None and told.body["status"] == "FAILED":
        status = told.refusal.status
        return respond(400 if status == answers.INVALID else status, told.body, told.headers)
    return respond(200, told.body, told.headers)


@router.post(
    f"{HERE}/run",
    summary="RunPod: a picture, queued",
    responses=examples.RUN_RESPONSES,
    openapi_extra=examples.BODY,
)
async def run(request: Request) -> Response:
    """The id of the job that paints it."""
    job_id = f"{uuid4()}-u1"
    try:
        batch = await _accepted(request, job_id, now=False)
    except SentinelError as error:
        return answers.tell_of(job_id, *explain(error))
    return respond(200, {"id": batch.id, "status": "IN_QUEUE"})


# ── a job ─────────────────────────────────────────────────────────────────────────────────────


@router.get(
    f"{HERE}/status/{{job_id}}",
    summary="RunPod: where a job stands",
    responses=examples.STATUS_RESPONSES,
)
async def status(request: Request, job_id: str) -> Response:
    """What /runsync would have answered, or where the job stands."""
    told = await standing.told(request, await standing.batch_of(request, job_id))
    return respond(200, told.body, told.headers)


@router.get(
    f"{HERE}/status-sync/{{job_id}}",
    summary="RunPod: a job's end, waited for",
    responses=examples.STATUS_RESPONSES,
    openapi_extra=examples.WAIT,
)
async def status_sync(request: Request, job_id: str) -> Response:
    """The same, after `wait` milliseconds at most or when the job has ended."""
    wait = _wait(request)
    batch = await standing.batch_of(request, job_id)
    await house_of(request).jobs.wait_batch(batch.id, wait)
    told = await standing.told(request, await standing.batch_of(request, job_id))
    return respond(200, told.body, told.headers)


@router.get(
    f"{HERE}/stream/{{job_id}}",
    summary="RunPod: a job's output, chunk by chunk",
    responses=examples.STREAM_RESPONSES,
)
async def stream(request: Request, job_id: str) -> Response:
    """Where it stands, and its output once, in the first answer after its end."""
    house = house_of(request)
    await standing.batch_of(request, job_id)
    await house.jobs.wait_batch(job_id, STREAMED)
    told = await standing.told(request, await standing.batch_of(request, job_id))
    output = told.body.pop("output", None)
    fresh = output is not None and await house.jobs.hand_out(job_id, "output")
    chunks = [{"output": output}] if fresh else []
    return respond(200, {**told.body, "stream": chunks}, told.headers)


@router.post(
    f"{HERE}/cancel/{{job_id}}", summary="RunPod: cancel a job", responses=examples.CANCEL_RESPONSES
)
async def cancel(request: Request, job_id: str) -> Response:
    """Stop it between two steps; one that has ended keeps its status."""
    batch = await standing.batch_of(request, job_id)
    if batch.state in OPEN:
        batch = await house_of(request).jobs.cancel_batch(batch.id)
    told = await standing.told(request, batch)
    return respond(200, {"id": batch.id, "status": told.body["status"]})


# ── the endpoint ──────────────────────────────────────────────────────────────────────────────


@router.get(
    f"{HERE}/health", summary="RunPod: jobs and workers", responses=examples.HEALTH_RESPONSES
)
async def health(request: Request) -> Response:
    """How many of the caller's jobs are in each state, and what this process's workers do."""
    house = house_of(request)
    counts = await house.jobs.batch_counts(SURFACE, request.state.caller.project)
    workers = house.settings.jobs_at_once
    ready = workers if await house.ready() else 0
    running = min(counts.running, ready)
    jobs = {
        "completed": counts.done - counts.undelivered,
        "failed": counts.failed + counts.undelivered,
        "inProgress": counts.running, "inQueue": counts.queued, "retried": counts.retaken,
    }  # fmt: skip
    told = {
        "idle": ready - running, "initializing": workers - ready, "ready": ready,
        "running": running, "throttled": 0, "unhealthy": 0,
    }  # fmt: skip
    return respond(200, {"jobs": jobs, "workers": told})


@router.post(
    f"{HERE}/purge-queue",
    summary="RunPod: cancel every job that waits",
    responses=examples.PURGE_RESPONSES,
)
async def purge_queue(request: Request) -> Response:
    """How many of the caller's jobs waited, and wait no more."""
    project = request.state.caller.project
    removed = await house_of(request).jobs.cancel_batches(SURFACE, project, ("queued",))
    return respond(200, {"removed": removed, "status": "completed"})


refuse_the_rest(router)

ROUTERS = (router,)


# ── below ─────────────────────────────────────────────────────────────────────────────────────


async def _accepted(request: Request, job_id: str, *, now: bool) -> Batch:
    """A job by that id; whatever is wrong with the request is raised."""
    house = await ready_house(request)
    asked = await asyncio.to_thread(Asked.of, await body_of(request, "input"))
    wanted = _within(wanted_of(request), asked)
    brief = with_text(request, asked.brief)
    price = prices.runpod(asked.input.width, asked.input.height)
    if asked.webhook is not None:
        await _promise(request, house, job_id, asked.webhook)
    until = None if asked.policy.ttl is None else standing.now_ms() + asked.policy.ttl
    told: dict[str, JsonValue] = {"origin": origin(request), UNTIL: until}
    with explained(wanted):
        batch = await house.jobs.submit_batch(
            [brief], billed(request, wanted, price), surface=SURFACE, asked=told,
            batch_id=job_id, now=now,
        )  # fmt: skip
    if until is not None:
        standing.give_up_later(request, batch.id, until)
    return batch


async def _promise(request: Request, house: Sentinel, job_id: str, url: str) -> None:
    """Have the end of the job posted to an address."""
    project = request.state.caller.project
    await house.webhooks.when_ended(job_id, url, surface=SURFACE, project=project, field="webhook")


def _within(wanted: Wanted, asked: Asked) -> Wanted:
    """The same within the time that the caller gives the work."""
    limit = asked.policy.executionTimeout
    if limit is None:
        return wanted
    wish = wanted.wish.model_copy(update={"seconds": limit / 1000})
    return dataclasses.replace(wanted, wish=wish)


def _wait(request: Request) -> float:
    """Seconds that the caller waits; Refusal where `wait` is no number of milliseconds."""
    told = request.query_params.get("wait")
    if told is None:
        return WAIT_MS / 1000
    try:
        wait = float(told)
    except ValueError:
        wait = math.nan
    if not wait >= 0:
        problem = Problem(
            field="wait", message="wait must be milliseconds, 0 or more", value=shown(told)
        )
        raise Refusal(422, "invalid", problem.message, problems=(problem,))
    return min(wait, LONGEST_MS) / 1000
