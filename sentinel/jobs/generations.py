"""What a maker came to in, JSON out, and back: pictures by sha256, or why there are none.

A failure is on record as well: a provider that was asked and gave nothing may have billed it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pydantic import Field, JsonValue

from sentinel.contracts import Candidate, Value
from sentinel.errors import SafetyRefused, SentinelError
from sentinel.loop import Made


class Painted(Value):
    """A candidate without its bytes."""

    sha256: str
    seed: int | None
    cost: float
    measurements: dict[str, JsonValue] = Field(default_factory=dict)


class Tried(Value):
    """One try of a chain, as far as a trace tells it."""

    provider: str
    outcome: str
    reason: str


class Generation(Value):
    """What a maker came to: pictures, or why there are none."""

    generator: str = ""
    cost: float = 0.0
    notes: tuple[str, ...] = ()
    painted: tuple[Painted, ...] = ()
    error: str | None = None
    refused: bool = False
    tries: tuple[Tried, ...] = ()


class Failed(SentinelError):  # noqa: N818 - what happened
    """A generation that failed, as it is on record."""

    code = "provider_error"

    def __init__(self, told: Generation) -> None:
        """Say it in the same words."""
        self.tries = told.tries
        super().__init__(told.error or "")


class Refused(SafetyRefused):
    """A refusal to paint, as it is on record."""

    def __init__(self, told: Generation) -> None:
        """Say it in the same words."""
        super().__init__(told.generator, told.error or "")
        self.tries = told.tries
        self.args = (told.error or "",)


def generation_of(made: Made) -> Generation:
    """The pictures that came, without their bytes."""
    painted = tuple(
        Painted(
            sha256=hashlib.sha256(each.image).hexdigest(), seed=each.seed, cost=each.cost,
            measurements=each.measurements,
        )
        for each in made.candidates
    )  # fmt: skip
    return Generation(generator=made.generator, cost=made.cost, notes=made.notes, painted=painted)


def failure_of(name: str, error: Exception) -> Generation:
    """Why none came, in the words that a trace will have."""
    told = str(error) if isinstance(error, SentinelError | TimeoutError) else ""
    tries = tuple(
        Tried(provider=each.provider, outcome=str(each.outcome), reason=each.reason)
        for each in getattr(error, "tries", ())
    )
    return Generation(
        generator=name, error=told or f"{type(error).__name__}: {error}", tries=tries,
        refused=isinstance(error, SafetyRefused),
    )  # fmt: skip


def made_of(told: Generation, pictures: Mapping[str, bytes]) -> Made:
    """The same pictures, or the same failure raised."""
    if told.error is not None:
        raise Refused(told) if told.refused else Failed(told)
    candidates = tuple(
        Candidate(
            image=pictures[each.sha256], seed=each.seed, cost=each.cost,
            measurements=each.measurements,
        )
        for each in told.painted
    )  # fmt: skip
    return Made(candidates, told.generator, told.cost, told.notes)
