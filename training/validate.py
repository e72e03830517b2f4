"""Posters in, how often the checkers are wrong about them out: `python training/validate.py`.

The posters are right by construction, so every mark that is not given is the checkers' mistake. On
clean posters the figures must be near 1; on damaged ones they say what the figures of a generator
that blurs or speckles can be trusted for.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from training.checkers import compare, look
from training.painting import Pixels, paint
from training.world import imagine

FIRST = 2 * 10**8
"""Seeds of these posters; no other figure uses them."""


def _noisy(pixels: Pixels, sigma: float) -> Pixels:
    noise = np.random.default_rng(0).normal(0, sigma, pixels.shape)
    return (pixels + noise).round().clip(0, 255).astype(np.uint8)


DAMAGES: dict[str, Callable[[Pixels], Pixels]] = {
    "clean": lambda pixels: pixels,
    "blur, sigma 1 px": lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 1.0),
    "blur, sigma 2 px": lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 2.0),
    "noise, sigma 8": lambda pixels: _noisy(pixels, 8.0),
    "noise, sigma 16": lambda pixels: _noisy(pixels, 16.0),
}


def main() -> None:
    """Print a row per damage, a column per attribute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posters", type=int, default=1000)
    parser.add_argument("--damaged", type=int, default=200)
    asked = parser.parse_args()
    table = Table("posters", "number", "background", "colour", "shape", "count", "word")
    for name, damage in DAMAGES.items():
        number = asked.posters if name == "clean" else asked.damaged
        marks = defaultdict(list)
        for seed in track(range(FIRST, FIRST + number), name):
            spec = imagine(seed, held_out=seed % 2 == 1)
            told = compare(look(damage(paint(spec, seed))), spec)
            for attribute, right in asdict(told).items():
                if right is not None:
                    marks[attribute].append(right)
        table.add_row(name, str(number), *(f"{np.mean(each):.3f}" for each in marks.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
