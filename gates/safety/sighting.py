"""A picture in, what a safety backend saw in it out: the shape all backends share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from sentinel.contracts import Evidence, Pixels, Runtime


@dataclass(frozen=True, slots=True)
class Sighting:
    """How likely the picture is unsafe (0 to 1), what else was measured, and where to look."""

    probability: float
    measurements: dict[str, JsonValue] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()


class Backend(Protocol):
    """A model that looks for unsafe content."""

    def load(self, runtime: Runtime) -> None:
        """Open the model, or raise MissingRequirement."""
        ...

    def look(self, pixels: Pixels) -> Sighting:
        """Look at one picture."""
        ...

    def close(self) -> None:
        """Let go of the model."""
        ...
