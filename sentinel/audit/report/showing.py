"""Columns in, the places of rows worth looking at out."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

from sentinel.audit.report.columns import Columns
from sentinel.audit.report.findings import Comparison

WALL = 48
"""Pictures on the worst wall."""

CLUSTERS = 12
"""Groups of near-duplicates that are shown, the largest first."""

MEMBERS = 6
"""Pictures of each."""

CHANGED = 12
"""Pictures that are shown of those that passed before and fail now."""

UNSEEN = 500
"""Entries without a picture that the page names one by one; all of them stand in the files."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Places of rows, in the order they are shown."""

    worst: tuple[int, ...]
    lost: tuple[int, ...]
    clusters: tuple[tuple[int, tuple[int, ...], int], ...]
    """Number, places of the first members, how many there are."""
    unseen: tuple[int, ...]

    @property
    def pictured(self) -> set[int]:
        """Places of rows whose picture is needed."""
        members = (place for _, places, _ in self.clusters for place in places)
        return {*self.worst, *self.lost, *members}


def shown_of(columns: Columns, comparison: Comparison | None) -> Shown:
    """What the page shows of these rows."""
    lost = set(comparison.lost) if comparison else set()
    unseen = [
        place
        for place, status in enumerate(columns.statuses)
        if status in ("unreadable", "missing", "invalid")
    ]
    return Shown(
        worst=_worst(columns),
        lost=tuple(place for place, key in enumerate(columns.keys) if key in lost)[:CHANGED],
        clusters=_clusters(columns),
        unseen=tuple(unseen[:UNSEEN]),
    )


def _worst(columns: Columns) -> tuple[int, ...]:
    """The worst of each failure mode in turn, so that one mode does not fill the wall."""
    waiting: defaultdict[str, deque[int]] = defaultdict(deque)
    failed = [place for place, modes in enumerate(columns.modes) if modes]
    for place in sorted(failed, key=lambda place: (columns.scores[place] or 0.0, place)):
        waiting[columns.modes[place][0]].append(place)
    lines = sorted(waiting.values(), key=len, reverse=True)
    taken: list[int] = []
    while len(taken) < WALL and any(lines):
        taken += [line.popleft() for line in lines if line]
    return tuple(sorted(taken[:WALL], key=lambda place: (columns.scores[place] or 0.0, place)))


def _clusters(columns: Columns) -> tuple[tuple[int, tuple[int, ...], int], ...]:
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place, number in enumerate(columns.clusters):
        if number is not None:
            members[number].append(place)
    ranked = sorted(members.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return tuple(
        (number, tuple(places[:MEMBERS]), len(places)) for number, places in ranked[:CLUSTERS]
    )
