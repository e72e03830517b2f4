"""ASGI messages in, bounded and timed ones out: the outermost layer of the HTTP face.

A body that is too large is refused by its declared length, or while it arrives if it declares
none; what all bodies together hold is bounded as well; a sender that falls silent is dropped.
Every response says how long it took.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentinel.api.errors import Refusal, respond
from sentinel.errors import Busy

log = logging.getLogger(__name__)

SILENCE = 30.0
"""Seconds without a byte after which an unfinished body is given up (408)."""

AT_ONCE = 2.0
"""All bodies in the house together may hold this many times the largest body allowed: base64 in
JSON is held up to three times over while it is unpacked, and the house must stay small."""

RETRY_AFTER = 2.0
"""Seconds a caller is asked to wait while too many bodies are held."""

MEGABYTE = 1_000_000

STOPPING = Refusal(
    503,
    "stopping",
    "the server is being stopped before it could answer; send the picture again",
    headers={"Retry-After": "10", "Connection": "close"},
)
"""What a request is answered that was still under way when the server's patience ended."""


@dataclass(slots=True)
class Visit:
    """One request on its way through: when it came, what it holds, whether it was answered."""

    scope: Scope
    came: float = field(default_factory=time.perf_counter)
    held: int = 0
    whole: bool = False
    answered: bool = False

    @property
    def stages(self) -> dict[str, float]:
        """Seconds by stage, as the routes left them in the request's state."""
        stages: dict[str, float] = self.scope["state"].get("stages", {})
        return stages


class _Gone(Exception):  # noqa: N818 - nobody's mistake in here
    """The caller can no longer be answered."""


class Door:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp, body_mb: float, silence: float = SILENCE) -> None:
        """Bodies of at most `body_mb` megabytes; `silence` seconds between two pieces of one."""
        self._app = app
        self._most = int(body_mb * MEGABYTE)
        self._silence = silence
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, within limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        visit = Visit(scope)
        try:
            self._refuse_declared(Headers(scope=scope))
            await self._app(scope, self._bounded(receive, visit), _timed(send, visit))
        except (ClientDisconnect, _Gone):
            log.debug("a caller left, or broke the protocol, before it was answered")
        except asyncio.CancelledError:
            if visit.answered:
                raise
            await respond(STOPPING)(scope, receive, _timed(send, visit))
        except Exception as error:  # noqa: BLE001 - the last place where a request can be answered
            response = respond(error)
            if not visit.answered:
                await response(scope, receive, _timed(send, visit))
        finally:
            self._held -= visit.held

    def _refuse_declared(self, headers: Headers) -> None:
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > self._most:
            raise self._too_large()

    def _bounded(self, receive: Receive, visit: Visit) -> Receive:
        async def bounded() -> Message:
            if visit.whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._silence)
            except TimeoutError:
                told = f"no byte of the body came for {self._silence:.0f} s; send it again"
                raise Refusal(408, "too_slow", told, headers={"Connection": "close"}) from None
            visit.whole = not message.get("more_body", False)
            self._hold(visit, len(message.get("body", b"")))
            return message

        return bounded

    def _hold(self, visit: Visit, length: int) -> None:
        visit.held += length
        self._held += length
        if visit.held > self._most:
            raise self._too_large()
        if self._held > AT_ONCE * self._most:
            raise Busy(f"the house ({self._held / MEGABYTE:.0f} MB are being sent)", RETRY_AFTER)

    def _too_large(self) -> Refusal:
        told = f"the body is larger than {self._most / MEGABYTE:g} MB (SENTINEL_BODY_MB)"
        return Refusal(413, "body_too_large", told)


def _timed(send: Send, visit: Visit) -> Send:
    """Adds where the time went to the head of the response."""

    async def timed(message: Message) -> None:
        if message["type"] == "http.response.start":
            visit.answered = True
            total = time.perf_counter() - visit.came
            headers = MutableHeaders(scope=message)
            stages = {**visit.stages, "total": total}
            headers["Server-Timing"] = ", ".join(
                f"{name};dur={seconds * 1000:.1f}" for name, seconds in stages.items()
            )
            others = visit.stages.get("panel", 0.0) + visit.stages.get("generate", 0.0)
            overhead = total - others
            headers["X-Sentinel-Overhead-Ms"] = f"{overhead * 1000:.1f}"
            headers["X-Content-Type-Options"] = "nosniff"
        try:
            await send(message)
        except Exception as error:  # the server below us cannot write to this caller any more
            raise _Gone from error

    return timed
