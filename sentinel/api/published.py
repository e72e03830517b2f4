"""A picture's sha256 in, an address out that nobody can guess and anybody who has it can open.

Clients fetch pictures without a key, so the name itself is the key: the sha256, and a signature of
it with a secret of this house. The same picture has the same address, from whichever process.
Where pictures are not kept, the picture itself stands where its address would (`place`).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import pybase64
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from sentinel.api import examples
from sentinel.api.painting import Delivered
from sentinel.api.pictures import SAFE, TYPES, has_already
from sentinel.api.routes import house_of
from sentinel.errors import NotFound
from sentinel.store import Store

router = APIRouter()

ENDINGS = {kind: name.lower() for name, kind in TYPES.items()} | {"image/jpeg": "jpg"}
"""A file's ending by its media type."""

SIGNED = 32
"""Hexadecimal digits of the signature: 128 bits."""

NAME = re.compile(rf"([0-9a-f]{{64}})([0-9a-f]{{{SIGNED}}})\.([a-z]{{2,5}})")

HOST = re.compile(r"[a-z0-9._-]+(:[0-9]{1,5})?|\[[0-9a-f:.]+\](:[0-9]{1,5})?", re.IGNORECASE)
"""A name or address that a browser could have been given, and its port."""

Name = Annotated[str, Path(max_length=128)]


@dataclass(frozen=True, slots=True)
class Places:
    """Where this house's pictures are, as seen from one origin (scheme and host)."""

    store: Store
    origin: str

    def address(self, sha256: str) -> str | None:
        """The absolute address of a picture; None where it is not kept. Blocking code."""
        try:
            kind = self.store.media.content_type(sha256)
        except NotFound:
            return None
        return address_on(self.origin, self.store, sha256, kind)

    def of(self, picture: Delivered) -> str:
        """Where a delivered picture is read: its address, or a data URI where it is not kept."""
        sha256 = picture.trace.last.picture
        if sha256 is None or not picture.kept or not self.store.media.keeps:
            return data_uri(picture.data, picture.content_type)
        return address_on(self.origin, self.store, sha256, picture.content_type)


def places(request: Request) -> Places:
    """Where pictures are, on the host that the caller reached us by."""
    return Places(house_of(request).store, origin(request))


def address(request: Request, sha256: str, content_type: str) -> str:
    """The absolute address of a picture, on the host that the caller reached us by."""
    return address_on(origin(request), house_of(request).store, sha256, content_type)


def address_on(origin: str, store: Store, sha256: str, content_type: str) -> str:
    """The absolute address of a picture on that host, for who answers without a request."""
    name = f"{sha256}{_signature(store.secret, sha256)}.{ENDINGS.get(content_type, 'bin')}"
    return f"{origin}/media/{name}"


def place(request: Request, picture: Delivered) -> str:
    """Where a delivered picture is read, on the host that the caller reached us by."""
    return places(request).of(picture)


def data_uri(data: bytes, content_type: str) -> str:
    """A picture that is its own address."""
    return f"data:{content_type};base64,{pybase64.b64encode_as_string(data)}"


def origin(request: Request) -> str:
    """Scheme and host as the caller wrote them, also behind a proxy that ends TLS.

    A host that could be none is not repeated: the address that was dialled stands instead.
    """
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    scheme = forwarded if forwarded in ("http", "https") else request.url.scheme
    host = request.headers.get("host", "")
    return f"{scheme}://{host if HOST.fullmatch(host) else _dialled(request)}"


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
    kind = await asyncio.to_thread(house.store.media.content_type, sha256)
    if name.rpartition(".")[2] != ENDINGS.get(kind, "bin"):
        raise NotFound("there is no picture at this address")
    inline = "inline" if kind in ENDINGS else "attachment"
    headers = {**SAFE, "ETag": f'"{sha256}"', "Content-Disposition": inline}
    if has_already(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    data = await asyncio.to_thread(house.store.media.get, sha256)
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


def _dialled(request: Request) -> str:
    """The server's own address, as the socket has it."""
    host, port = request.scope.get("server") or ("127.0.0.1", None)
    named = f"[{host}]" if ":" in host else host
    return named if port is None else f"{named}:{port}"


def _signature(secret: bytes, sha256: str) -> str:
    return hmac.new(secret, sha256.encode(), hashlib.sha256).hexdigest()[:SIGNED]
