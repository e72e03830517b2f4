"""The page that people open every morning: how good we are, what breaks, and since when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from dashboards import asking
from dashboards.asking import DAY_MS, HOUR_MS
from dashboards.pages.cards import cards, summary
from dashboards.rendering import Part, Rendering, part
from sentinel.faces import Window
from sentinel.store.queries import (
    Counts,
    FailureCount,
    Filters,
    Group,
    Names,
    Queries,
    Span,
    Turn,
    together,
)

FEWEST = 6
"""Points that a line has at least."""

T = TypeVar("T")

NOTHING = Counts(0, 0, 0, 0, 0, 0, 0, 0, None, None, 0.0)

RANKED = 12
"""Failure modes and categories that are shown; the rest is a click away."""

STEPS = tuple(hours * HOUR_MS for hours in (1, 3, 6, 12, 24))
LONG_STEPS = (DAY_MS, 7 * DAY_MS)
"""Steps of the line, by hours up to a week, by days beyond; each divides a UTC day or is some."""

ENOUGH = 8
"""Pictures that a step has on the mean where it has any, if a longer step can bring that."""


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
        found, past, turns, names = await asyncio.gather(
            part(lambda: spans_of(ask, now)),
            part(lambda: ask.counts(before)),
            part(lambda: ask.turns(now)),
            part(ask.names),
        )
        other = other_of(names.value)
        modes, groups, others = await asyncio.gather(
            part(lambda: ask.failure_modes(now, RANKED)),
            part(lambda: ask.by("category", now, RANKED)),
            part(lambda: ask.by(other, now, RANKED)),
        )
        spans = _shown(found, lambda each: merged(each, now))
        total = _shown(found, lambda each: together([span.counts for span in each]))
        if names.value is not None and not names.value.mode:
            return self._rendering.page(request, "first_run.html", host=host_of(request))
        return self._rendering.page(
            request, "overview.html", asked=asked, ranges=asking.RANGES, names=names.value,
            total=total, step=step_in_words(spans.value, now),
            head=_shown(total, lambda c: summary(c, past.value or NOTHING, _line(spans))),
            cards=_shown(total, lambda c: cards(c, past.value or NOTHING, _line(spans))),
            line=_shown(spans, lambda each: chart(each, turns.value or ())),
            modes=_shown(modes, ranked), groups=_shown(groups, bars), other=other,
            others=_shown(others, bars),
        )  # fmt: skip


def spans_of(queries: Queries, filters: Filters) -> tuple[Span, ...]:
    """Counts by the hour up to a week, by the UTC day beyond."""
    return queries.by_hour(filters) if filters.hourly else queries.by_day(filters)


def merged(spans: Sequence[Span], filters: Filters) -> tuple[Span, ...]:
    """Every step of the range, with what was counted in it.

    Steps are as short as leaves enough pictures in each that are not empty: the pass rate of two
    pictures is noise, not a line.
    """
    length = (filters.until_ms or filters.since_ms) - filters.since_ms
    steps = STEPS if filters.hourly else LONG_STEPS
    width = _width(spans, [step for step in steps if step * FEWEST <= length] or steps[:1])
    found: dict[int, list[Counts]] = {}
    for span in spans:
        found.setdefault(span.start_ms - span.start_ms % width, []).append(span.counts)
    first = filters.since_ms - filters.since_ms % width
    starts = range(first, filters.until_ms or first, width)
    return tuple(Span(start, together(found.get(start, []))) for start in starts)


def step_in_words(spans: Sequence[Span] | None, filters: Filters) -> str:
    """How long a step is, as it is said."""
    width = spans[1].start_ms - spans[0].start_ms if spans and len(spans) > 1 else 0
    if width > DAY_MS:
        return f"by {width // DAY_MS} days"
    if width == DAY_MS or not filters.hourly:
        return "by the UTC day"
    return "by the hour" if width <= HOUR_MS else f"by {width // HOUR_MS} hours"


def other_of(names: Names | None) -> Literal["model", "policy"]:
    """What success is told by beside the category: the model, unless there is but one."""
    return "policy" if names and len(names.model) == 1 and len(names.policy) > 1 else "model"


def chart(spans: Sequence[Span], turns: Sequence[Turn]) -> dict[str, Any]:
    """What the script draws: a point for every step of the range, and the annotations."""
    points = [span.counts for span in spans]
    bounds = [each.pass_interval for each in points]
    return {
        "width": spans[1].start_ms - spans[0].start_ms if len(spans) > 1 else DAY_MS,
        "times": [span.start_ms for span in spans],
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


def _width(spans: Sequence[Span], steps: Sequence[int]) -> int:
    total = sum(span.counts.evaluations for span in spans)
    for width in steps:
        if total >= ENOUGH * len({span.start_ms // width for span in spans}):
            return width
    return steps[-1]


def _line(spans: Part[tuple[Span, ...]]) -> list[Counts | None]:
    """The counts of each step, None where there are none."""
    return [span.counts if span.counts.evaluations else None for span in spans.value or ()]


def _shown(found: Part[T], make: Callable[[T], Any]) -> Part[Any]:
    return Part(None, found.problem) if found.value is None else Part(make(found.value))
