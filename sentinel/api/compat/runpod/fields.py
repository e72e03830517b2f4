"""RunPod's request bodies in, what is to be painted out: fields, defaults and limits as its page.

    {"input": {"prompt": "a red cup", "width": 1024}, "webhook": "https://…", "policy": {"ttl": …}}

What is wrong is told as RunPod tells it: `Invalid parameter: width must be divisible by 64`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from sentinel.api.compat.limits import Whole, Within, given, sentence
from sentinel.api.errors import Problem, Refusal, shown
from sentinel.api.intake import Prompt
from sentinel.contracts import Brief

ENDPOINT = "black-forest-labs-flux-1-schnell"

RANDOM = -1
"""The seed that means any."""

WEEK_MS = 604_800_000
"""The longest that RunPod lets a job run or live."""

URL = 2048
"""Characters of an address."""


def _by_64(pixels: int) -> int:
    if pixels % 64:
        raise PydanticCustomError("multiple_of", "must be divisible by 64")
    return pixels


def _said(prompt: str) -> str:
    if not prompt.strip():
        raise PydanticCustomError("blank", "must not be blank")
    return prompt


Side = Annotated[Whole, Within(256, 1536), AfterValidator(_by_64)]
Milliseconds = Annotated[Whole, Within(1, WEEK_MS)]


class _Object(BaseModel):
    """Unknown fields are ignored, since clients add some; null is not given."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Input(_Object):
    """What stands under `input`."""

    prompt: Annotated[Prompt, AfterValidator(_said)]
    negative_prompt: Prompt | None = None
    width: Side = 1024
    height: Side = 1024
    num_inference_steps: Annotated[Whole, Within(1, 8)] = 4
    guidance: Annotated[float, BeforeValidator(given), Within(0, 10)] | None = None
    """RunPod's default of 7.5 does nothing to schnell, which has no guidance; left out, a generator
    that has one takes its own."""
    seed: Annotated[Whole, Within(RANDOM, 2**63 - 1)] = RANDOM
    image_format: Literal["jpeg", "png"] = "jpeg"


class Policy(_Object):
    """How long a job may take, in milliseconds; `lowPriority` is taken and of no effect."""

    executionTimeout: Milliseconds | None = None  # noqa: N815 - RunPod's name
    ttl: Milliseconds | None = None


class Asked(_Object):
    """A whole body."""

    input: Input
    webhook: Annotated[str, Field(max_length=URL)] | None = None
    policy: Policy = Policy()

    @classmethod
    def of(cls, body: Mapping[str, object]) -> Self:
        """A body's fields; Refusal 422 with every problem."""
        try:
            return cls.model_validate(_without_nulls(body))
        except ValidationError as error:
            raise _refusal(error) from None

    @property
    def brief(self) -> Brief:
        """What is to be painted."""
        wanted = self.input
        return Brief(
            prompt=wanted.prompt, negative_prompt=wanted.negative_prompt or None,
            width=wanted.width, height=wanted.height, steps=wanted.num_inference_steps,
            guidance=wanted.guidance, seed=None if wanted.seed == RANDOM else wanted.seed,
            output_format=wanted.image_format, client={"model": ENDPOINT},
        )  # fmt: skip


def _without_nulls(body: Mapping[str, object]) -> dict[str, object]:
    """The same with nothing in it that is null, one level down."""
    return {
        name: {k: v for k, v in value.items() if v is not None}
        if isinstance(value, Mapping)
        else value
        for name, value in body.items()
    }


def _refusal(error: ValidationError) -> Refusal:
    problems = tuple(_problem(dict(found)) for found in error.errors(include_url=False))
    return Refusal(422, "invalid", problems[0].message, problems=problems)


def _problem(found: Mapping[str, Any]) -> Problem:
    where = [str(part) for part in found["loc"]]
    field = ".".join(where[1:] if where[0] == "input" and len(where) > 1 else where)
    value = None if found["type"] == "missing" else shown(found["input"])
    return Problem(field=field, message=sentence(field, found), value=value)
