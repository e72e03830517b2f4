"""A host in, a connection to an address that may be dialled out; or Forbidden.

A name is looked up once. Every answer is checked, and one of the checked answers is dialled: what
the name leads to a moment later makes no difference. The name in TLS and in Host stays as it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpcore2
import httpx2

from sentinel.outbound.addresses import NOTHING, Address, Private, is_public, may_dial
from sentinel.outbound.targets import PORTS, refuse_place, refuse_port

CONNECT = 10.0
"""Seconds for a connection; whoever takes longer is not there."""

RESOLVERS = 8
"""Names looked up at once: a look-up cannot be stopped, and must hold up nobody else's threads."""

Resolve = Callable[[str, int], Sequence[Address]]


def resolved(host: str, port: int) -> list[Address]:
    """Every address behind a name; ConnectError where there is none. Blocks."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"{host} has no address") from error
    return [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]


def permitted(found: Sequence[Address], host: str, port: int, private: Private) -> list[str]:
    """Those of a host's addresses that are dialled; Forbidden.

    A public answer beside one that may not be dialled is an attack or a mistake, and none is.
    """
    if private.names(host):
        return list(dict.fromkeys(map(str, found)))
    allowed = [address for address in found if may_dial(address, private)]
    strangers = [address for address in allowed if is_public(address)]
    if not allowed or (strangers and len(allowed) < len(found)):
        raise refuse_place(host)
    if port not in PORTS.values() and len(strangers) > 0:
        raise refuse_port(port)
    return list(dict.fromkeys(map(str, allowed)))


class Warden(httpcore2.NetworkBackend):
    """Dials only addresses that may be dialled."""

    def __init__(self, private: Private = NOTHING, resolve: Resolve | None = None) -> None:
        """`resolve` looks names up."""
        self._private = private
        self._resolve = resolve or resolved
        self._dialler = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Look up once, check, dial what was checked."""
        *others, last = permitted(self._resolve(host, port), host, port, self._private)
        dial = functools.partial(
            self._dialler.connect_tcp, port=port, timeout=timeout, local_address=local_address,
            socket_options=socket_options,
        )  # fmt: skip
        for other in others:  # a host may have addresses that this machine cannot reach
            with contextlib.suppress(httpcore2.ConnectError):
                return dial(other)
        return dial(last)


class AsyncWarden(httpcore2.AsyncNetworkBackend):
    """The same, for the event loop."""

    def __init__(self, private: Private = NOTHING, resolve: Resolve | None = None) -> None:
        """`resolve` looks names up, in a thread."""
        self._private = private
        self._resolve = resolve or resolved
        self._dialler = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Look up once, check, dial what was checked."""
        found = await looked_up(host, port, self._resolve)
        *others, last = permitted(found, host, port, self._private)
        dial = functools.partial(
            self._dialler.connect_tcp, port=port, timeout=timeout, local_address=local_address,
            socket_options=socket_options,
        )  # fmt: skip
        for other in others:
            with contextlib.suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return await dial(other)
        return await dial(last)


async def looked_up(host: str, port: int, resolve: Resolve) -> Sequence[Address]:
    """Every address behind a name, looked up in a thread of its own kind."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_resolvers(), resolve, host, port)


@functools.cache
def _resolvers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolver")


@functools.cache
def tls() -> ssl.SSLContext:
    """TLS that trusts what the machine trusts; made once, since that takes tens of milliseconds."""
    return httpx2.create_ssl_context()
