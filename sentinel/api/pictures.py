"""A trace's id in, its picture out: as it came, or with the evidence drawn on it.

Pictures are other people's bytes: they are served under the type that their header shows, never
as anything a browser would run.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from sentinel import imaging
from sentinel.annotation import annotate
from sentinel.api import examples
from sentinel.api.routes import TraceId, house_of, judges_of, load_trace
from sentinel.contracts import Attempt, Trace
from sentinel.errors import NotFound, PictureError
from sentinel.wiring import Sentinel

router = APIRouter()

PAINTERS = 2
"""Sheets drawn at once: each decodes a picture of up to 40 megapixels."""

TYPES = {
    "PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif",
    "AVIF": "image/avif", "TIFF": "image/tiff", "BMP": "image/bmp",
}  # fmt: skip
"""Media type by the format that the header shows."""

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=3600",
}

Number = Annotated[int | None, Query(ge=1, description="attempt; default: the delivered one")]


@router.get(
    "/v1/traces/{trace_id}/picture",
    response_class=Response,
    responses=examples.PICTURE_RESPONSES,
    summary="The picture as it came",
)
async def picture(request: Request, trace_id: TraceId, attempt: Number = None) -> Response:
    """The bytes that were judged, unchanged, while they are kept (SENTINEL_MEDIA_DAYS)."""
    house = house_of(request)
    trace = await load_trace(house, trace_id)
    chosen = _attempt(trace, attempt)
    tag = f'"{chosen.picture}"'
    if has_already(request, tag):
        return Response(status_code=304, headers={**SAFE, "ETag": tag})
    data = await asyncio.to_thread(_bytes, house, chosen)
    kind = await asyncio.to_thread(_format, data, house)
    name = f"{trace_id}-{chosen.number}.{kind.lower() if kind in TYPES else 'bin'}"
    shown = "inline" if kind in TYPES else "attachment"
    headers = {**SAFE, "ETag": tag, "Content-Disposition": f'{shown}; filename="{name}"'}
    media = TYPES.get(kind, "application/octet-stream")
    return Response(data, media_type=media, headers=headers)


@router.get(
    "/v1/traces/{trace_id}/annotated.png",
    response_class=Response,
    responses=examples.ANNOTATED_RESPONSES,
    summary="The picture with the evidence drawn on it",
)
async def annotated(request: Request, trace_id: TraceId, attempt: Number = None) -> Response:
    """A PNG: the picture with numbered boxes, and a legend of the verdict."""
    house = house_of(request)
    trace = await load_trace(house, trace_id)
    chosen = _attempt(trace, attempt)
    tag = f'"{trace_id}-{chosen.number}"'
    if has_already(request, tag):
        return Response(status_code=304, headers={**SAFE, "ETag": tag})
    async with request.app.state.drawing:
        sheet = await asyncio.to_thread(_drawn, house, chosen, judges_of(house, trace))
    name = f'inline; filename="{trace_id}-{chosen.number}-annotated.png"'
    headers = {**SAFE, "ETag": tag, "Content-Disposition": name}
    return Response(sheet, media_type="image/png", headers=headers)


def _attempt(trace: Trace, number: int | None) -> Attempt:
    if number is None and not trace.attempts:
        raise NotFound(f"trace {trace.id} has no picture: {trace.reason or 'none was made'}")
    if number is None:
        return trace.last
    for attempt in trace.attempts:
        if attempt.number == number:
            return attempt
    raise NotFound(f"trace {trace.id} has {len(trace.attempts)} attempts, none is {number}")


def _bytes(house: Sentinel, attempt: Attempt) -> bytes:
    if attempt.picture is None:
        raise NotFound(f"attempt {attempt.number} has no picture")
    return house.store.media.get(attempt.picture)


def _format(data: bytes, house: Sentinel) -> str:
    """The format that the header shows; "?" for bytes that no longer pass as a picture."""
    try:
        return imaging.inspect(data, house.settings.limits).format
    except PictureError:
        return "?"


def _drawn(house: Sentinel, attempt: Attempt, judges: tuple[str, ...]) -> bytes:
    pixels = imaging.read(_bytes(house, attempt), house.settings.limits).pixels
    return imaging.encode(annotate(pixels, attempt, judges=judges), "png")


def has_already(request: Request, tag: str) -> bool:
    """Whether the caller has this very picture already."""
    offered = request.headers.get("if-none-match", "")
    return tag in {each.strip().removeprefix("W/") for each in offered.split(",")}
