"""Seeds in, batches of pictures of one size out, painted by several processes if there are cores.

The picture of a seed is that of `imagine(seed)` painted with the same seed, so a seed is all that
a cache has to remember.
"""

from __future__ import annotations

import multiprocessing
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.painting import Pixels, paint
from training.world import imagine

Tell = Callable[[int], Any]
_Painted = tuple[int, Pixels, Any]

CHUNK = 32
"""Seeds a painting process takes at a time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures of one size, and the specs they were painted from."""

    seeds: tuple[int, ...]
    pixels: Pixels
    """N×H×W×3."""

    told: tuple[Any, ...]
    """What `tell` made of each seed, in the process that painted it; None without it."""


def batches(
    first: int, size: int, *, workers: int = 0, last: int | None = None, tell: Tell | None = None
) -> Iterator[Batch]:
    """Batches of `size` from the seeds `first` onwards; endless where `last` is None.

    What is left over of each size at the end makes smaller batches. `tell` is a module's function
    that makes something of a seed (its captions, tokenised) beside the picture.
    """
    waiting: dict[tuple[int, int], list[_Painted]] = defaultdict(list)
    for each in _painted(_chunks(first, last), workers, tell):
        alike = waiting[each[1].shape[0], each[1].shape[1]]
        alike.append(each)
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


def _painted(chunks: Iterator[range], workers: int, tell: Tell | None) -> Iterator[_Painted]:
    if not workers:
        for chunk in chunks:
            yield from _paint(chunk, tell)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pending = []
        for chunk in chunks:
            pending.append(pool.apply_async(_paint, (chunk, tell)))
            if len(pending) > 2 * workers:
                yield from pending.pop(0).get()
        for each in pending:
            yield from each.get()


def _paint(seeds: range, tell: Tell | None) -> list[_Painted]:
    return [(seed, paint(imagine(seed), seed), tell(seed) if tell else None) for seed in seeds]


def _batch(alike: Sequence[_Painted]) -> Batch:
    seeds, pixels, told = zip(*alike, strict=True)
    return Batch(seeds, np.stack(pixels), told)
