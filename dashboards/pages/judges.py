"""How the judges are: seated or not, faults, times, whether their values drift, and people."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dashboards import asking
from dashboards.asking import DAY_MS, HOUR_MS, Asked
from dashboards.pages.seats import ENOUGH, Health, coarser, healths
from dashboards.rendering import Rendering, part
from sentinel.faces import Window
from sentinel.store.queries import Filters

EACH = 100
"""Pictures of every step that are looked at, the newest: enough for a quantile of 10 %."""

STEPS = 30
"""Steps of a band at most; each is whole hours or days."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What the page shows: judges, over how many pictures, and how long a step is."""

    judges: tuple[Health, ...]
    pictures: int
    step: str
    starts: tuple[int, ...]


class Judges:
    """The page of one window."""

    def __init__(self, window: Window, rendering: Rendering) -> None:
        """Nothing is asked yet."""
        self._window = window
        self._rendering = rendering

    async def page(self, request: Request) -> Response:
        """Every judge that is on offer, or that spoke in the range."""
        asked = asking.read(request.query_params)
        looked, names = await asyncio.gather(
            part(lambda: self._look(asked)), part(self._window.queries.names)
        )
        if names.value is not None and not names.value.mode:
            return RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
        return self._rendering.page(
            request, "judges.html", asked=asked, names=names.value, ranges=asking.RANGES,
            looked=looked, each=EACH, enough=ENOUGH,
        )  # fmt: skip

    def _look(self, asked: Asked) -> Looked:
        filters = asked.filters()
        spans = steps(filters)
        seats = self._window.seats()
        found = self._window.queries.readings_over(spans, EACH)
        said = self._window.queries.readings_said(filters)
        starts = tuple(span.since_ms for span in spans)
        width = starts[1] - starts[0]
        return Looked(
            healths(seats, found, said, coarser(starts, found)), len(found), in_words(width), starts
        )


def steps(filters: Filters) -> tuple[Filters, ...]:
    """The range in at most so many steps of whole hours or days, oldest first."""
    until = filters.until_ms or 0
    unit = HOUR_MS if filters.hourly else DAY_MS
    length = (until - filters.since_ms) // unit
    width = -(-length // STEPS) * unit
    names = {place: getattr(filters, place) for place in ("project", "model", "policy",
                                                          "category", "mode")}  # fmt: skip
    return tuple(
        Filters(since_ms=start, until_ms=min(start + width, until), **names)
        for start in range(filters.since_ms, until, width)
    )


def in_words(width: int) -> str:
    """How long a step is, as it is said."""
    unit, word = (DAY_MS, "day") if width >= DAY_MS and not width % DAY_MS else (HOUR_MS, "hour")
    count = width // unit
    return word if count == 1 else f"{count} {word}s"
