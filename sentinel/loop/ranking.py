"""Attempts in, the best of them out: one total order, in words. Pure.

1. standing: passed, then undecided (nothing failed, somebody is missing), then failed, then not
   judged, then refused by a gate, then no picture;
2. then the higher weighted score, none below all;
3. then fewer refusing gates;
4. then the earlier attempt.
"""

from __future__ import annotations

from collections.abc import Iterable

from sentinel.contracts import Attempt
from sentinel.verdict import refusals

Place = tuple[int, float, int, int]

RANK = {"passed": 5, "undecided": 4, "failed": 3, "refused": 1}
"""By standing of what the panel saw; a picture that nobody judged is 2, no picture is 0."""

UNJUDGED = 2


def place(attempt: Attempt) -> Place:
    """Where an attempt stands: the larger, the better; no two attempts of a trace are equal."""
    verdict = attempt.verdict
    rank = RANK[verdict.standing] if attempt.judged else UNJUDGED
    if attempt.picture is None:
        rank = 0
    score = -1.0 if verdict.score is None else verdict.score
    return rank, score, -len(refusals(verdict.gates)), -attempt.number


def best_of(attempts: Iterable[Attempt]) -> Attempt | None:
    """The first in the order; None of none."""
    return max(attempts, key=place, default=None)


def better(attempt: Attempt, than: Attempt | None) -> bool:
    """Whether an attempt rose above another; the later of two equals did not."""
    return than is None or place(attempt)[:3] > place(than)[:3]
