"""A caller's secret in, its key out; and how many requests that key has left in this minute.

Keys are looked up in the database and known for two seconds, so that a request costs microseconds
and a key that is revoked opens nothing two seconds later. Requests are counted in this process, in
a moving window (`limits`): each process of several allows the limit for itself.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from sentinel.errors import SentinelError
from sentinel.store.keys import TOUCHING_MS, Key, Keys, digest, now_ms

log = logging.getLogger(__name__)

KNOWN = 2.0
"""Seconds a look-up holds: how long a revoked key may still open, and a new one be missed."""


@dataclass(frozen=True, slots=True)
class Window:
    """A key's requests in the minute that ends now: the limit, what is left, when more is.

    `reset` is in seconds since 1970, when the oldest request counted leaves the window.
    """

    limit: int
    remaining: int
    reset: float
    over: bool

    @property
    def headers(self) -> Mapping[str, str]:
        """As every answer tells it."""
        told = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil(self.reset)),
        }
        return {**told, "Retry-After": str(self.wait)} if self.over else told

    @property
    def wait(self) -> int:
        """Whole seconds until another request is allowed; at least 1."""
        return max(1, math.ceil(self.reset - time.time()))


class Keyring:
    """What a process knows of the keys in its database."""

    def __init__(self, keys: Keys) -> None:
        """Nothing is looked up yet."""
        self._keys = keys
        self._known: dict[str, tuple[float, Key]] = {}  # only keys that exist: it cannot be filled
        self._locked = False
        self._looked = float("-inf")
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def locked(self, *, now: bool = False) -> bool:
        """Whether a key exists, so that one is asked for; `now` looks again."""
        clock = time.monotonic()
        if not self._locked and (now or clock - self._looked > KNOWN):
            self._locked = await asyncio.to_thread(self._keys.exist)
            self._looked = clock
        return self._locked  # for good: a key that is revoked still exists

    async def find(self, secret: str) -> Key | None:
        """Whose secret it is, be it expired or revoked; None where it is nobody's."""
        hashed = digest(secret)
        until, key = self._known.get(hashed, (0.0, None))
        if key is not None and until > time.monotonic():
            return key
        found = await asyncio.to_thread(self._keys.find, secret)
        if found is None:
            return None
        self._known[hashed] = (time.monotonic() + KNOWN, found)
        if found.used_ms is None or found.used_ms < now_ms() - TOUCHING_MS:
            self._touch(found.id)
        return found

    def count(self, key: Key) -> Window | None:
        """Count a request of a key; None where it has no limit."""
        if key.per_minute is None:
            return None
        limit = RateLimitItemPerMinute(key.per_minute)
        allowed = self._limiter.hit(limit, key.id)
        reset, remaining = self._limiter.get_window_stats(limit, key.id)
        return Window(key.per_minute, remaining, reset, not allowed)

    def _touch(self, key_id: str) -> None:
        """Write that it was used; the request does not wait for that, nor fail over it."""
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, self._keys.touch, key_id).add_done_callback(_told)


def _told(done: asyncio.Future[None] | Future[None]) -> None:
    error = None if done.cancelled() else done.exception()
    if isinstance(error, SentinelError):
        log.info("when a key was used could not be written: %s", error)
    elif error is not None:
        log.error("when a key was used could not be written (%s)", type(error).__name__)
