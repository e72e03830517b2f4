"""What a report says: the values that `report.json` holds and the page shows."""

from __future__ import annotations

from pathlib import PurePath
from typing import Self

from pydantic import Field

from sentinel.audit import stats
from sentinel.audit.about import About
from sentinel.audit.rows import Status
from sentinel.contracts import Value
from sentinel.policy import Policy


class Head(Value):
    """What was audited and under which policy. No time: the same rows, the same report."""

    audit: About
    policy: Policy
    version: str
    """Sentinel's."""

    @property
    def source(self) -> str:
        """For people: the last part of the path that was named."""
        return PurePath(self.audit.source).name or self.audit.source


class Share(Value):
    """A share with Wilson's interval at 95 %."""

    hits: int
    of: int
    value: float
    low: float
    high: float

    @classmethod
    def of_rate(cls, rate: stats.Rate | None) -> Self | None:
        """The same, as a value that survives JSON."""
        if rate is None:
            return None
        return cls(hits=rate.hits, of=rate.of, value=rate.value, low=rate.low, high=rate.high)


class Mode(Value):
    """A failure mode: pictures that show it, and the first ones' keys, worst first."""

    name: str
    pictures: int
    share: float
    """Of all evaluations."""


class Moved(Value):
    """How far a judge's values moved; `steady` below an index of 0.1, `shifted` from 0.25."""

    index: float
    distance: float
    p: float


class JudgeFound(Value):
    """One judge over the whole audit."""

    name: str
    version: str
    threshold: float | None
    weight: float
    scored: int
    abstained: int
    abstentions: dict[str, int] = Field(default_factory=dict)
    """Why it had nothing to judge, the commonest reasons first, and in how many pictures."""
    faults: dict[str, int]
    passed: Share | None
    """Share at or above its threshold; None for an advisory judge."""
    mean: float | None
    quartiles: tuple[float, float, float] | None
    histogram: tuple[int, ...]
    """Twenty equal classes of 0 to 1."""
    trend: tuple[float, ...]
    """Mean value in up to 24 equal stretches of the source's order."""
    drift: Moved | None
    """From the first half of the source's order to the second."""


class GateFound(Value):
    """One gate over the whole audit."""

    name: str
    version: str
    looked: int
    refused: int
    faults: dict[str, int]


class Together(Value):
    """Two judges side by side: ranks, and how often they fail the same picture."""

    one: str
    other: str
    pictures: int
    """That both scored."""
    spearman: float | None
    both: int
    only_one: int
    only_other: int
    by_chance: float
    """Pictures that both would fail if they knew nothing of each other."""


class GroupFound(Value):
    """The pictures that share a value of a column."""

    value: str
    rate: Share | None
    undecided: int
    not_judged: int
    mean_score: float | None
    top_mode: str | None
    p: float | None
    """Of Fisher's exact test against all other groups, corrected for many looks."""


class Grouping(Value):
    """One column and its groups, lowest pass rate first."""

    column: str
    groups: tuple[GroupFound, ...]
    others: int
    """Groups that are left out because there are too many; the smallest."""


class JudgeMoved(Value):
    """How one judge's values changed over the pictures that both audits have."""

    name: str
    versions: tuple[str, str]
    pictures: int
    before: float
    after: float
    low: float
    high: float
    """The interval of after less before, by paired bootstrap."""
    drift: Moved | None


class Comparison(Value):
    """This audit against an earlier one, entry by entry."""

    folder: str
    policy: str
    same_policy: bool
    paired: bool
    """False where the two share no entry, so that only the two rates can be compared."""
    before: Share | None
    after: Share | None
    pairs: int
    lost: tuple[str, ...]
    """Keys that passed before and fail now."""
    won: tuple[str, ...]
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    gone: int
    new: int
    judges: tuple[JudgeMoved, ...]

    @property
    def worse(self) -> bool:
        """Fewer pass than before, by more than chance explains (p < 0.05)."""
        return bool(self.difference is not None and self.difference < 0 and (self.p or 0) < ALPHA)


ALPHA = 1 - stats.CONFIDENCE


class Findings(Value):
    """Everything that a report says but the rows themselves."""

    head: Head
    entries: int
    statuses: dict[Status, int]
    standings: dict[str, int]
    """passed, failed, refused, undecided: together the evaluations."""
    rate: Share | None
    """Passed of all evaluations: an undecided one is no pass."""
    score_histogram: tuple[int, ...]
    modes: tuple[Mode, ...]
    judges: tuple[JudgeFound, ...]
    gates: tuple[GateFound, ...]
    together: tuple[Together, ...]
    groupings: tuple[Grouping, ...]
    clusters: int
    clustered: int
    comparison: Comparison | None
    says: tuple[str, ...] = ()
    """What a reader should know first, in sentences."""

    @property
    def evaluations(self) -> int:
        """Pictures that were judged; a duplicate counts once, what was not seen not at all."""
        return sum(self.standings.values())

    @property
    def not_judged(self) -> int:
        """Entries that no picture could be read for."""
        kinds: tuple[Status, ...] = ("unreadable", "missing", "invalid")
        return sum(self.statuses.get(kind, 0) for kind in kinds)
