"""A body that asks for an evaluation in, what is to be judged out.

`task_description`, `evaluation_instructions`, `run_id`, `client_ref` and the other words of a task
are kept and told back; our judges read the prompt, the expected text, the palette and the
references.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    ValidationError,
)

from sentinel.api.errors import Problem, field_of, shown
from sentinel.api.evaluation import ReferenceLine
from sentinel.api.intake import LINE, MANY, Line, Prompt, invalid
from sentinel.contracts import Brief, Reference, ReferenceKind, Value

REFERENCES = 4
"""Reference images of one evaluation, as at Runflow."""

ADDRESS = 4096
"""Characters of a callback's address."""

PICTURE = 100_000_000
"""Characters of a picture's address or data URI; the body's own limit is lower."""

ATTRIBUTES = 16_384
"""Characters of `input_attributes` or `metadata`, as JSON."""

KINDS: dict[str, ReferenceKind] = {
    **dict.fromkeys(("face", "person", "identity", "subject", "portrait", "selfie"), "face"),
    **dict.fromkeys(("style", "brand", "mood", "look"), "style"),
    **dict.fromkeys(("product", "object", "item", "garment", "logo"), "product"),
}
"""What a reference is compared as, by the caller's word for it. Runflow publishes no list."""

WORDS = ("expected_text", "palette")
"""Attributes that our judges read: text or a list of it."""


def _kind(kind: str) -> str:
    if kind.lower() not in KINDS:
        raise ValueError(f"is compared with nothing here; use one of {', '.join(KINDS)}")
    return kind


def limited(found: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A table that is small enough to keep, and JSON; ValueError."""
    try:
        text = json.dumps(found, allow_nan=False)
    except ValueError:
        raise ValueError("holds a number that is not finite") from None
    if len(text) > ATTRIBUTES:
        raise ValueError(f"is {len(text):,} characters of JSON; at most {ATTRIBUTES:,}")
    return found


def _attributes(found: dict[str, JsonValue]) -> dict[str, JsonValue]:
    limited(found)
    for name in WORDS:
        for each in words_of(found.get(name)):
            if not isinstance(each, str) or not 0 < len(each) <= LINE:
                told = f"{name}: use text of 1 to {LINE} characters, or a list of at most {MANY}"
                raise ValueError(told)
    return found


def words_of(value: JsonValue) -> tuple[JsonValue, ...]:
    """One word or several, as several; the first that is one too many is no word."""
    if value is None:
        return ()
    if not isinstance(value, list):
        return (value,)
    return tuple(value) if len(value) <= MANY else (None,)


class Asking(BaseModel):
    """Unknown fields are left alone, as everywhere in foreign APIs."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class ReferenceRequest(Asking):
    """A picture that the result is compared with."""

    url: Annotated[str, Field(min_length=1, max_length=PICTURE)] = Field(repr=False)
    """An https address, a data URI, or an address of a picture that is kept here."""
    kind: Annotated[Line, AfterValidator(_kind)] = "face"
    description: Line | None = None


class EvaluationRequest(Asking):
    """The fields of POST /v1/evaluations."""

    generated_image_url: Annotated[str, Field(min_length=1, max_length=PICTURE)] = Field(repr=False)
    """An https address, a data URI, or an address of a picture that is kept here."""
    task_type: Annotated[Line, Field(min_length=1)]
    """What kind of picture, such as headshot; a policy of that name judges it, else the default."""
    task_description: Prompt | None = None
    generation_prompt: Prompt | None = None
    """What the picture was made for; without it, judges that need one have nothing to judge."""
    evaluation_instructions: Prompt | None = None
    input_attributes: Annotated[dict[str, JsonValue], AfterValidator(_attributes)] = {}
    """Kept; `expected_text` and `palette` are what judges of text and colour go by."""
    reference_images: Annotated[list[ReferenceRequest], Field(max_length=REFERENCES)] = []
    run_id: Line | None = None
    client_ref: Line | None = None
    job_class: Literal["standard"] = "standard"
    callback_url: Annotated[str, Field(min_length=1, max_length=ADDRESS)] | None = None
    """Called when the evaluation has ended."""


class FeedbackRequest(Asking):
    """The fields of PATCH /v1/evaluations/{id}/feedback."""

    is_positive: StrictBool | None
    """Whether the verdict was right; null takes the word back."""
    reason: Prompt | None = None


class Kept(Value):
    """What is kept of an evaluation that was asked for, beside its row; no bytes.

    `origin` is the scheme and host that the caller reached us by. `pictures` are the references'
    sha256, in order. Where a url is null the picture came as a data URI.
    """

    origin: str = ""
    policy: str | None = None
    sha256: str = ""
    generated_image_url: str | None = None
    task_description: str | None = None
    generation_prompt: str | None = None
    evaluation_instructions: str | None = None
    input_attributes: dict[str, JsonValue] = Field(default_factory=dict)
    job_class: Literal["standard"] = "standard"
    reference_images: tuple[ReferenceLine, ...] = ()
    pictures: tuple[str, ...] = ()
    expected_text: tuple[str, ...] = ()
    palette: tuple[str, ...] = ()

    def brief(self, task_type: str, references: Iterable[bytes]) -> Brief:
        """What the judges go by."""
        kinds = (KINDS[each.kind.lower()] for each in self.reference_images)
        return Brief(
            prompt=self.generation_prompt, category=task_type,
            expected_text=self.expected_text, palette=self.palette,
            references=tuple(
                Reference(kind=kind, image=image)
                for kind, image in zip(kinds, references, strict=True)
            ),
        )  # fmt: skip


def evaluation_request(body: dict[str, object]) -> EvaluationRequest:
    """The request that a body holds; a Refusal names every field that cannot be used."""
    found = {name: value for name, value in body.items() if value is not None}
    try:
        return EvaluationRequest.model_validate(found)
    except ValidationError as error:
        raise invalid(problems_of(error)) from None


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """Pydantic's complaints by field."""
    return tuple(
        Problem(
            field=field_of(found["loc"]) or "body",
            message=str(found["msg"]).removeprefix("Value error, "),
            value=None if found["type"] == "missing" else shown(found["input"]),
        )
        for found in error.errors()
    )
