"""A browser's request in, let through to a face or sent to its login.

While no key exists, whoever the porter would serve may look. Once one exists, a visitor signs in
with a key that may read; a cookie then says which key it was, signed with a secret of this house,
and a key that is revoked or has expired lets nobody in two seconds later. Whatever changes
something needs a token that only our own pages know, from our own origin.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sentinel.api.errors import Refusal, respond
from sentinel.api.keyring import KNOWN, Keyring
from sentinel.api.porter import foreign_origin, is_local
from sentinel.faces import Visitor
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.keys import Key, now_ms
from sentinel.store.secrets import secret

COOKIE = "sentinel_visit"

LASTING = 12 * 3600
"""Seconds that a sign-in lasts: a working day."""

LOOKING = frozenset({"read", "admin"})
"""Scopes of which a visitor's key has one."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

OPEN = ("/login", "/static/")
"""What a face shows to anybody who may reach it: its form, and the files that dress it."""


@dataclass(slots=True)
class Reception:
    """What signs visitors in and knows them again."""

    store: Store
    ring: Keyring
    settings: Settings
    _secret: bytes = b""
    _keys: dict[str, Key] = field(default_factory=dict)
    _looked: float = float("-inf")

    def __post_init__(self) -> None:
        """Blocking: the secret is read from the database, or drawn."""
        self._secret = secret(self.store.engines, "dashboard")

    async def visitor(self, request: Request) -> Visitor | None:
        """Who looks; None where a sign-in is needed. Refusal for who may not even do that."""
        if not await self.ring.locked():
            self._refuse_strangers(request)
            if not await self.ring.locked(now=request.method not in SAFE):
                return Visitor("", self._sign("csrf:open"))
        key = await self._signed_in(request.cookies.get(COOKIE, ""))
        if key is None:
            return None
        return Visitor(key.label or key.prefix, self._sign("csrf:" + request.cookies[COOKIE]))

    async def enter(self, request: Request, given: str) -> str:
        """The Set-Cookie header of whoever has this key; Refusal 401, 403 or 429."""
        key = await self.ring.find(given.strip()) if given.strip() else None
        if key is None:
            raise Refusal(401, "key_unknown", "there is no such access key")
        if flaw := key.flaw(now_ms()):
            raise Refusal(401, "key_ended", f"this access key {flaw}")
        if not LOOKING & set(key.scopes):
            told = f"this key is for {', '.join(sorted(key.scopes))}; looking needs read"
            raise Refusal(403, "scope", told)
        told = f"{key.id}.{int(time.time()) + LASTING}"
        value = f"{told}.{self._sign(told)}"
        forwarded = request.headers.get("x-forwarded-proto", request.url.scheme)
        secure = "; Secure" if forwarded.startswith("https") else ""
        return f"{COOKIE}={value}; Path=/; Max-Age={LASTING}; HttpOnly; SameSite=Lax{secure}"

    def permit(self, request: Request, visitor: Visitor | None) -> None:
        """Refusal 403 for a write that no page of ours has sent."""
        if foreign_origin(request, self.settings.origins) is not None:
            raise Refusal(403, "foreign_origin", "a page of another host may not write here")
        if visitor is None:
            return
        given = request.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
            raise Refusal(403, "csrf", "the page is too old to write with; load it again")

    def _refuse_strangers(self, request: Request) -> None:
        if self.settings.anybody:
            return
        if not is_local(request, proxied=bool(self.settings.proxies)):
            told = "no access key exists yet, so only this machine is served; "
            raise Refusal(403, "not_local", told + "make one there: sentinel keys create")
        if (origin := foreign_origin(request, self.settings.origins)) is not None:
            raise Refusal(403, "foreign_origin", f"a page of {origin[:80]!r} may not ask")

    async def _signed_in(self, cookie: str) -> Key | None:
        told, _, signature = cookie.rpartition(".")
        key_id, _, until = told.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(told).encode()):
            return None
        if int(until) < time.time():
            return None
        key = (await self._known()).get(key_id)
        return key if key and key.flaw(now_ms()) is None and LOOKING & set(key.scopes) else None

    async def _known(self) -> dict[str, Key]:
        """Every key by id, at most two seconds old."""
        if time.monotonic() - self._looked > KNOWN:
            found = await asyncio.to_thread(self.store.keys.list)
            self._keys, self._looked = {key.id: key for key in found}, time.monotonic()
        return self._keys

    def _sign(self, told: str) -> str:
        return hmac.new(self._secret, told.encode(), hashlib.sha256).hexdigest()


class Guarded:
    """Wraps a face."""

    def __init__(self, face: ASGIApp, reception: Reception, root: str) -> None:
        """`root` is where the face is mounted."""
        self._face = face
        self._reception = reception
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in whoever may look."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        path = scope["path"].removeprefix(self._root)
        try:
            visitor = await self._reception.visitor(request)
            if request.method not in SAFE:
                self._reception.permit(request, visitor)
        except Refusal as refusal:
            await respond(refusal)(scope, receive, send)
            return
        if visitor is None and not path.startswith(OPEN):
            await self._to_login(request)(scope, receive, send)
            return
        scope.setdefault("state", {})["visitor"] = visitor
        await self._face(scope, receive, send)

    def _to_login(self, request: Request) -> Response:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        where = f"{self._root}/login?next={quote(wanted, safe='')}"
        if request.headers.get("hx-request"):  # a part of a page cannot show a form
            return Response(status_code=401, headers={"HX-Redirect": where})
        return RedirectResponse(where, status_code=303)
