"""A delivery in, one attempt at it out: sent, answered or not, in time.

Redirects are not followed: a receiver that moved says so to whoever set the address. What it
answers beside its status is read a little and thrown away.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpcore2

from sentinel.outbound import Limits, Trouble, headers_of, opened, target_of
from sentinel.store.deliveries import Delivery, DeliveryAttempt

READ = 16_384
"""Bytes of an answer that are taken, so that ordinary receivers may finish theirs."""

LINGERING = 1.0
"""Seconds that is waited for them."""

MOVED = range(300, 400)


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt, and the seconds that the receiver asks to be left alone."""

    attempt: DeliveryAttempt
    retry_after: float = 0.0


async def send(delivery: Delivery, headers: Mapping[str, str], limits: Limits, now_ms: int) -> Sent:
    """One attempt, within `limits.seconds`; it raises nothing but a cancellation."""
    began = time.monotonic()
    status, error, retry_after = None, None, 0.0
    try:
        target = target_of(delivery.url, limits.private)
        async with (
            asyncio.timeout(limits.seconds),
            opened(target, "POST", headers, delivery.body, limits) as response,
        ):
            status = response.status
            retry_after = _seconds(headers_of(response).get("retry-after", ""))
            await _drained(response)
    except Trouble as trouble:
        error = None if status is not None else str(trouble)
    except TimeoutError:
        error = None if status is not None else f"no answer within {limits.seconds:g} s"
    if status in MOVED:
        error = "it answers with a redirect, which is not followed; set the new address"
    took = round(1000 * (time.monotonic() - began))
    return Sent(DeliveryAttempt(now_ms, took, status, error), retry_after)


async def _drained(response: httpcore2.Response) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGERING):
            left = READ
            async for block in response.aiter_stream():
                left -= len(block)
                if left < 0:
                    return


def _seconds(retry_after: str) -> float:
    """Retry-After in seconds; its form as a date is left to the schedule."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
