"""The name of a model in, who of this house paints under it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel.api.errors import Problem, Refusal, shown

OPPER = "deepinfra/black-forest-labs/FLUX-1-schnell"
"""The model of Opper's page, by its exact name: here, whoever is seated."""

ALIASES = frozenset({
    "black-forest-labs/flux-1-schnell", "black-forest-labs/flux.1-schnell", "flux-1-schnell",
    "flux.1-schnell", "flux-schnell", "sentinel",
})  # fmt: skip
"""What people write for it, whatever the letters' case."""

SINCE = 1_722_470_400
"""Unix seconds of 2024-08-01, when FLUX.1 [schnell] came out."""


def painter_of(model: str, seated: Sequence[str]) -> str | None:
    """The generator that a model's name asks for; None where any will do. Refusal 404."""
    if model == OPPER or model.lower() in ALIASES or model.lower() == OPPER.lower():
        return None
    if model in seated:
        return model
    ours = ", ".join((OPPER, *seated))
    told = f"the model {shown(model)!r} does not exist here; use one of {ours}"
    problem = Problem(field="model", message=told, value=shown(model))
    raise Refusal(404, "model_not_found", told, problems=(problem,))


def listed(seated: Sequence[str]) -> dict[str, Any]:
    """What GET /models answers: Opper's model, and each generator that is seated by its name."""
    return {"object": "list", "data": [described(name) for name in (OPPER, *seated)]}


def described(model: str) -> dict[str, Any]:
    """One model, as OpenAI describes it."""
    owner = "black-forest-labs" if model == OPPER else "sentinel"
    return {"id": model, "object": "model", "created": SINCE, "owned_by": owner}
