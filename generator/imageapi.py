"""Brief in, pictures of imageapi.org out.

Its page shows the request and neither the answer nor an error; both are read generously.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from generator.exchange import Call
from generator.remote import Order, Painted, Remote, first, whole
from sentinel.contracts import Capabilities


@dataclass(kw_only=True, eq=False)
class ImageApi(Remote):
    """FLUX.1-schnell at imageapi.org; eight steps at most, no negative prompt.

    Options: `base_url`, `model`, `key_env`, `seconds`, `safe_to_repeat`, `per_picture` (US dollars
    a picture: plans are sold, so nothing can be computed), `sends_seed`.
    """

    base_url: str = "https://imageapi.org/api/v1"
    model: str = "flux-schnell"
    key_env: str = "IMAGEAPI_KEY"
    per_picture: float = 0.0
    sends_seed: bool = True

    default_steps: ClassVar[int | None] = 8
    provider: ClassVar[str] = "imageapi"
    known: ClassVar[frozenset[str]] = frozenset({"steps"})
    limits: ClassVar[Capabilities] = Capabilities(max_steps=8)

    @property
    def capabilities(self) -> Capabilities:
        """A seed is known where it is sent."""
        return self.limits.model_copy(update={"seed": self.sends_seed})

    @property
    def price(self) -> float | None:
        """What every picture costs; None where nobody said."""
        return self.per_picture or None

    def _paint(self, order: Order) -> Painted:
        body: dict[str, Any] = {
            "prompt": order.prompt, "model": self.model,
            "width": order.width, "height": order.height,
        }  # fmt: skip
        if order.brief.steps is not None:
            body["num_inference_steps"] = order.brief.steps
        if self.sends_seed:
            body["seed"] = order.seed
        call = Call("POST", "/generate", body, submits=True,
                    idempotency_key=self._idempotency_key(body))  # fmt: skip
        answer = self._exchange.send(call, order.deadline).table
        return Painted(
            where=_where(answer), cost=self.per_picture, seed=whole(answer.get("seed")),
        )  # fmt: skip


def _where(answer: dict[str, Any]) -> object:
    """The picture, under any name that such services use."""
    images = answer.get("images") or answer.get("data")
    if isinstance(images, list) and images and isinstance(images[0], str):
        return images[0]
    picture = first(images) or answer
    names = ("url", "b64_json", "image_url", "image")
    return next((picture[name] for name in names if isinstance(picture.get(name), str)), None)
