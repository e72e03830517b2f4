"""A picture's address in, its bytes out: bounded, in time, and from nowhere it should not come.

The address comes from a service's answer, so it is not trusted: only http and https, every
redirect checked anew, the name resolved once and that address dialled. Networks that are not
public are dialled only where the operator's own base_url lies in one.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

import httpcore2
import httpx2

LIMIT = 64 * 2**20
"""Bytes of one picture: a PNG of 40 megapixels seldom has more."""

REDIRECTS = 3
"""Redirects that are followed: a store and its mirror need two."""

CONNECT = 10.0
"""Seconds for a connection; whoever takes longer is not there."""

PORTS = {"http": 80, "https": 443}
INSIDE = tuple(
    ipaddress.ip_network(each)
    for each in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7",
    )
)  # fmt: skip
"""Networks of one's own. Link-local ones are not among them: cloud credentials lie there."""

TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""NAT64: an IPv4 address in an IPv6 one, which may be any network's."""

MOVED = (301, 302, 303, 307, 308)
TROUBLE = (
    httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol, httpcore2.ProxyError,
)  # fmt: skip

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchError(Exception):
    """A picture that could not be fetched; `passing` says whether another try may help."""

    def __init__(self, told: str, *, passing: bool = False) -> None:
        """What went wrong, in words for the operator."""
        self.passing = passing
        super().__init__(told)


class _ForbiddenError(Exception):
    """An address that is not dialled."""


class Fetcher:
    """Fetches pictures. `inside`: whether networks of one's own may be dialled."""

    def __init__(self, *, inside: bool, limit: int = LIMIT) -> None:
        """Nothing is opened before the first picture."""
        self._inside = inside
        self._limit = limit
        self._pool: httpcore2.ConnectionPool | None = None
        self._opening = threading.Lock()

    def fetch(self, address: str, deadline: float) -> bytes:
        """The bytes at an address, by `time.monotonic()` before the deadline; or FetchError."""
        for _ in range(REDIRECTS + 1):
            self._check(urlsplit(address))
            status, location, body = self._get(address, deadline)
            if status not in MOVED:
                return body
            following = urljoin(address, location)
            if address.startswith("https:") and not following.startswith("https:"):
                raise FetchError("it redirects from https to something weaker")
            address = following
        raise FetchError(f"it redirects more than {REDIRECTS} times")

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _check(self, parts: SplitResult) -> None:
        if parts.scheme not in PORTS or not parts.hostname:
            raise FetchError("its address is neither http nor https")
        if parts.username or parts.password:
            raise FetchError("its address holds a user name")
        try:
            port = parts.port
        except ValueError as error:
            raise FetchError("its address names no port") from error
        if not self._inside and port not in (None, PORTS[parts.scheme]):
            raise FetchError(f"its address names port {port}; only 80 and 443 are dialled")

    def _get(self, address: str, deadline: float) -> tuple[int, str, bytes]:
        with self._failures():
            left = max(0.1, deadline - time.monotonic())
            timeouts = {"connect": min(left, CONNECT), "read": left, "write": left, "pool": left}
            headers: Mapping[bytes | str, bytes | str] = {
                "accept": "image/*",
                "accept-encoding": "identity",
                "host": _host(address),
            }
            with self._opened().stream(
                "GET", address, headers=headers, extensions={"timeout": timeouts}
            ) as response:
                known = {name.lower().decode("latin-1"): value for name, value in response.headers}
                status = response.status
                if status in MOVED:
                    return status, known.get("location", b"").decode("latin-1"), b""
                if status != httpx2.codes.OK:
                    raise FetchError(f"its address answers HTTP {status}", passing=status >= 500)  # noqa: PLR2004 - HTTP's border
                return status, "", self._bounded(response.iter_stream(), deadline)

    def _bounded(self, stream: Iterable[bytes], deadline: float) -> bytes:
        body = bytearray()
        for block in stream:
            body += block
            if len(body) > self._limit:
                raise FetchError(f"it is larger than {self._limit:,} bytes")
            if time.monotonic() > deadline:
                raise FetchError("it did not arrive in time")
        return bytes(body)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except _ForbiddenError as error:
            raise FetchError(str(error)) from error
        except TROUBLE as error:
            raise FetchError(f"its address does not answer ({error!r})", passing=True) from error
        except (UnicodeError, ValueError) as error:
            raise FetchError("its address cannot be read") from error

    def _opened(self) -> httpcore2.ConnectionPool:
        with self._opening:
            if self._pool is None:
                self._pool = httpcore2.ConnectionPool(
                    ssl_context=httpx2.create_ssl_context(),
                    network_backend=_Warden(inside=self._inside),
                )
            return self._pool


class _Warden(httpcore2.NetworkBackend):
    """Dials only addresses that may be dialled; the name in TLS and Host stays as it was."""

    def __init__(self, *, inside: bool) -> None:
        self._inside = inside
        self._dialler = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Resolve once, refuse if any answer is out of bounds, dial the answer itself."""
        found = resolved(host, port)
        for address in found:
            if not may_dial(address, inside=self._inside):
                raise _ForbiddenError(
                    f"its address leads into a network that is not public ({host})"
                )
        *others, last = dict.fromkeys(map(str, found))
        for other in others:  # a host may have addresses that this machine cannot reach
            with contextlib.suppress(httpcore2.ConnectError):
                return self._dialler.connect_tcp(
                    other, port, timeout, local_address, socket_options
                )
        return self._dialler.connect_tcp(last, port, timeout, local_address, socket_options)


def resolved(host: str, port: int) -> list[Address]:
    """Every address behind a name; ConnectError where there is none."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"{host} has no address") from error
    return [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]


def may_dial(address: Address, *, inside: bool) -> bool:
    """Whether an address is public, or lies in a network of one's own and that is allowed."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in TRANSLATED:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        else:
            address = address.ipv4_mapped or address.sixtofour or address
    if any(address in network for network in INSIDE):
        return inside
    return address.is_global and not address.is_multicast


def lies_inside(host: str) -> bool:
    """Whether a name leads into a network of one's own."""
    try:
        found = resolved(host, 0)
    except httpcore2.ConnectError:
        return False
    return all(may_dial(each, inside=True) and not may_dial(each, inside=False) for each in found)


def _host(address: str) -> str:
    return urlsplit(address).netloc
