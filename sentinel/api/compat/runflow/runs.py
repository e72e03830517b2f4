"""Runs on the wire: asked for and done behind, looked up, told of, cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, Field, JsonValue, ValidationError
from starlette.responses import Response

from sentinel.api import prices
from sentinel.api.compat.asking import wanted_of
from sentinel.api.compat.runflow import examples
from sentinel.api.compat.runflow.asked import ADDRESS, Asking, limited, problems_of
from sentinel.api.compat.runflow.evaluations import SOON, json_answer, permitted
from sentinel.api.compat.runflow.running import ENDED, SURFACE, Ending, logs_of, run_of
from sentinel.api.compat.runflow.telling import tell, told
from sentinel.api.compat.surface import telling
from sentinel.api.deliveries import DeliveryAnswer
from sentinel.api.errors import Problem, Refusal
from sentinel.api.examples import json_body
from sentinel.api.generating import GenerateRequest, generate_request
from sentinel.api.idempotency import once
from sentinel.api.intake import Line, invalid, json_of
from sentinel.api.painting import briefs_of, explained
from sentinel.api.published import origin, places
from sentinel.api.routes import house_of, load_trace, ready_house
from sentinel.api.security import billed
from sentinel.errors import NotFound
from sentinel.guarding import Wanted
from sentinel.jobs import Batch
from sentinel.wiring import Sentinel

router = APIRouter(route_class=telling(tell))

MODELS = ("black-forest-labs/flux-1-schnell", "black-forest-labs/flux.1-schnell")
"""What runs may name, beside `sentinel/GENERATOR` for each generator that is seated: whoever is
seated paints."""

Part = Annotated[str, Path(max_length=100)]
Named = Annotated[str, Path(max_length=64, pattern="^[0-9A-Za-z_-]+$", examples=[examples.UUID])]


class RunRequest(Asking):
    """The fields of POST /v1/models/{owner}/{slug}/runs."""

    input: dict[str, JsonValue]
    """The fields of POST /v1/generate, but for `async`."""
    metadata: Annotated[dict[str, JsonValue], AfterValidator(limited)] = Field(default_factory=dict)
    """Kept and told back."""
    callback_url: Annotated[str, Field(min_length=1, max_length=ADDRESS)] | None = None
    client_ref: Line | None = None


@router.post(
    "/v1/models/{owner}/{slug}/runs",
    status_code=202,
    responses=examples.SUBMIT_RUN_RESPONSES,
    openapi_extra=json_body(RunRequest, examples.RUN_ASKED),
    summary="Have a picture painted behind",
)
async def submit(request: Request, owner: Part, slug: Part) -> Response:
    """The run, queued; its picture is painted and judged as POST /v1/generate does."""
    return await once(request, lambda: _submit(request, f"{owner}/{slug}"), told)


async def _submit(request: Request, model: str) -> Response:
    house = await ready_house(request)
    generator = _generator(house, model)
    asked = _asked(json_of(await request.body(), needed="input"))
    run_id = str(uuid.uuid4())
    fields, ignored = _fields(asked)
    brief = await asyncio.to_thread(lambda: fields.brief)
    client = {"model": model, "run_id": run_id}
    client |= {} if asked.client_ref is None else {"client_ref": asked.client_ref}
    briefs = briefs_of(brief.model_copy(update={"client": client}), fields.num_images)
    wanted = _wanted(request, fields, generator)
    project = request.state.caller.project
    if asked.callback_url is not None:
        promise = house.webhooks.when_ended
        await promise(run_id, asked.callback_url, surface=SURFACE, project=project,
                      field="callback_url")  # fmt: skip
    kept: dict[str, JsonValue] = {
        "model": model, "input": _input(asked, fields) if house.settings.keeps_words else {},
        "metadata": asked.metadata, "client_ref": asked.client_ref, "project": project,
        "callback_url": asked.callback_url, "origin": origin(request), "notes": list(ignored),
    }  # fmt: skip
    with explained(wanted):
        batch = await house.jobs.submit_batch(
            briefs, wanted, surface=SURFACE, asked=kept, batch_id=run_id
        )
    headers = {"Location": f"/v1/runs/{run_id}", "X-Sentinel-Trace-Id": batch.jobs[0].id}
    run = await asyncio.to_thread(run_of, house, places(request), batch)
    return json_answer(run, 202, headers)


@router.get("/v1/runs/{run_id}", responses=examples.RUN_RESPONSES)
async def run(request: Request, run_id: Named) -> Response:
    """Where a run stands; its output once it has succeeded."""
    return await _answer(request, await _batch(request, run_id))


@router.get("/v1/runs/{run_id}/logs", responses=examples.LOGS_RESPONSES)
async def logs(request: Request, run_id: Named) -> Response:
    """What happened, in order: every attempt, its verdict, and what the next was told."""
    batch, traces = await _batch(request, run_id), {}
    for job in batch.jobs:
        with contextlib.suppress(NotFound):  # nothing is kept of it yet
            traces[job.id] = await load_trace(house_of(request), job.id)
    return json_answer({"logs": logs_of(batch, traces)})


@router.get("/v1/runs/{run_id}/callback", responses=examples.CALLBACK_RESPONSES)
async def callback(request: Request, run_id: Named) -> Response:
    """How telling of its end fares: every delivery with its attempts; none before the end."""
    batch = await _batch(request, run_id)
    page = house_of(request).store.deliveries.page
    found = await asyncio.to_thread(page, reference=batch.id)
    told = [DeliveryAnswer.of(each).model_dump(mode="json") for each in found.deliveries]
    return json_answer({"deliveries": told})


@router.post("/v1/runs/{run_id}/cancel", responses=examples.RUN_RESPONSES)
async def cancel(request: Request, run_id: Named) -> Response:
    """Stop a run between two steps; what is paid for is kept. One that has ended stays."""
    batch = await _batch(request, run_id)
    return await _answer(request, await house_of(request).jobs.cancel_batch(batch.id))


async def _answer(request: Request, batch: Batch) -> Response:
    house, endings = house_of(request), []
    for job in batch.jobs if batch.state == "done" else ():
        made = await house.jobs.delivered(job.id)
        endings.append(Ending(made.trace, made.picture))
    answer = await asyncio.to_thread(run_of, house, places(request), batch, endings)
    return json_answer(answer, 200, {} if answer["status_code"] in ENDED else SOON)


async def _batch(request: Request, run_id: str) -> Batch:
    """A run that the caller may see; NotFound."""
    absent = f"there is no run {run_id[:80]!r}"
    try:
        batch = await house_of(request).jobs.batch(run_id)
    except NotFound:
        raise NotFound(absent) from None
    if batch.surface != SURFACE or permitted(request) not in (None, batch.asked["project"]):
        raise NotFound(absent)
    return batch


def _generator(house: Sentinel, model: str) -> str | None:
    """The generator that a model names, None where whoever is seated paints; Refusal 404."""
    if model.lower() in MODELS:
        return None
    known = [f"sentinel/{name}" for name in house.settings.generators]
    if model in known:
        return model.partition("/")[2]
    message = f"there is no model {model[:80]!r}; known: {', '.join((MODELS[0], *known))}"
    problem = Problem(field="model", message=message, value=model[:80])
    raise Refusal(404, "not_found", message, problems=(problem,))


def _asked(body: dict[str, object]) -> RunRequest:
    given = {name: value for name, value in body.items() if value is not None}
    try:
        return RunRequest.model_validate(given)
    except ValidationError as error:
        raise invalid(problems_of(error)) from None


def _fields(asked: RunRequest) -> tuple[GenerateRequest, tuple[str, ...]]:
    """The run's input; what is wrong with it is told by its place in the body."""
    given = {name: value for name, value in asked.input.items() if name != "async"}
    try:
        return generate_request(given)
    except Refusal as refusal:
        problems = tuple(
            each.model_copy(update={"field": f"input.{each.field}"}) for each in refusal.problems
        )
        raise invalid(problems) from None


def _wanted(request: Request, fields: GenerateRequest, generator: str | None) -> Wanted:
    """How it is to be served: by its input, else by its headers and its model."""
    told, given = wanted_of(request), fields.wanted
    wanted = Wanted(
        given.policy or told.policy, given.mode or told.mode,
        given.generator or generator or told.generator,
        max(given.candidates, told.candidates), given.wish,
    )  # fmt: skip
    return billed(request, wanted, prices.runflow(fields.width, fields.height))


def _input(asked: RunRequest, fields: GenerateRequest) -> dict[str, JsonValue]:
    """The input as it is told back: references by their sha256, without their bytes."""
    named: list[JsonValue] = [
        {"kind": each.kind, "sha256": hashlib.sha256(each.image).hexdigest()}
        for each in fields.brief.references
    ]
    told = {name: value for name, value in asked.input.items() if name != "references"}
    return {**told, "references": named} if named else told
