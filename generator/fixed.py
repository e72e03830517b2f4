"""Brief in, the same picture out: a double that paints nothing it was not given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sentinel.contracts import Brief, Candidate, Capabilities
from sentinel.imaging import encode
from sentinel.testing import scene

WIDTH, HEIGHT = 256, 192
"""Pixels of its own picture where the brief names none."""


class Fixed:
    """Hands out the pictures it was given, one after the other, or one of its own.

    For tests and for trying a policy without a model. It understands no prompt.
    """

    version: ClassVar[str] = "1"
    capabilities = Capabilities(seed=False)

    def __init__(self, pictures: Sequence[bytes] = (), cost: float = 0.0) -> None:
        """`pictures`: encoded bytes; `cost`: US dollars a picture.

        Without pictures it has one of its own, in whatever size is asked for.
        """
        self._pictures = tuple(pictures)
        self._own: dict[tuple[int, int], bytes] = {}
        self._cost = self.price = cost
        self._next = 0

    def generate(self, brief: Brief) -> list[Candidate]:
        """`brief.count` pictures, going round."""
        made = []
        for _ in range(brief.count):
            made.append(Candidate(image=self._image(brief), seed=brief.seed, cost=self._cost))
            self._next += 1
        return made

    def _image(self, brief: Brief) -> bytes:
        if self._pictures:
            return self._pictures[self._next % len(self._pictures)]
        size = (brief.width or WIDTH, brief.height or HEIGHT)
        if size not in self._own:
            self._own = {size: encode(scene(*size))}
        return self._own[size]
