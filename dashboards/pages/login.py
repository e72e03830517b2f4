"""A key in, a signed-in visitor out; and out again."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dashboards.rendering import HEADERS, Rendering
from sentinel.errors import SentinelError
from sentinel.faces import Window

COOKIE = "sentinel_visit"


class Login:
    """The form of one window."""

    def __init__(self, window: Window, rendering: Rendering) -> None:
        """Nothing is asked yet."""
        self._window = window
        self._rendering = rendering

    async def form(self, request: Request) -> Response:
        """The form; whoever needs no key is sent on."""
        if request.state.visitor is not None:
            return RedirectResponse(_next(request), 303)
        return self._rendering.page(request, "login.html", next=_next(request), problem=None)

    async def enter(self, request: Request) -> Response:
        """Sign in, or say why not."""
        form = await request.form()
        try:
            cookie = await self._window.enter(request, str(form.get("key", ""))[:200])
        except SentinelError as error:
            return self._rendering.page(
                request, "login.html", 401, next=_next(request), problem=str(error)
            )
        headers = HEADERS | {"Set-Cookie": cookie}
        return RedirectResponse(_next(request), 303, headers=headers)

    async def leave(self, request: Request) -> Response:
        """Forget the visitor."""
        where = f"{request.scope.get('root_path', '')}/login"
        gone = f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        headers = HEADERS | {"Set-Cookie": gone, "HX-Redirect": where}
        return Response(status_code=204, headers=headers)


def _next(request: Request) -> str:
    """Where the visitor was going: a page of ours, whatever the address says."""
    root = request.scope.get("root_path", "")
    wanted = request.query_params.get("next", "")
    parts = urlsplit(wanted)
    ours = not parts.scheme and not parts.netloc and parts.path.startswith(f"{root}/")
    if not ours or wanted.startswith("//") or "\\" in wanted or parts.path == f"{root}/login":
        return f"{root}/"
    return wanted
