"""A picture's address in, its bytes out: bounded, in time, and from nowhere it should not come.

The address comes from a service's answer, so it is not trusted: `sentinel.outbound` says what may
be dialled, and every redirect is checked anew. Networks of one's own are dialled only where the
operator's own base_url lies in one.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urljoin

import httpcore2
import httpx2

from sentinel.outbound import (
    OWN,
    Forbidden,
    Private,
    Target,
    Warden,
    is_public,
    may_dial,
    resolved,
    target_of,
)

LIMIT = 64 * 2**20
"""Bytes of one picture: a PNG of 40 megapixels seldom has more."""

REDIRECTS = 3
"""Redirects that are followed: a store and its mirror need two."""

CONNECT = 10.0
"""Seconds for a connection; whoever takes longer is not there."""

MOVED = (301, 302, 303, 307, 308)
TROUBLE = (
    httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol, httpcore2.ProxyError,
)  # fmt: skip


class FetchError(Exception):
    """A picture that could not be fetched; `passing` says whether another try may help."""

    def __init__(self, told: str, *, passing: bool = False) -> None:
        """What went wrong, in words for the operator."""
        self.passing = passing
        super().__init__(told)


class Fetcher:
    """Fetches pictures. `inside`: whether networks of one's own may be dialled."""

    def __init__(self, *, inside: bool, limit: int = LIMIT) -> None:
        """Nothing is opened before the first picture."""
        self._private = Private(OWN) if inside else Private()
        self._limit = limit
        self._pool: httpcore2.ConnectionPool | None = None
        self._opening = threading.Lock()

    def fetch(self, address: str, deadline: float) -> bytes:
        """The bytes at an address, by `time.monotonic()` before the deadline; or FetchError."""
        for _ in range(REDIRECTS + 1):
            with self._failures():
                target = target_of(address, self._private)
            status, location, body = self._get(target, deadline)
            if status not in MOVED:
                return body
            following = urljoin(target.url, location)
            if target.scheme == "https" and not following.startswith("https:"):
                raise FetchError("it redirects from https to something weaker")
            address = following
        raise FetchError(f"it redirects more than {REDIRECTS} times")

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _get(self, target: Target, deadline: float) -> tuple[int, str, bytes]:
        with self._failures():
            left = max(0.1, deadline - time.monotonic())
            timeouts = {"connect": min(left, CONNECT), "read": left, "write": left, "pool": left}
            headers: Mapping[bytes | str, bytes | str] = {
                "accept": "image/*",
                "accept-encoding": "identity",
                "host": target.name,
            }
            url = httpcore2.URL(
                scheme=target.scheme, host=target.host, port=target.port, target=target.path
            )
            with self._opened().stream(
                "GET", url, headers=headers, extensions={"timeout": timeouts}
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
        except Forbidden as error:
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
                    network_backend=Warden(self._private),
                )
            return self._pool


def lies_inside(host: str) -> bool:
    """Whether a name leads into a network of one's own."""
    try:
        found = resolved(host, 0)
    except httpcore2.ConnectError:
        return False
    own = Private(OWN)
    return all(may_dial(each, own) and not is_public(each) for each in found)
