"""Installed plugins in, what each measures and whether it would run out."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.examples import examples

if TYPE_CHECKING:
    from sentinel.doctor import Plugin
    from sentinel.registry import Kind

AsJson = Annotated[bool, typer.Option("--json", help="A JSON list instead of a table.")]


JUDGES_EXAMPLES = examples(
    "sentinel judges",
    "sentinel judges --json",
)


def judges(*, as_json: AsJson = False) -> None:
    """What each judge measures, what it needs, whether it would run.

    Loads every judge as a start would, so it tells what is, not what should
    be.
    """
    _show("judge", as_json=as_json)


GATES_EXAMPLES = examples(
    "sentinel gates",
    "sentinel gates --json",
)


def gates(*, as_json: AsJson = False) -> None:
    """What each gate refuses, what it needs, whether it would run."""
    _show("gate", as_json=as_json)


def _show(kind: Kind, *, as_json: bool) -> None:
    from sentinel import doctor  # noqa: PLC0415 - heavy
    from sentinel.cli import display  # noqa: PLC0415 - Rich only where it is needed
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    settings = Settings.read()
    with display.err().status(f"loading the {kind}s …"):
        examined = asyncio.run(doctor.examine(settings, kinds=(kind,)))
    if as_json:
        rows = [plugin.as_dict() for plugin in examined.plugins]
        display.print_json(json.dumps(rows, ensure_ascii=False))
        return
    _table(kind, examined.plugins)


def _table(kind: Kind, plugins: tuple[Plugin, ...]) -> None:
    from rich.table import Table  # noqa: PLC0415 - Rich only where it is needed
    from rich.text import Text  # noqa: PLC0415 - with it

    from sentinel.cli.display import GOOD, QUIET, WARN, out, safe  # noqa: PLC0415 - with it

    table = Table(box=None, padding=(0, 1), header_style=QUIET)
    table.add_column(kind, width=11)
    table.add_column("version", width=7, no_wrap=True)
    table.add_column("ready", width=5)
    table.add_column("what it measures" if kind == "judge" else "what it looks at", ratio=1)
    for plugin in plugins:
        told = safe(plugin.measures)
        models = ", ".join(plugin.models) or "no model"
        told.append_text(Text.assemble(("\nmay use: ", QUIET), safe(models, QUIET)))
        used = ", ".join(plugin.policies) or "no policy"
        told.append_text(Text.assemble(("\nused by: ", QUIET), safe(used, QUIET)))
        if plugin.reason:
            told.append_text(Text.assemble("\n", safe(plugin.reason, WARN)))
        ready = Text("yes", GOOD) if plugin.ready else Text("no", WARN)
        table.add_row(safe(plugin.name, "bold"), safe(plugin.version), ready, told)
    out().print(table)
