"""The policy lab: what another policy would have said of the pictures that there are.

Every figure is recomputed on the server by the code that decides; no model runs.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dashboards import asking
from dashboards.pages import moving
from dashboards.pages.moving import Moved
from dashboards.pages.wall import STANDINGS
from dashboards.pages.weighing import SHOWN, Balance, Histogram, balance, histogram
from dashboards.rendering import HEADERS, Part, Rendering, part
from sentinel.errors import NotFound, PolicyError
from sentinel.faces import Rules, Tuning, Window
from sentinel.store.queries import Filters, Judged, Names

LASTING = 30.0
"""Seconds that a sample is remembered: what a slider changes is the policy, not the pictures."""

SAMPLES = 4
"""Samples that are remembered: some megabytes each."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try: None where no picture fits; `whole` pictures would fit in all."""

    balance: Balance | None
    histograms: dict[str, Histogram]
    whole: int
    toml: str


class Lab:
    """The page of one window."""

    def __init__(self, window: Window, rendering: Rendering) -> None:
        """Nothing is asked yet."""
        self._window = window
        self._rendering = rendering
        self._lock = threading.Lock()
        self._samples: dict[tuple[Filters, int], tuple[float, tuple[Judged, ...]]] = {}

    async def page(self, request: Request) -> Response:
        """The controls and what they come to; the page's script swaps the latter alone."""
        names = await part(self._window.queries.names)
        if names.value is not None and not names.value.mode:
            return RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
        moved = await self._moved(request, names.value)
        if moved is None:
            told = "No policy is known here, so there is none to try."
            return self._rendering.page(request, "problem.html", 404, title="Policy lab",
                                        message=told)  # fmt: skip
        before, after, problem = await self._rules(moved.tuning)
        moved = moving.trimmed(moved, before)
        tried: Part[Tried] = Part(None, problem)
        if problem is None:
            tried = await part(lambda: self._try(moved, before, after))
        return self._rendering.page(
            request, "lab.html", moved=moved, asked=moved.asked, names=names.value, before=before,
            after=after, tried=tried, sizes=moving.SIZES, ranges=asking.RANGES,
            policies=self._window.policies, standings=STANDINGS, most=SHOWN,
            changed=moving.is_moved(moved.tuning),
            histograms=tried.value.histograms if tried.value else {},
        )  # fmt: skip

    async def toml(self, request: Request) -> Response:
        """The changed policy as the file that `SENTINEL_POLICIES` takes; 422 says what is wrong."""
        policy = request.query_params.get("policy", "")
        moved = moving.read(request.query_params, request.query_params.multi_items(), policy)
        try:
            text = await asyncio.to_thread(self._window.write, moved.tuning)
        except (NotFound, PolicyError) as error:
            return Response(f"{error}\n", 422, headers=HEADERS, media_type="text/plain")
        name = moved.tuning.name or moved.tuning.policy  # the loader took it: letters, digits, - _
        headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}.toml"'}
        return Response(text, headers=headers, media_type="application/toml")

    async def _moved(self, request: Request, names: Names | None) -> Moved | None:
        """What is asked for; without a policy, the first of those that have judged."""
        known, query = self._window.policies, request.query_params
        used = [name for name in (names.policy if names else ()) if name in known]
        chosen = query.get("policy", "")
        if chosen not in known:
            chosen = next(iter((*used, *known)), "")
        return moving.read(query, query.multi_items(), chosen) if chosen else None

    async def _rules(self, tuning: Tuning) -> tuple[Rules, Rules, str | None]:
        """The policy before and after; where it may not be so, as it stands, and why."""
        try:
            return *await asyncio.to_thread(self._window.rules, tuning), None
        except PolicyError as error:
            stands = await asyncio.to_thread(self._window.rules, Tuning(tuning.policy))
            return *stands, "; ".join(error.problems)

    def _try(self, moved: Moved, before: Rules, after: Rules) -> Tried:
        filters, queries = moved.filters(), self._window.queries
        sample = self._sample(filters, moved.size)
        whole = queries.counts(filters).evaluations
        toml = self._window.write(moved.tuning)
        if not sample:
            return Tried(None, {}, 0, toml)
        weighed = self._window.weigh(moved.tuning, sample)
        bars = {line.name: histogram(weighed, line.name) for line in after.judges}
        return Tried(balance(weighed, before, after), bars, max(whole, len(sample)), toml)

    def _sample(self, filters: Filters, size: int) -> tuple[Judged, ...]:
        """The newest pictures, as they were half a minute ago at most."""
        now = time.monotonic()
        with self._lock:
            kept = self._samples.get((filters, size))
        if kept is not None and now - kept[0] < LASTING:
            return kept[1]
        sample = self._window.queries.readings(filters, size)
        with self._lock:
            self._samples.pop((filters, size), None)
            while len(self._samples) >= SAMPLES:
                self._samples.pop(next(iter(self._samples)))
            self._samples[filters, size] = now, sample
        return sample
