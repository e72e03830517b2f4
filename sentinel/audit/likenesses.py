"""Fingerprints in, groups of near-duplicates out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEAR = 2
"""Bits of 64 in which near-duplicates differ at most: one picture, saved again (gates.integrity).
At 4, posters that share a word in one place and nothing else were called alike."""

BITS = 64
"""Of a fingerprint."""

TELLS = 8
"""Bits that a fingerprint has set, and has not, at least: a flat picture has next to none, and
would be like every other flat one."""

PAIRS = 2**17
"""Pairs that are looked at together: a megabyte, however many pictures there are."""


def near_duplicates(fingerprints: Sequence[str | None], near: int = NEAR) -> tuple[int | None, ...]:
    """The number of the group each picture belongs to, from 1 in order; None for one alone.

    A group is what hangs together pair by pair (`sentinel.imaging.fingerprint_distance` ≤ `near`);
    a fingerprint that is None, or of a flat picture, belongs to nobody. Every pair is looked at:
    20,000 pictures take about two seconds.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415 - heavy
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - heavy

    known = {at: int(each, 16) for at, each in enumerate(fingerprints) if each is not None}
    places = [at for at, each in known.items() if TELLS <= each.bit_count() <= BITS - TELLS]
    known_bits = [known[at] for at in places]
    # equal ones are held against others once: a thousand black frames would be a million pairs
    bits, alike = np.unique(np.array(known_bits, np.uint64), return_inverse=True)
    one, other = _pairs(bits, near)
    links = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(len(bits), len(bits)))
    _, labels = connected_components(links, directed=False) if len(bits) else (0, [])
    numbers = _numbered([int(labels[at]) for at in alike])
    found: list[int | None] = [None] * len(fingerprints)
    for at, number in zip(places, numbers, strict=True):
        found[at] = number
    return tuple(found)


def _pairs(bits: NDArray[np.uint64], near: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of pairs that are near, each once, first before second."""
    ones, others = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    step = max(1, PAIRS // max(1, len(bits)))
    for start in range(0, len(bits), step):
        strip = bits[start : start + step]
        apart = np.bitwise_count(strip[:, None] ^ bits[None, start:])
        first, second = np.nonzero(apart <= near)
        later = second > first
        ones.append(first[later] + start)
        others.append(second[later] + start)
    return np.concatenate(ones), np.concatenate(others)


def _numbered(labels: Sequence[int]) -> list[int | None]:
    """Labels of two or more as 1, 2, … in the order they appear, the rest None."""
    sizes = np.bincount(labels) if labels else np.empty(0, np.int64)
    order: dict[int, int] = {}
    return [
        order.setdefault(label, len(order) + 1) if sizes[label] > 1 else None for label in labels
    ]
