"""Words on a command line in, readable answers and an exit code out.

Exit codes: 0 everything passed or is in order, 1 a picture did not pass (or a check or pull
failed), 2 wrong usage or configuration, 3 some pictures could not be scored, 130 interrupted.

Nothing heavy is imported here: each command imports what it needs, so that help is immediate.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sentinel import __version__
from sentinel.cli import (
    auditing,
    calibrating,
    checkup,
    demonstration,
    endpoints,
    explaining,
    guarding,
    keys,
    models,
    plugins,
    policies,
    scoring,
    serving,
)
from sentinel.errors import SentinelError

MISUSE = 2
"""Wrong usage or configuration; the code that every Unix tool uses for it."""

HELP = """Quality gatekeeper for AI images: gates refuse, judges measure, a policy decides.

Start with [bold]sentinel demo[/], then [bold]sentinel score PICTURE --prompt "…"[/].

Exit codes: 0 passed, or in order; 1 a picture did not pass, or a check
failed; 2 wrong usage or configuration; 3 some pictures could not be scored;
130 interrupted.
"""

app = typer.Typer(
    name="sentinel",
    help=HELP,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("score", epilog=scoring.EXAMPLES)(scoring.score)
app.command("guard", epilog=guarding.EXAMPLES)(guarding.guard)
app.command("audit", epilog=auditing.EXAMPLES)(auditing.audit)
app.command("calibrate", epilog=calibrating.EXAMPLES)(calibrating.calibrate)
app.command("explain-feedback", epilog=explaining.EXAMPLES)(explaining.explain_feedback)
app.command("judges", epilog=plugins.JUDGES_EXAMPLES)(plugins.judges)
app.command("gates", epilog=plugins.GATES_EXAMPLES)(plugins.gates)
app.add_typer(models.app, name="models")
app.add_typer(policies.app, name="policy")
app.command("doctor", epilog=checkup.EXAMPLES)(checkup.doctor)
app.command("serve", epilog=serving.EXAMPLES)(serving.serve)
app.command("endpoints", epilog=endpoints.EXAMPLES)(endpoints.endpoints)
app.add_typer(keys.app, name="keys")
app.command("demo", epilog=demonstration.EXAMPLES)(demonstration.demo)


def _version(wanted: bool) -> None:  # noqa: FBT001 - the shape Typer asks of a callback
    if wanted:
        typer.echo(f"sentinel {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Nothing to do before a command."""


def main(words: list[str] | None = None) -> None:
    """Run one command and exit; whatever Sentinel raises on purpose is one readable message."""
    try:
        app(words, prog_name="sentinel")
    except SentinelError as error:
        from sentinel.cli.display import complain  # noqa: PLC0415 - Rich only where it is needed

        complain(error)
        sys.exit(1 if error.code == "pull_failed" else MISUSE)
