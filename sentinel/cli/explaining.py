"""A trace's id in, what each attempt was told and why out: `sentinel explain-feedback`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.examples import examples

if TYPE_CHECKING:
    from sentinel.contracts import Trace
    from sentinel.settings import Settings

SQLITE = "sqlite:///"

EXAMPLES = examples(
    "sentinel explain-feedback 01JZ4Y3V9Q6K8B2M7N5P0R1S2T",
    "sentinel explain-feedback 01JZ4Y3V9Q6K8B2M7N5P0R1S2T --json",
)

Wanted = Annotated[
    str, typer.Argument(metavar="TRACE", help="A trace's id, as sentinel guard prints it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")]


def explain_feedback(trace: Wanted, *, as_json: AsJson = False) -> None:
    """What each attempt was told after the one before: the brief's changes, and why.

    Words that went are shown as [-so-], words that came as {+so+}.

    Exit codes: 0 shown, also where there was nothing to tell; 2 there is no
    such trace.
    """
    from sentinel.cli import display, explained  # noqa: PLC0415 - Rich only where it is needed
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    found = _loaded(Settings.read(), trace)
    rewrites = explained.rewrites(found)
    if as_json:
        rows = [rewrite.as_dict() for rewrite in rewrites]
        document = {"trace_id": found.id, "attempts": len(found.attempts), "rewrites": rows}
        display.print_json(json.dumps(document, ensure_ascii=False))
        return
    explained.show(display.out(), found, rewrites)


def _loaded(settings: Settings, trace: str) -> Trace:
    """The trace from the store; a store that is not there yet holds none and is not made."""
    from sentinel.errors import NotFound  # noqa: PLC0415 - with the next
    from sentinel.store import open_store  # noqa: PLC0415 - heavy

    address = settings.database_url
    if address.startswith(SQLITE) and not Path(address.removeprefix(SQLITE)).exists():
        raise NotFound(f"no trace {trace[:80]!r} is stored: there is no database yet")
    store = open_store(
        address, settings.media, settings.media_days, media_options=settings.media_options
    )
    try:
        return store.traces.load(trace)
    finally:
        store.close()
