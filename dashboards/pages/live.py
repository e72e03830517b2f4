"""What runs now, attempt by attempt: a page, and the stream that keeps it so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dashboards.pages.wall import STANDINGS
from dashboards.rendering import HEADERS, Rendering
from sentinel.errors import SentinelError
from sentinel.faces import Window

LASTING = 60.0
"""Seconds that a stream lasts; the browser opens another, and whoever may not look any more
(a key that was revoked) is not let in again."""

ELSEWHERE = 2.0
"""Seconds between two looks at what other processes do, who tell nobody here."""

LOOKING = 0.5
"""Seconds within which a stream sees that the server stops."""

AT_MOST = 0.25
"""Seconds between two states at least: what happens meanwhile is shown together."""


class LivePage:
    """The page of one window."""

    def __init__(self, window: Window, rendering: Rendering) -> None:
        """Nothing is asked yet."""
        self._live = window.live
        self._rendering = rendering

    async def page(self, request: Request) -> Response:
        """The page, with how things stand."""
        return await self._shown(request, "live.html")

    async def now(self, request: Request) -> Response:
        """The part of it that changes: for a browser whose stream does not open."""
        return await self._shown(request, "live_now.html")

    async def stream(self, request: Request) -> Response:
        """The same part, again and again, as server-sent events; 503 where too many look."""
        watch = self._live.looking()
        try:
            watch.__enter__()
        except SentinelError as error:
            return Response(f"{error}\n", 503, headers=HEADERS | {"Retry-After": "5"},
                            media_type="text/plain")  # fmt: skip

        async def told() -> AsyncIterator[str]:
            try:
                async for event in self._events(request):
                    yield event
            finally:
                watch.__exit__(None, None, None)

        headers = HEADERS | {"X-Accel-Buffering": "no"}
        return StreamingResponse(told(), headers=headers, media_type="text/event-stream")

    async def _events(self, request: Request) -> AsyncIterator[str]:
        until = time.monotonic() + LASTING
        yield "retry: 1000\n\n"
        version, shown, looked = -1, "", 0.0
        while time.monotonic() < until and not self._live.leaving():
            fresh = await self._live.changed(version, LOOKING)
            if fresh == version and time.monotonic() - looked < ELSEWHERE:
                continue
            version, looked = fresh, time.monotonic()
            text = await self._text(request)
            told = ": nothing new" if text == shown else f"event: now\n{_data(text)}"
            shown = text
            yield f"{told}\n\n"
            await asyncio.sleep(AT_MOST)

    async def _shown(self, request: Request, template: str) -> Response:
        try:
            doing = await self._live.now()
        except SentinelError as error:
            return self._rendering.page(request, template, doing=None, problem=str(error),
                                        standings=STANDINGS)  # fmt: skip
        return self._rendering.page(request, template, doing=doing, problem=None,
                                    standings=STANDINGS)  # fmt: skip

    async def _text(self, request: Request) -> str:
        return bytes((await self._shown(request, "live_now.html")).body).decode()


def _data(text: str) -> str:
    return "\n".join(f"data: {line}" for line in text.splitlines())
