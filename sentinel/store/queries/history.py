"""The store in, what was in force out: names to filter by, and when policies or models changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Engine, func, select

from sentinel.store.queries.filters import PLACES, Filters
from sentinel.store.rollup_tables import GlanceDay, InForceHour
from sentinel.store.tables import table_of

GLANCE = table_of(GlanceDay)
IN_FORCE = table_of(InForceHour)

NAMES_CAP = 200
"""Most names of a kind that are offered to filter by."""


@dataclass(frozen=True, slots=True)
class Names:
    """Every project, model, policy, category and mode that has evaluations, sorted."""

    project: tuple[str, ...]
    model: tuple[str, ...]
    policy: tuple[str, ...]
    category: tuple[str, ...]
    mode: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """From this hour on (UTC) a policy had another content, or a policy judged another model."""

    start_ms: int
    what: Literal["policy", "model"]
    policy: str
    name: str
    """The policy's new fingerprint, or the model's name."""


class History:
    """What was in force."""

    _engine: Engine

    def names(self) -> Names:
        """What there is to filter by."""
        known: dict[str, list[str]] = {place: [] for place in PLACES}
        kind, name = GLANCE.c.kind, GLANCE.c.name
        wanted = select(kind, name).where(kind != "").group_by(kind, name).order_by(kind, name)
        with self._engine.begin() as connection:
            for row in connection.execute(wanted):
                known[row.kind].append(row.name)
        return Names(*(tuple(known[place][:NAMES_CAP]) for place in PLACES))

    def turns(self, filters: Filters) -> tuple[Turn, ...]:
        """The first hour of each fingerprint and each model of a policy, but the policy's first.

        Projects and categories are not told apart here.
        """
        c = IN_FORCE.c
        wanted = select(
            c.policy, c.policy_fingerprint, c.model, func.min(c.start_ms).label("start")
        ).group_by(c.policy, c.policy_fingerprint, c.model)
        if filters.policy is not None:
            wanted = wanted.where(c.policy == filters.policy)
        with self._engine.begin() as connection:
            rows = connection.execute(wanted).all()
        until = filters.until_ms or 2**62
        if filters.model is not None:
            rows = [row for row in rows if row.model == filters.model]
        found = _turns([(r.start, r.policy, r.policy_fingerprint, r.model) for r in rows])
        return tuple(turn for turn in found if filters.since_ms <= turn.start_ms < until)


def _turns(rows: list[tuple[int, str, str, str]]) -> list[Turn]:
    firsts: dict[tuple[str, Literal["policy", "model"], str], int] = {}
    begun: dict[tuple[str, str], int] = {}
    for start, policy, fingerprint, model in sorted(rows):
        for what, name in (("policy", fingerprint), ("model", model)):
            begun.setdefault((policy, what), start)
            key: tuple[str, Literal["policy", "model"], str] = (
                policy, "policy" if what == "policy" else "model", name,
            )  # fmt: skip
            firsts.setdefault(key, start)
    turns = [
        Turn(start, what, policy, name)
        for (policy, what, name), start in firsts.items()
        if start > begun[policy, what]
    ]
    return sorted(turns, key=lambda turn: (turn.start_ms, turn.what, turn.policy, turn.name))
