"""Pictures in, or told to come back: how much is in the house at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sentinel.errors import Busy

RETRY_AFTER = 2.0
"""Seconds a caller is asked to wait: about what a full house needs to let a few out."""

DECODERS = 2
"""Pictures decoded at once."""

LARGE = 10_000_000
"""Pixels from which on pictures are decoded one after the other: one of 40 megapixels takes 300 MB
while it is decoded (a WebP 600), and two at once would be too much for a small machine."""


class Admission:
    """Counts pictures and their decoded pixels; used from one event loop."""

    def __init__(self, pictures: int, pixels: int) -> None:
        """At most so many pictures and so many decoded pixels at once."""
        self._most_pictures = pictures
        self._most_pixels = pixels
        self.pictures = 0
        self.pixels = 0

    @contextmanager
    def enter(self, pixels: int) -> Iterator[None]:
        """Be inside with a picture of so many pixels; Busy where there is no room.

        A single picture may always enter an empty house: its size was checked before.
        """
        if self.pictures >= self._most_pictures:
            raise Busy(f"the house ({self.pictures} pictures are being scored)", RETRY_AFTER)
        if self.pictures and self.pixels + pixels > self._most_pixels:
            megapixels = self.pixels / 1e6
            raise Busy(f"the house ({megapixels:.0f} megapixels are being scored)", RETRY_AFTER)
        self.pictures += 1
        self.pixels += pixels
        try:
            yield
        finally:
            self.pictures -= 1
            self.pixels -= pixels
