"""One request from its first picture to its end: attempts side by side, what each was told, why."""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request
from starlette.responses import Response

from dashboards.pages.attempts import bare, gates_of, shown
from dashboards.rendering import HEADERS, Rendering, part
from sentinel.contracts import Trace
from sentinel.errors import NotFound
from sentinel.faces import Window
from sentinel.store.evaluations import Feedback

ENDED = {
    "passed": "a picture passed", "budget": "the budget was spent", "deadline": "the time was up",
    "plateau": "nothing got better", "undecided": "it stayed undecided",
    "rejected": "a gate refused",
}  # fmt: skip
"""Why a request stopped, as the page says it."""

REASON = 500
"""Characters of a reason that are kept."""


class TracePage:
    """The page of one window."""

    def __init__(self, window: Window, rendering: Rendering) -> None:
        """Nothing is asked yet."""
        self._window = window
        self._rendering = rendering

    async def page(self, request: Request) -> Response:
        """The whole trace; with `suppose` in the query, what another policy would have said."""
        try:
            trace = await self._load(request)
        except NotFound as error:
            return self._rendering.page(request, "problem.html", 404, title="No such trace",
                                        message=str(error))  # fmt: skip
        window = self._window
        attempts = await asyncio.to_thread(shown, trace, window.picture)
        said = await asyncio.to_thread(window.said, [trace.id])
        wanted = request.query_params.get("suppose", "")
        supposed = None
        if wanted in window.policies:
            supposed = await part(lambda: window.suppose(trace, wanted))
        return self._rendering.page(
            request, "trace.html", trace=trace, attempts=attempts, bare=bare(trace),
            said={number: each for (_, number), each in said.items()},
            screened=gates_of(trace.screened), ended=ENDED.get(trace.stopped_because or "", ""),
            policies=window.policies, wanted=wanted, supposed=supposed,
        )  # fmt: skip

    async def say(self, request: Request) -> Response:
        """Keep a thumb and its reason; the part of the page that shows it comes back."""
        try:
            trace = await self._load(request)
        except NotFound:
            return Response(status_code=404, headers=HEADERS)
        number = request.path_params["number"]
        if number not in {each.number for each in trace.attempts if each.judged}:
            return Response(status_code=404, headers=HEADERS)
        form = await request.form()
        thumb, reason = str(form.get("thumb", "")), str(form.get("reason", "")).strip()[:REASON]
        if thumb not in ("up", "down", "none"):
            return Response("thumb is up, down or none\n", 422, headers=HEADERS)
        positive = None if thumb == "none" else thumb == "up"
        feedback = Feedback(positive, reason or None, int(time.time() * 1000))
        await asyncio.to_thread(self._window.say, trace.id, number, feedback)
        return self._rendering.page(request, "said.html", trace=trace, number=number, word=feedback)

    async def _load(self, request: Request) -> Trace:
        return await asyncio.to_thread(self._window.load, request.path_params["trace_id"])
