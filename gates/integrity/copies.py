"""A picture, its references and earlier fingerprints in, which of them it copies out."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import JsonValue

from sentinel import imaging
from sentinel.contracts import Pixels, Sample

BITS = 2
"""Bits of 64 up to which two fingerprints are one picture. A picture saved again as JPEG of
quality 90 differs by at most 2 bits in 99 of 100 cases; two pictures generated for one prompt can
be 4 bits apart (benchmarks/integrity.py), so 4 would refuse good second attempts."""

REFERENCE_BITS, REFERENCE_LEVELS = 8, 4.0
"""With the reference's pixels at hand the fingerprint only nominates: a copy must also agree with
it within 4 levels on a thumbnail. Different pictures that are 8 bits near are 5.6 levels apart."""

THUMBNAIL = 16


@dataclass(frozen=True, slots=True)
class Copies:
    """What was found; `kind` is empty where the picture copies nothing."""

    kind: str = ""
    reason: str = ""
    measurements: dict[str, JsonValue] = field(default_factory=dict)


def compare(sample: Sample, bits: int) -> Copies:
    """Compare with every reference, by pixels, and every earlier fingerprint; -1 compares none."""
    if bits < 0 or not (sample.earlier or sample.references):
        return Copies()
    own = sample.once("fingerprint", partial(imaging.fingerprint, sample.pixels))
    nearest = 64
    for number, reference in enumerate(sample.references, start=1):
        other = reference.once("fingerprint", partial(imaging.fingerprint, reference.pixels))
        distance = imaging.fingerprint_distance(own, other)
        nearest = min(nearest, distance)
        if distance > REFERENCE_BITS:
            continue
        apart = _levels_apart(sample.pixels, reference.pixels)
        if apart <= REFERENCE_LEVELS:
            reason = f"the picture is a copy of reference {number} ({reference.kind})"
            measured: dict[str, JsonValue] = {
                "nearest_bits": distance,
                "levels_apart": round(apart, 2),
            }
            return Copies("repeats_reference", reason, measured)
    distances = [imaging.fingerprint_distance(own, earlier) for earlier in sample.earlier]
    nearest = min([nearest, *distances])
    if distances and min(distances) <= bits:
        number = distances.index(min(distances)) + 1
        reason = f"the picture repeats earlier picture {number} ({min(distances)} of 64 bits apart)"
        return Copies("repeats_earlier", reason, {"nearest_bits": min(distances)})
    return Copies(measurements={"nearest_bits": nearest})


def _levels_apart(one: Pixels, other: Pixels) -> float:
    """Mean difference of two thumbnails, each relative to its own mean colour."""
    return float(np.abs(_thumbnail(one) - _thumbnail(other)).mean())


def _thumbnail(pixels: Pixels) -> NDArray[np.float32]:
    image = Image.fromarray(imaging.fit(pixels, 512))
    small = image.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR)
    values: NDArray[np.float32] = np.asarray(small, dtype=np.float32)
    centred: NDArray[np.float32] = values - values.mean(axis=(0, 1))
    return centred
