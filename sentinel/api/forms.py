"""A multipart request in, its form out if it is whole.

The parser takes a form that was cut off for a shorter one; the field that came last would be lost
and the picture judged without it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from sentinel.api.errors import Refusal

ENDING = 1_024
"""Last bytes of a form that are searched for its closing boundary (74 at most by RFC 2046)."""


@asynccontextmanager
async def whole(request: Request, *, parts: int, size: int) -> AsyncGenerator[FormData]:
    """The form of at most `parts` files and as many fields; Refusal if it is none, or cut off."""
    ending = _Ending(request.stream())
    parser = MultiPartParser(
        request.headers, ending.chunks(), max_files=parts, max_fields=parts, max_part_size=size
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Refusal(400, "bad_request", error.message) from error
    try:
        ending.refuse_unfinished(request.headers["content-type"])
        yield form
    finally:
        await form.close()


class _Ending:
    """The last bytes of a body that streams by."""

    def __init__(self, stream: AsyncGenerator[bytes]) -> None:
        self._stream = stream
        self._last = b""

    async def chunks(self) -> AsyncGenerator[bytes]:
        async for chunk in self._stream:
            self._last = (self._last + chunk[-ENDING:])[-ENDING:]
            yield chunk

    def refuse_unfinished(self, content_type: str) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if b"--" + boundary + b"--" not in self._last:
            told = "the form ends before its closing boundary: it was cut off; send it again"
            raise Refusal(400, "bad_request", told)
