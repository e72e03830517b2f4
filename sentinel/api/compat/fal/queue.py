"""A request of fal's queue in, its answer out: submit, status, the stream of it, result, cancel.

A request is a batch of durable jobs, one for each picture; its id is the batch's.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import Request
from pydantic import JsonValue
from starlette.responses import Response, StreamingResponse
from ulid import ULID

from sentinel.api.compat.fal import answers, ended, logs
from sentinel.api.compat.fal.answers import REQUEST_ID
from sentinel.api.compat.fal.fields import Asked
from sentinel.api.compat.fal.run import prepared
from sentinel.api.compat.surface import respond
from sentinel.api.errors import Refusal, shown
from sentinel.api.painting import explained
from sentinel.api.published import origin, places
from sentinel.api.routes import house_of, ready_house
from sentinel.api.security import billed
from sentinel.contracts import Trace
from sentinel.errors import NotFound
from sentinel.jobs import Batch
from sentinel.wiring import Sentinel

TIMEOUT = "x-fal-request-timeout"

LOOKING = 0.2
"""Seconds between two looks at a request whose status is streamed."""

KEEP_ALIVE = 10.0
"""Seconds of silence after which a comment is sent: fal's client gives a stream up after 15."""

LONGEST = 604_800.0
"""Seconds that a caller may want to wait for the start: a week."""

ENDED = ("done", "failed", "cancelled")


async def submit(request: Request, kind: type[Asked]) -> Response:
    """Where the request's status and result will be found."""
    house = await ready_house(request)
    told = await prepared(request, house, kind)
    seconds = _patience(request)
    batch_id = str(ULID())
    if url := request.query_params.get("fal_webhook"):
        project = request.state.caller.project
        promise = house.webhooks.when_ended
        await promise(batch_id, url, surface=ended.SURFACE, project=project, field="fal_webhook")
    asked: dict[str, JsonValue] = {
        "endpoint": told.asked.endpoint, "seed": told.briefs[0].seed,
        "sync_mode": told.asked.sync_mode, "safety_checker": told.asked.enable_safety_checker,
        "origin": origin(request),
        "start_by_ms": None if seconds is None else _now_ms() + seconds * 1000,
    }  # fmt: skip
    wanted = billed(request, told.wanted, ended.price_of(told.asked.image_size))
    with explained(wanted):
        batch = await house.jobs.submit_batch(
            told.briefs, wanted, surface=ended.SURFACE, asked=asked, batch_id=batch_id
        )
    if seconds is not None:
        _give_up_later(request, house, batch.id, seconds)
    body = {**_addresses(request, batch), "status": "IN_QUEUE", "queue_position": batch.position}
    return respond(200, body, {REQUEST_ID: batch.id})


async def status(request: Request, request_id: str) -> Response:
    """Where it stands: 202 until it has ended."""
    batch = await _theirs(request, request_id)
    body, _ = await _status(request, batch, logged=_wants_logs(request))
    return respond(200 if batch.state in ENDED else 202, body, {REQUEST_ID: batch.id})


async def stream(request: Request, request_id: str) -> Response:
    """Where it stands, whenever that changes, until it has ended; each log line once."""
    batch = await _theirs(request, request_id)
    headers = {REQUEST_ID: batch.id, "Cache-Control": "no-store"}
    return StreamingResponse(
        _events(request, batch), media_type="text/event-stream", headers=headers
    )


async def result(request: Request, request_id: str) -> Response:
    """What run would have answered; 400 before the end."""
    house = house_of(request)
    batch = await _theirs(request, request_id)
    named = {REQUEST_ID: batch.id}
    if batch.state not in ENDED:
        raise Refusal(400, "bad_request", "Request is still in progress", headers=named)
    traces = await asyncio.to_thread(ended.traces_of, house.store, batch)
    try:
        pictures = await asyncio.to_thread(ended.pictures_of, house.store, batch, traces)
    except Refusal as refusal:
        refusal.headers |= named
        raise
    told = ended.told_of(batch, traces)
    body = await asyncio.to_thread(answers.result, places(request), told, pictures)
    return respond(200, body, answers.headers_of(batch.id, told, pictures))


async def cancel(request: Request, request_id: str) -> Response:
    """Stop it between two steps; what has ended stays as it is."""
    house = house_of(request)
    batch = await _theirs(request, request_id)
    named = {REQUEST_ID: batch.id}
    if batch.state in ENDED:
        return respond(400, {"status": "ALREADY_COMPLETED"}, named)
    await house.jobs.cancel_batch(batch.id)
    return respond(202, {"status": "CANCELLATION_REQUESTED"}, named)


async def _theirs(request: Request, request_id: str) -> Batch:
    """A batch of the caller's project; NotFound."""
    batch = await _batch(house_of(request), request_id)
    if batch.surface != ended.SURFACE or batch.project != request.state.caller.project:
        raise NotFound(f"there is no request {shown(request_id)}")
    return batch


async def _batch(house: Sentinel, request_id: str) -> Batch:
    """The batch, given up where its caller's patience for the start is over; NotFound."""
    batch = await house.jobs.batch(request_id)
    until = batch.asked.get("start_by_ms") if batch.surface == ended.SURFACE else None
    if batch.state == "queued" and isinstance(until, int) and _now_ms() >= until:
        batch = await house.jobs.cancel_batch(batch.id)
    return batch


async def _status(
    request: Request, batch: Batch, *, logged: bool
) -> tuple[dict[str, Any], list[logs.Line]]:
    """The status object that fal's clients know, and all log lines there are."""
    body: dict[str, Any] = _addresses(request, batch)
    if batch.state == "queued":
        return {**body, "status": "IN_QUEUE", "queue_position": batch.position}, []
    store = house_of(request).store
    traces = await asyncio.to_thread(ended.traces_of, store, batch)
    lines = logs.lines_of(batch.jobs, traces) if logged else []
    body["logs"] = lines if logged else None
    if batch.state not in ENDED:
        return {**body, "status": "IN_PROGRESS"}, lines
    return {**body, "status": "COMPLETED", **_end(batch, traces)}, lines


def _end(batch: Batch, traces: Mapping[str, Trace]) -> dict[str, Any]:
    seconds = sum(map(answers.painted_in, traces.values()))
    end: dict[str, Any] = {"metrics": {"inference_time": round(seconds, 4)}}
    refusal = ended.refusal_of(batch, traces)
    if refusal is not None:
        end |= {"error": str(refusal), "error_type": answers.error_type(refusal)}
    return end


async def _events(request: Request, batch: Batch) -> AsyncIterator[str]:
    house, logged = house_of(request), _wants_logs(request)
    known: list[logs.Line] = []
    last, said = None, time.monotonic()
    while True:
        body, lines = await _status(request, batch, logged=logged)
        fresh = [line for line in lines if line not in known]
        known += fresh
        if "logs" in body and logged:
            body["logs"] = fresh
        if fresh or body != last:
            yield f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
            last, said = {**body, "logs": []} if fresh else body, time.monotonic()
        elif time.monotonic() - said > KEEP_ALIVE:
            yield ": still here\n\n"
            said = time.monotonic()
        if batch.state in ENDED:
            return
        await house.jobs.wait_batch(batch.id, LOOKING)
        batch = await _batch(house, batch.id)


def _addresses(request: Request, batch: Batch) -> dict[str, str]:
    """Absolute addresses of a request, on the host and in the manner that its caller came by."""
    prefix = "" if by_host(request) else "/queue"
    here = f"{origin(request)}{prefix}/fal-ai/flux/requests/{batch.id}"
    return {
        "request_id": batch.id, "response_url": here, "status_url": f"{here}/status",
        "cancel_url": f"{here}/cancel",
    }  # fmt: skip


def by_host(request: Request) -> bool:
    """Whether the queue is meant by the host's name."""
    return request.headers.get("host", "").lower().startswith("queue.")


def _wants_logs(request: Request) -> bool:
    return request.query_params.get("logs", "").lower() in ("1", "true")


def _patience(request: Request) -> int | None:
    """Seconds that the caller waits for the start; Refusal 400 where they are no such number."""
    told = request.headers.get(TIMEOUT)
    if told is None:
        return None
    try:
        seconds = float(told)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST:
        raise Refusal(400, "bad_request", f"{TIMEOUT} is {shown(told)}; give seconds above 0")
    return math.ceil(seconds)


def _give_up_later(request: Request, house: Sentinel, batch_id: str, seconds: int) -> None:
    """Look after the request when its caller's patience is over, also if nobody asks for it."""

    async def look() -> None:
        await asyncio.sleep(seconds)
        await _batch(house, batch_id)

    waiting: set[asyncio.Task[None]] = request.app.state.__dict__.setdefault("fal_waiting", set())
    task = asyncio.create_task(look())
    waiting.add(task)
    task.add_done_callback(waiting.discard)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
