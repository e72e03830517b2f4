"""`sentinel policy`: which policies there are, what they ask, and whether a file is right."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.examples import examples

if TYPE_CHECKING:
    from rich.table import Table

    from sentinel.policy import GateRule, JudgeRule, Policy

app = typer.Typer(
    help="Policies: what is asked of pictures; list, show, check a file.", no_args_is_help=True
)


LIST_POLICIES_EXAMPLES = examples(
    "sentinel policy list",
    "SENTINEL_POLICIES=./policies sentinel policy list",
)


@app.command("list", epilog=LIST_POLICIES_EXAMPLES)
def list_policies() -> None:
    """The policies that may be named: built in, and yours (SENTINEL_POLICIES names a folder)."""
    from rich.table import Table  # noqa: PLC0415 - Rich only where it is needed

    from sentinel.cli import display  # noqa: PLC0415 - with it

    table = Table(box=None, padding=(0, 1), header_style=display.QUIET)
    for name, ratio in (("policy", 1), ("mode", 1), ("judges", 3), ("what it is for", 3)):
        table.add_column(name, ratio=ratio)
    for policy in _available().values():
        named = ", ".join(policy.judges) or "none"
        table.add_row(
            display.safe(policy.name, "bold"), policy.mode, display.safe(named),
            display.safe(policy.description),
        )  # fmt: skip
    display.out().print(table)


SHOW_POLICY_EXAMPLES = examples(
    "sentinel policy show poster",
)


@app.command("show", epilog=SHOW_POLICY_EXAMPLES)
def show_policy(
    name: Annotated[str, typer.Argument(help="A policy's name (sentinel policy list).")],
) -> None:
    """One policy: its gates, judges, thresholds and weights."""
    from sentinel.errors import NotFound  # noqa: PLC0415 - with the next
    from sentinel.registry import nearest  # noqa: PLC0415 - heavy

    known = _available()
    if name not in known:
        raise NotFound(f"there is no policy {name!r}; {nearest(name, tuple(known))}")
    _summary(known[name])


CHECK_POLICY_EXAMPLES = examples(
    "sentinel policy check my-policy.toml",
)


@app.command("check", epilog=CHECK_POLICY_EXAMPLES)
def check_policy(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A policy as TOML.")],
) -> None:
    """Whether a policy file would run here: every mistake by key, value and way out.

    It is read, each gate and judge is made with its options and loads its
    weights, exactly as at a start. Exit code 2 where anything would stop the
    start.
    """
    from sentinel import feedback, policy  # noqa: PLC0415 - heavy
    from sentinel.cli import display  # noqa: PLC0415 - Rich only where it is needed
    from sentinel.doctor import seat  # noqa: PLC0415 - heavy
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    read = policy.load(file)
    with display.err().status("loading its gates and judges …"):
        missing = asyncio.run(seat(Settings.read(), read))
    _summary(read)
    for told in missing:
        display.say(f"would not run: {told}", display.WARN)
    for told in feedback.unheard(read.feedback):
        display.say(f"{told} (right for a plugin of yours)", display.WARN)
    display.out().print(display.safe(f"{file} is right", display.GOOD))


def _available() -> dict[str, Policy]:
    from sentinel import policy  # noqa: PLC0415 - heavy
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    return policy.available(Settings.read().policies)


def _summary(policy: Policy) -> None:
    from rich.table import Table  # noqa: PLC0415 - Rich only where it is needed

    from sentinel.cli import display  # noqa: PLC0415 - with it

    console = display.out()
    console.print(display.safe(f"{policy.name}: {policy.description}", "bold"))
    table = Table(box=None, padding=(0, 1), header_style=display.QUIET)
    for name in ("gate or judge", "threshold", "weight", "where missing", "options"):
        table.add_column(name)
    for name, gate in policy.gates.items():
        _row(table, f"gate {name}", ("refuses", ""), gate)
    for name, judge in policy.judges.items():
        asked = "advises" if judge.threshold is None else f"{judge.threshold:.2f}"
        _row(table, f"judge {name}", (asked, f"{judge.weight:g}"), judge)
    console.print(table)
    spent = f"{policy.budget.attempts} attempts, {policy.budget.seconds:g} s"
    console.print(
        display.safe(
            f"mode {policy.mode}, pass mark {policy.pass_mark:.2f}, at most {spent}, "
            f"undecided: {policy.on_undecided}, budget spent: {policy.on_exhausted}, "
            f"fingerprint {policy.fingerprint}",
            display.QUIET,
        )
    )


def _row(
    table: Table, name: str, asked: tuple[str, str], rule: GateRule | JudgeRule
) -> None:  # fmt: skip
    from sentinel.cli.display import safe  # noqa: PLC0415 - Rich only where it is needed

    missing = "goes on, says so" if rule.optional else "stops the start"
    options = ", ".join(f"{key}={value}" for key, value in rule.options.items()) or "-"
    table.add_row(safe(name), *asked, missing, safe(options))
