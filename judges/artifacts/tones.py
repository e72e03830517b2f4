"""View in, symptoms out: banding, clipping and casts, the three faults of tone and colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from judges.artifacts.view import Symptom, View, blocks
from sentinel.imaging import fit

Tones = NDArray[np.uint8]
"""One channel, H×W."""

WIDEST = 64
"""Grey levels of the widest step that can be a band; wider ones are edges of the scene."""
VISIBLE = 3
"""Grey levels of the smallest step between two bands that is seen; 8-bit gradients step by 1."""


def banding(view: View) -> Symptom:
    """Share of small steps that are one and the same size above 2, weighed by how many there are.

    A gradient reduced to few levels changes only in whole quanta. A flat poster changes in few
    places, by many different steps along its smoothed outlines; a photograph mostly by 1 or 2.
    """
    import cv2  # noqa: PLC0415

    worst, quantum = 0.0, 0
    for plane in cv2.split(view.native):
        share, size = _quantum(plane)
        if share > worst:
            worst, quantum = share, size
    claim = f"{worst:.0%} of the small steps are {quantum} levels high: tones come in bands"
    return Symptom(worst, claim)


def _quantum(plane: Tones) -> tuple[float, int]:
    """Share of the commonest small step among all small steps, and its size."""
    import cv2  # noqa: PLC0415

    across, down = cv2.absdiff(plane[:, 1:], plane[:, :-1]), cv2.absdiff(plane[1:], plane[:-1])
    counts = (_counts(across) + _counts(down))[: WIDEST + 2]
    counts[0] = 0
    small = counts[: WIDEST + 1].sum()
    if small < FEW * (across.size + down.size):
        return 0.0, 0
    near = counts.copy()
    near[1:-1] += counts[2:]  # a quantum of 255/n lands on two neighbouring sizes
    mode = VISIBLE + int(near[VISIBLE:-1].argmax())
    if _levels(plane, mode) < STAIRS:
        return 0.0, 0
    return float(near[mode] / small), mode


def _levels(plane: Tones, quantum: int) -> int:
    """From how many different levels a step of that size is taken: a staircase has many stairs."""
    import cv2  # noqa: PLC0415

    one, other = plane[:, 1:], plane[:, :-1]
    counts = _counts(
        cv2.min(one, other), cv2.inRange(cv2.absdiff(one, other), quantum, quantum + 1)
    )
    return int((counts > 0.01 * max(1, counts.sum())).sum())


def _counts(plane: Tones, mask: Tones | None = None) -> NDArray[np.float64]:
    """Pixels per level."""
    import cv2  # noqa: PLC0415

    return np.asarray(cv2.calcHist([plane], [0], mask, [256], [0, 256]), np.float64).ravel()


STAIRS = 3
"""Stairs of the shortest staircase; outlines between a few flat colours have fewer."""
FEW = 0.02
"""Share of neighbours that must differ by a small step; drawn posters stay below it."""


def clipping(view: View) -> Symptom:
    """Share of pixels lost in black or white, or of grey levels torn out by stretching.

    White cut-outs, black frames and flat lettering meet their surroundings in one step: their
    edge is steep, and they are left out, and so is the ground of a picture (an area that touches
    three of its sides). Where the tone runs into the limit gently, detail is lost.
    """
    import cv2  # noqa: PLC0415

    red, green, blue = cv2.split(view.whole)
    darkest = cv2.max(cv2.max(red, green), blue)
    lightest = cv2.min(cv2.min(red, green), blue)
    white = _lost(lightest >= WHITE, lightest >= WHITE - GENTLE)
    black = _lost(darkest <= BLACK, darkest <= BLACK + GENTLE)
    torn = min(map(_torn, cv2.split(view.native)))
    lost = white[0] + black[0]
    if torn > lost:
        return Symptom(torn, f"{torn:.0%} of the grey levels are torn out by stretched contrast")
    larger = max((white, black), key=lambda found: found[0])
    box = view.from_whole(*larger[1]) if larger[0] > 0 else None
    return Symptom(lost, f"{lost:.0%} of the picture is lost in plain black or white", box)


WHITE, BLACK = 254, 1
"""Levels at or beyond which nothing is left to tell (one level of slack for JPEG)."""
GENTLE = 30
"""Levels from the limit within which a surrounding has run into it gently."""

SPECKS = 0.001
"""Share of the picture in black or white that is not worth looking at."""

Rectangle = tuple[float, float, float, float]


def _lost(mask: NDArray[np.bool_], near: NDArray[np.bool_]) -> tuple[float, Rectangle]:
    """Share of the picture in areas with a gentle edge, and the rectangle of the largest."""
    import cv2  # noqa: PLC0415

    if mask.mean() < SPECKS:
        return 0.0, (0, 0, 0, 0)
    kernel = np.ones((5, 5), np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    ring = cv2.dilate(mask.astype(np.uint8), kernel).astype(bool) & ~mask
    owner = cv2.dilate(labels.astype(np.float32), kernel).astype(np.int32)
    around = np.bincount(owner[ring], minlength=count)
    gentle = np.bincount(owner[ring & near], minlength=count)
    area = stats[:, cv2.CC_STAT_AREA] * (gentle / np.maximum(around, 1))
    area[_ground(stats, mask.shape)] = 0
    area[0] = 0
    left, top, width, height = (float(side) for side in stats[int(area.argmax()), :4])
    return float(area.sum()) / mask.size, (left, top, width, height)


def _ground(stats: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Areas that touch three sides of the picture: the ground a subject stands before."""
    left, top, wide, high = stats[:, 0], stats[:, 1], stats[:, 2], stats[:, 3]
    sides = [left == 0, top == 0, left + wide == shape[1], top + high == shape[0]]
    return np.asarray(np.sum(sides, axis=0) >= THREE)


THREE = 3
"""Sides of the picture that an area must touch to be its ground."""


def _torn(plane: Tones) -> float:
    """Share of levels that hold nothing though levels on both sides hold much."""
    counts = _counts(plane) / plane.size
    padded = np.pad(counts, REACH)
    below = np.max([padded[REACH - k : REACH - k + 256] for k in range(1, REACH + 1)], axis=0)
    above = np.max([padded[REACH + k : REACH + k + 256] for k in range(1, REACH + 1)], axis=0)
    held = np.minimum(below, above) > HELD
    held[[0, 255]] = False
    empty = held & (counts < EMPTY * np.minimum(below, above))
    return float(empty.sum()) / max(MANY, int(held.sum()))


REACH = 3
"""Levels to either side that are asked: contrast stretched fourfold leaves gaps of three."""
HELD, EMPTY, MANY = 5e-4, 0.05, 96
"""Share of pixels that a level must hold to count as used; the part of that below which the level
between is empty; and how many used levels it takes before a share of them is believed."""


def cast(view: View) -> Symptom:
    """Lab chroma that even the most neutral pixels share: 0 where something is grey.

    The 5th percentile of chroma along the picture's mean hue. Drawn and flat pictures
    are left alone, and so are pictures of one strong colour: both have no neutral by design.
    """
    from skimage.color import rgb2lab  # noqa: PLC0415

    small = fit(view.whole, 128)
    lab = rgb2lab(small).reshape(-1, 3)
    lit = lab[lab[:, 0] > DARK]
    if len(lit) < len(lab) * 0.05 or _drawn(view):
        return Symptom(0.0, "the picture is too dark or too flat to show a cast")
    mean = lit[:, 1:].mean(axis=0)
    along = lit[:, 1:] @ (mean / max(1e-6, float(np.hypot(*mean))))
    strength = max(0.0, float(np.percentile(along, 5)))
    if strength > SUBJECT:
        return Symptom(0.0, "the picture is of one strong colour, which is its subject")
    return Symptom(strength, f"even the most neutral parts are tinted by {strength:.0f}")


DARK = 15.0
"""Lab lightness below which chroma says nothing."""
SUBJECT = 40.0
"""Lab chroma of the most neutral parts above which the colour is what the picture is of."""
DRAWN = 0.5
"""Share of 8 × 8 blocks without any grain above which a picture is drawn."""


def _drawn(view: View) -> bool:
    grain = blocks(view.native_grey, 8)
    return float((np.ptp(grain, axis=(2, 3)) <= 1).mean()) > DRAWN
