"""Policy in, panel out: plugins made, loaded in their own threads, and shared by policies."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentinel import registry
from sentinel.contracts import Brief, Closes, Finding, InputGate, Loads, Runtime, Sample
from sentinel.deployments import Deployed, Deployments
from sentinel.errors import (
    ConfigError,
    MissingRequirement,
    PluginError,
    PolicyError,
    SentinelError,
)
from sentinel.gating import GateSeat, Question
from sentinel.judging import Answer, JudgeSeat
from sentinel.panel import Panel
from sentinel.policy import GateRule, JudgeRule, Policy
from sentinel.registry import Kind
from sentinel.settings import Settings
from sentinel.worker import Crew, Floor, Worker

SOME_MS = 100.0
"""Place in the order of gates for one that does not say how long it takes."""


ELSEWHERE = 10_000
"""Judges that may be waited for at once where they run elsewhere: waiting takes no core."""


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """A plugin on offer: whether it would run, and if not, the command that mends it."""

    kind: Kind
    name: str
    version: str
    measures: str
    owner: str
    policies: tuple[str, ...]
    ready: bool
    reason: str
    benched: bool = False
    """Whether every copy of it hangs somewhere, so that it is asked no more."""
    lacking: tuple[str, ...] = ()
    """Of `policies` those that ask for a model of it that is not here."""


@dataclass(slots=True)
class _Seated:
    """One plugin with one set of options, shared by every policy that asks for it so."""

    plugins: tuple[Any, ...]
    crew: Crew[Any, Any] | None
    missing: str = ""

    @property
    def plugin(self) -> Any:
        """One of the copies, which are all alike."""
        return self.plugins[0]

    @property
    def benched(self) -> bool:
        """Whether too many calls of each copy hang."""
        return self.crew is not None and all(worker.benched for worker in self.crew.workers)


class Seating:
    """Makes, loads and closes plugins."""

    def __init__(
        self,
        settings: Settings,
        *,
        batch: int | None = None,
        deployments: Deployments | None = None,
    ) -> None:
        """Nothing is loaded yet. `batch`: samples a call at most, whatever a plugin can take.

        `deployments`, connected, serve the judges; without them they run in this process.
        """
        self._settings = settings
        self._batch = batch
        self._runtime = Runtime(settings.threads, settings.device, settings.models)
        self._floor = Floor(settings.workers)
        self._deployments = deployments
        self._elsewhere = Floor(ELSEWHERE)
        self._seated: dict[tuple[Kind, str, str], _Seated] = {}

    async def seat(self, policy: Policy) -> Panel:
        """The panel of a policy; PolicyError names everything that keeps it from running."""
        problems: list[str] = []
        rules: list[tuple[Kind, str, GateRule | JudgeRule]] = [
            *(("gate", name, rule) for name, rule in policy.gates.items()),
            *(("judge", name, rule) for name, rule in policy.judges.items()),
        ]
        loads = [self._take(kind, name, rule) for kind, name, rule in rules]
        for (kind, name, _), result in zip(
            rules, await asyncio.gather(*loads, return_exceptions=True), strict=True
        ):
            if isinstance(result, SentinelError):
                problems.append(f"{kind}s.{name}: {result}")
            elif isinstance(result, Exception):
                told = PluginError(kind, name, f"load() raised {type(result).__name__}: {result}")
                problems.append(f"{kind}s.{name}: {told}")
            elif isinstance(result, BaseException):
                raise result
        if problems:
            raise PolicyError(policy.name, tuple(problems))
        return Panel(
            policy,
            tuple(self._gate(name, rule) for name, rule in policy.gates.items()),
            tuple(self._judge(name, rule) for name, rule in policy.judges.items()),
        )

    def statuses(self, policies: Mapping[str, Policy]) -> list[PluginStatus]:
        """Every gate and judge on offer."""
        kinds: tuple[Kind, ...] = ("gate", "judge")
        return [
            self._status(kind, name, policies) for kind in kinds for name in registry.names(kind)
        ]

    async def close(self) -> None:
        """Let go of every plugin."""
        for seated in self._seated.values():
            if seated.crew is None:
                continue
            for plugin, worker in zip(seated.plugins, seated.crew.workers, strict=True):
                if isinstance(plugin, Closes):
                    with contextlib.suppress(Exception):  # closing foreign code must not stop us
                        await asyncio.wait_for(worker.run(plugin.close), 2.0)
            await seated.crew.close()
        self._seated.clear()

    async def _take(self, kind: Kind, name: str, rule: GateRule | JudgeRule) -> _Seated:
        key = (kind, name, _options(rule))
        if key not in self._seated:
            self._seated[key] = await self._load(kind, name, rule)
        seated = self._seated[key]
        if seated.missing and not rule.optional:
            raise ConfigError(f"{seated.missing} (or set optional = true)")
        return seated

    async def _load(self, kind: Kind, name: str, rule: GateRule | JudgeRule) -> _Seated:
        plugins = self._made(kind, name, rule)
        workers = [self._worker(kind, name, plugin) for plugin in plugins]
        crew: Crew[Any, Any] = Crew(workers)
        try:
            for plugin, worker in zip(plugins, workers, strict=True):
                if isinstance(plugin, Loads):
                    await worker.run(functools.partial(plugin.load, self._runtime))
        except MissingRequirement as error:
            await crew.close()
            return _Seated(plugins, None, str(error))
        return _Seated(plugins, crew)

    def _made(self, kind: Kind, name: str, rule: GateRule | JudgeRule) -> tuple[Any, ...]:
        """A plugin and its copies, not loaded yet; or who stands for those that run elsewhere."""
        first = registry.make(kind, name, rule.options)
        if kind == "judge" and self._deployments is not None:
            return self._deployments.of(name, rule.options, first)
        most = min(self._settings.workers, int(getattr(first, "copies", 1)))
        return first, *(registry.make(kind, name, rule.options) for _ in range(most - 1))

    def _worker(self, kind: Kind, name: str, plugin: Any) -> Worker[Any, Any]:
        return Worker(
            kind,
            name,
            _call_of(kind, plugin),
            self._elsewhere if isinstance(plugin, Deployed) else self._floor,
            batch=self._batch or int(getattr(plugin, "batch_size", 1)),
            waiting=self._settings.queue,
        )

    def _of(self, kind: Kind, name: str, rule: GateRule | JudgeRule) -> _Seated:
        return self._seated[kind, name, _options(rule)]

    def _gate(self, name: str, rule: GateRule) -> GateSeat:
        seated = self._of("gate", name, rule)
        return GateSeat(
            name=name,
            version=seated.plugin.version,
            rule=rule,
            worker=seated.crew,
            sees_picture=not isinstance(seated.plugin, InputGate),
            typical_ms=float(getattr(seated.plugin, "typical_ms", SOME_MS)),
            missing=seated.missing,
        )

    def _judge(self, name: str, rule: JudgeRule) -> JudgeSeat:
        seated = self._of("judge", name, rule)
        return JudgeSeat(
            name=name,
            version=seated.plugin.version,
            rule=rule,
            worker=seated.crew,
            missing=seated.missing,
            reads=tuple(getattr(seated.plugin, "reads", ())),
        )

    def _status(self, kind: Kind, name: str, policies: Mapping[str, Policy]) -> PluginStatus:
        rules = {
            policy.name: rule
            for policy in policies.values()
            if (rule := (policy.gates if kind == "gate" else policy.judges).get(name))
        }
        version, measures, reason = "?", "", ""
        try:
            plugin = registry.load_class(kind, name)
            version = str(getattr(plugin, "version", "?"))
            measures = (inspect.getdoc(plugin) or "").split("\n", 1)[0]
        except SentinelError as error:
            reason = str(error)
        seated = [known for key, known in self._seated.items() if key[:2] == (kind, name)]
        missing = [known.missing for known in seated if known.missing]
        if not reason:
            absent = "not loaded yet" if rules else "not loaded: no policy uses it"
            reason = missing[0] if missing else ("" if seated else absent)
        return PluginStatus(
            kind=kind,
            name=name,
            version=version,
            measures=measures,
            owner=registry.owner(kind, name),
            policies=tuple(rules),
            ready=bool(seated) and not reason,
            reason=reason,
            benched=any(known.benched for known in seated),
            lacking=tuple(each for each, rule in rules.items() if self._lacks(kind, name, rule)),
        )

    def _lacks(self, kind: Kind, name: str, rule: GateRule | JudgeRule) -> bool:
        known = self._seated.get((kind, name, _options(rule)))
        return known is not None and bool(known.missing)


def _options(rule: GateRule | JudgeRule) -> str:
    """Options as part of a key."""
    return json.dumps(rule.options, sort_keys=True)


def _call_of(kind: Kind, plugin: Any) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """The plugin as a function of a list."""
    if kind == "judge":
        judge: Callable[[Sequence[Sample]], Sequence[Answer]] = plugin.judge
        return judge

    def ask(questions: Sequence[Question]) -> list[Finding]:
        return [
            plugin.screen(question) if isinstance(question, Brief) else plugin.check(question)
            for question in questions
        ]

    return ask
