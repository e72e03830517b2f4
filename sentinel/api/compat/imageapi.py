"""imageapi.org in, guarded pictures out: one route, whose errors are {"error": {code, message}}.

Its page shows what is sent and no answer; what is answered here is settled in docs/endpoints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from sentinel.api.compat.asking import story, wanted_of, with_text
from sentinel.api.compat.limits import Whole, Within, sentence
from sentinel.api.compat.ours import own_words
from sentinel.api.compat.refused import UNSAFE
from sentinel.api.compat.rejected import told_why
from sentinel.api.compat.surface import body_of, refuse_the_rest, respond, telling
from sentinel.api.errors import ErrorAnswer, Problem, Refusal, shown
from sentinel.api.examples import ID, Json, Responses, answered, json_body
from sentinel.api.intake import Prompt
from sentinel.api.painting import Delivered, briefs_of, paint, stages_of
from sentinel.api.published import places
from sentinel.api.routes import load_trace, ready_house
from sentinel.api.security import charge
from sentinel.contracts import Brief

MODEL: Final = "flux-schnell"

CODES = {400: "bad_request", 401: "unauthorized", 404: "not_found", 422: "invalid_request"}
"""The code of an error by our status, where ours says nothing more."""

INVALID = 422
"""Our status of whatever is wrong with a request; theirs is 400."""

LONGEST = 8192
"""Pixels a side beyond which a number is absurd; a generator's own limit is told where it is less.
imageapi's page names none."""


def _said(prompt: str) -> str:
    if not prompt.strip():
        raise PydanticCustomError("blank", "must not be blank")
    return prompt


def _unheard(negative: str) -> str:
    if negative.strip():
        raise PydanticCustomError("unsupported", "is not supported; say in prompt what to paint")
    return negative


Side = Annotated[Whole, Within(1, LONGEST)]


class Asked(BaseModel):
    """The body; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    prompt: Annotated[Prompt, AfterValidator(_said)]
    negative_prompt: Annotated[str, AfterValidator(_unheard)] = Field(default="", repr=False)
    model: Literal["flux-schnell"] = MODEL
    width: Side = 1024
    height: Side = 1024
    num_inference_steps: Annotated[Whole, Within(1, 8)] = 8
    seed: Annotated[Whole, Within(0, 2**63 - 1)] | None = None

    @classmethod
    def of(cls, body: Mapping[str, object]) -> Self:
        """A body's fields; Refusal 422 with every problem."""
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            raise _refusal(error) from None

    @property
    def brief(self) -> Brief:
        """What is to be painted."""
        return Brief(
            prompt=self.prompt, width=self.width, height=self.height, seed=self.seed,
            steps=self.num_inference_steps, client={"model": self.model},
        )  # fmt: skip


def tell(status: int, error: ErrorAnswer, headers: Mapping[str, str]) -> Response:
    """An error as imageapi tells it."""
    named = [each for each in error.errors if not each.field.startswith("attempts[")]
    said = "; ".join(_word(each) for each in named) or error.message
    ours = error.code == UNSAFE or (error.code == "rejected" and not named)
    code = error.code if ours else CODES.get(status, error.code)
    body = {"error": {"code": code, "message": said}}
    return respond(400 if status == INVALID else status, body, headers)


SEEN = {
    "id": ID, "status": "completed", "model": MODEL, "seed": 7, "num_inference_steps": 4,
    "images": [{"url": f"http://127.0.0.1:8600/media/{'9f86d081884c7d65' * 6}.png", "width": 1024,
                "height": 1024, "content_type": "image/png"}],
}  # fmt: skip

BODY = json_body(
    Asked,
    {"prompt": "a red cup on a wooden table", "model": MODEL, "width": 1024, "height": 1024,
     "num_inference_steps": 4},
)  # fmt: skip


def _shown(description: str, code: str, message: str) -> Json:
    return answered(description, {"error": {"code": code, "message": message}})


RESPONSES: Responses = {
    200: answered("The picture", SEEN),
    400: _shown("A field cannot be used, or nothing may be delivered", "invalid_request",
                "width must be between 1 and 8192"),
    401: _shown("No such access key", "unauthorized", "there is no such access key"),
    404: _shown("No such route or policy", "not_found", "there is no policy 'postr'"),
}  # fmt: skip

router = APIRouter(prefix="/api/v1", route_class=telling(tell), tags=["imageapi.org"])


@router.post(
    "/generate", summary="imageapi.org: a picture", responses=RESPONSES, openapi_extra=BODY
)
async def generate(request: Request) -> Response:
    """The picture, once it is there."""
    house = await ready_house(request)
    asked = await asyncio.to_thread(Asked.of, await body_of(request))
    brief = with_text(request, asked.brief)
    try:
        (picture,) = await paint(request, house, briefs_of(brief, 1), wanted_of(request))
    except Refusal as refusal:
        trace_id = refusal.headers.get("X-Sentinel-Trace-Id")
        if refusal.code != "rejected" or trace_id is None:
            raise
        raise told_why(refusal, await load_trace(house, trace_id)) from None
    trace = picture.trace
    request.scope["state"]["stages"] = stages_of(trace)
    await charge(request, trace.owed, reference=trace.id)
    body = _answer(asked, picture, places(request).of(picture))
    return respond(200, body, story([picture], None))


refuse_the_rest(router)

ROUTERS = (router,)


def _answer(asked: Asked, picture: Delivered, url: str) -> dict[str, object]:
    image = {"url": url, "width": picture.width, "height": picture.height,
             "content_type": picture.content_type}  # fmt: skip
    return {
        "id": picture.trace.id, "status": "completed", "model": asked.model, "seed": picture.seed,
        "num_inference_steps": asked.num_inference_steps, "images": [image],
        "sentinel": own_words(picture),
    }  # fmt: skip


def _refusal(error: ValidationError) -> Refusal:
    problems = tuple(
        Problem(
            field=str(found["loc"][0]),
            message=sentence(str(found["loc"][0]), dict(found)),
            value=None if found["type"] == "missing" else shown(found["input"]),
        )
        for found in error.errors(include_url=False)
    )
    return Refusal(INVALID, "invalid", problems[0].message, problems=problems)


def _word(problem: Problem) -> str:
    named = problem.message.startswith(problem.field)
    return problem.message if named else f"{problem.field}: {problem.message}"
