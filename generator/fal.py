"""Brief in, pictures of fal out, through its queue.

The queue gives an id before anything is painted, so a connection that breaks afterwards loses
nothing: the job is looked for by its id.
"""

from __future__ import annotations

import base64
import math
import re
import time
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from generator.exchange import Answer, Call
from generator.polling import Job, State, failure, outcome
from generator.refusals import refused_for_safety, said
from generator.remote import GRACE, Order, Painted, Remote, billed, first, whole
from sentinel.contracts import Capabilities
from sentinel.errors import (
    BriefError,
    NoPicture,
    ProviderFailed,
    ProviderTimeout,
    SafetyRefused,
    Unreachable,
)
from sentinel.imaging import inspect

STATES: dict[object, State] = {
    "IN_QUEUE": "queued", "IN_PROGRESS": "running", "COMPLETED": "ended",
}  # fmt: skip
CANCELLED = "client_cancelled"
JOB = re.compile(r"[\w-]{1,100}")
TRIES = 3
"""Times the result of a finished job is asked for."""

PAUSE = 0.5
"""Seconds between them."""


@dataclass(kw_only=True, eq=False)
class Fal(Remote):
    """FLUX.1-schnell and its kin at fal.

    Options: `base_url` (the queue), `model`, `key_env`, `seconds`, `safe_to_repeat`,
    `per_megapixel` (US dollars per started megapixel), `sync_mode` (pictures as data URIs,
    none at an address).
    A model whose name ends in /redux repaints the brief's first reference.
    """

    base_url: str = "https://queue.fal.run"
    model: str = "fal-ai/flux/schnell"
    key_env: str = "FAL_KEY"
    per_megapixel: float = 0.003
    sync_mode: bool = False

    default_steps: ClassVar[int | None] = 4
    provider: ClassVar[str] = "fal"
    scheme: ClassVar[str] = "Key"
    known: ClassVar[frozenset[str]] = frozenset({"steps", "guidance"})
    formats: ClassVar[tuple[Literal["png", "jpeg"], ...]] = ("png", "jpeg")
    guidance: ClassVar[tuple[float, float] | None] = (1.0, 20.0)
    limits: ClassVar[Capabilities] = Capabilities(max_steps=12)

    @property
    def capabilities(self) -> Capabilities:
        """What the model understands; Redux takes a picture."""
        if not self._repaints:
            return self.limits
        return self.limits.model_copy(update={"references": ("face", "style", "product")})

    @property
    def _repaints(self) -> bool:
        return self.model.rstrip("/").endswith("/redux")

    @property
    def _app(self) -> str:
        """Owner and alias: a request is looked for under these alone."""
        return "/".join(self.model.strip("/").split("/")[:2])

    def _paint(self, order: Order) -> Painted:
        body = self._body(order)
        call = Call("POST", f"/{self.model.strip('/')}", body, submits=True,
                    idempotency_key=self._idempotency_key(body))  # fmt: skip
        submitted = self._exchange.send(call, order.deadline).table.get("request_id")
        if not isinstance(submitted, str) or not JOB.fullmatch(submitted):
            raise NoPicture(self.provider, "took the request and gave it no id")
        ended = outcome(self._job(submitted), order.deadline)
        if ended.get("error"):
            told = f"{ended.get('error_type') or ''} {ended['error']}"
            raise failure(self.provider, said(told), safety=refused_for_safety(told), job=submitted)
        return self._painted(self._result(submitted, order.deadline), order)

    def _body(self, order: Order) -> dict[str, Any]:
        body: dict[str, Any] = {
            "image_size": {"width": order.width, "height": order.height},
            "num_images": 1, "seed": order.seed, "output_format": order.format,
            "sync_mode": self.sync_mode,
        }  # fmt: skip
        if order.brief.steps is not None:
            body["num_inference_steps"] = order.brief.steps
        if self._repaints:
            if not order.brief.references:
                raise BriefError("references", (), "Redux repaints a picture; send one")
            image = order.brief.references[0].image
            kind = inspect(image, field="references[0]").format.lower()
            sent = base64.b64encode(image).decode("ascii")
            return {**body, "image_url": f"data:image/{kind};base64,{sent}"}
        if order.brief.guidance is not None:
            body["guidance_scale"] = order.brief.guidance
        return {**body, "prompt": order.prompt}

    def _job(self, job: str) -> Job:
        path = f"/{self._app}/requests/{job}"

        def look(deadline: float) -> tuple[State, dict[str, Any]]:
            seen = self._exchange.send(Call("GET", f"{path}/status?logs=0"), deadline).table
            if seen.get("error_type") == CANCELLED:
                return "cancelled", seen
            return STATES.get(seen.get("status"), "running"), seen

        def cancel(deadline: float) -> Answer:
            return self._exchange.send(Call("PUT", f"{path}/cancel"), deadline)

        return Job(self.provider, job, look, cancel)

    def _result(self, job: str, deadline: float) -> Answer:
        """What a finished job painted; it is paid for, so it is asked for more than once."""
        call = Call("GET", f"/{self._app}/requests/{job}")
        latest = max(deadline, time.monotonic() + GRACE)
        for left in reversed(range(TRIES)):
            try:
                return self._exchange.send(call, latest)
            except (ProviderFailed, ProviderTimeout, Unreachable) as error:
                if not left:
                    told = f"finished job {job} and does not hand it over: {error}"
                    raise NoPicture(self.provider, told, status=error.status) from error
                time.sleep(PAUSE)
        raise AssertionError("the last try returns or raises")

    def _painted(self, answer: Answer, order: Order) -> Painted:
        table = answer.table
        if _flagged(table.get("has_nsfw_concepts")):
            told = "painted this and holds it back: its checker flags it (has_nsfw_concepts)"
            raise SafetyRefused(self.provider, told, submitted=True)
        units = billed(answer.headers.get("x-fal-billable-units"), math.ceil(order.megapixels))
        return Painted(
            where=first(table.get("images")).get("url"),
            cost=units * self.per_megapixel,
            seed=whole(table.get("seed")),
        )

    def _understood(self) -> frozenset[str]:
        """Redux has neither prompt nor guidance."""
        if self._repaints:
            return frozenset({"steps", "seed", "references"})
        return super()._understood()


def _flagged(value: object) -> bool:
    return isinstance(value, list) and True in value
