"""`sentinel serve`: the HTTP face; beyond this machine only where access keys are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sentinel.cli.endpoints import Place, fal_environment, tls_port_of
from sentinel.cli.examples import examples
from sentinel.cli.keys import opened

if TYPE_CHECKING:
    from sentinel.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")

LOCKED = "every request needs an access key (sentinel keys list shows them)"
LOCAL = "there is no access key: this machine only is served, without one (sentinel keys create)"
ANYBODY = "there is no access key, and whoever reaches the port is served (sentinel keys create)"

Judges = Annotated[
    Literal["local", "ray"] | None,
    typer.Option(help="Where judges run: in this process (local), or on Ray Serve."),
]

EXAMPLES = examples(
    "sentinel serve --port 8600",
    "sentinel serve --tls",
    'curl -F image=@cup.png -F prompt="a red cup" http://127.0.0.1:8600/v1/score',
)


def serve(  # noqa: PLR0913 - the options of a command
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port (8600).")] = None,
    policy: Annotated[
        str | None, typer.Option(help="Policy where a request names none (default).")
    ] = None,
    judges: Judges = None,
    tls: Annotated[
        bool,
        typer.Option("--tls", help="Serve TLS too, for clients that speak only https (fal's)."),
    ] = False,
    tls_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port for TLS (port + 1).")
    ] = None,
    no_keys: Annotated[
        bool | None,
        typer.Option(
            "--i-know-there-are-no-keys",
            help="Listen beyond this machine although anybody who reaches the port may use it.",
        ),
    ] = None,
) -> None:
    """Serve POST /v1/score and the rest over HTTP; Ctrl-C ends it.

    Without an access key (sentinel keys create) only this machine is served.
    """
    from sentinel.api import server  # noqa: PLC0415 - heavy
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    given = {"host": host, "port": port, "policy": policy, "judges": judges, "anybody": no_keys}
    settings = Settings.read(**{key: value for key, value in given.items() if value is not None})
    said = _admission(settings)
    typer.echo(f"http://{settings.host}:{settings.port} (OpenAPI at /openapi.json)", err=True)
    typer.echo(said, err=True)
    secured = tls_port_of(settings.port, tls=tls, named=tls_port)
    if secured is not None:
        _tell_tls(Place(settings.host, settings.port, secured, settings.home))
    server.serve(settings, secured)


def _admission(settings: Settings) -> str:
    """Who will be served, in a sentence; BadParameter where that would be everybody unasked."""
    with opened(settings) as keys:
        locked = keys.exist()
    if locked:
        return LOCKED
    if settings.anybody:
        return ANYBODY
    if settings.host not in LOOPBACK:
        told = (
            f"{settings.host!r} is not this machine, and there is no access key: whoever reaches "
            "the port could use it. Make a key first (sentinel keys create), listen on 127.0.0.1, "
            "or add --i-know-there-are-no-keys"
        )
        raise typer.BadParameter(told, param_hint="--host")
    return LOCAL


def _tell_tls(place: Place) -> None:
    """Say where TLS is spoken, and print what fal's Python client needs, ready to be pasted."""
    typer.echo(f"https://{place.dialled}:{place.tls_port} (for fal-client in Python)", err=True)
    for line in fal_environment(place):
        typer.echo(line)
