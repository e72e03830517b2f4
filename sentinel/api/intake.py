"""Request body in, picture and brief out: multipart or JSON, the same fields in both.

Nothing is swallowed: a field with an unknown name is refused with the nearest name that exists,
and every problem of a body is told at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from starlette.datastructures import UploadFile
from starlette.requests import Request

from sentinel import imaging
from sentinel.api import forms
from sentinel.api.errors import Problem, Refusal, field_of, shown
from sentinel.api.wire import Wire
from sentinel.contracts import Brief, Reference, ReferenceKind
from sentinel.registry import nearest
from sentinel.settings import Settings

PROMPT = 20_000
"""Characters of a prompt: a hundred times what image models read."""

LINE = 1_000
"""Characters of one expected text, colour or name."""

MANY = 32
"""Expected texts or colours."""

REFERENCES = 8
"""References: each is decoded and compared."""

PARTS = 128
"""Parts of a multipart body before it is refused."""

ONCE = ("image", "prompt", "negative_prompt", "category", "policy", "model")
REPEATED = ("expected_text", "references", "reference_kinds", "palette")
FILES = ("image", "references")


def _unicode(text: str) -> str:
    """Refuse halves of characters (lone surrogates): no database and no model can take them."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds half a character (a lone surrogate)") from error
    return text


def listed(value: object) -> object:
    """One value where a list is expected is a list of one."""
    return [value] if isinstance(value, str | bytes | Mapping) else value


def _as_reference(value: object) -> object:
    return {"image": value} if isinstance(value, str | bytes) else value


Prompt = Annotated[str, Field(max_length=PROMPT), AfterValidator(_unicode)]
Line = Annotated[str, Field(max_length=LINE), AfterValidator(_unicode)]
Bytes = Annotated[
    bytes | str,
    WithJsonSchema({"type": "string", "description": "base64, or a data URI"}),
]


class ReferenceRequest(Wire):
    """A picture the result is compared with."""

    kind: ReferenceKind = "face"
    image: Bytes = Field(repr=False)


AnyReference = Annotated[
    ReferenceRequest,
    BeforeValidator(_as_reference),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "description": "base64 or a data URI; kind is face"},
                {
                    "type": "object",
                    "required": ["image"],
                    "additionalProperties": False,
                    "properties": {
                        "kind": {"enum": ["face", "style", "product"], "default": "face"},
                        "image": {"type": "string", "description": "base64 or a data URI"},
                    },
                },
            ]
        }
    ),
]


class ScoreRequest(Wire):
    """The fields of POST /v1/score."""

    image: Bytes = Field(repr=False)
    """The picture to score."""
    prompt: Prompt | None = None
    """What the picture was made for; without it, judges that need one have nothing to judge."""
    negative_prompt: Prompt | None = None
    expected_text: Annotated[tuple[Line, ...], BeforeValidator(listed), Field(max_length=MANY)] = ()
    """Words that must stand in the picture; without them, quotes in the prompt are taken."""
    references: Annotated[
        tuple[AnyReference, ...], BeforeValidator(listed), Field(max_length=REFERENCES)
    ] = ()
    """Pictures it is compared with: a face, a style, a product."""
    palette: Annotated[tuple[Line, ...], BeforeValidator(listed), Field(max_length=MANY)] = ()
    """CSS hex or colour names."""
    category: Line | None = None
    """What kind of picture; a policy of that name is used where `policy` names none."""
    policy: Line | None = None
    """The policy to judge by."""
    model: Line | None = None
    """Who made the picture; kept in the trace."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a request asks for."""

    data: bytes
    brief: Brief
    policy: str | None
    model: str | None


async def read(request: Request, settings: Settings) -> Submission:
    """The submission of a request; Refusal or PictureError says what is wrong with it."""
    if request.query_params:
        named = ", ".join(shown(name) for name in list(request.query_params)[:3])
        raise Refusal(422, "invalid", f"fields go into the body, not into the address ({named})")
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        table = await _multipart(request, settings)
    elif kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        table = json_of(await request.body())
    else:
        told = f"the body is {shown(kind) or 'of no type'}; send multipart/form-data or JSON"
        raise Refusal(415, "media_type", told, headers={"Accept-Post": ACCEPTED})
    return await asyncio.to_thread(_submission, table)


ANY: TypeAdapter[object] = TypeAdapter(object)
"""JSON of any shape; the parser refuses half characters and endless nesting."""

ACCEPTED = "multipart/form-data, application/json"


def json_of(body: bytes, *, needed: str = "image") -> dict[str, object]:
    """The object that a body of JSON holds; Refusal if it holds none."""
    try:
        table = ANY.validate_json(body)
    except ValidationError as error:
        why = str(error.errors(include_input=False)[0]["msg"]).removeprefix("Invalid JSON: ")
        raise Refusal(400, "json_invalid", f"the body is not JSON: {why}") from None
    if not isinstance(table, dict):
        told = f"the body is a JSON {type(table).__name__}; send an object with the field {needed}"
        raise Refusal(422, "invalid", told)
    return table


async def _multipart(request: Request, settings: Settings) -> dict[str, object]:
    most = int(settings.body_mb * 1_000_000)
    gathered: dict[str, list[bytes | str]] = {}
    files: set[str] = set()
    async with forms.whole(request, parts=PARTS, size=most) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                data: bytes | str = await value.read()
                if not data and not value.filename and name != "image":
                    continue  # what a browser sends for a file field that was left alone
                files.add(name)
            else:
                data = value
            gathered.setdefault(name, []).append(data)
    _refuse_misplaced(gathered, files)
    return _merged(gathered)


def _refuse_misplaced(gathered: Mapping[str, Sequence[object]], files: set[str]) -> None:
    """Single fields that came twice, and files where words belong."""
    problems = [
        Problem(field=name, message=f"came {len(gathered[name])} times; send it once")
        for name in ONCE
        if len(gathered.get(name, ())) > 1
    ]
    problems += [
        Problem(field=name, message="came as a file; send it as text")
        for name in sorted(files)
        if name in (*ONCE, *REPEATED) and name not in FILES
    ]
    kinds, references = (len(gathered.get(key, ())) for key in ("reference_kinds", "references"))
    if kinds and kinds != references:
        told = f"{kinds} for {references} references; send one per reference, in order, or none"
        problems.append(Problem(field="reference_kinds", message=told))
    if problems:
        raise invalid(problems)


def _merged(gathered: Mapping[str, list[bytes | str]]) -> dict[str, object]:
    """The form's fields as the JSON body would have them; blank optional fields are left out."""
    table: dict[str, object] = {}
    for name, values in gathered.items():
        if name in ("category", "policy", "model") and values == [""]:
            continue
        if name in REPEATED:
            table[name] = [value for value in values if value not in ("", b"")]
        else:
            table[name] = values[0]
    kinds = gathered.get("reference_kinds", [])
    table.pop("reference_kinds", None)
    if kinds:
        pairs = zip(kinds, gathered["references"], strict=True)
        table["references"] = [{"kind": kind, "image": image} for kind, image in pairs]
    return table


def _submission(table: Mapping[str, object]) -> Submission:
    try:
        asked = ScoreRequest.model_validate(table)
    except ValidationError as error:
        raise invalid([problem_of(dict(found), ScoreRequest) for found in error.errors()]) from None
    data = bytes_of(asked.image, "image")
    references = tuple(
        Reference(kind=each.kind, image=bytes_of(each.image, f"references[{index}]"))
        for index, each in enumerate(asked.references)
    )
    brief = Brief(
        prompt=asked.prompt,
        negative_prompt=asked.negative_prompt,
        references=references,
        expected_text=asked.expected_text,
        palette=asked.palette,
        category=asked.category,
    )
    return Submission(data, brief, asked.policy, asked.model)


def bytes_of(image: bytes | str, field: str) -> bytes:
    """A picture's bytes, whichever way they were sent."""
    return imaging.unwrap(image, field=field) if isinstance(image, str) else image


def problem_of(found: Mapping[str, Any], asked: type[Wire]) -> Problem:
    """One of pydantic's complaints about a request of that kind, by field."""
    where = [part for part in found["loc"] if part not in ("bytes", "str")]
    field = field_of(where)
    if len(where) < len(found["loc"]):
        told = "is no picture; send base64, a data URI or (in multipart) a file"
        return Problem(field=field, message=told, value=shown(found["input"]))
    if found["type"] == "extra_forbidden":
        known = ReferenceRequest if "references" in where else asked
        names = tuple(each.alias or name for name, each in known.model_fields.items())
        told = f"there is no field {shown(str(where[-1]))!r}; {nearest(str(where[-1]), names)}"
        return Problem(field=shown(field), message=told)
    if found["type"] == "missing":
        return Problem(field=field, message=f"is missing; {MISSING.get(field, MISSING[None])}")
    said = str(found["msg"]).removeprefix("Value error, ")
    return Problem(field=field, message=said, value=shown(found["input"]))


MISSING = {"prompt": "say what is to be painted", None: "send the picture"}
"""What to do about a field that is not there."""


def invalid(problems: Sequence[Problem]) -> Refusal:
    """The refusal of a request for what is wrong with its fields."""
    unique = tuple(dict.fromkeys(problems))
    first = unique[0]
    return Refusal(422, "invalid", f"{first.field}: {first.message}", problems=unique)
