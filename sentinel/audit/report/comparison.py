"""Two audits' columns in, what changed between them out: entry by entry, where they share any."""

from __future__ import annotations

from sentinel.audit import stats
from sentinel.audit.report.analysis import moved
from sentinel.audit.report.columns import Columns
from sentinel.audit.report.findings import Comparison, Head, JudgeMoved, Share


def comparison_of(
    now: Columns, head: Head, before: Columns, before_head: Head, folder: str
) -> Comparison:
    """The audit `now` against an earlier one; entries are paired by their keys.

    Over shared entries: paired bootstrap and McNemar's exact test. Where they share none:
    Newcombe's interval and Fisher's exact test over all of both.
    """
    ours, theirs = now.judged, before.judged
    shared = [key for key in ours if key in theirs]
    lost = tuple(key for key in shared if theirs[key] and not ours[key])
    won = tuple(key for key in shared if ours[key] and not theirs[key])
    hits, hits_before = _hits(ours, shared), _hits(theirs, shared)
    found = _difference(ours, theirs, shared, lost, won)
    return Comparison(
        folder=folder,
        policy=before_head.policy.name,
        same_policy=before_head.policy.fingerprint == head.policy.fingerprint,
        paired=bool(shared),
        before=Share.of_rate(stats.rate(hits_before, len(shared or theirs))),
        after=Share.of_rate(stats.rate(hits, len(shared or ours))),
        pairs=len(shared),
        lost=lost,
        won=won,
        difference=found.value if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        p=found.p if found else None,
        gone=len(theirs) - len(shared),
        new=len(ours) - len(shared),
        judges=_judges(now, before),
    )


def _hits(judged: dict[str, bool], shared: list[str]) -> int:
    return sum(judged[key] for key in shared or judged)


def _difference(
    ours: dict[str, bool], theirs: dict[str, bool], shared: list[str],
    lost: tuple[str, ...], won: tuple[str, ...],
) -> stats.Difference | None:  # fmt: skip
    hits = _hits(ours, shared)
    if not shared:
        return stats.unpaired(hits, len(ours), _hits(theirs, shared), len(theirs))
    both = hits - len(won)
    neither = len(shared) - both - len(lost) - len(won)
    return stats.paired(both, len(lost), len(won), neither)


def _judges(now: Columns, before: Columns) -> tuple[JudgeMoved, ...]:
    """Those that scored in both."""
    scored = [name for name, column in now.judges.items() if column.places]
    known = {name for name, column in before.judges.items() if column.places}
    return tuple(_judge(now, before, name) for name in scored if name in known)


def _judge(now: Columns, before: Columns, name: str) -> JudgeMoved:
    ours, theirs = now.values_of(name), before.values_of(name)
    shared = [key for key in ours if key in theirs]
    changed = stats.mean_change([theirs[key] for key in shared], [ours[key] for key in shared])
    _, low, high = changed or (0.0, 0.0, 0.0)
    return JudgeMoved(
        name=name,
        versions=(before.judges[name].version, now.judges[name].version),
        pictures=len(shared),
        before=_mean([theirs[key] for key in shared]),
        after=_mean([ours[key] for key in shared]),
        low=low,
        high=high,
        drift=moved(stats.drift(list(theirs.values()), list(ours.values()))),
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
