"""A trace that delivers nothing and its refusal in, the refusal by field in plain words out. Pure.

For the services that have no words of their own for it; fal and Opper have.
"""

from __future__ import annotations

from sentinel.api.compat.refused import reworded
from sentinel.api.errors import Problem, Refusal
from sentinel.contracts import Trace

FIELDS = {"image_size": "width", "guidance_scale": "guidance"}
"""fal's names of fields by the ones that stand here; a size is told by its width."""


def told_why(refusal: Refusal, trace: Trace) -> Refusal:
    """The same, by the field that is at fault, or with the verdict on the pictures that came."""
    if refusal.code != "rejected":
        return refusal
    found = reworded(refusal, trace)
    reason = f" ({trace.verdict.reason})" if trace.attempts else ""
    problems = tuple(
        Problem(field=FIELDS.get(each.field, each.field), message=f"{each.message}{reason}")
        for each in found.problems
    )
    status, told = refusal.status, f"{refusal}{reason}"
    return Refusal(status, found.code, told, problems=problems, headers=refusal.headers)
