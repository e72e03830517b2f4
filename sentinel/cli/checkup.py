"""`sentinel doctor`: what is installed and what of it really works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.examples import examples

if TYPE_CHECKING:
    from sentinel.doctor import Check


EXAMPLES = examples(
    "sentinel doctor",
    "sentinel doctor --json",
)


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list instead of lines.")] = False,
) -> None:
    """What is installed and what of it really works.

    Looks at who owns our five package names, the extras, the execution
    provider that ONNX Runtime really uses, torch, OpenCV, the database, the
    models folder and every policy, whose judges it loads as a start would.
    Exit code 1 if something is broken.
    """
    from sentinel.cli import display  # noqa: PLC0415 - Rich only where it is needed
    from sentinel.doctor import check_up  # noqa: PLC0415 - heavy
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    with display.err().status("looking …"):
        checks = check_up(Settings.read())
    broken = [check for check in checks if check.state == "broken"]
    if as_json:
        rows = [check.as_dict() for check in checks]
        display.print_json(json.dumps(rows, ensure_ascii=False))
        raise typer.Exit(1 if broken else 0)
    _lines(checks)
    raise typer.Exit(1 if broken else 0)


def _lines(checks: tuple[Check, ...]) -> None:
    from rich.table import Table  # noqa: PLC0415 - Rich only where it is needed
    from rich.text import Text  # noqa: PLC0415 - with it

    from sentinel.cli.display import BAD, GOOD, QUIET, WARN, out, safe  # noqa: PLC0415 - with it

    styles = {"ok": GOOD, "note": WARN, "absent": QUIET, "broken": BAD}
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(width=6, no_wrap=True)
    table.add_column(width=16)
    table.add_column(ratio=1)
    for check in checks:
        told = Text("\n").join(safe(line) for line in check.told.splitlines())
        if check.remedy:
            told.append_text(Text.assemble("\n→ ", safe(check.remedy, WARN)))
        table.add_row(Text(check.state, styles[check.state]), safe(check.name), told)
    out().print(table)
