"""Findings in, what a reader should know first in sentences out."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel.audit.report.findings import Comparison, Findings, Share

SHIFT = 0.25
"""Stability index from which values are called shifted (Siddiqi, 2006)."""

STRONG = 0.7
"""Rank correlation from which two judges tell nearly the same."""

ENOUGH = 30
"""Pictures that both judged, below which that is not said."""

SURE = 0.05
"""Chance below which a group is said to be different."""


def told(found: Findings) -> tuple[str, ...]:
    """The most important first; only what the figures bear out."""
    return tuple(_sentences(found))


def percent(share: float) -> str:
    """A share for people: 87.4 %; never 100 % or 0 % where it is not."""
    shown = f"{100 * share:.1f} %"
    if shown == "100.0 %":
        return "100 %" if share >= 1 else "99.9 %"
    if shown == "0.0 %":
        return "0 %" if share <= 0 else "0.1 %"
    return shown


def chance(p: float) -> str:
    """A probability for people."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"  # noqa: PLR2004 - three digits are shown


def between(share: Share) -> str:
    """A share's interval for people."""
    return f"{percent(share.low)} to {percent(share.high)}"


def _sentences(found: Findings) -> Iterator[str]:
    if found.rate is None:
        yield "No picture could be judged, so there is no pass rate."
    else:
        yield (
            f"{found.rate.hits:,} of {found.rate.of:,} pictures passed: {percent(found.rate.value)}"
            f" (with 95 % confidence {between(found.rate)})."
        )
    if found.comparison is not None:
        yield _compared(found.comparison)
    yield from _modes(found)
    yield from _groups(found)
    yield from _judges(found)
    yield from _unseen(found)


def _compared(comparison: Comparison) -> str:
    if comparison.difference is None or comparison.p is None:
        return "The earlier audit shares nothing with this one that could be compared."
    if comparison.difference == 0:
        return f"As many pass as in {comparison.folder}."
    lower = "lower" if comparison.difference < 0 else "higher"
    sure = "more than chance explains" if comparison.p < SURE else "which chance alone may explain"
    return (
        f"The pass rate is {abs(100 * comparison.difference):.1f} points {lower} than in "
        f"{comparison.folder} ({chance(comparison.p)}), {sure}."
    )


def _modes(found: Findings) -> Iterator[str]:
    if found.modes:
        first = found.modes[0]
        yield (
            f"What fails most is {plain(first.name)}: "
            f"{first.pictures:,} {'pictures' if first.pictures > 1 else 'picture'}, "
            f"{percent(first.share)} of all."
        )


def plain(mode: str) -> str:
    """A failure mode in words: "text.misspelled" as "text: misspelled"."""
    category, _, kind = mode.partition(".")
    return f"{category}: {kind.replace('_', ' ')}"


def heading(column: str) -> str:
    """A column to group by, in words where it is one of ours."""
    return "maker" if column == "made_by" else column


def _groups(found: Findings) -> Iterator[str]:
    for grouping in found.groupings:
        sure = [group for group in grouping.groups if group.p is not None and group.p < SURE]
        if sure and sure[0].rate and found.rate and sure[0].rate.value < found.rate.value:
            yield (
                f"By {heading(grouping.column)}, “{sure[0].value}” passes least: "
                f"{percent(sure[0].rate.value)} of {sure[0].rate.of:,}, "
                f"more than chance explains ({chance(sure[0].p or 0)})."
            )


def _judges(found: Findings) -> Iterator[str]:
    for judge in found.judges:
        if judge.drift is not None and judge.drift.index >= SHIFT:
            yield (
                f"{judge.name} values shift from the first half of the source to the second "
                f"(stability index {judge.drift.index:.2f}): other pictures, or something changed "
                f"on the way."
            )
    for pair in found.together:
        if pair.spearman is not None and pair.spearman >= STRONG and pair.pictures >= ENOUGH:
            yield (
                f"{pair.one} and {pair.other} rank the pictures nearly alike "
                f"(Spearman {pair.spearman:.2f}): they are no two independent witnesses."
            )


def _unseen(found: Findings) -> Iterator[str]:
    for judge in found.judges:
        if judge.faults and not judge.scored:
            reason = next(iter(judge.faults)).removeprefix("not run: ")
            yield f"{judge.name} did not run: {reason}"
    if undecided := found.standings["undecided"]:
        yield f"{undecided:,} could not be decided, because a required gate or judge did not run."
    if found.not_judged:
        entries = "1 entry" if found.not_judged == 1 else f"{found.not_judged:,} entries"
        yield f"{entries} could not be judged, for the reasons below."
    if found.clusters:
        yield (
            f"{found.clustered:,} pictures are near-duplicates of each other, "
            f"in {found.clusters:,} {'groups' if found.clusters > 1 else 'group'}."
        )
