"""`sentinel demo`: eight pictures scored, six posters guarded before your eyes."""

from __future__ import annotations

import asyncio
from collections import ChainMap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.examples import examples

if TYPE_CHECKING:
    from sentinel.demo import Poster, Shown

NEXT = """\
Now guard a prompt of your own, or score a picture:
  sentinel guard 'two blue stars on yellow, with the word "HELLO"' --policy poster-demo --out it.png
  sentinel score PICTURE --prompt "what was asked for" --annotate judged.png
Or over HTTP, with  sentinel serve  running in another terminal:
  curl -F image=@PICTURE -F prompt="what was asked for" http://{host}:{port}/v1/score
"""

EXAMPLES = examples("sentinel demo --out demo-out")


def demo(
    *,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where pictures, traces and store go.")
    ] = Path("demo-out"),
) -> None:
    """Score eight pictures for real, then paint six posters and guard them.

    Photographs that ship with scikit-image, spoilt as generators spoil them,
    go through the default policy; a small model paints posters, with its own
    mistakes, and what fails is painted again with what was wrong. FOLDER then
    holds each picture, what was found drawn on it, contact-sheet.png,
    posters.png, traces.jsonl and the store. Exit code 0: that some do not
    pass is the point.
    """
    from sentinel.cli import display, verdicts  # noqa: PLC0415 - heavy
    from sentinel.demo import tour  # noqa: PLC0415 - heavy
    from sentinel.errors import ConfigError  # noqa: PLC0415 - with it
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; --out names a folder")
    console = display.err()
    with console.status("loading the models …") as status:
        shown, made = asyncio.run(tour(out, lambda name: status.update(f"{name} …")))
    _table(shown)
    _tell(made)
    traces = [*(each.trace for each in shown), *(each.trace for each in made)]
    lacks = [verdicts.lacking(trace) for trace in traces]
    verdicts.show_lacking(display.out(), dict(ChainMap(*lacks)))
    settings = Settings.read()
    typer.echo(f"\nLook at contact-sheet.png, posters.png and each …-annotated.png in {out}/\n")
    typer.echo(NEXT.format(host=settings.host, port=settings.port), nl=False)


def _table(shown: tuple[Shown, ...]) -> None:
    from rich.table import Table  # noqa: PLC0415 - Rich only where it is needed
    from rich.text import Text  # noqa: PLC0415 - with it

    from sentinel.cli.display import QUIET, out, safe  # noqa: PLC0415 - with it
    from sentinel.cli.verdicts import STANDINGS  # noqa: PLC0415 - heavy

    table = Table(box=None, padding=(0, 1), header_style=QUIET)
    table.add_column("picture", width=15)
    table.add_column("verdict", width=9)
    table.add_column("score", width=5, justify="right")
    table.add_column("what it is · what was found · trace", ratio=1)
    for each in shown:
        verdict = each.trace.last.verdict
        found = verdict.top_issues[0] if verdict.top_issues else verdict.reason
        told = Text("\n").join([safe(each.case.matter), safe(found), Text(each.trace.id, QUIET)])
        score = "-" if verdict.score is None else f"{verdict.score:.2f}"
        standing = Text(verdict.standing, STANDINGS[verdict.standing])
        table.add_row(safe(each.case.name, "bold"), standing, score, told)
    out().print(table)


def _tell(made: tuple[Poster, ...]) -> None:
    """Each poster's attempts: what was found, what was changed, what came of it."""
    from sentinel.cli.display import QUIET, out, safe  # noqa: PLC0415 - Rich only where it is needed
    from sentinel.cli.watching import show_attempts  # noqa: PLC0415 - with it

    console = out()
    for each in made:
        console.print()
        console.print(safe(f"poster {each.name}: {each.trace.brief.prompt}", "bold"))
        show_attempts(console, each.trace)
        console.print(safe(f"{each.trace.reason} · {each.trace.id}", QUIET))
