"""Opper's own POST /v3/images in, pictures out, in its shape and with its errors.

{"type": "BadRequestError", "message": "The request is invalid", "detail": "size: use …"}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sentinel.api.compat.opper import answers, examples
from sentinel.api.compat.opper.answers import Told
from sentinel.api.compat.opper.fields import Native
from sentinel.api.compat.opper.painted import Wish, painted
from sentinel.api.compat.opper.pictured import FILE, pictures_of, wrong
from sentinel.api.compat.opper.telling import STATUSES, headers_of, message_of
from sentinel.api.compat.refused import UNSAFE
from sentinel.api.compat.surface import body_of, respond, telling
from sentinel.api.errors import ErrorAnswer, explain
from sentinel.api.idempotency import once
from sentinel.api.painting import Delivered
from sentinel.api.published import places

TYPES = {
    400: ("BadRequestError", "The request is invalid"),
    401: ("UnauthorizedError", "The request is unauthorized"),
    402: ("PaymentRequiredError", "The budget is spent"),
    403: ("ForbiddenError", "The request is forbidden"),
    404: ("NotFoundError", "The resource was not found"),
    408: ("RequestTimeoutError", "The request did not arrive"),
    413: ("RequestTooLargeError", "The request is too large"),
    429: ("RateLimitError", "Too many requests"),
    502: ("UpstreamError", "No generator gave a picture"),
    503: ("ServiceUnavailableError", "The service cannot answer now"),
    504: ("TimeoutError", "The time was up"),
}
"""Opper's name of an error and its message, by status."""

ANY = ("InternalServerError", "Something went wrong")

POLICY = ("ContentPolicyViolationError", "Content policy violation error")


def tell(status: int, error: ErrorAnswer, headers: Mapping[str, str]) -> Response:
    """An error as Opper tells it."""
    status = STATUSES.get(status, status)
    kind, message = POLICY if error.code == UNSAFE else TYPES.get(status, ANY)
    body = {"type": kind, "message": message, "detail": message_of(error)}
    return respond(status, body, headers_of(status, headers))


def told(error: Exception) -> Response:
    """The same for what was raised."""
    return tell(*explain(error))


router = APIRouter(route_class=telling(tell), tags=["Opper"])


@router.post(
    "/v3/images", summary="Opper: pictures", responses=examples.NATIVE_RESPONSES,
    openapi_extra=examples.NATIVE_BODY,
)  # fmt: skip
async def images(request: Request) -> Response:
    """Pictures of a prompt, in the style of others where a generator looks at any."""
    return await once(request, lambda: _images(request), told)


async def _images(request: Request) -> Response:
    asked = Native.of(await body_of(request))
    if asked.mask is not None:
        raise wrong("mask", "no generator here paints within a mask; leave it out")
    field = "reference_images" if asked.image is None else "image"
    sources = (*(() if asked.image is None else (asked.image,)), *asked.reference_images)
    pictures = await pictures_of(request, sources, field)
    found = await painted(request, Wish(asked, asked.prompt, pictures, field))
    told = Told(asked.model, asked.prompt, found, places(request))
    return respond(200, _answer(told, asked), answers.headers_of(told))


def _answer(told: Told, asked: Native) -> dict[str, Any]:
    return {
        "id": f"img_{told.id}", "model": told.model, "created": told.created,
        "data": [_picture(told, asked, each) for each in told.pictures],
        "usage": {"cost": told.cost, "images": len(told.pictures)},
        "sentinel": answers.sentinel(told.pictures),
    }  # fmt: skip


def _picture(told: Told, asked: Native, picture: Delivered) -> dict[str, Any]:
    """What is kept has an address and an id, under which it may be looked at again."""
    by_url = asked.response_format == "url"
    entry = {} if by_url else {"b64_json": answers.encoded(picture)}
    entry |= {"mime_type": picture.content_type,
              "revised_prompt": answers.painted_as(picture, told)}  # fmt: skip
    url = told.places.of(picture)
    kept = not url.startswith("data:")
    if by_url or (asked.store and kept):
        entry["url"] = url
    if asked.store and kept:
        entry["file_id"] = FILE + url.rpartition("/")[2]
    return entry
