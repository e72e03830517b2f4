"""A delivery and how an attempt went in, what becomes of it out. Pure.

2xx is delivered. 410 is the receiver's word that nobody is there any more. Whatever else it
was, the delivery is tried again after the next of the delays, until there is none left.
"""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.store.deliveries import Delivery, DeliveryAttempt, DeliveryState

GONE = 410
TAKEN = range(200, 300)

JITTER = 0.2
"""A delay is longer or shorter by up to this share, so that what failed together does not come
back together."""

LONGEST = 3600.0
"""Seconds that a receiver may ask to be left alone for (Retry-After)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds: between attempts, for one attempt, for a lease, between looks; and days kept."""

    delays: tuple[float, ...]
    seconds: float = 15.0
    lease: float = 45.0
    poll: float = 0.5
    days: float = 30.0


def decide(
    delivery: Delivery, attempt: DeliveryAttempt, schedule: Schedule, chance: float,
    retry_after: float = 0.0,
) -> tuple[DeliveryState, int]:  # fmt: skip
    """The state after an attempt, and when the next one is due (ms); `chance` is from [0, 1)."""
    ended = attempt.at_ms + attempt.milliseconds
    if attempt.status in TAKEN:
        return "delivered", ended
    if attempt.status == GONE or delivery.tries >= len(schedule.delays):
        return "failed", ended
    delay = schedule.delays[delivery.tries] * (1 + JITTER * (2 * chance - 1))
    return "waiting", ended + round(1000 * max(delay, min(retry_after, LONGEST)))
