"""A picture's sha256 in, an address out that nobody can guess and anybody who has it can open.

Clients fetch pictures without a key, so the name itself is the key: the sha256, and a signature of
it with a secret of this house. The same picture has the same address, from whichever process.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from sentinel.api import examples
from sentinel.api.pictures import SAFE, TYPES
from sentinel.api.routes import house_of
from sentinel.errors import NotFound

router = APIRouter()

ENDINGS = {kind: name.lower() for name, kind in TYPES.items()} | {"image/jpeg": "jpg"}
"""A file's ending by its media type."""

SIGNED = 32
"""Hexadecimal digits of the signature: 128 bits."""

NAME = re.compile(rf"([0-9a-f]{{64}})([0-9a-f]{{{SIGNED}}})\.[a-z]{{2,5}}")

Name = Annotated[str, Path(max_length=128)]


def address(request: Request, sha256: str, content_type: str) -> str:
    """The absolute address of a picture, on the host that the caller reached us by."""
    signature = _signature(house_of(request).store.secret, sha256)
    name = f"{sha256}{signature}.{ENDINGS.get(content_type, 'bin')}"
    return f"{origin(request)}/media/{name}"


def origin(request: Request) -> str:
    """Scheme and host as the caller wrote them, also behind a proxy that ends TLS."""
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    scheme = forwarded if forwarded in ("http", "https") else request.url.scheme
    host = request.headers.get("host") or request.url.netloc
    return f"{scheme}://{host}"


@router.head("/media/{name}", include_in_schema=False)
@router.get(
    "/media/{name}",
    response_class=Response,
    responses=examples.PICTURE_RESPONSES,
    summary="A delivered picture",
)
async def media(request: Request, name: Name) -> Response:
    """The bytes, for whoever has the address, while they are kept (SENTINEL_MEDIA_DAYS)."""
    house = house_of(request)
    found = NAME.fullmatch(name)
    if found is None or not hmac.compare_digest(_signature(house.store.secret, found[1]), found[2]):
        raise NotFound("there is no picture at this address")
    data = await asyncio.to_thread(house.store.media.get, found[1])
    kind = await asyncio.to_thread(house.store.media.content_type, found[1])
    inline = "inline" if kind in ENDINGS else "attachment"
    headers = {**SAFE, "ETag": f'"{found[1]}"', "Content-Disposition": inline}
    return Response(data, media_type=kind, headers=headers)


def _signature(secret: bytes, sha256: str) -> str:
    return hmac.new(secret, sha256.encode(), hashlib.sha256).hexdigest()[:SIGNED]
