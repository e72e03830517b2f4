"""A policy and a person's changes to it in, the policy that this makes out; and as TOML. Pure.

What the policy lab of a dashboard asks: the rules as they stand, the same readings decided before
and after, and the file that `sentinel` reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w
from pydantic import BaseModel

from sentinel import policy as policies
from sentinel import verdict
from sentinel.contracts import GateOutcome, Outcome
from sentinel.errors import PolicyError
from sentinel.faces import Decided, JudgeLine, Rules, Tuning, Weighed
from sentinel.policy import Policy
from sentinel.store.queries import Judged
from sentinel.supposing import missing_from, under


def rules(policy: Policy) -> Rules:
    """What can be moved in a policy, as it stands."""
    return Rules(
        name=policy.name,
        description=policy.description,
        fingerprint=policy.fingerprint,
        pass_mark=policy.pass_mark,
        attempts=policy.budget.attempts,
        judges=tuple(
            JudgeLine(name, rule.threshold, rule.weight, rule.is_required)
            for name, rule in policy.judges.items()
        ),
        gates={name: rule.required for name, rule in policy.gates.items()},
    )


def tuned(policy: Policy, tuning: Tuning) -> Policy:
    """The policy with these changes; what it has no judge or gate for is passed over.

    PolicyError names a value that no policy may have.
    """
    table = policy.model_dump()
    table |= _given(pass_mark=tuning.pass_mark, name=tuning.name)
    table["budget"] |= _given(attempts=tuning.attempts)
    for name, rule in table["judges"].items():
        if name in tuning.thresholds:
            rule["threshold"] = tuning.thresholds[name]
        rule.update(_given(weight=tuning.weights.get(name)))
        wanted = tuning.required.get(name, policy.judges[name].is_required)
        if _is_required(rule) != wanted:  # a threshold that is moved moves nothing else
            rule["required"] = wanted
    for name, rule in table["gates"].items():
        rule.update(_given(required=tuning.gates.get(name)))
    return policies.parse(_toml(table), f"{policy.name} (changed)")


def weigh(before: Policy, after: Policy, every: Sequence[Judged]) -> tuple[Weighed, ...]:
    """The verdict over each picture's readings under both policies; no model runs."""
    return tuple(
        Weighed(each, _decided(each, before), _decided(each, after), _unmeasured(each, after))
        for each in every
    )


def written(policy: Policy) -> str:
    """The policy as TOML, without what is said by saying nothing; it reads back as the same.

    PolicyError where it would not: a file that is not what was shown is worse than none.
    """
    told = {
        key: value
        for key, value in _shortened(policy).items()
        if key in ("name", "mode", "pass_mark") or value not in ({}, None)
    }
    text = _toml(told)
    if policies.parse(text, policy.name) != policy:
        raise PolicyError(policy.name, ("it cannot be written so that it reads back the same",))
    return text


def _decided(each: Judged, policy: Policy) -> Decided:
    gates, outcomes = under(each.gates, each.outcomes, policy)
    return _standing(gates, outcomes, policy)


def _standing(gates: Sequence[GateOutcome], outcomes: Sequence[Outcome], policy: Policy) -> Decided:
    found = verdict.decide(gates, outcomes, policy, enforce=True)
    return Decided(found.standing, found.score, found.reason)


def _unmeasured(each: Judged, policy: Policy) -> tuple[str, ...]:
    """Nothing is missing where a gate refused: then no judge is asked."""
    return () if each.standing == "refused" else missing_from(each.outcomes, policy)


def _is_required(rule: Mapping[str, Any]) -> bool:
    """As `JudgeRule.is_required`, of values that nobody has checked yet."""
    if rule["required"] is not None:
        return bool(rule["required"])
    return rule["threshold"] is not None and not rule["optional"]


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _shortened(value: BaseModel) -> dict[str, Any]:
    """What differs from a default, tables within tables; a rule's name stays though it is empty."""
    told: dict[str, Any] = {}
    for key, info in type(value).model_fields.items():
        own = getattr(value, key)
        if isinstance(own, BaseModel):
            if short := _shortened(own):
                told[key] = short
        elif isinstance(own, Mapping) and any(isinstance(each, BaseModel) for each in own.values()):
            told[key] = {name: _shortened(each) for name, each in own.items()}
        elif info.is_required() or own != info.get_default(call_default_factory=True):
            told[key] = own
    return {"name": told.pop("name"), **told} if "name" in told else told


def _toml(table: Mapping[str, Any]) -> str:
    return tomli_w.dumps(_without_none(table))


def _without_none(value: Any) -> Any:
    """TOML has no null; a key that is not there says the same in a policy."""
    if isinstance(value, Mapping):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    return list(value) if isinstance(value, tuple) else value
