"""A request to fal's proxy in, the answer of the route that it is meant for out.

fal's JavaScript client sends everything to one address of the application's own and names the
real one in a header; here the real one is this server.
"""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sentinel.api.errors import Refusal, shown

TARGET = "x-fal-target-url"

HOSTS = {
    "fal.run": "", "falrun.com": "", "queue.fal.run": "/queue", "queue.falrun.com": "/queue",
    "rest.fal.ai": "", "rest.alpha.fal.ai": "", "v3.fal.media": "", "v3b.fal.media": "",
}  # fmt: skip
"""fal's hosts, and what stands before their paths here."""

FOREIGN = 412
"""What fal's own proxies answer where the target is not fal's."""


class Forwarded(Response):
    """An answer that is another route's."""

    def __init__(self, request: Request, target: SplitResult, prefix: str) -> None:
        """Ask for what `target` names, on this server."""
        super().__init__()
        self._app = request.app.router
        path = prefix + (target.path or "/")
        self._changed = {
            "path": unquote(path), "raw_path": path.encode("utf-8", "replace"),
            "query_string": target.query.encode("utf-8", "replace"),
        }  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go through the routes once more, with everything else as it came."""
        await self._app({**scope, **self._changed}, receive, send)


async def forwarded(request: Request) -> Response:
    """What the target answers; Refusal where none is named (400) or it is not fal's (412)."""
    named = request.headers.get(TARGET)
    if not named:
        raise Refusal(400, "bad_request", f"the header {TARGET} is missing: it names what is asked")
    try:
        target = urlsplit(named)
        prefix = HOSTS.get(target.hostname or "")
    except ValueError:  # a broken IPv6 address
        prefix, target = None, SplitResult("", "", "", "", "")
    if prefix is None or target.scheme not in ("http", "https"):
        told = f"{TARGET} is {shown(named)}, no address of fal's ({', '.join(HOSTS)})"
        raise Refusal(FOREIGN, "foreign_target", told)
    if target.path.startswith("/api/fal/proxy"):
        raise Refusal(FOREIGN, "foreign_target", f"{TARGET} names the proxy itself")
    return Forwarded(request, target, prefix)
