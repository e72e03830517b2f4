"""Settings in, every plugin's state out: each is loaded exactly as a start would load it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from sentinel import policy as policies
from sentinel import registry
from sentinel.errors import PolicyError, SentinelError
from sentinel.panel import Panel
from sentinel.policy import GateRule, JudgeRule, Policy
from sentinel.process import hold_back_threads
from sentinel.registry import Kind
from sentinel.seating import PluginStatus, Seating
from sentinel.settings import Settings

KINDS: tuple[Kind, ...] = ("gate", "judge")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A gate or judge: what it measures, which models it may use, whether it would run."""

    kind: Kind
    name: str
    version: str
    measures: str
    models: tuple[str, ...]
    """Models it may use, some of them only by an option; "[extra]" follows where one needs it."""
    policies: tuple[str, ...]
    owner: str
    ready: bool
    reason: str
    """Why it would not run, with the command that mends it; empty where it would."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Examined:
    """Every plugin, and for each policy what would stop a start with it."""

    plugins: tuple[Plugin, ...]
    stops: dict[str, tuple[str, ...]]
    goes_without: dict[str, tuple[str, ...]]
    """For each policy the optional plugins that would not run, and why."""


async def examine(settings: Settings, kinds: tuple[Kind, ...] = KINDS) -> Examined:
    """Load everything every policy names, and what none names with its own defaults."""
    hold_back_threads(settings.threads)
    known = policies.available(settings.policies)
    stops: dict[str, tuple[str, ...]] = {}
    goes_without: dict[str, tuple[str, ...]] = {}
    async with _seating(settings) as seating:
        for each in known.values():
            part = each.model_copy(update={f"{kind}s": {} for kind in KINDS if kind not in kinds})
            stops[each.name], goes_without[each.name] = await _seat(seating, part)
        alone = await _seat_unused(seating, known, kinds)
        statuses = [each for each in seating.statuses(known) if each.kind in kinds]
    told = {line.partition(": ")[0]: line.partition(": ")[2]
            for lines in (*stops.values(), alone) for line in lines}  # fmt: skip
    return Examined(tuple(_plugin(each, told) for each in statuses), stops, goes_without)


async def seat(settings: Settings, policy: Policy) -> tuple[str, ...]:
    """What a policy would go without; PolicyError with everything that would stop the start."""
    hold_back_threads(settings.threads)
    async with _seating(settings) as seating:
        panel = await seating.seat(policy)
        return _missing(panel)


@asynccontextmanager
async def _seating(settings: Settings) -> AsyncIterator[Seating]:
    seating = Seating(settings)
    try:
        yield seating
    finally:
        await seating.close()


async def _seat(seating: Seating, policy: Policy) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stops the start with this policy, and what it goes without."""
    try:
        panel = await seating.seat(policy)
    except PolicyError as error:
        return error.problems, ()
    return (), _missing(panel)


def _missing(panel: Panel) -> tuple[str, ...]:
    lacks = [gate.missing for gate in panel.gates] + [judge.missing for judge in panel.judges]
    return tuple(told for told in lacks if told)


async def _seat_unused(
    seating: Seating, known: dict[str, Policy], kinds: tuple[Kind, ...]
) -> tuple[str, ...]:
    """Load what no policy names, with its own defaults."""
    used = {("gate", name) for each in known.values() for name in each.gates}
    used |= {("judge", name) for each in known.values() for name in each.judges}
    problems: list[str] = []
    for kind in kinds:
        for name in registry.names(kind):
            if (kind, name) in used:
                continue
            alone = (
                Policy(name="alone", gates={name: GateRule(optional=True)})
                if kind == "gate"
                else Policy(name="alone", judges={name: JudgeRule(optional=True)})
            )
            stops, _ = await _seat(seating, alone)
            problems += stops
    return tuple(problems)


def _plugin(status: PluginStatus, told: dict[str, str]) -> Plugin:
    """A status with the models the plugin may use; what stopped it is its reason."""
    reason = told.get(f"{status.kind}s.{status.name}", status.reason)
    return Plugin(
        kind=status.kind,
        name=status.name,
        version=status.version,
        measures=status.measures,
        models=_models(status.kind, status.name),
        policies=status.policies,
        owner=status.owner,
        ready=status.ready and not reason,
        reason=reason,
    )


def _models(kind: Kind, name: str) -> tuple[str, ...]:
    """Its models; where they need an extra, with that."""
    try:
        cards = getattr(registry.load_class(kind, name), "models", ())
    except SentinelError:
        return ()
    return tuple(f"{card.name} [{card.extra}]" if card.extra else card.name for card in cards)
