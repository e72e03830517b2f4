"""Seed and shape in, the noise that torch would draw on a CPU out, without torch.

`torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))` in NumPy, so that a seed
means the same picture here and in diffusers. Source: ATen/native/cpu/DistributionTemplates.h
(`normal_fill`), ATen/core/DistributionsHelper.h (`uniform_real_distribution`) and
ATen/core/MT19937RNGEngine.h in PyTorch. torch's vector code takes another approximation of the
logarithm and the sine on some CPUs: the numbers agree to 1e-5, not to the bit.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

BLOCK = 16
"""Numbers that torch turns into normal ones together: eight radii, eight angles."""

BITS = 24
"""Bits of a float's fraction, the low ones of each draw."""

SEEDS = 2**32
"""Different seeds that torch's CPU generator knows: it begins with the low 32 bits."""


def noise(shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Standard normal numbers; their count must be a multiple of 16, as every latent's is."""
    count = math.prod(shape)
    if count % BLOCK:
        raise ValueError(f"{count} numbers are no multiple of {BLOCK}; torch treats the rest apart")
    drawn = np.random.RandomState(seed % SEEDS).randint(SEEDS, size=count, dtype=np.uint32)
    even = (drawn & (2**BITS - 1)).astype(np.float32) * np.float32(2.0**-BITS)
    radii, angles = np.split(even.reshape(-1, 2, BLOCK // 2), 2, axis=1)
    radius = np.sqrt(-2 * np.log(1 - radii))
    angle = np.float32(2 * math.pi) * angles
    made = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return made.reshape(shape).astype(np.float32, copy=False)
