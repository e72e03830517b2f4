"""The policy lab's address in, changes to a policy out; and an address that asks for the same."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dashboards import asking
from dashboards.asking import Asked
from sentinel.faces import Rules, Tuning
from sentinel.store.queries import Filters

SIZES = (200, 500, 1000, 2000)
"""Pictures that are weighed, on offer: 1,000 take about half a second on two cores."""

USUAL = 1000

NO_THRESHOLD = "none"
"""Stands in an address for a judge that fails nobody."""

SHORT, LONG = 64, 12
"""Characters of a name, and of a number, in an address that are looked at."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What an address of the lab asks for. `everywhere`: pictures of all policies, not its own."""

    asked: Asked
    tuning: Tuning
    size: int = USUAL
    everywhere: bool = False

    def filters(self) -> Filters:
        """Which pictures are weighed."""
        policy = None if self.everywhere else self.tuning.policy
        return Asked(
            self.asked.span, self.asked.project, self.asked.model, policy, self.asked.category,
            self.asked.mode,
        ).filters()  # fmt: skip

    def query(self, **changed: str | None) -> str:
        """The query that asks for this, but for what is changed (None takes away)."""
        told: dict[str, str | None] = {
            "policy": self.tuning.policy,
            "n": None if self.size == USUAL else str(self.size),
            "of": "all" if self.everywhere else None,
        }
        return self.asked.query(**(told | _told(self.tuning) | changed))


def read(query: Mapping[str, str], pairs: Collection[tuple[str, str]], policy: str) -> Moved:
    """What an address asks for; what it cannot ask for is left out, so that a link always opens.

    Of a name that comes twice the last counts: a box that is not ticked sends only the first.
    """
    numbers = {key: _number(value) for key, value in pairs}
    tuning = Tuning(
        policy=policy,
        name=query.get("name", "").strip()[:SHORT] or None,
        pass_mark=numbers.get("mark"),
        attempts=_whole(numbers.get("attempts")),
        thresholds=_thresholds(pairs),
        weights={key[2:]: n for key, n in numbers.items() if key[:2] == "w." and n is not None},
        required=_flags(pairs, "r."),
        gates=_flags(pairs, "g."),
    )
    size = _whole(_number(query.get("n", "")))
    return Moved(
        asking.read(query), tuning, size if size in SIZES else USUAL, query.get("of") == "all"
    )


def trimmed(moved: Moved, rules: Rules) -> Moved:
    """The same without what is as it stands anyway: an address says what was moved."""
    asked = moved.tuning
    lines = {line.name: line for line in rules.judges}
    tuning = Tuning(
        policy=asked.policy,
        name=None if asked.name == rules.name else asked.name,
        pass_mark=None if asked.pass_mark == rules.pass_mark else asked.pass_mark,
        attempts=None if asked.attempts == rules.attempts else asked.attempts,
        thresholds={
            name: value for name, value in asked.thresholds.items()
            if name in lines and lines[name].threshold != value
        },
        weights={
            name: value for name, value in asked.weights.items()
            if name in lines and lines[name].weight != value
        },
        required={
            name: value for name, value in asked.required.items()
            if name in lines and lines[name].required != value
        },
        gates={
            name: value for name, value in asked.gates.items()
            if rules.gates.get(name, value) != value
        },
    )  # fmt: skip
    return Moved(moved.asked, tuning, moved.size, moved.everywhere)


def is_moved(tuning: Tuning) -> bool:
    """Whether anything that decides was changed."""
    numbers = tuning.pass_mark is not None or tuning.attempts is not None
    return numbers or any((tuning.thresholds, tuning.weights, tuning.required, tuning.gates))


def _thresholds(pairs: Collection[tuple[str, str]]) -> dict[str, float | None]:
    """Numbers by judge; None where there is to be no threshold: by word, or by its box."""
    found: dict[str, float | None] = {}
    without = {name for name, ticked in _flags(pairs, "f.").items() if not ticked}
    for key, value in pairs:
        if key[:2] != "t.":
            continue
        number = _number(value)
        if value == NO_THRESHOLD or number is not None:
            found[key[2:]] = None if key[2:] in without else number
    return found


def _flags(pairs: Collection[tuple[str, str]], prefix: str) -> dict[str, bool]:
    return {key[2:]: value == "1" for key, value in pairs if key[:2] == prefix and value in "01"}


def _told(tuning: Tuning) -> dict[str, str | None]:
    told: dict[str, str | None] = {"name": tuning.name}
    if tuning.pass_mark is not None:
        told["mark"] = f"{tuning.pass_mark:g}"
    if tuning.attempts is not None:
        told["attempts"] = str(tuning.attempts)
    for name, value in tuning.thresholds.items():
        told[f"t.{name}"] = NO_THRESHOLD if value is None else f"{value:g}"
    told |= {f"w.{name}": f"{value:g}" for name, value in tuning.weights.items()}
    told |= {f"r.{name}": str(int(value)) for name, value in tuning.required.items()}
    return told | {f"g.{name}": str(int(value)) for name, value in tuning.gates.items()}


def _number(text: str) -> float | None:
    try:
        number = float(text[:LONG])
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
