"""Brief in, pictures of Opper out, or of any service that speaks OpenAI's protocol."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from generator.exchange import Call
from generator.remote import Order, Painted, Remote, billed, first, table
from sentinel.contracts import Brief, Capabilities
from sentinel.errors import ConfigError, SafetyRefused

ROUTES = ("chat", "images")
LINK = re.compile(r"!\[[^\]]*\]\((?P<where>[^)\s]+)\)")
"""A picture in Markdown, as a chat answer prints it."""


@dataclass(kw_only=True, eq=False)
class Opper(Remote):
    """FLUX.1-schnell behind Opper's gateway.

    Options: `base_url`, `model`, `key_env`, `seconds`, `safe_to_repeat`, `per_picture` (US dollars
    a picture, used where the answer names no cost), `route` ("chat" for /chat/completions,
    "images" for /images/generations), `sends_seed` (false where the service refuses the
    field).
    """

    base_url: str = "https://api.opper.ai/v3/compat"
    model: str = "deepinfra/black-forest-labs/FLUX-1-schnell"
    key_env: str = "OPPER_API_KEY"
    per_picture: float = 0.0005
    route: str = "chat"
    sends_seed: bool = True

    provider: ClassVar[str] = "opper"
    formats: ClassVar[tuple[Literal["png", "jpeg"], ...]] = ("png", "jpeg")
    limits: ClassVar[Capabilities] = Capabilities(smallest=256, multiple_of=16)

    def __post_init__(self) -> None:
        """A route is one of two."""
        super().__post_init__()
        if self.route not in ROUTES:
            told = f"route is {self.route!r}; use {' or '.join(ROUTES)}"
            raise ConfigError(f"generator {self.provider!r}: {told}")

    @property
    def capabilities(self) -> Capabilities:
        """A seed is known where it is sent."""
        return self.limits.model_copy(update={"seed": self.sends_seed})

    @property
    def price(self) -> float | None:
        """What every picture costs; None where nobody said."""
        return self.per_picture or None

    def _paint(self, order: Order) -> Painted:
        body = self._body(order)
        path = "/chat/completions" if self.route == "chat" else "/images/generations"
        call = Call("POST", path, body, submits=True,
                    idempotency_key=self._idempotency_key(body))  # fmt: skip
        answer = self._exchange.send(call, order.deadline).table
        where = self._in_chat(answer) if self.route == "chat" else _in_images(answer)
        cost = billed(table(answer.get("usage")).get("cost"), self.per_picture)
        return Painted(where=where, cost=cost)

    def _body(self, order: Order) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "size": f"{order.width}x{order.height}"}
        if self.sends_seed:
            body["seed"] = order.seed
        if self.route == "chat":
            return {**body, "messages": [{"role": "user", "content": order.prompt}]}
        if order.format != "png":
            body["output_format"] = order.format
        return {**body, "prompt": order.prompt, "n": 1}

    def _ignored(self, brief: Brief) -> tuple[str, ...]:
        """A chat names no format."""
        ignored = super()._ignored(brief)
        unsaid = self.route == "chat" and brief.output_format == "jpeg"
        return (*ignored, "output_format") if unsaid else ignored

    def _in_chat(self, answer: dict[str, Any]) -> object:
        """The picture beside the message, or the one that its text links to."""
        choice = first(answer.get("choices"))
        message = table(choice.get("message"))
        if choice.get("finish_reason") == "content_filter" or message.get("refusal"):
            told = "will not paint this (finish_reason content_filter, or a refusal)"
            raise SafetyRefused(self.provider, told)
        if image := first(message.get("images")):
            return table(image.get("image_url")).get("url")
        content = message.get("content")
        found = LINK.search(content) if isinstance(content, str) else None
        return found["where"] if found else None


def _in_images(answer: dict[str, Any]) -> object:
    picture = first(answer.get("data"))
    return picture.get("b64_json") or picture.get("url")
