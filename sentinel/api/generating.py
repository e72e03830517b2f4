"""A request for a picture in, the picture's story out: POST /v1/generate.

A caller who hangs up stops the work; what was paid for until then is kept in the trace.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, Field, ValidationError
from starlette.responses import Response

from sentinel.api import examples, generation_examples, prices
from sentinel.api.delivering import answered, response_of
from sentinel.api.errors import Refusal, shown
from sentinel.api.generated import GenerateAnswer, price_of, together
from sentinel.api.idempotency import once
from sentinel.api.intake import (
    MANY,
    REFERENCES,
    AnyReference,
    Line,
    Prompt,
    bytes_of,
    invalid,
    json_of,
    listed,
    problem_of,
)
from sentinel.api.jobs import accepted
from sentinel.api.painting import (
    briefs_of,
    explained,
    refuse_failures,
    side_by_side,
    stages_of,
    while_connected,
)
from sentinel.api.published import Places, places
from sentinel.api.routes import ready_house
from sentinel.api.security import afforded, billed, charge
from sentinel.api.wire import Wire
from sentinel.contracts import Brief, Reference
from sentinel.guarding import Guarded, Wanted
from sentinel.jobs import Job
from sentinel.loop import Wish
from sentinel.loop.order import MOST_CANDIDATES
from sentinel.wiring import Sentinel

router = APIRouter()

SIDE, STEPS = 1024, 4
"""Pixels a side, and steps, where a request names none: Runflow's, whose API this is as well."""

SURFACE = "sentinel"
"""Under which name several jobs of one request are entered together."""

MISTYPED = 0.8
"""Likeness from which on an unknown name is taken for one of ours mistyped: `promt` is 0.91 like
`prompt`, while `model_id`, which somebody may mean, is 0.77 like `model`."""

MOST_IMAGES = 4
"""Pictures that one request delivers at most, as at fal and Runflow."""

Side = Annotated[int, Field(ge=1, le=16_384, strict=True)]
Count = Annotated[int, Field(strict=True)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class GenerateRequest(Wire):
    """The fields of POST /v1/generate."""

    prompt: Prompt
    """What is to be painted."""
    negative_prompt: Prompt | None = None
    """What is not wanted; where the generator takes none, a note says so."""
    width: Side = SIDE
    height: Side = SIDE
    num_inference_steps: Annotated[Count, Field(ge=1, le=1000)] = STEPS
    guidance_scale: Annotated[Amount, Field(le=100)] | None = None
    seed: Annotated[Count, Field(ge=0, lt=2**63)] | None = None
    """Of the first attempt; those of the others follow from it."""
    num_images: Annotated[Count, Field(ge=1, le=MOST_IMAGES)] = 1
    """Pictures to be delivered, each with a seed, attempts and a trace of its own; `candidates`
    paints several and delivers the best."""
    output_format: Literal["png", "jpeg", "webp"] = "png"
    expected_text: Annotated[tuple[Line, ...], BeforeValidator(listed), Field(max_length=MANY)] = ()
    references: Annotated[
        tuple[AnyReference, ...], BeforeValidator(listed), Field(max_length=REFERENCES)
    ] = ()
    palette: Annotated[tuple[Line, ...], BeforeValidator(listed), Field(max_length=MANY)] = ()
    category: Line | None = None
    """What kind of picture; a policy of that name is used where `policy` names none."""
    policy: Line | None = None
    generator: Line | None = None
    """Who paints, of those that are seated; several, parted by commas, stand in for each other."""
    model: Line | None = None
    """Kept in the trace and told back; `generator` is what chooses."""
    mode: Literal["guard", "score", "off"] | None = None
    candidates: Annotated[Count, Field(ge=1, le=MOST_CANDIDATES)] = 1
    """Pictures painted at once, of which the best is taken; each spends an attempt."""
    max_attempts: Annotated[Count, Field(ge=0)] | None = None
    """Lowers what the policy allows, as do the next two; none of them raises it."""
    max_seconds: Amount | None = None
    max_cost: Amount | None = None
    """US dollars."""
    in_background: Annotated[bool, Field(alias="async")] = False
    """Answer at once (202), and do the work as a job that survives a restart."""

    @property
    def brief(self) -> Brief:
        """What is wanted."""
        references = tuple(
            Reference(kind=each.kind, image=bytes_of(each.image, f"references[{index}]"))
            for index, each in enumerate(self.references)
        )
        return Brief(
            prompt=self.prompt, negative_prompt=self.negative_prompt, width=self.width,
            height=self.height, steps=self.num_inference_steps, guidance=self.guidance_scale,
            seed=self.seed, output_format=self.output_format, references=references,
            expected_text=self.expected_text, palette=self.palette, category=self.category,
            client={} if self.model is None else {"model": self.model},
        )  # fmt: skip

    @property
    def wanted(self) -> Wanted:
        """How it is to be served."""
        wish = Wish(attempts=self.max_attempts, seconds=self.max_seconds, cost=self.max_cost)
        return Wanted(self.policy, self.mode, self.generator, self.candidates, wish)


@router.post(
    "/v1/generate",
    response_model=GenerateAnswer,
    responses=generation_examples.RESPONSES,
    openapi_extra=examples.json_body(GenerateRequest, generation_examples.ASKED),
    summary="Have a picture painted, judged, and painted again until it passes",
)
async def generate(request: Request) -> Response:
    """The delivered picture, and every attempt that led to it; kept as a trace."""
    return await once(request, lambda: _generate(request))


async def _generate(request: Request) -> Response:
    house = await ready_house(request)
    table = json_of(await _body(request), needed="prompt")
    asked, ignored = await asyncio.to_thread(generate_request, table)
    briefs = briefs_of(await asyncio.to_thread(lambda: asked.brief), asked.num_images)
    price = prices.runflow(asked.width, asked.height)
    wanted = billed(request, asked.wanted, price)
    if asked.in_background:
        with explained(wanted):
            return accepted(*await _jobs(house, briefs, wanted))
    async with afforded(request, price * len(briefs)):
        made = await while_connected(request, side_by_side(house, briefs, wanted))
        request.scope["state"]["stages"] = stages_of(made[0].trace)
        refuse_failures([each.trace for each in made])
        for each in made:
            await charge(request, price_of(each.trace), reference=each.trace.id)
    answer = await asyncio.to_thread(_together, house, places(request), made)
    notes = (*answer.notes, *ignored)
    return response_of(answer.model_copy(update={"notes": notes}))


async def _jobs(house: Sentinel, briefs: Sequence[Brief], wanted: Wanted) -> tuple[Job, ...]:
    """A job for each picture: all of them, or none."""
    if len(briefs) == 1:
        return (await house.jobs.submit(briefs[0], wanted),)
    return (await house.jobs.submit_batch(briefs, wanted, surface=SURFACE)).jobs


def _together(house: Sentinel, where: Places, made: Sequence[Guarded]) -> GenerateAnswer:
    return together([answered(house, where, each.trace, each.picture) for each in made])


async def _body(request: Request) -> bytes:
    if request.query_params:
        named = ", ".join(shown(name) for name in list(request.query_params)[:3])
        raise Refusal(422, "invalid", f"fields go into the body, not into the address ({named})")
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        told = f"the body is {shown(kind) or 'of no type'}; send JSON"
        raise Refusal(415, "media_type", told, headers={"Accept-Post": "application/json"})
    return await request.body()


def generate_request(table: Mapping[str, object]) -> tuple[GenerateRequest, tuple[str, ...]]:
    """What a body asks for, and a note on each field that is none of ours.

    A client may send fields that we do not know, but one that is nearly ours is a mistake.
    """
    given = {key: value for key, value in table.items() if value is not None or key == "prompt"}
    known = {each.alias or name for name, each in GenerateRequest.model_fields.items()}
    foreign = [name for name in given if name not in known and not _nearly(name, known)]
    try:
        asked = GenerateRequest.model_validate(
            {key: value for key, value in given.items() if key not in foreign}
        )
    except ValidationError as error:
        raise invalid(
            [problem_of(dict(found), GenerateRequest) for found in error.errors()]
        ) from None
    return asked, tuple(f"there is no field {shown(each)!r}; it was ignored" for each in foreign)


def _nearly(name: str, known: Iterable[str]) -> bool:
    return bool(difflib.get_close_matches(name, known, n=1, cutoff=MISTYPED))
