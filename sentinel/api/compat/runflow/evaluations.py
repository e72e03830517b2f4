"""Evaluations on the wire: asked for, read back, and what people say of them.

One that POST /v1/generate came with is read at the same address and is the same.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from sentinel.api.compat.runflow import answers, examples
from sentinel.api.compat.runflow.asked import EvaluationRequest, FeedbackRequest, problems_of
from sentinel.api.compat.runflow.judging import Judging
from sentinel.api.compat.runflow.submitting import submitted
from sentinel.api.compat.runflow.telling import tell, told
from sentinel.api.compat.surface import telling
from sentinel.api.errors import Problem, Refusal
from sentinel.api.evaluation import EMBEDS, EvaluationAnswer
from sentinel.api.examples import json_body
from sentinel.api.idempotency import once
from sentinel.api.intake import invalid, json_of
from sentinel.api.published import places
from sentinel.api.routes import house_of, ready_house
from sentinel.errors import NotFound
from sentinel.store.evaluations import Feedback, now_ms

router = APIRouter(route_class=telling(tell))

Named = Annotated[str, Path(max_length=80, pattern="^[0-9A-Za-z_-]+$", examples=[examples.NAMED])]

Embed = Annotated[list[str] | None, Query(description="judges, action, gate_failures")]

SOON = {"Retry-After": "1"}
"""An evaluation that is not completed is worth another look in a second."""

OPEN = ("pending", "running")

STATUSES = (
    {"code": "pending", "description": "accepted; nobody has looked yet", "final": False},
    {"code": "running", "description": "gates and judges are looking", "final": False},
    {"code": "completed", "description": "there is a verdict", "final": True},
    {"code": "failed", "description": "there is none; failure_code says why", "final": True},
)

JOB_CLASSES = (
    {"code": "standard", "description": "judged in the order in which it came, by every gate and "
                                        "judge of the policy"},
)  # fmt: skip


@router.post(
    "/v1/evaluations",
    status_code=202,
    responses=examples.SUBMIT_RESPONSES,
    openapi_extra=json_body(EvaluationRequest, examples.ASKED),
    summary="Have a picture judged, wherever it was made",
)
async def submit(request: Request) -> Response:
    """202 at once; what was accepted is judged, whatever happens to the process meanwhile."""
    return await once(request, lambda: _submit(request), told)


async def _submit(request: Request) -> Response:
    house = await ready_house(request)
    asked = await submitted(request, house)
    most = house.settings.jobs_waiting
    known = await asyncio.to_thread(house.store.evaluations.accept, asked, most)
    judging: Judging = request.app.state.judging
    judging.wake()
    answer = {"id": known.id, "status_code": known.state, "job_class_code": "standard",
              "client_ref": known.client_ref}  # fmt: skip
    headers = {"Location": f"/v1/evaluations/{known.id}", "X-Sentinel-Trace-Id": known.trace_id}
    return json_answer(answer, 202, headers)


@router.get("/v1/evaluations/statuses", responses=examples.STATUSES_RESPONSES)
async def statuses() -> Response:
    """Every status that an evaluation can have, in the order in which they come."""
    return json_answer({"statuses": STATUSES})


@router.get("/v1/evaluations/job-classes", responses=examples.JOB_CLASSES_RESPONSES)
async def job_classes() -> Response:
    """The classes that `job_class` may name: one, for now."""
    return json_answer({"job_classes": JOB_CLASSES})


@router.get(
    "/v1/evaluations/{evaluation_id}",
    response_model=EvaluationAnswer,
    responses=examples.EVALUATION_RESPONSES,
)
async def evaluation(request: Request, evaluation_id: Named, embed: Embed = None) -> Response:
    """Where an evaluation stands; judges, action and gate failures where `embed` asks for them."""
    embeds = embedded(embed)
    found = await read(request, evaluation_id)
    headers = SOON if found.status_code in OPEN else {}
    return json_answer(shown(found, embeds), headers=headers)


@router.patch(
    "/v1/evaluations/{evaluation_id}/feedback",
    response_model=EvaluationAnswer,
    responses=examples.FEEDBACK_RESPONSES,
    openapi_extra=json_body(FeedbackRequest, examples.FEEDBACK),
)
async def feedback(request: Request, evaluation_id: Named) -> Response:
    """Keep what a person says of a verdict; it changes no verdict. The last word counts."""
    try:
        asked = FeedbackRequest.model_validate(json_of(await request.body(), needed="is_positive"))
    except ValidationError as error:
        raise invalid(problems_of(error)) from None
    found = await read(request, evaluation_id)
    if found.status_code != "completed":
        told = f"evaluation {found.id} is {found.status_code}; there is no verdict to speak of"
        raise Refusal(409, "evaluation_not_completed", told)
    store = house_of(request).store
    word = Feedback(asked.is_positive, asked.reason, now_ms())
    say = store.evaluations.say
    await asyncio.to_thread(say, found.trace_id, found.attempt_number, word)
    return json_answer(shown(await read(request, evaluation_id), EMBEDS))


async def read(request: Request, named: str) -> EvaluationAnswer:
    """An evaluation that the caller may see; NotFound."""
    house = house_of(request)
    if (attempt := answers.ATTEMPT.fullmatch(named)) is not None:
        await house.guarding.kept(attempt[1])
    found = await asyncio.to_thread(answers.evaluation, house.store, named, places(request))
    if permitted(request) not in (None, found.org_id):
        raise NotFound(f"there is no evaluation {named[:80]!r}")
    return found


def permitted(request: Request) -> str | None:
    """The project whose evaluations and runs a caller may see; None is all of them."""
    caller = request.state.caller
    return None if "admin" in caller.scopes else str(caller.project)


def embedded(embed: list[str] | None) -> tuple[str, ...]:
    """The parts that are asked for: `embed=judges,action`, or the parameter repeated."""
    asked = [each.strip() for part in embed or () for each in part.split(",") if each.strip()]
    wrong = [each for each in asked if each not in EMBEDS]
    if wrong:
        told = f"there is no part of that name; use some of {','.join(EMBEDS)}"
        problems = [Problem(field="embed", message=told, value=each[:80]) for each in wrong]
        raise invalid(problems)
    return tuple(asked)


def shown(found: EvaluationAnswer, embeds: tuple[str, ...]) -> dict[str, Any]:
    """An evaluation with the parts that were asked for."""
    left_out = set(EMBEDS) - set(embeds)
    return found.model_dump(mode="json", exclude=left_out)


def json_answer(answer: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer as JSON."""
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, media_type="application/json", headers=headers)
