"""ASGI messages in, callers known: who asks is found out here, for every path there is.

While no key exists only this machine is served, and needs none. Once one exists it is asked for,
on this machine too. A refusal is left to the route, which tells it in its service's shape; where
no route tells it (an unknown path, a mounted application), it is told here, and nothing else is.

The peer is whom the socket names. X-Forwarded-For is believed only from proxies that
SENTINEL_PROXIES names; otherwise it can make a caller a stranger, never a neighbour.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentinel.api.errors import Refusal, respond
from sentinel.api.keyring import Keyring
from sentinel.api.scopes import is_open
from sentinel.api.security import ANYBODY, STRANGER, Caller, Visit
from sentinel.errors import SentinelError
from sentinel.settings import Settings
from sentinel.store.keys import Key, now_ms

CHALLENGE = {"WWW-Authenticate": "Bearer"}

HOW = "send it as `Authorization: Bearer KEY` (or `Key KEY`, or the header `x-api-key`)"


class Porter:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """`app.state.keyring` knows the keys once the house is open."""
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find out who asks, and see to it that whoever is refused is told nothing else."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        visit = Visit() if is_open(scope["path"]) else await self._visit(Request(scope))
        state["visit"], state["caller"] = visit, visit.caller
        answer = _Answer(visit, send)
        if visit.refusal is None or not _tells_nothing(scope):
            await self._app(scope, receive, answer)
        if visit.refusal is not None and not answer.begun:
            visit.told = True
            await respond(visit.refusal)(scope, receive, answer)

    async def _visit(self, request: Request) -> Visit:
        visit = Visit(STRANGER)
        try:
            key = await self._key(request)
            if key is None:
                visit.caller = ANYBODY
                return visit
            visit.caller = Caller(key.id, key.project, frozenset(key.scopes), key.budget)
            _count(request, key, visit)
        except SentinelError as error:
            visit.refusal = error
        return visit

    async def _key(self, request: Request) -> Key | None:
        """The caller's key; None where none is asked for. Refusal 401 or 403."""
        ring = _keyring(request)
        if not await ring.locked():
            refusal = self._stranger(request)
            if refusal is None:
                return None
            if not await ring.locked(now=True):
                raise refusal
        secret = secret_of(request.headers)
        if not secret:
            raise Refusal(401, "key_missing", f"an access key is needed; {HOW}", headers=CHALLENGE)
        key = await ring.find(secret)
        if key is None:
            raise Refusal(401, "key_unknown", "there is no such access key", headers=CHALLENGE)
        if flaw := key.flaw(now_ms()):
            raise Refusal(401, "key_ended", f"this access key {flaw}", headers=CHALLENGE)
        return key

    def _stranger(self, request: Request) -> Refusal | None:
        """Why somebody is not served while there is no key; None for this machine's own."""
        if self._settings.anybody:
            return None
        if not is_local(request, proxied=bool(self._settings.proxies)):
            told = ("no access key exists yet, so only this machine is served; "
                    "make one there: sentinel keys create")  # fmt: skip
            return Refusal(403, "not_local", told)
        if (origin := foreign_origin(request, self._settings.origins)) is not None:
            told = f"a page of {origin[:80]!r} may not ask; SENTINEL_ORIGINS lists those that may"
            return Refusal(403, "foreign_origin", told)
        return None


class _Answer:
    """Adds a limited key's headers; keeps back an answer that a refused caller must not see."""

    def __init__(self, visit: Visit, send: Send) -> None:
        self._visit = visit
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = self._visit.refusal is None or self._visit.told
            if self._visit.headers:
                MutableHeaders(scope=message).update(self._visit.headers)
        if self.begun:
            await self._send(message)


def secret_of(headers: Headers) -> str:
    """The key that a request carries, whichever way clients send it; "" where there is none."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    told = rest if scheme.lower() in ("bearer", "key") else headers.get("x-api-key", "")
    return told.strip()


def is_local(request: Request, *, proxied: bool) -> bool:
    """Whether a request was made on this machine, and not merely handed on by a proxy here.

    A peer without an address is a caller in this process, or at a socket that is a file; behind a
    proxy whose word is taken (`proxied`) it is a header that nobody can vouch for.
    """
    peer = request.client.host if request.client else ""
    lists = [*request.headers.getlist("x-forwarded-for"), *request.headers.getlist("x-real-ip")]
    hops = [hop.strip() for told in lists for hop in told.split(",")]
    return (
        _loopback(peer, nameless=not proxied)
        and "forwarded" not in request.headers
        and all(_loopback(hop, nameless=False) for hop in hops)
    )


def foreign_origin(request: Request, allowed: Collection[str]) -> str | None:
    """The web page's origin, where a browser asks for a page of another host; else None.

    Without it, any page that somebody on this machine visits could have pictures painted here.
    """
    origin = request.headers.get("origin")
    if origin is None or origin in allowed or "*" in allowed:
        return None
    try:
        same = urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
    except ValueError:  # a broken IPv6 address
        same = False
    return None if same else origin


def _loopback(host: str, *, nameless: bool) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return nameless
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _count(request: Request, key: Key, visit: Visit) -> None:
    """Count it; Refusal 429 where the minute is full."""
    window = _keyring(request).count(key)
    if window is None:
        return
    visit.headers = window.headers
    if window.over:
        told = f"this key may ask {window.limit} times a minute; wait {window.wait} s"
        raise Refusal(429, "rate_limited", told, headers=window.headers)


def _keyring(request: Request) -> Keyring:
    ring: Keyring = request.app.state.keyring
    return ring


def _tells_nothing(scope: Scope) -> bool:
    """Whether the path is answered by something that knows nothing of `admitted`."""
    routes: list[BaseRoute] = scope["app"].routes
    bare = (each for each in routes if type(each) in (Route, Mount))
    return any(each.matches(scope)[0] is Match.FULL for each in bare)
