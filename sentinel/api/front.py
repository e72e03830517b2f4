"""A running server in, the same application over TLS out, on a second port.

What a client is told by it (addresses of pictures, of a request's status) leads to the plain port:
anything on this machine opens those, whatever it trusts.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from sentinel.api.certificate import Certificate


class Front(uvicorn.Server):
    """A second server in the process; signals are the first one's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


class Plain:
    """Wraps an application so that it tells addresses on the plain port."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        """`port` is the plain one."""
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through as if it had come by the plain port."""
        if scope["type"] == "http":
            scope = {**scope, "scheme": "http", "headers": list(scope["headers"])}
            headers = MutableHeaders(scope=scope)
            name, _, port = headers.get("host", "").rpartition(":")
            if name and port.isdecimal():
                headers["host"] = f"{name}:{self._port}"
        await self._app(scope, receive, send)


class WithFront(uvicorn.Server):
    """A server that opens its front once it has started, and closes it before itself."""

    def __init__(self, config: uvicorn.Config, secured: socket.socket, shown: Certificate) -> None:
        """The front listens on `secured`."""
        super().__init__(config)
        self._secured = secured
        self._front = Front(
            uvicorn.Config(
                Plain(config.app, config.port),  # type: ignore[arg-type]  # an application, no name
                host=config.host,
                port=secured.getsockname()[1],
                ssl_certfile=shown.chain,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=config.timeout_graceful_shutdown,
                server_header=False,
                proxy_headers=config.proxy_headers,
                forwarded_allow_ips=config.forwarded_allow_ips,
            )
        )
        self._fronting: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then open the front."""
        await super().startup(sockets)
        if self.started:
            self._fronting = asyncio.create_task(self._front.serve(sockets=[self._secured]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the front's requests end before the house closes."""
        if self._fronting is not None:
            self._front.should_exit = True
            await self._fronting
        await super().shutdown(sockets)
