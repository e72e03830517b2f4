"""A scene in, what stands at each latent out: its letter, its shape, its colour.

Both networks learn to say this of their own middle layers while they are trained (saying.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.scene import Scene
from training.words import LETTERS
from training.world import COLOURS, SHAPES

CLASSES = (len(LETTERS) + 1, len(SHAPES) + 1, len(COLOURS))
"""Letters and shapes, each with 0 for none, and colours."""


def label(scene: Scene, down: int) -> NDArray[np.uint8]:
    """3×h×w at a `down`-th of the picture's sides, by the middle of each cell."""
    spec, names = scene.spec, list(COLOURS)
    y, x = np.mgrid[0 : spec.height // down, 0 : spec.width // down] * down + (down - 1) / 2
    letter, shape = np.zeros(x.shape, np.uint8), np.zeros(x.shape, np.uint8)
    colour = np.full(x.shape, names.index(spec.background), np.uint8)
    for each in scene.objects:
        inside = (x - each.x) ** 2 + (y - each.y) ** 2 < each.radius**2
        shape[inside] = 1 + SHAPES.index(each.group.shape)
        colour[inside] = names.index(each.group.colour)
    if scene.word_box is not None:
        left, top, right, bottom = scene.word_box
        inside = (left <= x) & (x < right) & (top <= y) & (y < bottom)
        at = ((x[inside] - left) / (right - left) * len(spec.word)).astype(int)
        codes = np.array([1 + LETTERS.index(each) for each in spec.word])
        letter[inside] = codes[at]
        colour[inside] = names.index(spec.ink)
    return np.stack([letter, shape, colour])
