"""A picture of the caller's in, an address out that redux may be given as `image_url`.

JavaScript asks where to put the bytes and is told an address to put them at and one to read them
at; names are signed, since the bytes come without a key. Python asks for a token first, and sends
the bytes with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response
from ulid import ULID

from sentinel import imaging
from sentinel.api.compat.surface import body_of, respond
from sentinel.api.errors import Problem, Refusal, shown
from sentinel.api.pictures import SAFE
from sentinel.api.porter import secret_of
from sentinel.api.published import ENDINGS, address, origin
from sentinel.api.routes import house_of
from sentinel.errors import NotFound
from sentinel.store import Store

SIGNED = 32
"""Hexadecimal digits of a signature: 128 bits."""

NAME = re.compile(rf"([0-9A-HJKMNP-TV-Z]{{26}})([0-9a-f]{{{SIGNED}}})(\.[a-z]{{2,5}})?")

OPEN = 3600.0
"""Seconds that an address to put bytes at is good for."""

PLAIN = "application/octet-stream"
"""What clients call a file whose type they do not know; the bytes then say what it is."""

Purpose = Literal["put", "get"]


async def initiate(request: Request) -> Response:
    """Where to put a picture, and where it is read then."""
    house = house_of(request)
    _refuse_unkept(house.store)
    body = await body_of(request, "content_type")
    kind = str(body.get("content_type") or PLAIN).split(";")[0].strip().lower()
    if kind != PLAIN and kind not in ENDINGS:
        raise _wrong("content_type", f"use one of {', '.join(ENDINGS)}", kind)
    ending = "" if kind == PLAIN else f".{ENDINGS[kind]}"
    upload_id = str(ULID())
    put, get = (_name(house.store, upload_id, purpose, ending) for purpose in ("put", "get"))
    here = f"{origin(request)}/uploads"
    return respond(200, {"upload_url": f"{here}/{put}", "file_url": f"{here}/{get}"})


async def put(request: Request, name: str) -> Response:
    """The bytes of a picture, at the address that `initiate` gave."""
    house = house_of(request)
    upload_id, ending = _named(house.store, name, "put")
    if time.time() - ULID.from_str(upload_id).timestamp > OPEN:
        raise NotFound("this address to upload to has expired; ask for another one")
    data = await request.body()
    await asyncio.to_thread(imaging.inspect, data, house.settings.limits, field="file")
    sha256 = await asyncio.to_thread(house.store.media.put, data)
    found = ENDINGS.get(await asyncio.to_thread(house.store.media.content_type, sha256))
    if ending and ending != f".{found}":
        raise _wrong("content_type", f"the bytes are {found}; say so when you ask to upload", None)
    await asyncio.to_thread(house.store.uploads.enter, upload_id, sha256)
    return respond(200, {})


async def get(request: Request, name: str) -> Response:
    """The picture, for whoever has its address."""
    store = house_of(request).store
    sha256 = await asyncio.to_thread(_found, store, name)
    data = await asyncio.to_thread(store.media.get, sha256)
    kind = await asyncio.to_thread(store.media.content_type, sha256)
    return Response(data, media_type=kind, headers={**SAFE, "Content-Disposition": "inline"})


async def token(request: Request) -> Response:
    """What fal's Python client sends with its uploads: the key that it came with."""
    until = datetime.now(UTC) + timedelta(seconds=OPEN)
    told = {
        "token": secret_of(request.headers) or "none", "token_type": "Key",
        "base_url": origin(request), "expires_at": until.isoformat(),
    }  # fmt: skip
    return respond(200, told)


async def upload(request: Request) -> Response:
    """The bytes of a picture in one request, answered with its address."""
    house = house_of(request)
    _refuse_unkept(house.store)
    data = await request.body()
    await asyncio.to_thread(imaging.inspect, data, house.settings.limits, field="file")
    sha256 = await asyncio.to_thread(house.store.media.put, data)
    kind = await asyncio.to_thread(house.store.media.content_type, sha256)
    return respond(200, {"access_url": address(request, sha256, kind)})


async def uploaded(store: Store, url: str) -> bytes | None:
    """The bytes behind an address to read at, whatever host it names; None for any other.

    NotFound where nothing was put there, or it is kept no longer.
    """
    try:
        folder, _, name = urlsplit(url).path.rpartition("/")
    except ValueError:  # a broken IPv6 address
        return None
    if folder != "/uploads" or not _signed(store, name, "get"):
        return None
    return await asyncio.to_thread(lambda: store.media.get(_found(store, name)))


def _found(store: Store, name: str) -> str:
    return store.uploads.find(_named(store, name, "get")[0])


def _name(store: Store, upload_id: str, purpose: Purpose, ending: str) -> str:
    return f"{upload_id}{_signature(store, upload_id, purpose, ending)}{ending}"


def _named(store: Store, name: str, purpose: Purpose) -> tuple[str, str]:
    """The id and the ending in a name; NotFound where we did not sign it for that."""
    found = _signed(store, name, purpose)
    if found is None:
        raise NotFound("there is nothing at this address")
    return found


def _signed(store: Store, name: str, purpose: Purpose) -> tuple[str, str] | None:
    found = NAME.fullmatch(name)
    if found is None:
        return None
    upload_id, signature, ending = found[1], found[2], found[3] or ""
    wanted = _signature(store, upload_id, purpose, ending)
    return (upload_id, ending) if hmac.compare_digest(signature, wanted) else None


def _signature(store: Store, upload_id: str, purpose: Purpose, ending: str) -> str:
    """Who may read must not be able to write, so the purpose is signed too."""
    told = f"upload {purpose} {upload_id} {ending}".encode()
    return hmac.new(store.secret, told, hashlib.sha256).hexdigest()[:SIGNED]


def _refuse_unkept(store: Store) -> None:
    if not store.media.keeps:
        told = "no pictures are kept here (SENTINEL_MEDIA_DAYS); send image_url as a data URI"
        raise Refusal(422, "feature_not_supported", told)


def _wrong(field: str, told: str, value: str | None) -> Refusal:
    problem = Problem(field=field, message=told, value=None if value is None else shown(value))
    return Refusal(422, "unsupported_image_format", f"{field}: {told}", problems=(problem,))
