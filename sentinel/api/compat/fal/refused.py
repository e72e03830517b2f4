"""A trace that delivers nothing and its refusal in, the refusal in fal's words out. Pure."""

from __future__ import annotations

from sentinel.api.errors import Problem, Refusal
from sentinel.contracts import FailureMode, GateResult, Trace

UNSAFE = "content_policy_violation"
"""fal's word for a request or a picture that a content checker refused."""

UNSAFE_ISSUES = frozenset({"safety", "unsafe_words"})
"""Categories and kinds of issues that a content checker raises."""

FIELDS = {"size": "image_size", "steps": "num_inference_steps", "guidance": "guidance_scale"}
"""Fields by the kind of what is wrong with them; anything else is wrong with the prompt."""


def reworded(refusal: Refusal, trace: Trace) -> Refusal:
    """The refusal of what may not be delivered: by which field, and whether it was unsafe."""
    if refusal.code != "rejected":
        return refusal
    issues = _issues(trace)
    unsafe = any(UNSAFE_ISSUES & {each.category, each.subcategory} for each in issues)
    told = str(refusal)
    problems = tuple(
        Problem(field=FIELDS.get(each.subcategory, "prompt"), message=each.detail)
        for each in issues
        if each.category == "input"
    )
    if unsafe and not problems:
        problems = (Problem(field="prompt", message=told),)
    code = UNSAFE if unsafe else refusal.code
    return Refusal(refusal.status, code, told, problems=problems, headers=refusal.headers)


def _issues(trace: Trace) -> list[FailureMode]:
    """What the gates that refused found, in the request or in the last picture."""
    gates = (*trace.screened, *(trace.last.verdict.gates if trace.attempts else ()))
    found = (each for each in gates if isinstance(each, GateResult) and not each.passed)
    return [issue for gate in found for issue in gate.issues]
