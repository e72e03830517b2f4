"""Counts of two ranges and the line between in, the overview's cards out. Pure.

Each card says what it counts. passed + regenerate + gate failures + undecided = evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards import figures
from dashboards.drawing import Slice, Sparkline, slices, sparkline
from sentinel.store.queries import Counts, share


@dataclass(frozen=True, slots=True)
class Card:
    """One figure. `way` is up, down, same or ""; `mood` is good, bad or "" for that way."""

    key: str
    label: str
    value: str
    detail: str
    counts: str
    change: str
    way: str
    mood: str
    line: Sparkline


@dataclass(frozen=True, slots=True)
class Summary:
    """The head of the page: the pass rate with its interval, and what the evaluations came to."""

    rate: Card
    interval: tuple[str, str]
    total: Card
    parts: tuple[Slice, ...]


Measure = Callable[[Counts], float | None]
Change = Callable[[float | None, float | None], tuple[str, str]]


def summary(now: Counts, before: Counts, spans: Sequence[Counts | None]) -> Summary:
    """The pass rate, the evaluations, and the bar of what became of them."""
    low, high = now.pass_interval or (None, None)
    rate = _card(
        "pass-rate", "Pass rate", figures.percent(now.pass_rate),
        f"{figures.count(now.passed)} of {figures.count(now.evaluations)} pictures",
        "Evaluations in which every judge with a threshold passed and no gate refused, over all "
        "evaluations. The interval holds the true rate with 95 % confidence (Wilson).",
        lambda c: c.pass_rate, now, before, spans, change=figures.points, better="up",
    )  # fmt: skip
    total = _card(
        "evaluations", "Evaluations", figures.count(now.evaluations),
        f"in {figures.count(now.traces)} requests",
        "Pictures that were judged. A picture that was made again counts each time.",
        lambda c: c.evaluations, now, before, spans, change=figures.relative,
    )  # fmt: skip
    parts = (
        ("passed", "passed", now.passed), ("failed", "regenerate", now.failed),
        ("refused", "gate failures", now.refused), ("undecided", "undecided", now.undecided),
    )  # fmt: skip
    return Summary(rate, (figures.percent(low), figures.percent(high)), total, slices(parts))


def cards(now: Counts, before: Counts, spans: Sequence[Counts | None]) -> tuple[Card, ...]:
    """The other eight."""
    return (*_of_quality(now, before, spans), *_of_requests(now, before, spans))


def _of_quality(now: Counts, before: Counts, spans: Sequence[Counts | None]) -> tuple[Card, ...]:
    each = now.failed_judges / now.evaluations if now.evaluations else None
    return (
        _card("first-try", "First-try pass rate", figures.percent(now.first_pass_rate),
              f"{figures.count(now.first_passed)} of {figures.count(now.traces)} requests",
              "Requests whose first picture passed, over all requests with a judged picture.",
              lambda c: c.first_pass_rate, now, before, spans, figures.points, "up"),
        _card("score", "Average score", figures.unit(now.mean_score), "weighted, 0 to 1",
              "The mean of the weighted scores of all pictures that judges scored.",
              lambda c: c.mean_score, now, before, spans, figures.relative, "up"),
        _card("regenerate", "Regenerate rate", figures.percent(now.regenerate_rate),
              f"{figures.count(now.failed)} pictures scored too low",
              "Evaluations in which a judge was below its threshold, or the weighted score below "
              "the policy's mark, over all evaluations.",
              lambda c: c.regenerate_rate, now, before, spans, figures.points, "down"),
        _card("gates", "Gate failures", figures.count(now.refused),
              f"{figures.percent(share(now.refused, now.evaluations))} of evaluations",
              "Pictures that a gate refused: no judge was asked.",
              lambda c: c.refused, now, before, spans, figures.relative, "down"),
        _card("failed-judges", "Failed judges", figures.count(now.failed_judges),
              f"{figures.unit(each)} per picture",
              "Readings below their threshold, each counted: one picture may fail several judges.",
              lambda c: c.failed_judges, now, before, spans, figures.relative, "down"),
    )  # fmt: skip


def _of_requests(now: Counts, before: Counts, spans: Sequence[Counts | None]) -> tuple[Card, ...]:
    return (
        _card("retried", "Delivered after retry", figures.count(now.retried),
              f"of {figures.count(now.delivered)} pictures delivered",
              "Pictures painted here and given out that were not of the first round: what "
              "guarding saved.",
              lambda c: c.retried, now, before, spans, figures.relative),
        _card("cost", "Cost per delivered", figures.dollars(now.cost_per_delivered),
              f"{figures.dollars(now.cost)} in all",
              "What all judged pictures cost in US dollars, thrown away or not, over the pictures "
              "given out.",
              lambda c: c.cost_per_delivered, now, before, spans, figures.relative, "down"),
        _card("added", "Guarding added", figures.seconds(now.added_seconds),
              f"mean of {figures.count(now.guarded)} guarded requests",
              "Seconds that a guarded request took beyond making its first picture: judging, "
              "and painting again.",
              lambda c: c.added_seconds, now, before, spans, figures.relative, "down"),
    )  # fmt: skip


def _card(  # noqa: PLR0913, PLR0917 - a row of a table
    key: str, label: str, value: str, detail: str, counts: str, measure: Measure, now: Counts,
    before: Counts, spans: Sequence[Counts | None], change: Change, better: str = "",
) -> Card:  # fmt: skip
    known = before.evaluations > 0 and now.evaluations > 0
    told, way = change(measure(now), measure(before)) if known else ("", "")
    mood = "" if way in ("", "same") or not better else "good" if way == better else "bad"
    line = sparkline([measure(each) if each else None for each in spans])
    return Card(key, label, value, detail, counts, told, way, mood, line)
