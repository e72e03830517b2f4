"""Brief in, pictures of Runflow out, or of another Sentinel: both speak the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import JsonValue

from generator.exchange import Call
from generator.refusals import said
from generator.remote import Order, Painted, Remote, billed, first, table, whole

EVALUATED = ("overall_passed", "score", "weighted_pass_rate", "primary_action_code")
"""What is kept of the evaluation that comes with a picture."""


@dataclass(kw_only=True, eq=False)
class Runflow(Remote):
    """FLUX.1-schnell at Runflow, evaluated there before it comes.

    Options: `base_url`, `model`, `key_env`, `seconds`, `safe_to_repeat`, `per_megapixel` (US
    dollars per megapixel, used where the answer names no cost).
    """

    base_url: str = "https://api.runflow.io/v1"
    model: str = "black-forest-labs/flux-1-schnell"
    key_env: str = "RUNFLOW_API_KEY"
    per_megapixel: float = 0.003

    default_steps: ClassVar[int | None] = 4
    provider: ClassVar[str] = "runflow"
    known: ClassVar[frozenset[str]] = frozenset({"steps"})

    def _paint(self, order: Order) -> Painted:
        body: dict[str, Any] = {
            "prompt": order.prompt, "model": self.model, "seed": order.seed,
            "width": order.width, "height": order.height,
        }  # fmt: skip
        if order.brief.steps is not None:
            body["num_inference_steps"] = order.brief.steps
        call = Call("POST", "/generate", body, submits=True,
                    idempotency_key=self._idempotency_key(body))  # fmt: skip
        answer = self._exchange.send(call, order.deadline).table
        return Painted(
            where=first(answer.get("images")).get("url"),
            cost=billed(answer.get("cost"), order.megapixels * self.per_megapixel),
            seed=whole(answer.get("seed")),
            told=_told(answer),
        )


def _told(answer: dict[str, Any]) -> dict[str, JsonValue]:
    """The trace's id and the verdict there, where they are plain values; foreign words cleaned."""
    evaluation = table(answer.get("evaluation"))
    found = {"trace_id": answer.get("trace_id"), **{key: evaluation.get(key) for key in EVALUATED}}
    return {
        name: said(value) if isinstance(value, str) else value
        for name, value in found.items()
        if isinstance(value, bool | int | float | str)
    }
