"""A target and a request in, one answer out, within bytes and seconds; or Trouble.

One connection for each request: nothing that a stranger answered stays open. No proxy of the
environment, no cookies, no redirects, no decompression.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

import httpcore2

from sentinel import imaging
from sentinel.outbound.addresses import NOTHING, Private
from sentinel.outbound.dialling import (
    CONNECT,
    AsyncWarden,
    Resolve,
    looked_up,
    permitted,
    resolved,
    tls,
)
from sentinel.outbound.targets import Target
from sentinel.outbound.troubles import Trouble

BYTES = 25 * 2**20
"""Bytes of one picture: a PNG of 8 megapixels seldom has more."""

SECONDS = 20.0
"""Seconds for one picture, from the look-up of its host to its last byte."""

REDIRECTS = 3
"""Redirects that are followed: a store and its mirror need two."""

AT_ONCE = 8
"""Pictures that are fetched side by side; together they hold at most 200 MiB."""

BROKEN = (
    httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol,
    httpcore2.ProxyError, OSError,
)  # fmt: skip
"""What httpcore raises where a connection gives nothing."""


def _turns() -> asyncio.Semaphore:
    return asyncio.Semaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far and how long the house reaches out for one thing."""

    private: Private = NOTHING
    bytes: int = BYTES
    seconds: float = SECONDS
    redirects: int = REDIRECTS
    pictures: imaging.Limits = field(default_factory=imaging.Limits)
    resolve: Resolve = resolved
    turns: asyncio.Semaphore = field(default_factory=_turns, compare=False, repr=False)
    """Whoever fetches waits for one; the waiting counts as part of `seconds`."""

    @classmethod
    def of(cls, listed: Iterable[str], pictures: imaging.Limits) -> Self:
        """The limits of a house: what its operator lists, and what it reads as a picture."""
        return cls(private=Private.of(listed), pictures=pictures)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@asynccontextmanager
async def opened(
    target: Target, method: str, headers: Mapping[str, str], body: bytes, limits: Limits
) -> AsyncIterator[httpcore2.Response]:
    """The answer with its body still to come; Trouble. The caller bounds the time."""
    with _told():
        pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls(), network_backend=AsyncWarden(limits.private, limits.resolve)
        )
        url = httpcore2.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        sent: list[tuple[bytes | str, bytes | str]] = [("host", target.name), *headers.items()]
        timeouts = {"connect": CONNECT, "read": None, "write": None, "pool": None}
        async with (
            pool,
            pool.stream(
                method, url, headers=sent, content=body, extensions={"timeout": timeouts}
            ) as response,
        ):
            yield response


def headers_of(response: httpcore2.Response) -> dict[str, str]:
    """An answer's headers by their names in lower case."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
    }


async def ask(target: Target, headers: Mapping[str, str], limits: Limits) -> Answer:
    """What a GET answers, whole; Trouble where it is larger than allowed."""
    async with opened(target, "GET", headers, b"", limits) as response:
        gathered = bytearray()
        async for block in response.aiter_stream():
            gathered += block
            if len(gathered) > limits.bytes:
                raise Trouble(f"it is larger than {limits.bytes:,} bytes")
        return Answer(response.status, headers_of(response), bytes(gathered))


async def check_place(target: Target, limits: Limits) -> None:
    """Refuse a host that leads where nothing is dialled; one that has no address now may later."""
    with contextlib.suppress(httpcore2.ConnectError, TimeoutError):
        async with asyncio.timeout(CONNECT):
            found = await looked_up(target.host, target.port, limits.resolve)
        permitted(found, target.host, target.port, limits.private)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise Trouble("its address does not answer in time", passing=True) from error
    except BROKEN as error:
        told = f"its address does not answer ({type(error).__name__})"
        raise Trouble(told, passing=True) from error
