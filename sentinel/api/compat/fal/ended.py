"""A batch of the queue in, what came of it out: fal's result, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentinel.api.compat import prices, refused
from sentinel.api.compat.fal import answers
from sentinel.api.errors import Problem, Refusal, explain
from sentinel.api.painting import Delivered, delivered
from sentinel.api.published import Places
from sentinel.contracts import Trace
from sentinel.errors import NotFound
from sentinel.jobs import Batch, Job
from sentinel.store import Store
from sentinel.webhooks import Body
from sentinel.wiring import Sentinel

SURFACE = "fal"

TIMED_OUT = {"X-Fal-Request-Timeout-Type": "user"}
"""Tells fal's clients that the time was theirs, so that they do not try again."""

OPEN = ("queued", "running")


def traces_of(store: Store, batch: Batch) -> dict[str, Trace]:
    """Of the jobs that are done, their traces. Blocking code."""
    found = {}
    for job in batch.jobs:
        if job.state not in OPEN:
            try:
                found[job.id] = store.traces.load(job.id)
            except NotFound:  # it failed or was cancelled before there was anything to keep
                continue
    return found


def pictures_of(store: Store, batch: Batch, traces: Mapping[str, Trace]) -> tuple[Delivered, ...]:
    """Every picture of an ended batch; the Refusal of the first that is not there."""
    if (refusal := refusal_of(batch, traces)) is not None:
        raise refusal
    return tuple(_picture(store, job, traces.get(job.id)) for job in batch.jobs)


def refusal_of(batch: Batch, traces: Mapping[str, Trace]) -> Refusal | None:
    """Why an ended batch has no result, without looking for its pictures' bytes."""
    if batch.state == "cancelled":
        return _cancelled(batch)
    failed = [job for job in batch.jobs if job.state == "failed"]
    for job in (*failed, *batch.jobs):
        trace = traces.get(job.id)
        try:
            _delivered(job, trace, b"" if trace and trace.delivered else None)
        except Refusal as refusal:
            return refusal
    return None


def told_of(batch: Batch, traces: Mapping[str, Trace]) -> answers.Told:
    """What the answer repeats; the prompt is the traces', which keep none where none may be."""
    asked: Mapping[str, Any] = batch.asked
    briefs = [traces[job.id].brief for job in batch.jobs if job.id in traces]
    return answers.Told(
        endpoint=asked["endpoint"], prompt=(briefs[0].prompt or "") if briefs else "",
        seed=asked["seed"], sync_mode=asked["sync_mode"], safety_checker=asked["safety_checker"],
    )  # fmt: skip


def shape(house: Sentinel, batch: Batch, traces: Sequence[Trace]) -> tuple[str, Body]:
    """What fal posts to a webhook."""
    known = {trace.id: trace for trace in traces}
    body: dict[str, Any] = {"request_id": batch.id, "gateway_request_id": batch.id}
    try:
        pictures = pictures_of(house.store, batch, known)
    except Refusal as refusal:
        status, error, _ = explain(refusal)
        payload = answers.error_body(status, error)
        return "completed", {**body, "status": "ERROR", "error": error.message, "payload": payload}
    places = Places(house.store, str(batch.asked["origin"]))
    payload = answers.result(places, told_of(batch, known), pictures)
    return "completed", {**body, "status": "OK", "payload": payload}


def price_of(size: tuple[int, int]) -> float:
    """US dollars for a picture of the size that was asked for."""
    return prices.fal(*size)


def timed_out(batch: Batch) -> bool:
    """Whether it was given up because nobody had begun it in time."""
    until = batch.asked.get("start_by_ms")
    if not isinstance(until, int):
        return False
    return all(job.taken == 0 and job.updated_ms >= until for job in batch.jobs)


def _cancelled(batch: Batch) -> Refusal:
    if timed_out(batch):
        told = "the request was not begun within the time that its caller gave it"
        return Refusal(504, "start_timeout", told, headers=TIMED_OUT)
    return Refusal(499, "job_cancelled", "the request was cancelled")


def _picture(store: Store, job: Job, trace: Trace | None) -> Delivered:
    data = None
    if trace is not None and trace.delivered and trace.last.picture:
        try:
            data = store.media.get(trace.last.picture)
        except NotFound:
            raise Refusal(404, "picture_gone", "the picture is kept no longer") from None
    return _delivered(job, trace, data)


def _delivered(job: Job, trace: Trace | None, data: bytes | None) -> Delivered:
    if job.state == "failed":
        raise _failure(job)
    if trace is None:
        raise Refusal(404, "picture_gone", "the result is kept no longer")
    try:
        return delivered(trace, data, trace.brief)
    except Refusal as refusal:
        raise refused.reworded(refusal, trace) from None


def _failure(job: Job) -> Refusal:
    """A job that failed: for its caller's mistake, which names the field first, or for another."""
    told = job.error or "the request failed"
    if job.code == "brief_invalid":
        problem = Problem(field=told.partition(" ")[0], message=told)
        return Refusal(422, "invalid", told, problems=(problem,))
    return Refusal(500, job.code or "internal", told)
