"""TOML in, policy out: which gates, which judges, under which rules, and what follows.

Every mistake in a file is found at once and told by key, value and way out.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue, ValidationError

from sentinel.contracts import Mode, Unit, Value
from sentinel.errors import SHOWN, PolicyError

NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class Budget(Value):
    """What one request may spend: pictures, seconds, US dollars."""

    attempts: int = Field(default=3, ge=1, le=50)
    seconds: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    cost: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    patience: int = Field(default=2, ge=1)
    """Rounds in a row that may bring nothing better before another lever is pulled."""


StrategyName = Literal[
    "off", "spell-text", "phrase-first", "count-bound", "colour-bound", "place-first",
    "clause-first", "plain-background", "palette-named", "face-formed", "face-alike",
    "faces-counted", "neutral-form", "style-nearer", "cleaner", "new-seed",
]  # fmt: skip
"""How feedback can answer an issue (`sentinel.feedback.STRATEGIES`); "off" says nothing."""


class RewriterRule(Value):
    """A language model of yours that rewrites prompts, behind an OpenAI-compatible endpoint."""

    url: str = Field(pattern=r"^https?://[^\s@?#]+$")
    """Its base address, such as "http://127.0.0.1:11434/v1"."""
    model: str = Field(min_length=1)
    key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the environment variable that holds its key; without one none is sent."""
    timeout: float = Field(default=20.0, gt=0, le=600, allow_inf_nan=False)
    """Seconds for one answer, from the connection to its last byte."""


class FeedbackRule(Value):
    """What the next attempt is told of the last one's faults."""

    enabled: bool = True
    strategies: dict[str, StrategyName] = Field(default_factory=dict)
    """"text" or "text.misspelled" to a strategy; goes before the built-in table."""
    rewriter: RewriterRule | None = None
    confirm: tuple[str, ...] = ("alignment",)
    """Categories of which nothing is told before a picture of another seed has the same fault."""


class GateRule(Value):
    """How a gate is used. `required`: its fault makes the verdict undecided."""

    required: bool = True
    optional: bool = False
    """True: where its extra or weights are missing, it is reported as not run, by name."""
    timeout: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    """Seconds one call may take."""
    options: dict[str, JsonValue] = Field(default_factory=dict)


class JudgeRule(Value):
    """How a judge is used. Without a threshold it is advisory: it weighs in and fails nobody."""

    threshold: Unit | None = None
    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    required: bool | None = None
    """Its fault makes the verdict undecided; unset: yes if it has a threshold, not optional."""
    optional: bool = False
    """True: where its extra or weights are missing, it is reported as not run, by name."""
    timeout: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    """Seconds one call may take."""
    options: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def is_required(self) -> bool:
        """Whether its fault makes the verdict undecided."""
        if self.required is not None:
            return self.required
        return self.threshold is not None and not self.optional


class Policy(Value):
    """What is asked of pictures of one kind."""

    name: str = Field(pattern=NAME)
    description: str = ""
    mode: Mode = "guard"
    pass_mark: Unit = 0.5
    """Weighted score below which a picture fails though each judge passed it."""
    on_undecided: Literal["fail_closed", "fail_open"] = "fail_closed"
    on_exhausted: Literal["best", "reject"] = "best"
    budget: Budget = Budget()
    feedback: FeedbackRule = FeedbackRule()
    gates: dict[str, GateRule] = Field(default_factory=dict)
    judges: dict[str, JudgeRule] = Field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change when anything in the policy changes."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


WORDS = {
    "dict_type": "a table, such as [judges.text]",
    "model_type": "a table, such as [judges.text] with threshold = 0.8 below it",
    "invalid-json-value": "text, a number, true, false, a list or a table",
}
"""What a key should be, in TOML's words, by pydantic's type of a problem."""


def parse(text: str, source: str) -> Policy:
    """A policy from TOML; PolicyError holds every problem."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(source, (f"not TOML: {error}",)) from error
    try:
        return Policy.model_validate(table)
    except ValidationError as error:
        problems = tuple(_explain(dict(problem)) for problem in error.errors())
        raise PolicyError(source, problems) from error


def load(path: Path) -> Policy:
    """A policy from a file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(str(path), (f"the file cannot be read: {error}",)) from error
    return parse(text, str(path))


def builtin() -> dict[str, Policy]:
    """The policies that ship: default, portrait, product, poster, poster-demo."""
    folder = resources.files("sentinel") / "policies"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    found = [parse(file.read_text("utf-8"), file.name) for file in files if file.is_file()]
    return {policy.name: policy for policy in found}


def available(folder: Path | None) -> dict[str, Policy]:
    """The built-in policies and those of a folder; yours replace built-ins of the same name."""
    known = builtin()
    if folder is None:
        return known
    if not folder.is_dir():
        raise PolicyError(
            str(folder), ("is no folder; SENTINEL_POLICIES names a folder of *.toml",)
        )
    problems: list[str] = []
    seen: dict[str, Path] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            policy = load(path)
        except PolicyError as error:
            problems += [f"{path.name}: {problem}" for problem in error.problems]
            continue
        if policy.name in seen:
            problems.append(f"{path.name}: name {policy.name!r} is {seen[policy.name].name}'s too")
        seen[policy.name] = path
        known[policy.name] = policy
    if problems:
        raise PolicyError(str(folder), tuple(problems))
    return known


def _explain(problem: Mapping[str, Any]) -> str:
    """One pydantic problem as key, value and way out."""
    where = [str(part) for part in problem["loc"]]
    key = ".".join(where)
    value = problem["input"]
    if problem["type"] == "extra_forbidden":
        return f"{key} is no key here; {_keys_near(where)}"
    if problem["type"] == "missing":
        return f"{key} is missing; add it"
    if problem["type"] == "string_pattern_mismatch":
        return f"{key} is {value!r}; use lower-case letters, digits, '-' and '_'"
    told = WORDS.get(problem["type"], str(problem["msg"]).removeprefix("Input should be "))
    return f"{key} is {_shown(value)}; it should be {told}"


def _shown(value: object) -> str:
    """A value as it stands in the file, shortened."""
    text = repr(value) if isinstance(value, str | list | dict) else str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _keys_near(where: list[str]) -> str:
    tables: dict[str, type[BaseModel]] = {
        "budget": Budget, "feedback": FeedbackRule, "gates": GateRule, "judges": JudgeRule,
    }  # fmt: skip
    table: type[BaseModel] = tables.get(where[0], Policy) if len(where) > 1 else Policy
    table = RewriterRule if where[:2] == ["feedback", "rewriter"] and len(where) > 2 else table  # noqa: PLR2004 - a key within it
    known = sorted(table.model_fields)
    close = difflib.get_close_matches(where[-1], known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known: {', '.join(known)}"
