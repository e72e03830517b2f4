"""Seeds in, batches of pictures of one size out, painted by several processes if there are cores.

The picture of a seed is that of `imagine(seed)` painted with the same seed, so a seed is all that
a cache has to remember.
"""

from __future__ import annotations

import multiprocessing
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from training.painting import Pixels, paint
from training.world import Spec, imagine

CHUNK = 32
"""Seeds a painting process takes at a time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures of one size, and the specs they were painted from."""

    seeds: tuple[int, ...]
    pixels: Pixels
    """N×H×W×3."""

    @property
    def specs(self) -> list[Spec]:
        """What the pictures show."""
        return [imagine(seed) for seed in self.seeds]


def batches(first: int, size: int, *, workers: int = 0, last: int | None = None) -> Iterator[Batch]:
    """Batches of `size` from the seeds `first` onwards; endless where `last` is None.

    What is left over of each size at the end makes smaller batches.
    """
    waiting: dict[tuple[int, int], list[tuple[int, Pixels]]] = defaultdict(list)
    for seed, pixels in _painted(_chunks(first, last), workers):
        alike = waiting[pixels.shape[0], pixels.shape[1]]
        alike.append((seed, pixels))
        if len(alike) == size:
            yield _batch(alike)
            alike.clear()
    for alike in waiting.values():
        if alike:
            yield _batch(alike)


def _chunks(first: int, last: int | None) -> Iterator[range]:
    while last is None or first < last:
        end = first + CHUNK if last is None else min(first + CHUNK, last)
        yield range(first, end)
        first = end


def _painted(chunks: Iterator[range], workers: int) -> Iterator[tuple[int, Pixels]]:
    if not workers:
        for chunk in chunks:
            yield from _paint(chunk)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pending = []
        for chunk in chunks:
            pending.append(pool.apply_async(_paint, (chunk,)))
            if len(pending) > 2 * workers:
                yield from pending.pop(0).get()
        for each in pending:
            yield from each.get()


def _paint(seeds: range) -> list[tuple[int, Pixels]]:
    return [(seed, paint(imagine(seed), seed)) for seed in seeds]


def _batch(alike: Sequence[tuple[int, Pixels]]) -> Batch:
    return Batch(tuple(seed for seed, _ in alike), np.stack([pixels for _, pixels in alike]))
