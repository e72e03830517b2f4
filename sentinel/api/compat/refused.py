"""A trace that delivers nothing and its refusal in, the refusal in fal's words out. Pure."""

from __future__ import annotations

from sentinel.api.errors import Problem, Refusal
from sentinel.contracts import GateResult, Trace

UNSAFE = "content_policy_violation"
"""fal's word for a request or a picture that a content checker refused."""

UNSAFE_WORDS = "unsafe_words"
"""What the request gate calls a wish that it will not have painted."""

FIELDS = {"size": "image_size", "steps": "num_inference_steps", "guidance": "guidance_scale"}
"""Fields by the kind of what is wrong with them; anything else is wrong with the prompt."""


def reworded(refusal: Refusal, trace: Trace) -> Refusal:
    """The refusal of what may not be delivered: by which field, and whether it was unsafe."""
    if refusal.code != "rejected":
        return refusal
    gates = _refusing(trace)
    issues = [issue for gate in gates for issue in gate.issues]
    unsafe = any(gate.gate == "safety" for gate in gates) or any(
        each.subcategory == UNSAFE_WORDS for each in issues
    )
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


def _refusing(trace: Trace) -> list[GateResult]:
    """The gates that refused the request or, after it, the best picture that came."""
    gates = (*trace.screened, *(trace.last.verdict.gates if trace.attempts else ()))
    return [each for each in gates if isinstance(each, GateResult) and not each.passed]
