"""File names in, addresses that change with the file's content out; and the files, compressed.

An address holds a hash of the content, so a browser may keep what it has for a year.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

FOLDER = resources.files("dashboards") / "static"

YEAR = "public, max-age=31536000, immutable"

PACKED = frozenset({".woff2", ".png", ".webp"})
"""Endings of what is compressed already."""

NAMED = re.compile(rb'url\("([^"]+)"\)')

mimetypes.add_type("font/woff2", ".woff2")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    content: bytes
    zipped: bytes | None
    kind: str
    tag: str


@cache
def assets() -> dict[str, Asset]:
    """Every file below the static folder, by its path there; read and compressed once."""
    return dict(_walk(FOLDER, ""))


def address(name: str) -> str:
    """Where a file is, seen from the face's root: static/HASH/NAME. KeyError for no file."""
    return f"static/{assets()[name].tag}/{name}"


async def serve(request: Request) -> Response:
    """A file under its hash; another hash than its own is a file that is no more."""
    found = assets().get(request.path_params["name"])
    if found is None or request.path_params["tag"] != found.tag:
        return Response("there is no such file\n", 404, media_type="text/plain")
    headers = {
        "Cache-Control": YEAR,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if found.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.zipped, headers=headers, media_type=found.kind)
    return Response(found.content, headers=headers, media_type=found.kind)


def _walk(folder: Traversable, before: str) -> list[tuple[str, Asset]]:
    found = []
    for each in sorted(folder.iterdir(), key=lambda item: item.name):
        if each.is_dir():
            found += _walk(each, f"{before}{each.name}/")
        else:
            found.append((f"{before}{each.name}", _asset(each)))
    return found


def _asset(file: Traversable) -> Asset:
    content = file.read_bytes()
    if file.name.endswith(".css"):
        content = NAMED.sub(_hashed, content)
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    packed = any(file.name.endswith(ending) for ending in PACKED)
    zipped = None if packed else gzip.compress(content, 9, mtime=0)
    return Asset(content, zipped, kind, _tag(content))


def _hashed(found: re.Match[bytes]) -> bytes:
    """A file that a style sheet names, at the address that its own content gives it."""
    name = found[1].decode()
    return f'url("../{_tag((FOLDER / name).read_bytes())}/{name}")'.encode()


def _tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
