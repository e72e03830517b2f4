"""What a request asks of the loop, and who works on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ulid import ULID

from sentinel.contracts import Brief, Mode
from sentinel.errors import BriefError, ConfigError
from sentinel.imaging import Limits
from sentinel.loop.budget import Wish
from sentinel.loop.levers import Advise, Strengthen
from sentinel.loop.making import Maker
from sentinel.panel import Panel

MOST_CANDIDATES = 16
"""Pictures that one batch may ask for."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a request asks; without `mode` the policy's."""

    brief: Brief
    wish: Wish = field(default_factory=Wish)
    mode: Mode | None = None
    candidates: int = 1
    project: str = "default"
    id: str = field(default_factory=lambda: str(ULID()))

    def check(self) -> None:
        """BriefError for what is known to be wrong before anybody is asked."""
        brief = self.brief
        if brief.prompt is None and not brief.references:
            raise BriefError("prompt", None, "say what is to be painted")
        if brief.count != 1:
            way_out = "one picture is delivered; candidates = N paints N and delivers the best"
            raise BriefError("count", brief.count, way_out)
        if not 1 <= self.candidates <= MOST_CANDIDATES:
            raise BriefError("candidates", self.candidates, f"use 1 to {MOST_CANDIDATES}")
        if brief.seed is not None and brief.seed < 0:
            raise BriefError("seed", brief.seed, "use 0 or more, or leave it out")


@dataclass(frozen=True, slots=True)
class Staff:
    """Who works on it: the panel judges, the makers paint (in this order), feedback advises."""

    panel: Panel
    makers: Sequence[Maker]
    advise: Advise
    strengthen: Strengthen
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Somebody has to paint."""
        if not self.makers:
            raise ConfigError("no generator is seated; name one (SENTINEL_GENERATOR)")
