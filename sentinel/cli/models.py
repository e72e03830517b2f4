"""`sentinel models`: what models there are, what is here, and bringing one here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.examples import examples

if TYPE_CHECKING:
    from rich.progress import TaskID

    from sentinel.models import Entry, Progress

app = typer.Typer(
    help="Models: what there is, under which licence, and bringing one here.",
    no_args_is_help=True,
)

WORDS = {
    "ships": "ships in a wheel", "here": "pulled", "package": "in an installed package",
    "missing": "not here",
}  # fmt: skip


LIST_MODELS_EXAMPLES = examples(
    "sentinel models list",
    "sentinel models list --json",
)


@app.command("list", epilog=LIST_MODELS_EXAMPLES)
def list_models(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:  # fmt: skip
    """Every model that a judge or gate may use: licence, size, source, whether it is here."""
    from sentinel.cli import display  # noqa: PLC0415 - Rich only where it is needed
    from sentinel.models import catalogue  # noqa: PLC0415 - heavy
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    settings = Settings.read()
    entries = catalogue(settings.models)
    if as_json:
        rows = [
            {**entry.card.model_dump(), "users": entry.users, "state": entry.state,
             "remedy": entry.remedy}
            for entry in entries
        ]  # fmt: skip
        display.print_json(json.dumps(rows, ensure_ascii=False))
        return
    _blocks(entries)
    display.out().print(display.safe(f"models folder: {settings.models}", display.QUIET))


PULL_MODELS_EXAMPLES = examples(
    "sentinel models pull opennsfw",
    "sentinel models pull buffalo_l --accept-licence buffalo_l",
)


@app.command("pull", epilog=PULL_MODELS_EXAMPLES)
def pull_models(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Models, by name.")],
    *,
    accept_licence: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Accept that model's licence without being asked."),
    ] = None,
) -> None:
    """Bring a model here: shows size and licence, resumes, checks the checksum.

    A model whose licence does not allow commercial use is pulled only after a
    yes, or with --accept-licence NAME. HF_ENDPOINT names a mirror of the
    Hugging Face hub.
    """
    from sentinel.models import find  # noqa: PLC0415 - heavy
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    settings = Settings.read()
    entries = [find(settings.models, name) for name in names]
    for entry in entries:
        _introduce(entry)
        _agree(entry, accepted=entry.card.name in (accept_licence or ()))
        _bring(entry, settings.models)


def _introduce(entry: Entry) -> None:
    """Name, size, source and licence, before anything is fetched."""
    from sentinel.cli import display  # noqa: PLC0415 - Rich only where it is needed

    card = entry.card
    console = display.err()
    console.print(display.safe(f"{card.name}: {card.title}", "bold"))
    console.print(display.safe(f"  size     {card.megabytes:g} MB from {card.source}"))
    use = "commercial use allowed" if card.commercial else "NO commercial use"
    console.print(display.safe(f"  licence  {card.licence} ({use})"))
    if card.note:
        console.print(display.safe(f"  note     {card.note}"))


def _agree(entry: Entry, *, accepted: bool) -> None:
    """Ask where the licence restricts the use; nobody there to answer is a no."""
    card = entry.card
    if card.commercial or accepted or card.source == "wheel":
        return
    if not sys.stdin.isatty():
        told = f"{card.name} may not be used commercially; accept with --accept-licence {card.name}"
        raise typer.BadParameter(told, param_hint="--accept-licence")
    if not typer.confirm(f"Pull {card.name} under this licence?", err=True):
        typer.echo("nothing was pulled", err=True)
        raise typer.Exit(1)


def _bring(entry: Entry, models: Path) -> None:
    from sentinel.cli import display  # noqa: PLC0415 - Rich only where it is needed
    from sentinel.models import pull  # noqa: PLC0415 - heavy

    if entry.card.source == "wheel":
        told = f"run: {entry.remedy}" if entry.remedy else "it ships in an installed wheel"
        display.say(f"  nothing to pull; {told}")
        return
    with _bar() as progress:
        folder = pull(entry.card, models, progress)
    checked = all(entry.card.files.values()) and bool(entry.card.files)
    proof = "checksums right" if checked else "the publisher gives no checksum for every file"
    display.say(f"  here: {folder} ({proof})", display.GOOD)


@contextmanager
def _bar() -> Iterator[Progress]:
    """A bar per file on standard error; a line per file where that is no terminal."""
    from rich.progress import (  # noqa: PLC0415 - Rich only where it is needed
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from sentinel.cli import display  # noqa: PLC0415 - Rich only where it is needed

    console = display.err()
    bar = Progress(
        TextColumn("  {task.description}"), BarColumn(bar_width=20), DownloadColumn(),
        TransferSpeedColumn(), TimeRemainingColumn(), console=console,
        disable=not console.is_terminal,
    )  # fmt: skip
    tasks: dict[str, TaskID] = {}

    def progress(name: str, here: int, total: int | None) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(display.plain(name)[:28], total=total)
            if not console.is_terminal:
                display.say(f"  {name} …")
        bar.update(tasks[name], completed=here, total=total)

    with bar:
        yield progress


def _blocks(entries: tuple[Entry, ...]) -> None:
    """Each model in a few lines: what it is and whether it is here, then where it comes from."""
    from rich.padding import Padding  # noqa: PLC0415 - Rich only where it is needed
    from rich.text import Text  # noqa: PLC0415 - with it

    from sentinel.cli.display import GOOD, QUIET, WARN, out, safe  # noqa: PLC0415 - with it

    console = out()
    for entry in entries:
        card = entry.card
        here = Text(WORDS[entry.state], WARN if entry.state == "missing" else GOOD)
        use = Text("commercial use", GOOD) if card.commercial else Text("NOT commercial", WARN)
        name = safe(f"{card.name:<18} ", "bold")
        console.print(Text.assemble(name, here, f" · {card.megabytes:g} MB · ", use))
        lines = [safe(card.title), safe(f"licence: {card.licence}", QUIET)]
        lines += [safe(card.note, QUIET)] if card.note else []
        lines.append(safe(f"used by {', '.join(entry.users)}", QUIET))
        for line in lines:
            console.print(Padding(line, (0, 0, 0, 2)))
        if card.source != "wheel":  # to be copied whole
            console.print(safe(f"  {card.source}", QUIET), soft_wrap=True)
        if entry.remedy:
            console.print(Text.assemble("  → ", safe(entry.remedy, WARN)), soft_wrap=True)
