"""Judged pictures side by side, the worst first; and the same list as a file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from dashboards import asking, assets, exporting
from dashboards.asking import Asked
from dashboards.rendering import HEADERS, Rendering, part
from sentinel.contracts import Standing
from sentinel.faces import Window
from sentinel.store.queries import Order, Place, Said, Wanted

AT_ONCE = 60
"""Pictures on a page."""

SHA256 = re.compile("[0-9a-f]{64}")

A_DAY = {
    "Cache-Control": "private, max-age=86400, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}

STANDINGS: Mapping[str, str] = {
    "failed": "regenerate", "refused": "gate failure", "undecided": "undecided", "passed": "passed",
}  # fmt: skip
"""Standings as the page calls them."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What an address of the wall asks for, beyond the filters that every page has."""

    asked: Asked
    order: Order = "worst"
    standing: Standing | None = None
    quality: str | None = None
    kind: str | None = None
    said: Said | None = None
    after: Place | None = None

    @property
    def wanted(self) -> Wanted:
        """As the store is asked. A list goes by exact times, to the end of the hour under way."""
        return Wanted(
            self.asked.filters(), self.standing, self.quality, self.kind, self.said, self.order
        )

    def query(self, **changed: str | None) -> str:
        """The query of an address that asks for this, but for what is changed."""
        own = {
            "order": None if self.order == "worst" else self.order, "standing": self.standing,
            "quality": self.quality, "kind": self.kind, "said": self.said,
        }  # fmt: skip
        return self.asked.query(**(own | changed))


class Wall:
    """The page of one window."""

    def __init__(self, window: Window, rendering: Rendering) -> None:
        """Nothing is asked yet."""
        self._window = window
        self._rendering = rendering

    async def page(self, request: Request) -> Response:
        """A page of pictures; to HTMX, which asks for more, only those."""
        sought = read(request.query_params)
        ask = self._window.queries
        page, names, modes = await asyncio.gather(
            part(lambda: ask.pictures(sought.wanted, sought.after, AT_ONCE)),
            part(ask.names),
            part(lambda: ask.failure_modes(sought.asked.filters(), 40)),
        )
        if names.value is not None and not names.value.mode:
            return RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
        more = page.value and page.value.next
        return self._rendering.page(
            request, "wall.html", asked=sought.asked, sought=sought, page=page, names=names.value,
            ranges=asking.RANGES, standings=STANDINGS, modes=modes.value or (),
            more=sought.query(after=told(more)) if more else None, offset=_offset(request),
        )  # fmt: skip

    async def thumbnail(self, request: Request) -> Response:
        """A picture made small; where it is no longer kept, one that says so."""
        sha256 = request.path_params["sha256"]
        if not SHA256.fullmatch(sha256):
            raise HTTPException(404)
        small = await asyncio.to_thread(self._window.thumbnail, sha256)
        if small is None:
            gone = assets.assets()["gone.svg"]
            return Response(gone.content, headers=HEADERS, media_type=gone.kind)
        return Response(small, headers=A_DAY, media_type="image/webp")

    async def export(self, request: Request) -> Response:
        """The list as CSV or parquet, at most so many rows; it is written while it is read."""
        sought = read(request.query_params)
        ending = request.path_params["ending"]
        if ending not in ("csv", "parquet"):
            raise HTTPException(404)
        rows = self._window.queries.all_pictures(sought.wanted, exporting.MOST)
        headers = HEADERS | {
            "Content-Disposition": f'attachment; filename="sentinel-pictures.{ending}"'
        }
        if ending == "csv":
            lines = exporting.csv_lines(rows)
            return StreamingResponse(lines, headers=headers, media_type="text/csv; charset=utf-8")
        try:
            table = await asyncio.to_thread(exporting.parquet, rows)
        except exporting.NoParquet as error:
            return Response(f"{error}\n", 501, headers=HEADERS, media_type="text/plain")
        return Response(table, headers=headers, media_type="application/vnd.apache.parquet")


def read(query: Mapping[str, str]) -> Sought:
    """What a query asks for; what it cannot ask for is left out, so that a link always opens."""
    given: dict[str, Any] = {
        "order": _one_of(query.get("order"), get_args(Order)) or "worst",
        "standing": _one_of(query.get("standing"), get_args(Standing)),
        "said": _one_of(query.get("said"), get_args(Said)),
        "quality": query.get("quality", "")[: asking.LONGEST] or None,
        "kind": query.get("kind", "")[: asking.LONGEST] or None,
    }
    return Sought(asking.read(query), **given, after=place(query.get("after", "")))


def place(text: str) -> Place | None:
    """Where a page goes on; None for what is no place."""
    found = re.fullmatch(r"(-?[0-9.e-]{1,25})~([0-9]{1,18})~([^~]{1,100})~([0-9]{1,9})", text)
    if found is None:
        return None
    try:
        return float(found[1]), int(found[2]), found[3], int(found[4])
    except ValueError:
        return None


def told(found: Place) -> str:
    """A place as an address has it."""
    rank, ms, trace_id, number = found
    return f"{rank!r}~{ms}~{trace_id}~{number}"


def _one_of(text: str | None, known: tuple[str, ...]) -> str | None:
    return text if text in known else None


def _offset(request: Request) -> int:
    """How many pictures came before on the same page, so that each has a number of its own."""
    text = request.query_params.get("shown", "0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0  # noqa: PLR2004 - fits an int anywhere
