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
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from sentinel.api import examples
from sentinel.api.pictures import SAFE, TYPES
from sentinel.api.routes import house_of
from sentinel.errors import NotFound
from sentinel.store import Store

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
    sha256 = _named(house.store, name)
    if sha256 is None:
        raise NotFound("there is no picture at this address")
    data = await asyncio.to_thread(house.store.media.get, sha256)
    kind = await asyncio.to_thread(house.store.media.content_type, sha256)
    inline = "inline" if kind in ENDINGS else "attachment"
    headers = {**SAFE, "ETag": f'"{sha256}"', "Content-Disposition": inline}
    return Response(data, media_type=kind, headers=headers)


async def picture_at(store: Store, url: str) -> bytes | None:
    """The bytes behind an address of ours, whatever host it names; None for one that is not.

    NotFound where the picture is kept no longer.
    """
    try:
        path = urlsplit(url).path
    except ValueError:  # a broken IPv6 address
        return None
    sha256 = _named(store, path.removeprefix("/media/")) if path.startswith("/media/") else None
    return None if sha256 is None else await asyncio.to_thread(store.media.get, sha256)


def _named(store: Store, name: str) -> str | None:
    """The sha256 in a name that is signed by us."""
    found = NAME.fullmatch(name)
    if found is None or not hmac.compare_digest(_signature(store.secret, found[1]), found[2]):
        return None
    return found[1]


def _signature(secret: bytes, sha256: str) -> str:
    return hmac.new(secret, sha256.encode(), hashlib.sha256).hexdigest()[:SIGNED]
