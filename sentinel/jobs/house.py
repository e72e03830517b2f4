"""What jobs ask of the house that they are done in, and the bounds that it sets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sentinel.contracts import Brief
from sentinel.guarding import Guarding
from sentinel.jobs.vigil import BEAT, STALE
from sentinel.panel import Panel
from sentinel.policy import Policy
from sentinel.settings import Settings
from sentinel.store import Store


class House(Protocol):
    """What jobs need of the house that they are done in."""

    settings: Settings
    store: Store
    guarding: Guarding

    def policy_of(self, named: str | None, brief: Brief) -> Policy:
        """The policy that a request is served by; NotFound."""
        ...

    def panel_of(self, chosen: Policy) -> Panel:
        """Its panel; ConfigError."""
        ...

    async def loaded(self) -> None:
        """Wait until every panel is seated; raises what keeps the house from opening."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many jobs may wait, how many are worked at side by side, how long they are known."""

    waiting: int
    at_once: int
    days: float
    beat: float = BEAT
    stale: float = STALE
    handover: float | None = None
    """Minutes that results wait for their callers, where the store keeps none."""
