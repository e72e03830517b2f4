"""fal's request bodies in, briefs out: fields, defaults and limits as fal's page has them.

What is wrong is told by the field that the caller wrote: `loc` ends there, whatever lies below it,
since fal's JavaScript client looks errors up by the last part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

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

from sentinel.api.errors import shown
from sentinel.api.intake import Prompt
from sentinel.contracts import Brief, Reference

SIZES = {
    "square_hd": (1024, 1024), "square": (512, 512), "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024), "landscape_4_3": (1024, 768), "landscape_16_9": (1024, 576),
}  # fmt: skip
"""Pixels, width and height, by fal's name."""

USUAL = "landscape_4_3"
"""The size where none is asked for."""

CUSTOM = 512
"""Pixels of a side that a custom size leaves out (fal's schema)."""

LONGEST = 14_142
"""Pixels a side that fal's schema allows; a generator's own limit is told where it is less."""

Size = tuple[int, int]

_SIDE = {"type": "integer", "minimum": 1, "maximum": LONGEST, "default": CUSTOM}
SIZE = {
    "anyOf": [
        {"enum": list(SIZES)},
        {"type": "object", "properties": {"width": _SIDE, "height": _SIDE}},
    ],
}
"""What a size is on the wire."""


def _number(value: object) -> object:
    """JSON's true and false are no numbers, though Python counts with them."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "Input should be a number, not a boolean")
    return value


def _said(prompt: str) -> str:
    if not prompt.strip():
        raise PydanticCustomError("string_too_short", "is blank; say what is to be painted")
    return prompt


def _pixels(value: object) -> object:
    """Width and height of a name or of an object with both."""
    if isinstance(value, Mapping):
        return _side(value, "width"), _side(value, "height")
    if isinstance(value, str) and value in SIZES:
        return SIZES[value]
    told = {"expected": ", ".join(SIZES)}
    message = "Input should be {expected} or an object with width and height"
    raise PydanticCustomError("enum", message, told)


def _side(size: Mapping[str, object], name: str) -> int:
    side = size.get(name)
    side = CUSTOM if side is None else side
    if isinstance(side, float) and side.is_integer():
        side = int(side)
    if isinstance(side, bool) or not isinstance(side, int) or not 1 <= side <= LONGEST:
        told = {"side": name, "given": shown(side), "most": LONGEST}
        message = "{side} is {given}; use a whole number of pixels from 1 to {most}"
        raise PydanticCustomError("image_size", message, told)
    return side


Whole = Annotated[int, BeforeValidator(_number)]


class Asked(BaseModel):
    """What both endpoints take; unknown fields are ignored, since clients add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    endpoint: ClassVar[str]

    image_size: Annotated[Size, BeforeValidator(_pixels), WithJsonSchema(SIZE)] = Field(
        default=SIZES[USUAL], json_schema_extra={"default": USUAL}
    )
    num_inference_steps: Annotated[Whole, Field(ge=1, le=12)] = 4
    num_images: Annotated[Whole, Field(ge=1, le=4)] = 1
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] | None = None
    sync_mode: bool = False
    enable_safety_checker: bool = True
    output_format: Literal["jpeg", "png"] = "jpeg"
    acceleration: Literal["none", "regular", "high"] = "none"
    """Taken and of no effect: how fast a generator paints is the operator's choice."""

    @classmethod
    def of(cls, body: Mapping[str, object]) -> Self:
        """A body's fields; Invalid with every problem."""
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            raise Invalid(tuple(_problem(dict(found)) for found in error.errors())) from None

    def brief(self, picture: bytes | None = None) -> Brief:
        """What is to be painted, like `picture` where there is one."""
        width, height = self.image_size
        kept = () if picture is None else (Reference(kind="style", image=picture),)
        return Brief(
            prompt=getattr(self, "prompt", None), width=width, height=height,
            steps=self.num_inference_steps, guidance=getattr(self, "guidance_scale", None),
            seed=self.seed, output_format=self.output_format, references=kept,
            client={"model": self.endpoint},
        )  # fmt: skip


class TextToImage(Asked):
    """The body of POST /fal-ai/flux/schnell."""

    endpoint: ClassVar[str] = "fal-ai/flux/schnell"

    prompt: Annotated[Prompt, AfterValidator(_said)]
    guidance_scale: Annotated[float, BeforeValidator(_number), Field(ge=1, le=20)] | None = None
    """fal's default of 3.5 does nothing to schnell, which has no guidance; left out, a generator
    that has one takes its own."""


class Redux(Asked):
    """The body of POST /fal-ai/flux/schnell/redux."""

    endpoint: ClassVar[str] = "fal-ai/flux/schnell/redux"

    image_url: Annotated[str, Field(min_length=1, repr=False)]
    """An address or a data URI."""


class Invalid(Exception):  # noqa: N818 - what it says of a body
    """A body with mistakes, each with its place, type and context as FastAPI tells them."""

    def __init__(self, found: tuple[dict[str, Any], ...]) -> None:
        """Keep what FastAPI would have told."""
        self.found = found
        super().__init__(f"{len(found)} fields are wrong")


def _problem(found: Mapping[str, Any]) -> dict[str, Any]:
    context = {name: shown(value) if isinstance(value, Exception) else value
               for name, value in found.get("ctx", {}).items()}  # fmt: skip
    given = {} if found["type"] == "missing" else {"input": shown(found["input"])}
    return {
        "loc": ["body", str(found["loc"][0])],
        "msg": str(found["msg"]).removeprefix("Value error, "),
        "type": str(found["type"]),
        "ctx": context,
        **given,
    }
