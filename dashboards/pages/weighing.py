"""Pictures under two policies in, what would change out: rates, flips, costs, histograms. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards.drawing import Slice, slices
from sentinel.contracts import Score
from sentinel.faces import Decided, Rules, Weighed
from sentinel.store.queries import share, wilson

BINS = 25
"""Bars of a histogram: each 0.04 wide."""

SHOWN = 24
"""Flips of each direction that are shown with their picture."""

LABELS = (
    ("passed", "passed"), ("failed", "regenerate"), ("refused", "gate failures"),
    ("undecided", "undecided"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """One policy over the sample. `rate` is the share that passed, within `interval` (Wilson)."""

    counts: Counter[str]
    total: int
    rate: float
    interval: tuple[float, float]
    parts: tuple[Slice, ...]
    forecast: Forecast
    agreeing: int
    """Pictures on which it agrees with a person, of those that a person spoke of."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a request would come to, if each picture passed by itself with the sample's rate.

    `pictures` are painted per request, `retries` of them after the first, `delivered` is the share
    of requests that get a picture that passes; cost (US dollars) and seconds are per such picture,
    None where none passes.
    """

    pictures: float
    retries: float
    delivered: float
    cost: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Flip:
    """A picture whose fate changes, and why it is what it would be."""

    weighed: Weighed
    why: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram, in per cent of its place; `start` and `end` are values, 0 to 1."""

    x: float
    y: float
    height: float
    count: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Values of one judge in the sample; `silent` pictures have no reading of it."""

    bars: tuple[Bar, ...]
    scored: int
    silent: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Everything that the page shows of a sample."""

    before: Side
    after: Side
    gained: tuple[Flip, ...]
    lost: tuple[Flip, ...]
    moved: int
    """Pictures whose standing changes though they pass neither way."""
    unmeasured: tuple[tuple[str, int], ...]
    """Judges that the policy asks and that said nothing of so many pictures."""
    spoken: int
    """Pictures that a person spoke of."""
    otherwise: int
    """Pictures that were judged under another content of the policy, or another policy."""


def balance(every: Sequence[Weighed], before: Rules, after: Rules) -> Balance:
    """What the sample comes to; ValueError of none."""
    was, would = (lambda each: each.before), (lambda each: each.after)
    gained = [each for each in every if not _passes(each.before) and _passes(each.after)]
    lost = [each for each in every if _passes(each.before) and not _passes(each.after)]
    absent = Counter(name for each in every for name in each.unmeasured)
    return Balance(
        before=_side(every, was, before.attempts),
        after=_side(every, would, after.attempts),
        gained=tuple(Flip(each, each.before.reason) for each in gained),
        lost=tuple(Flip(each, each.after.reason) for each in lost),
        moved=sum(
            each.before.standing != each.after.standing for each in every
        ) - len(gained) - len(lost),
        unmeasured=tuple(absent.most_common()),
        spoken=sum(each.judged.said is not None for each in every),
        otherwise=sum(each.judged.policy_fingerprint != before.fingerprint for each in every),
    )  # fmt: skip


def forecast(rate: float, attempts: int, cost: float, seconds: float) -> Forecast:
    """By a geometric series cut off after `attempts`: see `Forecast`.

    pictures = (1 - (1 - rate)^attempts) / rate; per delivered picture that is 1 / rate of them.
    """
    delivered = 1 - (1 - rate) ** attempts
    pictures = delivered / rate if rate else float(attempts)
    each = 1 / rate if rate else None
    return Forecast(
        pictures, pictures - 1, delivered, each and cost * each, each and seconds * each
    )


def histogram(every: Sequence[Weighed], judge: str) -> Histogram:
    """How often the judge gave which value."""
    values = [
        outcome.value
        for each in every
        for outcome in each.judged.outcomes
        if isinstance(outcome, Score) and outcome.judge == judge
    ]
    counts = Counter(min(BINS - 1, int(value * BINS)) for value in values)
    most = max(counts.values(), default=1)
    bars = tuple(
        Bar(k / BINS * 100, 100 - n / most * 100, n / most * 100, n, k / BINS, (k + 1) / BINS)
        for k, n in sorted(counts.items())
    )
    return Histogram(bars, len(values), len(every) - len(values))


def _side(every: Sequence[Weighed], which: Callable[[Weighed], Decided], attempts: int) -> Side:
    counts: Counter[str] = Counter(which(each).standing for each in every)
    total, passed = len(every), counts["passed"]
    rate, interval = share(passed, total), wilson(passed, total)
    if rate is None or interval is None:
        raise ValueError("there is nothing to weigh")
    cost = sum(each.judged.cost for each in every) / total
    seconds = sum(each.judged.seconds for each in every) / total
    agreeing = sum(
        _passes(which(each)) == right for each in every if (right := _good(each)) is not None
    )
    parts = slices([(key, label, counts[key]) for key, label in LABELS])
    found = forecast(rate, attempts, cost, seconds)
    return Side(counts, total, rate, interval, parts, found, agreeing)


def _passes(decided: Decided) -> bool:
    return decided.standing == "passed"


def _good(each: Weighed) -> bool | None:
    """Whether a person would let the picture pass, by their word on the verdict of then."""
    said = each.judged.said
    return None if said is None else said == (each.judged.standing == "passed")
