"""Brief in, the same picture out: a double that paints nothing it was not given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sentinel.contracts import Brief, Candidate, Capabilities
from sentinel.imaging import encode
from sentinel.testing import scene


class Fixed:
    """Hands out the pictures it was given, one after the other, or one of its own.

    For tests and for trying a policy without a model. It understands no prompt.
    """

    version: ClassVar[str] = "1"
    capabilities = Capabilities(seed=False)

    def __init__(self, pictures: Sequence[bytes] = (), cost: float = 0.0) -> None:
        """`pictures`: encoded bytes; `cost`: US dollars a picture."""
        self._pictures = tuple(pictures) or (encode(scene()),)
        self._cost = self.price = cost
        self._next = 0

    def generate(self, brief: Brief) -> list[Candidate]:
        """`brief.count` pictures, going round."""
        made = []
        for _ in range(brief.count):
            image = self._pictures[self._next % len(self._pictures)]
            made.append(Candidate(image=image, seed=brief.seed, cost=self._cost))
            self._next += 1
        return made
