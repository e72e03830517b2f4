"""A request's seed, a round and a stream in, the seed that the round is asked with out. Pure.

    seed = (base + stream · 2²⁹ + round · 10,000,019) mod 2³¹        round ≥ 1
    seed = base                                                       round 0

The first round uses the caller's seed as it is. A batch is asked with its first seed and the
generator counts on from there, candidate by candidate. No two pictures of a request share a seed:
a policy allows 50 attempts, 50 · 10,000,019 stays below 2²⁹, four streams of 2²⁹ fill 2³¹, and
neighbouring starts are more than 10 million apart, which is more than any batch takes.
The same base gives the same seeds, always.
"""

from __future__ import annotations

import secrets

SEEDS = 2**31
"""Seeds that every generator at hand takes."""

STREAM = 2**29
"""From one stream to the next."""

ROUND = 10_000_019
"""From one round to the next: a prime, no multiple of what failover adds after a black frame."""


def seed_of(base: int, round: int, stream: int = 0) -> int:  # noqa: A002 - the field's word
    """Where a round's batch begins; rounds count from 0."""
    if round == 0:
        return base
    return (base + stream % (SEEDS // STREAM) * STREAM + round * ROUND) % SEEDS


def draw() -> int:
    """A seed for a request that names none; it stands in the trace."""
    return secrets.randbelow(SEEDS)
