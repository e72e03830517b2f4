"""A window on a house in, the dashboard's pages out, as an ASGI application.

A page that is added needs three lines: its object, its route, and its tab (docs/dashboard.md).
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards import assets
from dashboards.pages.judges import Judges
from dashboards.pages.lab import Lab
from dashboards.pages.live import LivePage
from dashboards.pages.login import Login
from dashboards.pages.overview import Overview
from dashboards.pages.trace import TracePage
from dashboards.pages.wall import Wall
from dashboards.rendering import Rendering, Tab
from sentinel.errors import Unavailable
from sentinel.faces import Window

TABS = (
    Tab("", "Overview", "gauge"),
    Tab("pictures", "Inspect", "grid"),
    Tab("lab", "Policy lab", "sliders"),
    Tab("judges", "Judges", "scale"),
    Tab("live", "Live", "pulse"),
)
"""The navigation, from the top."""


def dashboard(window: Window) -> ASGIApp:
    """The face that `sentinel.faces` names `dashboard`."""
    rendering = Rendering(window, TABS)
    overview, wall = Overview(window, rendering), Wall(window, rendering)
    trace, login = TracePage(window, rendering), Login(window, rendering)
    lab, judges = Lab(window, rendering), Judges(window, rendering)
    live = LivePage(window, rendering)
    routes = [
        Route("/", overview.page),
        Route("/pictures", wall.page),
        Route("/pictures.{ending:str}", wall.export),
        Route("/thumbs/{sha256}", wall.thumbnail),
        Route("/traces/{trace_id}", trace.page),
        Route("/traces/{trace_id}/{number:int}/said", trace.say, methods=["POST"]),
        Route("/lab", lab.page),
        Route("/lab.toml", lab.toml),
        Route("/judges", judges.page),
        Route("/live", live.page),
        Route("/live/now", live.now),
        Route("/live/stream", live.stream),
        Route("/login", login.form, methods=["GET", "HEAD"]),
        Route("/login", login.enter, methods=["POST"]),
        Route("/leave", login.leave, methods=["POST"]),
        Route("/static/{tag}/{name:path}", assets.serve),
    ]
    return Told(Router(routes, redirect_slashes=False), rendering)


class Told:
    """Wraps the pages: what none of them answers is told as a page, too."""

    def __init__(self, app: ASGIApp, rendering: Rendering) -> None:
        """`rendering` knows how a page looks."""
        self._app = app
        self._rendering = rendering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say that there is nothing."""
        try:
            await self._app({**scope, "app": self}, receive, send)
        except HTTPException as error:
            told = "Nothing here", "There is no page at this address."
            await self._problem(Request(scope), error.status_code, *told)(scope, receive, send)
        except Unavailable as error:
            told = "Not now", f"{error.what} does not answer. Load the page again in a moment."
            await self._problem(Request(scope), 503, *told)(scope, receive, send)

    def _problem(self, request: Request, status: int, title: str, message: str) -> Response:
        return self._rendering.page(request, "problem.html", status, title=title, message=message)
