"""A picture in, portraits out: each face with its box and an embedding to compare it by.

A backend of the likeness judge is a `Portraits`. The default is dlib's, here; insightface's is in
`judges.likeness.insightface`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from sentinel.contracts import Box, Runtime
from sentinel.detectors.dlib_models import require
from sentinel.detectors.faces import Depicts, embeddings_of, faces_of


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One face: where it is, its side in pixels, and what it is compared by."""

    box: Box
    side: float
    embedding: NDArray[np.float64]


class Portraits(Protocol):
    """Finds faces and says how far apart two of them are.

    Distances up to `alike` count as surely the same person (value 1), from `different` as surely
    another (value 0), linear between; half way lies the distance at which opinions turn.
    """

    alike: ClassVar[float]
    different: ClassVar[float]

    def load(self, runtime: Runtime) -> None:
        """Load weights."""
        ...

    def of(self, picture: Depicts) -> tuple[Portrait, ...]:
        """The faces of a picture; found once however often it is asked for."""
        ...

    def distance(self, one: Portrait, other: Portrait) -> float:
        """How far apart two faces are: 0 the same picture, growing with difference."""
        ...


class DlibPortraits:
    """Distances between dlib's 128 numbers per face (Euclidean)."""

    alike: ClassVar[float] = 0.35
    """Mean distance of one person's photos on a public set of 300 pairs: .362."""

    different: ClassVar[float] = 0.75
    """Value .5 then lies at distance .55, where that set had TPR .974 and FPR 0 (other people:
    mean .887, nearest .638)."""

    def load(self, runtime: Runtime) -> None:  # noqa: ARG002 - dlib runs on one thread of the CPU
        """Check that dlib and its weights are installed."""
        require("judge 'likeness'")

    def of(self, picture: Depicts) -> tuple[Portrait, ...]:
        """The faces that the face gate and fidelity see too, with their embeddings."""
        pairs = zip(faces_of(picture), embeddings_of(picture), strict=True)
        return tuple(Portrait(face.box, face.side, embedding) for face, embedding in pairs)

    def distance(self, one: Portrait, other: Portrait) -> float:
        """Euclidean; photos of one person are about .4 apart, of two people .8."""
        return float(np.linalg.norm(one.embedding - other.embedding))
