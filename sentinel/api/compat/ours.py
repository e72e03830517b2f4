"""A delivered picture in, what Sentinel adds to a service's answer as an object of its own out."""

from __future__ import annotations

from typing import Any

from sentinel.api.painting import Delivered


def own_words(picture: Delivered) -> dict[str, Any]:
    """The story of a picture: `seed` sent back paints it again, `score` is from 0 to 1."""
    verdict = picture.trace.verdict
    return {
        "trace_id": picture.trace.id, "action": verdict.action, "passed": verdict.passed,
        "score": verdict.score, "attempts": len(picture.trace.attempts), "seed": picture.seed,
        "top_issues": list(verdict.top_issues),
    }  # fmt: skip
