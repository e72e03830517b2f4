"""A server's address in, each service's base URL and the line to change in its users' code out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.examples import examples

EXAMPLES = examples(
    "sentinel endpoints",
    "sentinel endpoints --tls --json",
)

ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on

RUNPOD_ENDPOINT = "black-forest-labs-flux-1-schnell"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A service, a client of it, where Sentinel answers as that service, and what to change."""

    service: str
    client: str
    base_url: str
    change: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server answers; `tls_port` None where it speaks no TLS."""

    host: str
    port: int
    tls_port: int | None
    home: Path

    @property
    def url(self) -> str:
        """The plain one, as a client on this machine dials it."""
        return f"http://{self.dialled}:{self.port}"

    @property
    def dialled(self) -> str:
        """The host in an address."""
        host = "127.0.0.1" if self.host in ANYWHERE else self.host
        return f"[{host}]" if ":" in host else host


def fal_environment(place: Place) -> tuple[str, ...]:
    """The three lines that fal's Python client needs; it speaks https only."""
    secured = f"{place.dialled}:{place.tls_port}"
    return (
        f"export FAL_RUN_HOST={secured}",
        f"export FAL_QUEUE_RUN_HOST={secured}/queue",
        f"export SSL_CERT_FILE={place.home / 'tls' / 'ca.pem'}",
    )


def endpoints_of(place: Place) -> tuple[Endpoint, ...]:
    """All five services, client by client."""
    url = place.url
    runpod, opper = f"{url}/v2", f"{url}/v3/compat"
    proxy = f'fal.config({{ proxyUrl: {{ url: "{url}/api/fal/proxy", when: "always" }} }});'
    return (
        _fal_python(place),
        Endpoint("fal", "@fal-ai/client (JavaScript)", url, (proxy,)),
        Endpoint(
            "RunPod", "runpod (Python)", f"{runpod}/{RUNPOD_ENDPOINT}",
            (f"export RUNPOD_ENDPOINT_BASE_URL={runpod}",),
        ),
        Endpoint(
            "RunPod", "runpod-sdk (JavaScript)", f"{runpod}/{RUNPOD_ENDPOINT}",
            (f'runpodSdk(key, {{ baseUrl: "{runpod}" }})',),
        ),
        Endpoint(
            "Opper, OpenAI", "openai (Python)", opper, (f"export OPENAI_BASE_URL={opper}",)
        ),
        Endpoint(
            "Opper, OpenAI", "openai (JavaScript)", opper, (f"export OPENAI_BASE_URL={opper}",)
        ),
        Endpoint(
            "imageapi.org", "any HTTP client", f"{url}/api/v1/generate",
            (f'url = "{url}/api/v1/generate"',),
        ),
        Endpoint(
            "Runflow", "any HTTP client", f"{url}/v1", (f'url = "{url}/v1/generate"',)
        ),
    )  # fmt: skip


def _fal_python(place: Place) -> Endpoint:
    client = "fal-client (Python)"
    if place.tls_port is None:
        told = ("start the server with: sentinel serve --tls", "then: sentinel endpoints --tls")
        return Endpoint("fal", client, place.url, told)
    base = f"https://{place.dialled}:{place.tls_port}"
    return Endpoint("fal", client, base, fal_environment(place))


def endpoints(
    *,
    host: Annotated[str | None, typer.Option(help="Address of the server (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Its port (8600).")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="It is served with --tls.")] = False,
    tls_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Its port for TLS (port + 1).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print where Sentinel answers as each service, and the line to change.

    Nothing is asked of the server: the addresses follow from host and port.
    """
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    given = {"host": host, "port": port}
    settings = Settings.read(**{key: value for key, value in given.items() if value is not None})
    secured = tls_port_of(settings.port, tls=tls, named=tls_port)
    found = endpoints_of(Place(settings.host, settings.port, secured, settings.home))
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    _show(found)


def tls_port_of(port: int, *, tls: bool, named: int | None) -> int | None:
    """The port for TLS: the one that is named, else the next; None without TLS."""
    if named is not None:
        return named
    if not tls:
        return None
    return port + 1 if port < 65_535 else port - 1  # noqa: PLR2004 - the last port there is


def _show(found: tuple[Endpoint, ...]) -> None:
    """A table, and below it the lines, which nothing breaks: they are there to be copied."""
    from rich.table import Table  # noqa: PLC0415 - Rich only where it is needed

    from sentinel.cli.display import out, safe  # noqa: PLC0415 - the same

    table = Table()
    for title in ("Service", "Client", "Base URL"):
        table.add_column(title, overflow="fold")
    for each in found:
        table.add_row(safe(each.service), safe(each.client), safe(each.base_url))
    console = out()
    console.print(table)
    for each in found:
        console.print(safe(f"\n{each.service}, {each.client}:".strip(), style="bold"))
        for line in each.change:
            console.print(safe(f"  {line}"), soft_wrap=True)
