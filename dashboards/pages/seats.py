"""What judges said of pictures in, each judge's health out: faults, times, drift, people. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

from sentinel.contracts import Fault, Outcome, Score
from sentinel.faces import Seat
from sentinel.store.queries import Judged

ENOUGH = 10
"""Thumbs from which on a share is told: below it one thumb moves it by more than ten points."""

FEW = 8
"""Pictures that a step of a band has on the mean, if longer steps can bring that."""

FACTORS = (1, 2, 3, 5, 8)
"""How many steps are put together for that."""

WIDE, HIGH = 600.0, 90.0
"""Size of a band in its own units; it is stretched to its place."""

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a band: quantiles of the values at LEVELS; None where there are none."""

    start_ms: int
    count: int
    levels: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Band:
    """Quantiles over time as SVG paths: the outer and inner band, and the median."""

    steps: tuple[Step, ...]
    outer: str
    inner: str
    median: str
    dots: tuple[tuple[float, float], ...]
    """Medians with no neighbour, which draw no line."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """With how many of people's thumbs a judge agrees; kappa is Cohen's, None where undefined.

    `kappa` is 1 for full agreement and 0 for what chance alone would give.
    """

    same: int
    total: int
    kappa: float | None

    @property
    def is_enough(self) -> bool:
        """Whether there are enough thumbs to tell a share."""
        return self.total >= ENOUGH


@dataclass(frozen=True, slots=True)
class Health:
    """One judge in the pictures that were looked at; seconds are of its own calls."""

    seat: Seat
    place: int
    """Among the judges, the busiest first, from 1."""
    asked: int
    scored: int
    failed: int
    abstained: int
    faults: tuple[tuple[str, int], ...]
    median: float | None
    p50: float | None
    p95: float | None
    threshold: float | None
    band: Band
    people: Agreement
    last_fault: str

    @property
    def faulty(self) -> int:
        """How often it broke."""
        return sum(n for _, n in self.faults)


def healths(
    seats: Sequence[Seat], looked: Sequence[Judged], said: Sequence[Judged], starts: Sequence[int]
) -> tuple[Health, ...]:
    """Every judge that is on offer or has spoken; the busiest first."""
    spoken: dict[str, list[tuple[Judged, Outcome]]] = defaultdict(list)
    for each in looked:
        for outcome in each.outcomes:
            spoken[outcome.judge].append((each, outcome))
    known = {seat.name for seat in seats}
    gone = [Seat(name, "", "", (), "gone", "not installed any more")
            for name in sorted(set(spoken) - known)]  # fmt: skip
    found = [_health(seat, spoken[seat.name], said, starts) for seat in (*seats, *gone)]
    ranked = sorted(found, key=lambda health: (-health.asked, health.seat.name))
    return tuple(replace(health, place=place) for place, health in enumerate(ranked, 1))


def coarser(starts: Sequence[int], looked: Sequence[Judged]) -> tuple[int, ...]:
    """The same range in steps long enough for quantiles: the tenth of two values is noise."""
    for factor in FACTORS:
        kept = tuple(starts[::factor])
        filled = {max((s for s in kept if s <= each.created_ms), default=0) for each in looked}
        if len(looked) >= FEW * len(filled):
            return kept
    return tuple(starts[:: FACTORS[-1]])


def quantile(values: Sequence[float], part: float) -> float | None:
    """The least value that `part` of the sorted values do not exceed (nearest rank)."""
    return _ranked(values, part) if values else None


def agreement(judge: str, said: Iterable[Judged]) -> Agreement:
    """The judge's pass or fail against people's: they say whether the verdict was right.

    Who calls a pass right, or another verdict wrong, would let the picture pass.
    """
    cells: Counter[tuple[bool, bool]] = Counter()
    for each in said:
        if each.said is None or each.standing == "undecided":
            continue
        good = each.said == (each.standing == "passed")
        for outcome in each.outcomes:
            if isinstance(outcome, Score) and outcome.judge == judge and outcome.passed is not None:
                cells[outcome.passed, good] += 1
    total = sum(cells.values())
    same = cells[True, True] + cells[False, False]
    return Agreement(same, total, _kappa(cells, total))


def band(scored: Sequence[tuple[int, float]], starts: Sequence[int]) -> Band:
    """Values (milliseconds, value) as quantiles for every step that begins at `starts`."""
    groups: dict[int, list[float]] = defaultdict(list)
    for ms, value in scored:
        groups[max((start for start in starts if start <= ms), default=starts[0])].append(value)
    steps = tuple(_step(start, sorted(groups[start])) for start in starts)
    outer, inner, median = [], [], []
    dots = []
    for run in _runs(steps):
        if len(run) == 1:
            at, levels = run[0]
            dots.append((_x(at, len(steps)), _y(levels[2])))
            continue
        outer.append(_area(run, 0, 4, len(steps)))
        inner.append(_area(run, 1, 3, len(steps)))
        median.append(_line([(_x(at, len(steps)), _y(levels[2])) for at, levels in run]))
    return Band(steps, " ".join(outer), " ".join(inner), " ".join(median), tuple(dots))


def _health(
    seat: Seat, spoken: Sequence[tuple[Judged, Outcome]], said: Sequence[Judged],
    starts: Sequence[int],
) -> Health:  # fmt: skip
    scores = [(each, o) for each, o in spoken if isinstance(o, Score)]
    faults = [(each, o) for each, o in spoken if isinstance(o, Fault)]
    times = sorted(o.seconds for _, o in spoken if not isinstance(o, Fault))
    last = max(faults, key=lambda pair: pair[0].created_ms, default=None)
    newest = max(scores, key=lambda pair: pair[0].created_ms, default=None)
    return Health(
        seat=seat,
        place=0,
        asked=len(spoken),
        scored=len(scores),
        failed=sum(o.passed is False for _, o in scores),
        abstained=len(spoken) - len(scores) - len(faults),
        faults=tuple(Counter[str](o.cause for _, o in faults).most_common()),
        median=quantile(sorted(o.value for _, o in scores), 0.5),
        p50=quantile(times, 0.5),
        p95=quantile(times, 0.95),
        threshold=newest[1].threshold if newest else None,
        band=band([(each.created_ms, o.value) for each, o in scores], starts),
        people=agreement(seat.name, said),
        last_fault=last[1].reason if last else "",
    )


def _kappa(cells: Counter[tuple[bool, bool]], total: int) -> float | None:
    """Cohen (1960): (observed - expected) / (1 - expected)."""
    if not total:
        return None
    judge = (cells[True, True] + cells[True, False]) / total
    people = (cells[True, True] + cells[False, True]) / total
    expected = judge * people + (1 - judge) * (1 - people)
    observed = (cells[True, True] + cells[False, False]) / total
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _step(start: int, values: list[float]) -> Step:
    levels = tuple(_ranked(values, level) for level in LEVELS) if values else None
    return Step(start, len(values), levels)


def _ranked(values: Sequence[float], part: float) -> float:
    return values[max(0, ceil(part * len(values)) - 1)]


Run = list[tuple[int, tuple[float, ...]]]


def _runs(steps: Sequence[Step]) -> list[Run]:
    """Steps that have values, in stretches without a gap."""
    found: list[Run] = [[]]
    for at, step in enumerate(steps):
        if step.levels is None:
            found.append([])
        else:
            found[-1].append((at, step.levels))
    return [run for run in found if run]


def _x(at: int, steps: int) -> float:
    return (at + 0.5) / steps * WIDE


def _y(value: float) -> float:
    return HIGH - value * HIGH


def _area(run: Run, low: int, high: int, steps: int) -> str:
    top = [(_x(at, steps), _y(levels[high])) for at, levels in run]
    foot = [(_x(at, steps), _y(levels[low])) for at, levels in reversed(run)]
    return f"{_line([*top, *foot])} Z"


def _line(spots: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
