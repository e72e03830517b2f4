"""Brief in, pictures of a RunPod public endpoint out, through its queue."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from generator.exchange import Answer, Call
from generator.polling import Job, State, failure, outcome
from generator.refusals import refused_for_safety, said
from generator.remote import Order, Painted, Remote, billed, table, whole
from sentinel.contracts import Capabilities
from sentinel.errors import NoPicture, ProviderTimeout

STATES: dict[object, State] = {
    "IN_QUEUE": "queued", "IN_PROGRESS": "running", "COMPLETED": "ended", "FAILED": "ended",
    "TIMED_OUT": "ended", "CANCELLED": "cancelled",
}  # fmt: skip
JOB = re.compile(r"[\w-]{1,100}")


@dataclass(kw_only=True, eq=False)
class RunPod(Remote):
    """FLUX.1-schnell at RunPod; `model` is the endpoint's id.

    Options: `base_url`, `model`, `key_env`, `seconds`, `safe_to_repeat`, `per_megapixel` (US
    dollars per megapixel, used where the answer names no cost).
    """

    base_url: str = "https://api.runpod.ai/v2"
    model: str = "black-forest-labs-flux-1-schnell"
    key_env: str = "RUNPOD_API_KEY"
    per_megapixel: float = 0.0024

    default_steps: ClassVar[int | None] = 4
    provider: ClassVar[str] = "runpod"
    known: ClassVar[frozenset[str]] = frozenset({"negative_prompt", "steps", "guidance"})
    formats: ClassVar[tuple[Literal["png", "jpeg"], ...]] = ("png", "jpeg")
    guidance: ClassVar[tuple[float, float] | None] = (0.0, 10.0)
    limits: ClassVar[Capabilities] = Capabilities(
        negative_prompt=True, smallest=256, largest=1536, multiple_of=64, max_steps=8
    )

    def _paint(self, order: Order) -> Painted:
        body = {"input": self._input(order)}
        call = Call("POST", f"/{self.model}/run", body, submits=True,
                    idempotency_key=self._idempotency_key(body))  # fmt: skip
        submitted = self._exchange.send(call, order.deadline).table.get("id")
        if not isinstance(submitted, str) or not JOB.fullmatch(submitted):
            raise NoPicture(self.provider, "took the request and gave it no id")
        ended = outcome(self._job(submitted), order.deadline)
        self._see_that_it_painted(submitted, ended)
        output = table(ended.get("output"))
        return Painted(
            where=output.get("image_url"),
            cost=billed(output.get("cost"), order.megapixels * self.per_megapixel),
            seed=whole(output.get("seed")),
        )

    def _input(self, order: Order) -> dict[str, Any]:
        brief = order.brief
        given = {
            "negative_prompt": brief.negative_prompt or None,
            "num_inference_steps": brief.steps,
            "guidance": brief.guidance,
        }
        return {
            "prompt": order.prompt, "width": order.width, "height": order.height,
            "seed": order.seed, "image_format": order.format,
            **{name: value for name, value in given.items() if value is not None},
        }  # fmt: skip

    def _job(self, job: str) -> Job:
        def look(deadline: float) -> tuple[State, dict[str, Any]]:
            seen = self._exchange.send(Call("GET", f"/{self.model}/status/{job}"), deadline).table
            return STATES.get(seen.get("status"), "running"), seen

        def cancel(deadline: float) -> Answer:
            call = Call("POST", f"/{self.model}/cancel/{job}", {})
            return self._exchange.send(call, deadline)

        return Job(self.provider, job, look, cancel)

    def _see_that_it_painted(self, job: str, ended: dict[str, Any]) -> None:
        if ended.get("status") == "TIMED_OUT":
            told = f"gave job {job} up: it ran too long"
            raise ProviderTimeout(self.provider, told, submitted=None, job=job)
        if ended.get("status") == "FAILED":
            told = str(ended.get("error") or "")
            raise failure(self.provider, said(told), safety=refused_for_safety(told), job=job)
