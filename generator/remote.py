"""A brief in, pictures of a service out: what all remote generators share.

A service's own file says how a request is written and where in the answer the picture stands.
Here are the limits, the seeds, the settled size, what is ignored, the time, and the bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import JsonValue

from generator.exchange import Exchange
from generator.fetching import Fetcher, FetchError, lies_inside
from sentinel.contracts import Brief, Candidate, Capabilities, Runtime
from sentinel.errors import BriefError, ConfigError, NoPicture, PictureError, ProviderError
from sentinel.imaging import unwrap

SIZE = 1024
"""Pixels a side where the brief names none: FLUX.1-schnell's native size."""

SEEDS = 2**31
"""Seeds that are drawn: what every service takes."""

LARGEST = 2**63
"""Seeds a service may report are below: what a database keeps as an integer."""

BLANK = "a picture"
"""Asked for where the brief has no prompt, since every service wants one."""

PATIENCE = 3
"""Times a picture that is painted and paid for is fetched before it is given up."""

GRACE = 15.0
"""Seconds that a picture which is painted and paid for has to arrive, if the time is up already."""

TUNING = ("prompt", "negative_prompt", "steps", "guidance", "seed", "references")
"""Fields of a brief that a service may not know; a field it ignores is told by name."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one picture is asked for: the brief with nothing left open."""

    brief: Brief
    prompt: str
    width: int
    height: int
    seed: int
    format: Literal["png", "jpeg"]
    deadline: float
    """By `time.monotonic()`."""

    @property
    def megapixels(self) -> float:
        """Size in millions of pixels."""
        return self.width * self.height / 1e6


@dataclass(frozen=True, slots=True)
class Painted:
    """Where the picture is (address, data URI or base64), and what the service said with it."""

    where: object
    cost: float
    seed: int | None = None
    told: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(kw_only=True, eq=False)
class Remote(ABC):
    """A service that paints. One request per picture, so that each has its own seed and bill."""

    base_url: str
    model: str
    key_env: str
    seconds: float = 120.0
    """For one picture, from the request to its last byte."""
    safe_to_repeat: bool = False
    """The service honours an Idempotency-Key, or costs nothing: a lost request may be repeated."""

    version: ClassVar[str] = "1"
    concurrent: ClassVar[int] = 8
    """Requests it bears at once."""
    provider: ClassVar[str]
    scheme: ClassVar[str] = "Bearer"
    known: ClassVar[frozenset[str]] = frozenset()
    """Fields of TUNING that the service understands, beside the prompt and the seed."""
    formats: ClassVar[tuple[Literal["png", "jpeg"], ...]] = ("png",)
    limits: ClassVar[Capabilities] = Capabilities()
    guidance: ClassVar[tuple[float, float] | None] = None
    default_steps: ClassVar[int | None] = None
    """Steps it takes where the brief names none, where that is known."""

    def __post_init__(self) -> None:
        """Refuse options that cannot be meant; nothing is opened."""
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ConfigError(f"generator {self.provider!r}: seconds is {self.seconds}; above 0")
        if not self.model or set(self.model) & set(" ?#\\") or ".." in self.model:
            raise ConfigError(f"generator {self.provider!r}: model is {self.model!r}; name one")
        self._exchange = Exchange(self.provider, self.base_url, self.key_env, scheme=self.scheme)
        self._fetcher: Fetcher | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What the service understands."""
        return self.limits

    @property
    def price(self) -> float | None:
        """US dollars that a picture costs at most; None where that hangs on its size."""
        return None

    def load(self, runtime: Runtime) -> None:  # noqa: ARG002 - a service needs no threads
        """See that there is a key."""
        self._exchange.key()

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()
        if self._fetcher is not None:
            self._fetcher.close()

    def generate(self, brief: Brief) -> list[Candidate]:
        """`brief.count` pictures, one request each; BriefError before anything is sent."""
        self._check(brief)
        seed = secrets.randbelow(SEEDS) if brief.seed is None else brief.seed
        return [self._one(brief, seed + offset) for offset in range(brief.count)]

    @abstractmethod
    def _paint(self, order: Order) -> Painted:
        """Ask the service for one picture."""

    def _one(self, brief: Brief, seed: int) -> Candidate:
        wanted: Literal["png", "jpeg"] = "jpeg" if brief.output_format == "jpeg" else "png"
        order = Order(
            brief=brief,
            prompt=(brief.prompt or "").strip() or BLANK,
            width=brief.width or brief.height or SIZE,
            height=brief.height or brief.width or SIZE,
            seed=seed,
            format=wanted if wanted in self.formats else self.formats[0],
            deadline=time.monotonic() + self.seconds,
        )
        try:
            painted = self._paint(order)
        except ProviderError as error:
            error.repeatable = error.repeatable or self.safe_to_repeat
            raise
        told: dict[str, JsonValue] = {"provider": self.provider, "model": self.model}
        told.update(painted.told)
        if ignored := self._ignored(brief):
            told["ignored"] = list(ignored)
        knows = self.capabilities.seed
        return Candidate(
            image=self._bytes(painted.where, max(order.deadline, time.monotonic() + GRACE)),
            seed=(order.seed if painted.seed is None else painted.seed) if knows else None,
            cost=painted.cost,
            measurements=told,
        )

    def _ignored(self, brief: Brief) -> tuple[str, ...]:
        """Fields that the brief names and the service does not know."""
        named = [name for name in TUNING if getattr(brief, name) not in (None, "", ())]
        ignored = [name for name in named if name not in self._understood()]
        if brief.output_format not in self.formats:
            ignored.append("output_format")
        return tuple(ignored)

    def _understood(self) -> frozenset[str]:
        seed = {"seed"} if self.capabilities.seed else set()
        return self.known | {"prompt"} | seed

    def _check(self, brief: Brief) -> None:
        """BriefError names the field, the value and the rule."""
        rules = self.capabilities
        step = f"a multiple of {rules.multiple_of}, " if rules.multiple_of > 1 else ""
        sides = (rules.smallest, rules.largest, f"use {step}{rules.smallest} to {rules.largest}")
        bounds: dict[str, tuple[float, float, str]] = {"width": sides, "height": sides}
        if rules.max_steps is not None:
            bounds["steps"] = (1, rules.max_steps, f"use 1 to {rules.max_steps}")
        if self.guidance is not None:
            bounds["guidance"] = (*self.guidance, "use {:g} to {:g}".format(*self.guidance))
        if rules.seed:
            bounds["seed"] = (0, math.inf, "use 0 or more")
        for name, (least, most, way_out) in bounds.items():
            value = getattr(brief, name)
            uneven = name in ("width", "height") and value and value % rules.multiple_of
            if value is not None and (uneven or not least <= value <= most):
                raise BriefError(name, value, way_out)

    def _bytes(self, where: object, deadline: float) -> bytes:
        """The picture itself, whichever way the service hands it over."""
        if not isinstance(where, str) or not where.strip():
            raise NoPicture(self.provider, "answered without a picture")
        if where.lower().startswith(("http://", "https://")):
            return self._fetched(where, deadline)
        try:
            return unwrap(where, field="its picture")
        except PictureError as error:
            told = f"answered with text that is no picture ({error})"
            raise NoPicture(self.provider, told, flaw="undecodable") from error

    def _fetched(self, address: str, deadline: float) -> bytes:
        """It is painted and paid for, so a fetch that fails in passing is tried again."""
        if self._fetcher is None:
            self._fetcher = Fetcher(inside=lies_inside(self._exchange.base.host))
        for left in reversed(range(PATIENCE)):
            try:
                return self._fetcher.fetch(address, deadline)
            except FetchError as error:
                if not (left and error.passing and time.monotonic() < deadline):
                    told = f"painted a picture that cannot be fetched: {error}"
                    raise NoPicture(self.provider, told) from error
        raise AssertionError("the last try returns or raises")

    def _idempotency_key(self, body: Mapping[str, Any]) -> str | None:
        """The same for the same request, so that a repeat is known as one."""
        if not self.safe_to_repeat:
            return None
        written = json.dumps([self.provider, self.model, body], sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()


def billed(reported: object, otherwise: float) -> float:
    """What the service says it billed, where that is an amount; else its own formula."""
    if isinstance(reported, str):
        try:
            reported = float(reported)
        except ValueError:
            return otherwise
    if isinstance(reported, bool) or not isinstance(reported, int | float):
        return otherwise
    return float(reported) if math.isfinite(reported) and reported >= 0 else otherwise


def whole(value: object) -> int | None:
    """A seed as a service reports it, where it is one that a store can keep."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < LARGEST else None


def first(value: object) -> dict[str, Any]:
    """The first object of a list in a foreign answer; empty where there is none."""
    return value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else {}


def table(value: object) -> dict[str, Any]:
    """An object of a foreign answer; empty where it is none."""
    return value if isinstance(value, dict) else {}
