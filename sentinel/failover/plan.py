"""How hard it is tried, by whom, and what came of it: the values that failover takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, ValidationError

from sentinel.contracts import Candidate, Generator, Value
from sentinel.errors import ConfigError
from sentinel.imaging import Picture

SECONDS = 180.0
"""Seconds a call may take before it is given up: more than a plugin's own limit of 120."""


class Plan(Value):
    """How hard it is tried. The table of rules says when."""

    calls: int = Field(default=3, ge=1, le=10)
    """Calls to one provider for one picture at most."""
    seconds: float = Field(default=45.0, gt=0, allow_inf_nan=False)
    """Seconds after which one provider is not called again for the same picture."""
    patience: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    """Longest Retry-After that is sat out; beyond it the provider rests for that time."""
    first_wait: float = Field(default=0.2, ge=0, allow_inf_nan=False)
    """Seconds before the second call; doubles, with up to one second of jitter."""
    longest_wait: float = Field(default=5.0, ge=0, allow_inf_nan=False)
    breaker_failures: int = Field(default=5, ge=1)
    """Failures in a row that open a provider's breaker."""
    breaker_seconds: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    """Seconds it stays open."""
    after_refusal: Literal["stop", "next"] = "stop"
    """After a safety refusal: stop, or ask a provider that may be laxer."""
    pay_twice: bool = False
    """Ask the next provider though the last may have painted and billed."""

    @classmethod
    def read(cls, given: Mapping[str, JsonValue]) -> Self:
        """The plan with what an operator changes of it; ConfigError names each mistake."""
        try:
            return cls.model_validate(given, strict=True)
        except ValidationError as error:
            told = "; ".join(_mistake(dict(found)) for found in error.errors())
            raise ConfigError(f"SENTINEL_FAILOVER: {told} (docs/failover.md)") from None


def _mistake(found: Mapping[str, Any]) -> str:
    name = ".".join(map(str, found["loc"])) or "it"
    if found["type"] == "extra_forbidden":
        return f"there is no {name!r}; there are {', '.join(Plan.model_fields)}"
    return f"{name} is {found['input']!r}: {found['msg']}"


@dataclass(frozen=True, slots=True)
class Link:
    """A generator of the chain, its name there, and the seconds that a call may take."""

    name: str
    generator: Generator
    seconds: float = SECONDS


class Try(Value):
    """One call that was made, or was not made because a breaker was open."""

    provider: str
    outcome: str
    """made, a row of the table, or a circumstance."""
    reason: str = ""
    seed: int | None = None
    submitted: bool | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Produced:
    """The pictures, each with its decoded self, who made them, what they cost, and the tries."""

    candidates: tuple[Candidate, ...]
    pictures: tuple[Picture, ...]
    provider: str
    cost: float
    """US dollars for the pictures that are here; what failed is not charged."""
    tries: tuple[Try, ...]
    missing: int = 0
    """Pictures that were asked for and could not be had."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What failed on the way, in words for the trace."""
        return tuple(f"{each.provider}: {each.reason or each.outcome}" for each in self.tries
                     if each.outcome != "made")  # fmt: skip
