"""A template's name and what it shows in, a page out that runs nothing but our own files.

Everything is escaped; no page holds a script, a style or a handler of its own, and the policy
that is sent with it (Content-Security-Policy) lets a browser run none that came from outside.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from dashboards import assets, figures
from sentinel.faces import Visitor, Window

T = TypeVar("T")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What a panel shows, or why it cannot."""

    value: T | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Tab:
    """A page in the navigation: its path below the root ("" is the first), name, icon and key."""

    path: str
    label: str
    icon: str


async def part(ask: Callable[[], T]) -> Part[T]:
    """Ask in a thread; one panel's trouble is told in its place, and the others stand."""
    try:
        return Part(await asyncio.to_thread(ask))
    except Exception as error:  # noqa: BLE001 - whatever a query raises, the page is shown
        return Part(None, f"This could not be read ({type(error).__name__}). Load it again.")


class Rendering:
    """Fills templates for one face."""

    def __init__(self, window: Window, tabs: tuple[Tab, ...]) -> None:
        """`tabs` in the order of the navigation."""
        self._environment = Environment(
            loader=PackageLoader("dashboards"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        written = {
            name: getattr(figures, name)
            for name in ("count", "percent", "unit", "seconds", "dollars", "moment",
                         "moment_exact", "named")
        }  # fmt: skip
        self._environment.filters.update(written, block=block)
        self._environment.globals.update(tabs=tabs, version=window.version)

    def page(self, request: Request, template: str, status: int = 200, **shown: Any) -> Response:
        """A page, or the part of one that a template of its own holds."""
        root = request.scope.get("root_path", "").rstrip("/")
        visitor: Visitor | None = request.state.visitor
        text = self._environment.get_template(template).render(
            root=root,
            visitor=visitor,
            path=request.url.path.removeprefix(root).strip("/"),
            asset=lambda name: f"{root}/{assets.address(name)}",
            **shown,
        )
        return Response(text, status, headers=HEADERS, media_type="text/html")


def block(value: Mapping[str, Any]) -> Markup:
    """JSON for a `<script type="application/json">`, which nothing in it can close."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - what could close the element is escaped above
