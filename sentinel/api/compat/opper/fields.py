"""Request bodies in, what they ask for out: OpenAI's chat and images, and Opper's own images.

Fields that we do not know are ignored, since clients add some, and so are those that have no
meaning for a picture (`temperature`, `quality`, `style`, `background`, `moderation`, …).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from sentinel.api.compat.opper.models import OPPER
from sentinel.api.errors import Problem, shown
from sentinel.api.intake import REFERENCES, Line, Prompt, invalid
from sentinel.contracts import Brief, Reference

MOST = 4
"""Pictures of one request, as at Opper."""

SIDE = 1024
"""Pixels a side where no size is named, or `auto`."""

SMALLEST, LARGEST, MULTIPLE = 64, 2048, 16
"""Pixels a side; a generator's own limit is told where it is narrower."""

SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
RATIO = re.compile(r"([1-9][0-9]?):([1-9][0-9]?)")

WIDEST = 8
"""A ratio of sides beyond this has no size within the limits that looks like it."""

IMAGE_MODEL = Annotated[str, Field(max_length=200)]


def _number(value: object) -> object:
    """JSON's true and false are no numbers, though Python counts with them."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "Input should be a number, not a boolean")
    return value


def _said(prompt: str) -> str:
    if not prompt.strip():
        raise ValueError("is blank; say what is to be painted")
    return prompt


def _sized(size: str) -> str:
    """Refuse what is no size within the limits."""
    found = SIZE.fullmatch(size)
    sides = (int(found[1]), int(found[2])) if found else ()
    if size != "auto" and not (sides and all(map(_allowed, sides))):
        raise ValueError(
            f"use WIDTHxHEIGHT, such as 1024x1024, with sides from {SMALLEST} to {LARGEST} pixels "
            f"in steps of {MULTIPLE}, or auto"
        )
    return size


def _allowed(side: int) -> bool:
    return SMALLEST <= side <= LARGEST and side % MULTIPLE == 0


def _ratio(ratio: str) -> str:
    found = RATIO.fullmatch(ratio)
    if found is None or not 1 / WIDEST <= int(found[1]) / int(found[2]) <= WIDEST:
        raise ValueError(
            f"use WIDTH:HEIGHT, such as 16:9, neither side more than {WIDEST} times the other"
        )
    return ratio


Whole = Annotated[int, BeforeValidator(_number)]
Said = Annotated[Prompt, AfterValidator(_said)]
Size = Annotated[
    str,
    AfterValidator(_sized),
    WithJsonSchema({"type": "string", "default": "auto", "examples": ["1024x1024", "auto"]}),
]
Seed = Annotated[Whole, Field(ge=0, lt=2**63)]


class Asked(BaseModel):
    """What every route takes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: IMAGE_MODEL = OPPER
    n: Annotated[Whole, Field(ge=1, le=MOST)] = 1
    size: Size = "auto"
    seed: Seed | None = None
    output_format: Literal["png", "jpeg"] = "png"
    user: Line | None = None
    """The end user, as the caller calls them; kept in the trace."""
    stream: bool = False

    @classmethod
    def of(cls, body: Mapping[str, object]) -> Self:
        """A body's fields; Refusal with every problem."""
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            raise invalid([_problem(dict(found)) for found in error.errors()]) from None

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height."""
        found = SIZE.fullmatch(self.size)
        return (int(found[1]), int(found[2])) if found else (SIDE, SIDE)

    @property
    def inline(self) -> bool:
        """Whether the answer carries its pictures and no address of them."""
        return False

    def brief(self, prompt: str, pictures: tuple[bytes, ...] = ()) -> Brief:
        """What is to be painted, in the style of `pictures` where there are any."""
        width, height = self.pixels
        client = {"model": self.model} | ({} if self.user is None else {"user": self.user})
        return Brief(
            prompt=prompt, width=width, height=height, seed=self.seed, client=client,
            output_format=self.output_format,
            references=tuple(Reference(kind="style", image=each) for each in pictures),
        )  # fmt: skip


class StreamOptions(BaseModel):
    """How a stream is to be told."""

    include_usage: bool = False


class Message(BaseModel):
    """One message; of the last one whose role is `user` a picture is made."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    role: Line
    content: str | tuple[dict[str, Any], ...] | None = None


class Chat(Asked):
    """The body of POST /chat/completions."""

    model: IMAGE_MODEL
    messages: tuple[Message, ...]
    stream_options: StreamOptions = StreamOptions()


class Images(Asked):
    """The body of POST /images/generations, and the fields of POST /images/edits."""

    prompt: Said
    response_format: Literal["b64_json", "url"] = "b64_json"

    @property
    def inline(self) -> bool:
        """As base64."""
        return self.response_format == "b64_json"


class Parameters(BaseModel):
    """Of what Opper hands on to the model, what ours may know; the rest is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    seed: Seed | None = None
    num_inference_steps: Annotated[Whole, Field(ge=1, le=50)] | None = None
    guidance_scale: Annotated[float, BeforeValidator(_number), Field(ge=0, le=100)] | None = None
    negative_prompt: Prompt | None = None
    output_format: Literal["png", "jpeg"] | None = None


class Native(Images):
    """The body of POST /v3/images."""

    model: IMAGE_MODEL
    aspect_ratio: Annotated[str, AfterValidator(_ratio)] | None = None
    """Stands in for `size` where that is not named."""
    store: bool = True
    """Whether `file_id` and `url` are told; how long pictures are kept is the house's decision."""
    parameters: Parameters = Parameters()
    image: Annotated[str, Field(min_length=1)] | None = Field(default=None, repr=False)
    """An address, a data URI or a `file_id`, as are those that follow."""
    reference_images: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], Field(max_length=REFERENCES, repr=False)
    ] = ()
    mask: str | None = Field(default=None, repr=False)

    @property
    def inline(self) -> bool:
        """Not where an id and an address are told beside the bytes."""
        return super().inline and not self.store

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height: of the size, else of about a megapixel in that ratio."""
        found = RATIO.fullmatch(self.aspect_ratio or "")
        if found is None or self.size != "auto":
            return super().pixels
        root = (int(found[1]) / int(found[2])) ** 0.5
        return _side(SIDE * root), _side(SIDE / root)

    def brief(self, prompt: str, pictures: tuple[bytes, ...] = ()) -> Brief:
        """What is to be painted, with the model's own parameters."""
        named = self.parameters
        seed = self.seed if named.seed is None else named.seed
        return super().brief(prompt, pictures).model_copy(update={
            "seed": seed, "steps": named.num_inference_steps, "guidance": named.guidance_scale,
            "negative_prompt": named.negative_prompt,
            "output_format": named.output_format or self.output_format,
        })  # fmt: skip


def _side(pixels: float) -> int:
    return min(LARGEST, max(SMALLEST, round(pixels / MULTIPLE) * MULTIPLE))


def _problem(found: Mapping[str, Any]) -> Problem:
    """One of pydantic's complaints, by the field that the caller wrote at the top."""
    top, *below = found["loc"]
    told = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "missing":
        return Problem(field=str(top), message="is missing" if not below else f"lacks {below[-1]}")
    return Problem(field=str(top), message=told, value=shown(found["input"]))
