"""Columns in, pass rates per group out: by folder, category, maker and what `--map` names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from sentinel.audit import stats
from sentinel.audit.report.columns import Columns
from sentinel.audit.report.findings import GroupFound, Grouping, Share

MOST = 40
"""Groups a column that a report names; a column of file names would have thousands."""


def groupings_of(columns: Columns) -> tuple[Grouping, ...]:
    """Each column with at least two groups."""
    made = [_grouping(columns, name, known) for name, known in sorted(columns.groups.items())]
    return tuple(grouping for grouping in made if len(grouping.groups) > 1)


def _grouping(columns: Columns, name: str, known: dict[int, str]) -> Grouping:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, value in known.items():
        places[value].append(place)
    sizes = sorted(places, key=lambda value: (-len(places[value]), value))
    found = [_group(columns, value, places[value]) for value in sizes[:MOST]]
    chances = stats.of_many(_chances(found))
    rated = iter(chances)
    marked = [
        group.model_copy(update={"p": next(rated)}) if group.rate and chances else group
        for group in found
    ]
    return Grouping(column=name, groups=tuple(sorted(marked, key=_rank)), others=len(sizes[MOST:]))


def _rank(group: GroupFound) -> tuple[float, str]:
    return (group.rate.value if group.rate else 2.0, group.value)


def _chances(groups: Sequence[GroupFound]) -> list[float]:
    """Each group's p against all the others together; none where there are no others."""
    rates = [group.rate for group in groups if group.rate is not None]
    hits, of = sum(rate.hits for rate in rates), sum(rate.of for rate in rates)
    against = [stats.unpaired(rate.hits, rate.of, hits - rate.hits, of - rate.of) for rate in rates]
    return [found.p for found in against if found is not None]


def _group(columns: Columns, value: str, places: Sequence[int]) -> GroupFound:
    judged = [place for place in places if columns.passed[place] is not None]
    hits = sum(columns.passed[place] is True for place in judged)
    scores = [score for place in judged if (score := columns.scores[place]) is not None]
    modes = Counter(mode for place in judged for mode in columns.modes[place])
    unseen = ("unreadable", "missing", "invalid")
    return GroupFound(
        value=value,
        rate=Share.of_rate(stats.rate(hits, len(judged))),
        undecided=sum(columns.statuses[place] == "undecided" for place in judged),
        not_judged=sum(columns.statuses[place] in unseen for place in places),
        mean_score=sum(scores) / len(scores) if scores else None,
        top_mode=min(modes, key=lambda mode: (-modes[mode], mode)) if modes else None,
        p=None,
    )
