"""Seeds in, posters in memory out: each step adds a few newly painted ones and draws from all.

Painting a poster takes 4 ms of a CPU, so a step that painted its whole batch would wait for it.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import NamedTuple

import numpy as np

from training.painting import Pixels
from training.posters import batches

STOCK = 256
"""Posters that a pool begins with."""

KEPT = 12_000
"""Posters in a pool at most: 600 MB."""


class Poster(NamedTuple):
    """A picture and the seed of its spec."""

    seed: int
    pixels: Pixels


class Pool:
    """The last `KEPT` posters that were painted."""

    def __init__(self, first: int, workers: int) -> None:
        """Begin with `STOCK` posters, from that seed onwards."""
        self._stream = batches(first, 1, workers=workers)
        self._kept: deque[Poster] = deque(maxlen=KEPT)
        self.grow(STOCK)

    def grow(self, count: int) -> None:
        """Paint so many more."""
        fresh = islice(self._stream, count)
        self._kept.extend(Poster(batch.seeds[0], batch.pixels[0]) for batch in fresh)

    def draw(self, step: int, size: int, *, alike: bool) -> list[Poster]:
        """So many of the kept ones; `alike` takes one picture size only."""
        random = np.random.default_rng((step, 4))
        order = random.permutation(len(self._kept))
        if not alike:
            return [self._kept[at] for at in order[:size]]
        shape = self._kept[order[0]].pixels.shape
        same = (each for at in order if (each := self._kept[at]).pixels.shape == shape)
        return list(islice(same, size))
