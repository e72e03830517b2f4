"""The page that people open every morning: how good we are, what breaks, and since when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from dashboards import asking
from dashboards.asking import DAY_MS, HOUR_MS
from dashboards.pages.cards import cards, summary
from dashboards.rendering import Part, Rendering, part
from sentinel.faces import Window
from sentinel.store.queries import Counts, FailureCount, Filters, Group, Queries, Span, Turn

T = TypeVar("T")

NOTHING = Counts(0, 0, 0, 0, 0, 0, 0, 0, None, None, 0.0)

RANKED = 12
"""Failure modes and categories that are shown; the rest is a click away."""


class Overview:
    """The page of one window."""

    def __init__(self, window: Window, rendering: Rendering) -> None:
        """Nothing is asked yet."""
        self._queries = window.queries
        self._rendering = rendering

    async def page(self, request: Request) -> Response:
        """Every panel is asked for by itself, all at the same time."""
        asked = asking.read(request.query_params)
        now, before, ask = asked.filters(), asked.filters(back=1), self._queries
        spans, past, turns, names = await asyncio.gather(
            part(lambda: spans_of(ask, now)),
            part(lambda: ask.counts(before)),
            part(lambda: ask.turns(now)),
            part(ask.names),
        )
        modes, groups, models = await asyncio.gather(
            part(lambda: ask.failure_modes(now, RANKED)),
            part(lambda: ask.by("category", now, RANKED)),
            part(lambda: ask.by("model", now, RANKED)),
        )
        total = Part(whole(spans.value or ()), spans.problem)
        if names.value is not None and not names.value.mode:
            return self._rendering.page(request, "first_run.html", host=host_of(request))
        return self._rendering.page(
            request, "overview.html", asked=asked, ranges=asking.RANGES, names=names.value,
            hourly=now.hourly, total=total,
            head=_shown(total, lambda c: summary(c, past.value or NOTHING, _line(spans, now))),
            cards=_shown(total, lambda c: cards(c, past.value or NOTHING, _line(spans, now))),
            line=_shown(spans, lambda found: chart(found, turns.value or (), now)),
            modes=_shown(modes, ranked), groups=_shown(groups, bars), models=_shown(models, bars),
        )  # fmt: skip


def spans_of(queries: Queries, filters: Filters) -> tuple[Span, ...]:
    """Counts by the hour up to a week, by the UTC day beyond."""
    return queries.by_hour(filters) if filters.hourly else queries.by_day(filters)


def whole(spans: Sequence[Span]) -> Counts:
    """The sum of spans: the cards and the line cannot disagree."""
    every = [span.counts for span in spans]
    evaluations = sum(each.evaluations for each in every)
    scored = sum(each.scored for each in every)
    guarded = sum(each.guarded for each in every)
    return Counts(
        evaluations=evaluations,
        passed=sum(each.passed for each in every),
        failed=sum(each.failed for each in every),
        refused=sum(each.refused for each in every),
        undecided=sum(each.undecided for each in every),
        traces=sum(each.traces for each in every),
        first_passed=sum(each.first_passed for each in every),
        failed_judges=sum(each.failed_judges for each in every),
        mean_score=_mean([(e.mean_score, e.scored) for e in every], scored),
        mean_seconds=_mean([(e.mean_seconds, e.evaluations) for e in every], evaluations),
        cost=sum(each.cost for each in every),
        delivered=sum(each.delivered for each in every),
        retried=sum(each.retried for each in every),
        guarded=guarded,
        added_seconds=_mean([(e.added_seconds, e.guarded) for e in every], guarded),
        scored=scored,
    )


def chart(spans: Sequence[Span], turns: Sequence[Turn], filters: Filters) -> dict[str, Any]:
    """What the script draws: a point for every hour or day of the range, and the annotations."""
    steps = _steps(filters)
    known = {span.start_ms: span.counts for span in spans}
    points = [known.get(step, NOTHING) for step in steps]
    bounds = [each.pass_interval for each in points]
    return {
        "hourly": filters.hourly,
        "times": steps,
        "rate": [each.pass_rate for each in points],
        "first": [each.first_pass_rate for each in points],
        "low": [each and each[0] for each in bounds],
        "high": [each and each[1] for each in bounds],
        "passed": [each.passed for each in points],
        "failed": [each.failed for each in points],
        "refused": [each.refused for each in points],
        "undecided": [each.undecided for each in points],
        "turns": [
            {"at": turn.start_ms, "what": turn.what, "policy": turn.policy, "name": turn.name}
            for turn in turns
        ],
    }


def ranked(modes: Sequence[FailureCount]) -> list[dict[str, Any]]:
    """Failure modes with the length of their bars, in per cent of the longest."""
    most = max((mode.evaluations for mode in modes), default=1)
    return [
        {"quality": mode.category, "kind": mode.subcategory, "count": mode.evaluations,
         "width": round(mode.evaluations / most * 100, 2)}
        for mode in modes
    ]  # fmt: skip


def bars(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Categories with their pass rate and its interval."""
    return [
        {"name": group.name, "count": group.evaluations, "rate": group.pass_rate or 0.0,
         "interval": group.pass_interval or (0.0, 0.0)}
        for group in groups
    ]  # fmt: skip


def host_of(request: Request) -> str:
    """Scheme and host as the visitor's browser has them, for a command that works as it stands."""
    return f"{request.url.scheme}://{request.url.netloc}"


def _steps(filters: Filters) -> list[int]:
    width = HOUR_MS if filters.hourly else DAY_MS
    return list(range(filters.since_ms, filters.until_ms or filters.since_ms, width))


def _line(spans: Part[tuple[Span, ...]], filters: Filters) -> list[Counts | None]:
    known = {span.start_ms: span.counts for span in spans.value or ()}
    return [known.get(step) for step in _steps(filters)]


def _mean(values: Sequence[tuple[float | None, int]], whole: int) -> float | None:
    if not whole:
        return None
    return sum(value * n for value, n in values if value is not None) / whole


def _shown(found: Part[T], make: Callable[[T], Any]) -> Part[Any]:
    return Part(None, found.problem) if found.value is None else Part(make(found.value))
