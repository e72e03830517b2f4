"""Settings in, a served application until it is told to stop.

Ends with the error that kept the models from loading, so that whoever started it can print the
command that mends it.
"""

from __future__ import annotations

import contextlib
import socket

import uvicorn
from fastapi import FastAPI

from sentinel import policy
from sentinel.api.app import create_app
from sentinel.api.certificate import certificate
from sentinel.api.front import WithFront
from sentinel.errors import ConfigError
from sentinel.registry import nearest
from sentinel.settings import Settings

FAREWELL = 10
"""Seconds that requests under way are given when the server is stopped."""

BACKLOG = 2048
"""Connections that may wait to be accepted; uvicorn's own default."""

LOGGED = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "sentinel": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "python_multipart": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}
"""What the server says, on standard error. The multipart parser warns of every broken body with
its bytes; those are told to the caller, and a log that strangers can fill helps nobody."""


def serve(settings: Settings, tls_port: int | None = None) -> None:
    """Serve on `settings.host` and `settings.port` until interrupted; ConfigError stops it.

    With `tls_port` the same is served over TLS there, with a certificate for this machine.
    """
    known = policy.available(settings.policies)
    if settings.policy not in known:
        told = f"SENTINEL_POLICY is {settings.policy!r}, no policy; "
        raise ConfigError(told + nearest(settings.policy, tuple(known)))
    failures: list[BaseException] = []
    server: uvicorn.Server

    def stop(error: BaseException) -> None:
        failures.append(error)
        server.should_exit = True

    listening = _listen(settings.host, settings.port)
    app = create_app(settings, on_failure=stop)
    app.state.leaving = lambda: server.should_exit
    config = _config(app, settings)
    with listening, contextlib.ExitStack() as open_too:
        if tls_port is None:
            server = uvicorn.Server(config)
        else:
            secured = open_too.enter_context(_listen(settings.host, tls_port, "--tls-port"))
            server = WithFront(config, secured, certificate(settings.home, settings.host))
        server.run(sockets=[listening])
    if failures:
        raise failures[0]


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http="httptools",  # uvicorn would go on with a slower parser in silence
        log_config=LOGGED,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=FAREWELL,
        server_header=False,
        proxy_headers=bool(settings.proxies),  # by default uvicorn believes whoever is on loopback
        forwarded_allow_ips=list(settings.proxies),
    )


def _listen(host: str, port: int, way_out: str = "--port, SENTINEL_PORT") -> socket.socket:
    """The socket to serve on; ConfigError where it is taken, before any model is loaded.

    What it accepts inherits TCP_NODELAY. asyncio sets that only on sockets that name their
    protocol, which these do not, and without it every small answer waits 40 ms for the caller's
    delayed ACK.
    """
    place = (host, port)
    try:
        family = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server(place, family=family, backlog=BACKLOG)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        told = f"port {port} of {host!r} cannot be listened on"
        why = error.strerror or str(error)
        raise ConfigError(
            f"{told} ({why}); stop what listens there, or choose another: {way_out}"
        ) from error
    return listening
