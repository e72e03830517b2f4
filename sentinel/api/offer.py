"""Plugins and policies in, what is on offer out, on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sentinel.api.errors import Problem
from sentinel.api.wire import Wire
from sentinel.contracts import Mode, Unit
from sentinel.policy import Budget, GateRule, JudgeRule, Policy
from sentinel.seating import PluginStatus


class PluginAnswer(Wire):
    """A judge or gate: whether it runs here, and if not, the command that mends it."""

    name: str
    version: str
    measures: str
    owner: str
    policies: tuple[str, ...]
    ready: bool
    reason: str


class PluginsAnswer(Wire):
    """The answer of GET /v1/judges."""

    judges: tuple[PluginAnswer, ...]
    gates: tuple[PluginAnswer, ...]


class PolicyLine(Wire):
    """A policy in a list."""

    name: str
    description: str
    mode: Mode
    pass_mark: Unit
    fingerprint: str
    gates: tuple[str, ...]
    judges: tuple[str, ...]
    url: str


class PoliciesAnswer(Wire):
    """The answer of GET /v1/policies."""

    default: str
    policies: tuple[PolicyLine, ...]


class PolicyAnswer(Wire):
    """The answer of GET /v1/policies/{name}."""

    name: str
    description: str
    mode: Mode
    pass_mark: Unit
    fingerprint: str
    on_undecided: str
    on_exhausted: str
    budget: Budget
    gates: dict[str, GateRule]
    judges: dict[str, JudgeRule]


class ReadyAnswer(Wire):
    """The answer of GET /readyz; `not_run` names optional plugins whose models are missing."""

    ready: bool
    policies: tuple[str, ...]
    not_run: tuple[str, ...]


def plugins_answer(statuses: Iterable[PluginStatus]) -> PluginsAnswer:
    """Every plugin on offer, by kind."""
    known = tuple(statuses)
    return PluginsAnswer(
        judges=tuple(_plugin(each) for each in known if each.kind == "judge"),
        gates=tuple(_plugin(each) for each in known if each.kind == "gate"),
    )


def policies_answer(policies: Mapping[str, Policy], default: str) -> PoliciesAnswer:
    """Every policy in a line."""
    return PoliciesAnswer(
        default=default, policies=tuple(_line(each) for each in policies.values())
    )


def policy_answer(policy: Policy) -> PolicyAnswer:
    """One policy in full."""
    fields = {name: getattr(policy, name) for name in PolicyAnswer.model_fields}
    return PolicyAnswer(**fields)


def waiting(statuses: Iterable[PluginStatus]) -> tuple[Problem, ...]:
    """Every plugin that a policy uses and that is not ready."""
    return tuple(
        Problem(field=f"{each.kind} {each.name}", message=each.reason or "not loaded yet")
        for each in statuses
        if each.policies and not each.ready
    )


def _plugin(status: PluginStatus) -> PluginAnswer:
    fields = {name: getattr(status, name) for name in PluginAnswer.model_fields}
    return PluginAnswer(**fields)


def _line(policy: Policy) -> PolicyLine:
    return PolicyLine(
        name=policy.name,
        description=policy.description,
        mode=policy.mode,
        pass_mark=policy.pass_mark,
        fingerprint=policy.fingerprint,
        gates=tuple(policy.gates),
        judges=tuple(policy.judges),
        url=f"/v1/policies/{policy.name}",
    )
