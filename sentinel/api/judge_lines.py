"""A judge's outcome in, its line in an evaluation out."""

from __future__ import annotations

import functools
import inspect

from sentinel import registry
from sentinel.api.evaluation import IssueLine, JudgeLine
from sentinel.contracts import Abstention, Evidence, Fault, Outcome, Score
from sentinel.errors import SentinelError


def line_of(outcome: Outcome, named: str, at: str | None) -> JudgeLine:
    """A judge's line in the evaluation of that name; `at` is when it was completed."""
    scored = outcome if isinstance(outcome, Score) else None
    line = f"{named}-{outcome.judge}"
    measured = {} if isinstance(outcome, Fault) else outcome.measurements
    return JudgeLine(
        id=line,
        evaluation_id=named,
        name=outcome.judge,
        description=measures(outcome.judge),
        category=outcome.judge,
        passed=scored.passed if scored else None,
        score=scored.value if scored else None,
        threshold=outcome.threshold,
        weight=outcome.weight,
        confidence=None,
        skipped=isinstance(outcome, Abstention),
        reasoning=outcome.reason,
        evidence=tuple(_claim(each) for each in scored.evidence) if scored else (),
        sub_point_results=measured,
        sub_points_evaluated=len(measured),
        issues=_issues(scored, named, line) if scored else (),
        created_at=at,
    )


def _claim(evidence: Evidence) -> str:
    where = "" if evidence.box is None else f" (pixels {', '.join(map(str, evidence.box))})"
    return f"{evidence.claim}{where}"


def _issues(scored: Score, named: str, line: str) -> tuple[IssueLine, ...]:
    return tuple(
        IssueLine(
            id=f"{line}-{at}", evaluation_id=named, evaluation_judge_id=line,
            category=each.category, subcategory=each.subcategory, detail=each.detail,
        )
        for at, each in enumerate(scored.issues, start=1)
    )  # fmt: skip


@functools.cache
def measures(judge: str) -> str | None:
    """What a judge measures, in its own words; None where it is not installed any more."""
    try:
        plugin = registry.load_class("judge", judge)
    except SentinelError:
        return None
    return (inspect.getdoc(plugin) or "").split("\n", 1)[0] or None
