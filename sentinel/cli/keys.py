"""`sentinel keys`: who may use the house over HTTP; make, list and revoke access keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from sentinel.cli.examples import examples

if TYPE_CHECKING:
    from rich.text import Text

    from sentinel.settings import Settings
    from sentinel.store.keys import Key, Keys, Scope

app = typer.Typer(
    help="Access keys: who may use the HTTP face, for what, how often, for how much.",
    no_args_is_help=True,
)

UNITS = {"h": "hours", "d": "days", "w": "weeks"}

AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]


CREATE_EXAMPLES = examples(
    "sentinel keys create --label shop",
    "KEY=$(sentinel keys create --scope generate --per-minute 60 --budget 25 --expires 90d)",
)


@app.command("create", epilog=CREATE_EXAMPLES)
def create_key(  # noqa: PLR0913 - the options of a command
    *,
    label: Annotated[str, typer.Option(help="Whose it is, in your words.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What it is for, repeatable: generate, score, evaluations:create, "
            "evaluations:read, read, admin. Default: all but admin."
        ),
    ] = None,
    project: Annotated[str, typer.Option(help="What its traces are filed under.")] = "default",
    expires: Annotated[
        str | None, typer.Option(help="Last moment: 12h, 90d, 8w, or 2030-01-31 (UTC).")
    ] = None,
    per_minute: Annotated[int | None, typer.Option(help="Requests a minute; unlimited.")] = None,
    budget: Annotated[
        str | None, typer.Option(help="US dollars a calendar month (UTC); unlimited.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: only its hash is kept.

    From the first key on every request needs one, on this machine too.
    """
    from sentinel.store.keys import USUAL, NewKey  # noqa: PLC0415 - heavy

    until = None if expires is None else _moment(expires)
    most = None if budget is None else _money(budget)
    new = NewKey(
        label=label, scopes=tuple(cast("list[Scope]", scope or USUAL)), project=project,
        expires_ms=until, per_minute=per_minute, budget=most,
    )  # fmt: skip
    with opened() as keys:
        made = keys.create(new)
    if as_json:
        typer.echo(json.dumps({"key": made.secret} | _told(made.key)))
    else:
        typer.echo(made.secret)
        _introduce(made.key)


def _introduce(key: Key) -> None:
    from sentinel.cli.display import say  # noqa: PLC0415 - Rich only where it is needed

    say(f"{key.prefix} is for {', '.join(key.scopes)}; {_limits(key)}")
    say("Keep it now: it is not shown again. Send it as `Authorization: Bearer KEY`.")


LIST_EXAMPLES = examples("sentinel keys list", "sentinel keys list --json")


@app.command("list", epilog=LIST_EXAMPLES)
def list_keys(*, as_json: AsJson = False) -> None:
    """Every key there is: for whom, for what, until when, and what it has spent."""
    with opened() as keys:
        found = keys.list()
    if as_json:
        typer.echo(json.dumps([_told(key) for key in found]))
        return
    from sentinel.cli import display  # noqa: PLC0415 - Rich only where it is needed

    if not found:
        display.say("there is no key: only this machine is served (sentinel keys create)")
        return
    _show(found)


REVOKE_EXAMPLES = examples("sentinel keys revoke sentinel_4k2m9xq7")


@app.command("revoke", epilog=REVOKE_EXAMPLES)
def revoke_key(
    key: Annotated[str, typer.Argument(help="Its prefix or id (sentinel keys list).")],
    *,
    as_json: AsJson = False,
) -> None:
    """Let a key open nothing any more; running servers follow within two seconds."""
    with opened() as keys:
        found = keys.revoke(key)
    if as_json:
        typer.echo(json.dumps(_told(found)))
        return
    from sentinel.cli.display import say  # noqa: PLC0415 - Rich only where it is needed

    say(f"{found.prefix} opens nothing any more")


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Keys]:
    """The keys of the settings' database, at the newest schema."""
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy
    from sentinel.store.engines import connect, outages_told  # noqa: PLC0415 - heavy
    from sentinel.store.keys import Keys  # noqa: PLC0415 - heavy
    from sentinel.store.schema import upgrade  # noqa: PLC0415 - heavy

    engines = connect((settings or Settings.read()).database_url)
    try:
        upgrade(engines)
        outages_told(engines)
        yield Keys(engines)
    finally:
        engines.close()


def _moment(text: str) -> int:
    """When, in milliseconds since 1970: from now on, or a date (until its end) or time in UTC."""
    wrong = f"{text!r} is no time to come; write 12h, 90d, 8w, 2030-01-31 or 2030-01-31T12:00"
    now = datetime.now(UTC)
    span = re.fullmatch(r"(\d{1,5})([hdw])", text)
    try:
        if span:
            until = now + timedelta(**{UNITS[span[2]]: int(span[1])})
        else:
            until = datetime.fromisoformat(text)
            until = until if until.tzinfo else until.replace(tzinfo=UTC)
            until += timedelta(days=1) if re.fullmatch(r"[\d-]+", text) else timedelta()
    except (ValueError, OverflowError):
        raise typer.BadParameter(wrong, param_hint="--expires") from None
    if until <= now:
        raise typer.BadParameter(wrong, param_hint="--expires")
    return int(until.timestamp() * 1000)


def _money(text: str) -> int:
    """US dollars as nanodollars."""
    from sentinel.store.keys import nanodollars  # noqa: PLC0415 - heavy

    try:
        return nanodollars(Decimal(text.removeprefix("$")))
    except (InvalidOperation, ValueError):
        wrong = f"{text!r} is no amount; write US dollars from 0 to a million, such as 25 or 0.50"
        raise typer.BadParameter(wrong, param_hint="--budget") from None


def _told(key: Key) -> dict[str, Any]:
    """A key as JSON: times in ISO 8601 (UTC), money in US dollars a month."""
    from sentinel.store.keys import NANO  # noqa: PLC0415 - heavy

    return {
        "id": key.id, "prefix": key.prefix, "label": key.label, "state": _state(key),
        "scopes": key.scopes, "project": key.project, "created": _iso(key.created_ms),
        "expires": _iso(key.expires_ms), "revoked": _iso(key.revoked_ms),
        "last_used": _iso(key.used_ms), "per_minute": key.per_minute,
        "budget": None if key.budget is None else key.budget / NANO, "spent": key.spent / NANO,
    }  # fmt: skip


def _iso(ms: int | None) -> str | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat("T", "seconds")


def _state(key: Key) -> str:
    from sentinel.store.keys import now_ms  # noqa: PLC0415 - heavy

    if key.revoked_ms is not None:
        return "revoked"
    return "live" if key.flaw(now_ms()) is None else "expired"


def _limits(key: Key) -> str:
    """Until when, how often and for how much, in a line."""
    from sentinel.store.keys import written  # noqa: PLC0415 - heavy

    parts = [
        f"until {written(key.expires_ms)}" if key.expires_ms else "does not expire",
        f"{key.per_minute} requests a minute" if key.per_minute else "as often as it likes",
    ]
    of = "" if key.budget is None else f" of {_dollars(key.budget)}"
    parts.append(f"{_dollars(key.spent)}{of} spent this month")
    return "; ".join(parts)


def _dollars(nano: int) -> str:
    """$25.00, and $0.003 where cents are too coarse."""
    from sentinel.store.keys import NANO  # noqa: PLC0415 - heavy

    whole, _, rest = f"{Decimal(nano) / NANO:.9f}".partition(".")
    return f"${whole}.{rest.rstrip('0').ljust(2, '0')}"


def _show(found: tuple[Key, ...]) -> None:
    from rich.table import Table  # noqa: PLC0415 - Rich only where it is needed
    from rich.text import Text  # noqa: PLC0415 - with it

    from sentinel.cli import display  # noqa: PLC0415 - with it
    from sentinel.store.keys import written  # noqa: PLC0415 - heavy

    table = Table(box=None, padding=(0, 1), header_style=display.QUIET)
    for title in ("key", "", "what it is for, and what it did"):
        table.add_column(title, no_wrap=not title or title == "key")
    for key in found:
        used = f"last used {written(key.used_ms)}" if key.used_ms else "never used"
        whose = f"{key.label} (project {key.project})" if key.label else f"project {key.project}"
        told = Text("\n").join(
            (display.safe(whose), display.safe(", ".join(key.scopes), display.QUIET),
             display.safe(f"{_limits(key)}; {used}", display.QUIET))
        )  # fmt: skip
        table.add_row(display.safe(key.prefix, "bold"), _coloured(_state(key)), told)
    display.out().print(table)


def _coloured(state: str) -> Text:
    from sentinel.cli import display  # noqa: PLC0415 - Rich only where it is needed

    return display.safe(state, {"live": display.GOOD, "expired": display.WARN}.get(state, "dim"))
