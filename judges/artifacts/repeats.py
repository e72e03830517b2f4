"""View in, symptom out: patches that appear twice, as copied."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from judges.artifacts.view import Plane, Symptom, View

PATCH = 16
"""Pixels a side of the patches that are compared."""


def repetition(view: View) -> Symptom:
    """Share of the picture, in thousandths, that is an exact copy of another part of it.

    Patches with the same rounded hash vote for the way from one to the other; the ways with most
    votes are checked pixel by pixel. Only patches with photographic detail are asked: letters,
    flat colours and drawn ornament repeat by right.
    """
    grey = view.whole_grey
    if min(grey.shape) < 4 * PATCH:
        return Symptom(0.0, "the picture is too small to show repeated patches")
    weakest = _weakest(grey)
    rich = _rich(grey, weakest)
    ways = _ways(grey, rich)
    best, where, way = 0.0, (0, 0, 0, 0), (0, 0)
    for shift in ways:
        area, rectangle = _copied(grey, weakest * rich, shift)
        if area > best:
            best, where, way = area, rectangle, shift
    strength = 1000 * best / grey.size
    box = view.from_whole(*where) if best else None
    claim = f"{strength:.0f} ‰ of the picture appear again {way[1]} right and {way[0]} down"
    return Symptom(strength, claim, box)


DETAIL = 1.0
"""Mean step between neighbours, in grey levels and counted up to 3, above which detail is
everywhere in a patch; drawings have theirs in few places."""
STEP = 4.0
"""Grey levels to which the means of a patch are rounded before they are hashed."""
SAMPLE = 4
"""One patch in so many is kept, chosen by its own content so that both copies are."""
CROWD = 4
"""Patches of one hash above which it is a pattern of the scene and not a copy."""
VOTES, ASKED = 5, 8
"""Pairs that must agree on a way, and how many ways are checked."""
ALIKE = 0.35
"""Mean difference, relative to the patch's steps in its weakest direction, below which it is a
copy: a straight edge moved along itself is none."""


def _mean(plane: Plane) -> Plane:
    import cv2  # noqa: PLC0415

    return np.asarray(cv2.blur(plane, (PATCH, PATCH)), np.float32)


def _weakest(grey: Plane) -> Plane:
    """RMS step per pixel in the direction in which a patch changes least: 0 on a straight edge."""
    import cv2  # noqa: PLC0415

    across, along = (cv2.Scharr(grey, cv2.CV_32F, *way) / 32 for way in ((1, 0), (0, 1)))
    xx, yy, xy = _mean(across**2), _mean(along**2), _mean(across * along)
    least = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy)
    return np.sqrt(np.maximum(0, least)).astype(np.float32)


def _rich(grey: Plane, weakest: Plane) -> NDArray[np.bool_]:
    """Where a patch around the pixel has photographic detail everywhere."""
    step = np.zeros_like(grey)
    step[:, 1:] = np.minimum(np.abs(np.diff(grey, axis=1)), 3)
    inside = np.zeros(grey.shape, bool)
    inside[PATCH:-PATCH, PATCH:-PATCH] = True
    return inside & (_mean(step) > DETAIL) & (weakest > DETAIL)


def _hashes(grey: Plane) -> NDArray[np.uint64]:
    """One number per pixel, equal where nine means around it round to the same levels."""
    import cv2  # noqa: PLC0415

    small = cv2.blur(grey, (6, 6))
    total = np.zeros(grey.shape, np.uint64)
    for down in (-5, 0, 5):
        for right in (-5, 0, 5):
            level = np.round(np.roll(small, (down, right), (0, 1)) / STEP).astype(np.uint64)
            total = total * np.uint64(0x9E3779B97F4A7C15) + level + np.uint64(1)
    return total ^ (total >> np.uint64(29))


def _ways(grey: Plane, rich: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Shifts (down, right) on which many pairs of equal patches agree, most votes first."""
    hashes = _hashes(grey)
    rows, columns = np.nonzero(rich & (hashes % np.uint64(SAMPLE) == 0))
    order = np.argsort(hashes[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    values = hashes[rows, columns]
    _, run, size = np.unique(values, return_inverse=True, return_counts=True)
    pair = (values[1:] == values[:-1]) & (size[run[1:]] <= CROWD)
    down, right = np.diff(rows)[pair], np.diff(columns)[pair]
    far = np.maximum(np.abs(down), np.abs(right)) >= PATCH
    sign = np.where((down < 0) | ((down == 0) & (right < 0)), -1, 1)
    shifts = np.stack([down * sign, right * sign], axis=1)[far]
    ways, votes = np.unique(shifts, axis=0, return_counts=True)
    best = np.argsort(-votes, kind="stable")[:ASKED]
    return [(int(ways[k, 0]), int(ways[k, 1])) for k in best if votes[k] >= VOTES]


def _copied(
    grey: Plane, detail: Plane, shift: tuple[int, int]
) -> tuple[float, tuple[int, int, int, int]]:
    """Pixels that are a copy of what lies `shift` away, and the rectangle of the largest area."""
    import cv2  # noqa: PLC0415

    down, right = shift
    height, width = grey.shape
    here = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
    there = (slice(down, height), slice(max(0, right), width + min(0, right)))
    difference = _mean(np.abs(grey[here] - grey[there]))
    same = difference < ALIKE * detail[here]
    count, _, stats, _ = cv2.connectedComponentsWithStats(same.astype(np.uint8))
    if count == 1:  # nothing but background
        return 0.0, (0, 0, 0, 0)
    left, top, wide, high, area = (int(v) for v in stats[1:][stats[1:, 4].argmax()])
    grown = area * (1 + PATCH / wide) * (1 + PATCH / high)
    corner = (there[1].start + left - PATCH // 2, there[0].start + top - PATCH // 2)
    return grown, (*corner, wide + PATCH, high + PATCH)
