"""A form of POST /images/edits in, its fields and pictures out."""

from __future__ import annotations

from fastapi import Request
from starlette.datastructures import UploadFile

from sentinel.api import forms
from sentinel.api.compat.opper.pictured import wrong
from sentinel.api.errors import Refusal, shown
from sentinel.api.intake import PARTS, REFERENCES
from sentinel.settings import Settings

PICTURES = ("image", "image[]")
FORM = "multipart/form-data"


async def form_of(
    request: Request, settings: Settings
) -> tuple[dict[str, object], tuple[bytes, ...]]:
    """The fields, blank ones left out, and the pictures in their order; Refusal names a field."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != FORM:
        told = f"the body is {shown(kind) or 'of no type'}; send {FORM}"
        raise Refusal(415, "media_type", told)
    fields: dict[str, object] = {}
    pictures: list[bytes] = []
    most = int(settings.body_mb * 1_000_000)
    async with forms.whole(request, parts=PARTS, size=most) as form:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                if value:
                    fields[name] = value
            elif name in PICTURES:
                pictures.append(await value.read())
            else:
                raise _misplaced(name)
    return fields, _pictures(fields, pictures)


def _pictures(fields: dict[str, object], pictures: list[bytes]) -> tuple[bytes, ...]:
    if any(name in fields for name in PICTURES):
        raise wrong("image", "came as text; send it as a file")
    if not pictures:
        raise wrong("image", "is missing; send the picture as a file")
    if len(pictures) > REFERENCES:
        raise wrong("image", f"{len(pictures)} pictures; send at most {REFERENCES}")
    return tuple(pictures)


def _misplaced(name: str) -> Refusal:
    if name == "mask":
        told = "no generator here paints within a mask; leave it out"
        return wrong("mask", told, code="mask_not_supported")
    return wrong(shown(name), "came as a file; only image may")
