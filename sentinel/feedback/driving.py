"""Verdict in, the issues that may change a brief out, the surest first. Pure.

What a judge that passed remarks by the way changes nothing: the alignment judge of the demo names
something about half of all right posters. So refusing gates drive, else judges below their
threshold, and where only the pass mark was missed, those that cost most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sentinel.contracts import FailureMode, Score, Verdict
from sentinel.verdict import refusals

COSTLY = 0.5
"""Where only the pass mark was missed: share of the greatest loss from which a judge drives too."""

UNSURE = 0.5
"""How sure an issue is of which nobody measured it."""

ORDER = ("safety", "text", "face", "color", "alignment", "background", "style", "artifact")
"""Categories by importance: what the reader of letters and the ruler of colours find wrong is
wrong, what a CLIP misses is often there. Others come last."""


@dataclass(frozen=True, slots=True)
class Driving:
    """An issue and how unlikely it is that nothing is wrong: 0 sure, 1 not at all."""

    issue: FailureMode
    doubt: float = UNSURE

    @property
    def rank(self) -> tuple[int, float, str, str]:
        """Sort key, the most important first; no two different issues share one."""
        category = self.issue.category
        order = ORDER.index(category) if category in ORDER else len(ORDER)
        return order, self.doubt, self.issue.subcategory, self.issue.detail


def driving(verdict: Verdict) -> tuple[Driving, ...]:
    """What the next brief may answer to, in an order that no judge's place decides."""
    if verdict.standing not in ("failed", "refused"):
        return ()
    refused = refusals(verdict.gates)
    if refused:
        found = [Driving(each, 0.0) for gate in refused if gate.mendable for each in gate.issues]
    else:
        found = [each for score in _judges(verdict) for each in _issues(score)]
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.rank))


def _judges(verdict: Verdict) -> Sequence[Score]:
    scores = [each for each in verdict.outcomes if isinstance(each, Score)]
    failed = [score for score in scores if score.passed is False]
    if failed:
        return failed
    most = max((_loss(score) for score in scores), default=0.0)
    return [score for score in scores if _loss(score) > 0 and _loss(score) >= COSTLY * most]


def _loss(score: Score) -> float:
    return score.weight * (1 - score.value)


def _issues(score: Score) -> Iterator[Driving]:
    for issue in score.issues:
        yield Driving(issue, _doubt(score, issue))


def _doubt(score: Score, issue: FailureMode) -> float:
    """What the judge measured for the phrase that the issue begins with, where it did."""
    phrases = score.measurements.get("phrases")
    for each in phrases if isinstance(phrases, list) else ():
        if not isinstance(each, dict):
            continue
        said = each.get("expected") or each.get("phrase")
        measured = each.get("probability", each.get("similarity"))
        if isinstance(said, str) and isinstance(measured, int | float):
            quotes = (repr(said), f"'{said}'")
            if issue.detail.startswith(quotes) and _of_kind(issue, each.get("kind")):
                return min(1.0, max(0.0, float(measured)))
    return UNSURE


def _of_kind(issue: FailureMode, kind: object) -> bool:
    """Whether a measurement of that kind ("count") belongs to the issue ("wrong_count")."""
    return not isinstance(kind, str) or issue.subcategory.endswith(f"_{kind}")
