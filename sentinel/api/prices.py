"""A delivered picture's size in, what each service would have asked for it out; US dollars. Pure.

Attempts that were thrown away are never in a caller's price; what they cost us stands apart, in
the trace. Formulas and figures are the services' pages' (docs/endpoints).
"""

from __future__ import annotations

import math

MEGAPIXEL = 1_000_000
"""Pixels: RunPod's own table fits 10⁶; fal and Runflow do not say."""

FAL = 0.003
RUNPOD = 0.0024
RUNFLOW = 0.003
OPPER = 0.0005


def fal_units(width: int, height: int) -> int:
    """Megapixels that fal bills for a picture: begun ones count."""
    return math.ceil(width * height / MEGAPIXEL)


def fal(width: int, height: int) -> float:
    """fal, FLUX.1 [schnell]: 0.003 for each megapixel begun."""
    return FAL * fal_units(width, height)


def runpod(width: int, height: int) -> float:
    """RunPod's public FLUX.1 [schnell]: 0.0024 a megapixel, to eight decimals as it answers."""
    return round(width * height / MEGAPIXEL * RUNPOD, 8)


def runflow(width: int, height: int) -> float:
    """Runflow: 0.003 a megapixel, not rounded."""
    return width * height / MEGAPIXEL * RUNFLOW


def opper(count: int) -> float:
    """Opper: 0.0005 a picture, whatever its size."""
    return OPPER * count
