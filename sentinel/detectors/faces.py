"""Pixels in, faces out: where they are, five landmarks, an aligned chip, an embedding.

The face gate, fidelity and likeness share one search per picture (`faces_of`), which is what
costs: about 60 ms for a 1024 × 1024 portrait, 350 ms where faces are small, 500 ms where there are
none. dlib's HOG detector sees frontal and half-turned faces; profiles, masks and most drawings it
does not see.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image

from sentinel.contracts import Box, Once, Pixels
from sentinel.detectors.dlib_models import (
    Embedding,
    Point,
    align,
    embed,
    landmarks_in,
    scores_in,
)
from sentinel.imaging import fit

SURE = 0.3
"""Detector score from which a face counts: a weaker hit was a false alarm on a portrait's
background (score .12, the face 1.16)."""

CONFIRMED = 0.6
"""A hit below this score is looked at again (`LOOKS`) and takes the median score of those."""

LOOKS = (220, 260, 300, 360, 420)
"""Sides of the patches of a second look, the face 40 % of each: five sizes within an octave."""

SMALLEST = 80
"""Pixels a side of dlib's smallest detection window; a smaller face needs an enlarged copy."""

FIRST, SECOND, THIRD = 1024, 2048, 4096
"""Longer side of the copies that are searched: all faces of 80 px in the copy are seen, so 40 px
in a picture of up to 1024 (second look) or 2048 px a side (third). Each costs four times the one
before: 60 ms, 250 ms, 1 s. The cap makes a 40-megapixel picture cost no more than that."""

CROWD = 160
"""If the largest face of the first copy is smaller than this (pixels), there may be more that
were too small for it, so the second copy is searched as well."""

RESCUE = 640
"""Longer side of the copies that are turned or framed when nothing was found upright."""

TURNS = (0, 45, -45, 90, -90, 180)
"""Degrees (counter-clockwise) tried when nothing was found; 0 stands for a frame around the
picture, for close-ups. The detector itself bridges ±30°."""

PATCH = 320
"""Pixels a side of the upright patch that landmarks are read from; the face takes half of it."""


class Depicts(Protocol):
    """Something with pixels and a place for derived values: a sample or a reference."""

    @property
    def pixels(self) -> Pixels:
        """The picture."""
        ...

    @property
    def once(self) -> Once:
        """Where derived values are kept."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face.

    `box` lies inside the picture; `side` is its side in pixels before clipping; `score` is the
    detector's (about 0 unsure, 1 sure, 2 very sure). `landmarks` are x, y in the picture: outer
    and inner corner of the eye on the right of the picture, outer and inner corner of the other
    eye, base of the nose. `turned` says by how many degrees counter-clockwise the picture had to
    be turned. `chip` is the face upright, eyes level, 150 × 150.
    """

    box: Box
    side: float
    score: float
    centre: Point
    turned: int
    landmarks: tuple[Point, ...] = ()
    chip: Pixels | None = None


def faces_of(picture: Depicts) -> tuple[Face, ...]:
    """The faces of a sample or reference, best first; searched once per picture."""
    return picture.once("faces", lambda: find(picture.pixels))


def embeddings_of(picture: Depicts) -> tuple[Embedding, ...]:
    """One embedding per face of `faces_of`, in its order; computed once per picture."""

    def make() -> tuple[Embedding, ...]:
        return tuple(embed([face.chip for face in faces_of(picture) if face.chip is not None]))

    return picture.once("face embeddings", make)


def find(pixels: Pixels) -> tuple[Face, ...]:
    """Search at growing sizes until faces are found; the highest score first."""
    longest = max(pixels.shape[:2])
    first = longest * max(n for n in (1, 2, 4) if n == 1 or n * longest <= FIRST)
    found = _scan(pixels, min(first, FIRST))
    largest = max((face.side for face in found), default=0.0) * min(1.0, FIRST / longest)
    second = min(2 * longest, SECOND)
    if second > first and (not found or largest < CROWD):
        found = _merge([*found, *_scan(pixels, second)])
    if not found:
        found = _rescue(pixels)
    if not found and longest > FIRST:
        found = _scan(pixels, min(2 * longest, THIRD))
    return tuple(_finish(pixels, face) for face in found)


def patch(pixels: Pixels, centre: Point, side: float, *, turned: int = 0, out: int) -> Pixels:
    """A square around `centre`, turned upright, `out` pixels a side; edges are repeated."""
    spare = math.sqrt(2.0) if turned % 90 else 1.0
    size = max(2, round(out * spare))
    square = _square(pixels, centre, max(2.0, side * spare), size)
    if turned:
        image = Image.fromarray(square).rotate(turned, Image.Resampling.BICUBIC)
        square = np.asarray(image)
    edge = (size - out) // 2
    return np.ascontiguousarray(square[edge : edge + out, edge : edge + out])


# ── searching ─────────────────────────────────────────────────────────────────────────────────


def _scan(pixels: Pixels, side: int) -> list[Face]:
    """Faces seen in a copy with the longer side `side`."""
    copy = _resized(pixels, side)
    scale = max(pixels.shape[:2]) / max(copy.shape[:2])
    found = [_face(box, score, scale, (0.0, 0.0)) for box, score in scores_in(copy, SURE)]
    return _sure([_confirm(pixels, face) for face in found], SURE)


def _rescue(pixels: Pixels) -> list[Face]:
    """Faces seen in a framed or turned copy; only sure ones, as odd angles invite mistakes."""
    copy = _resized(pixels, min(RESCUE, max(pixels.shape[:2]) * 2))
    height, width = copy.shape[:2]
    scale = max(pixels.shape[:2]) / max(height, width)
    for turn in TURNS:
        if turn:
            turned = np.asarray(Image.fromarray(copy).rotate(turn, Image.Resampling.BILINEAR, True))  # noqa: FBT003 - Pillow's `expand`
        else:
            frame = max(height, width) // 4
            turned = np.pad(copy, ((frame, frame), (frame, frame), (0, 0)), mode="edge")
        middle = (turned.shape[1] / 2.0, turned.shape[0] / 2.0)
        found = []
        for box, score in scores_in(np.ascontiguousarray(turned), CONFIRMED):
            face = _face(box, score, 1.0, middle)
            x, y = _unturn(face.centre, turn)
            centre = ((x + width / 2.0) * scale, (y + height / 2.0) * scale)
            found.append(replace(face, centre=centre, side=face.side * scale, turned=turn))
        sure = _sure([_confirm(pixels, face) for face in found], CONFIRMED)
        if sure:
            return sure
    return []


def _face(box: Box, score: float, scale: float, middle: Point) -> Face:
    centre = (
        ((box.left + box.right) / 2.0 - middle[0]) * scale,
        ((box.top + box.bottom) / 2.0 - middle[1]) * scale,
    )
    return Face(Box(0, 0, 0, 0), (box.right - box.left) * scale, score, centre, 0)


def _confirm(pixels: Pixels, face: Face) -> Face:
    """A weak hit is looked at again at other sizes: what is no face is not found in most."""
    if face.score >= CONFIRMED and not face.turned:
        return face
    seen = []
    for out in LOOKS:
        again = patch(pixels, face.centre, face.side * 2.5, turned=face.turned, out=out)
        near = [score for box, score in scores_in(again, -1.0) if _central(box, out)]
        seen.append(max(near, default=-1.0))
    return replace(face, score=statistics.median(seen))


def _central(box: Box, out: int) -> bool:
    """Near the middle of a square of `out` pixels, from half to twice the expected size."""
    off = max(abs(box.left + box.right - out), abs(box.top + box.bottom - out)) / 2.0
    return off < out * 0.2 and out * 0.2 < box.right - box.left < out * 0.8


def _sure(found: list[Face], floor: float) -> list[Face]:
    return _merge([face for face in found if face.score >= floor])


def _merge(found: list[Face]) -> list[Face]:
    """The best first, without those that lie on a better one."""
    kept: list[Face] = []
    for face in sorted(found, key=lambda one: -one.score):
        if all(_apart(face, other) for other in kept):
            kept.append(face)
    return kept


def _apart(one: Face, other: Face) -> bool:
    distance = math.dist(one.centre, other.centre)
    return distance > max(one.side, other.side) / 2.0


def _finish(pixels: Pixels, face: Face) -> Face:
    """Landmarks and chip, read from an upright patch of fixed size."""
    upright = patch(pixels, face.centre, face.side * 2.0, turned=face.turned, out=PATCH)
    edges = (PATCH * 0.25, PATCH * 0.25, PATCH * 0.75, PATCH * 0.75)
    inside = landmarks_in(upright, edges)
    scale = face.side * 2.0 / PATCH
    points = []
    for x, y in inside:
        dx, dy = _unturn((x - PATCH / 2.0, y - PATCH / 2.0), face.turned)
        points.append((face.centre[0] + dx * scale, face.centre[1] + dy * scale))
    chip = align(upright, inside)
    chip.flags.writeable = False
    return replace(face, box=_clip(pixels, face), landmarks=tuple(points), chip=chip)


def _unturn(point: Point, degrees: int) -> Point:
    """Where a point, relative to the middle, was before the picture was turned."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (cos * point[0] - sin * point[1], sin * point[0] + cos * point[1])


def _clip(pixels: Pixels, face: Face) -> Box:
    height, width = pixels.shape[:2]
    (x, y), half = face.centre, face.side / 2.0
    left, top = min(max(0, round(x - half)), width - 1), min(max(0, round(y - half)), height - 1)
    right, bottom = min(width, round(x + half)), min(height, round(y + half))
    return Box(left, top, max(left + 1, right), max(top + 1, bottom))


def _resized(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    longest = max(height, width)
    if side <= longest:
        return np.ascontiguousarray(fit(pixels, side))
    size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def _square(pixels: Pixels, centre: Point, side: float, size: int) -> Pixels:
    """A square cut out and resized, then framed where it leaves the picture (never larger)."""
    height, width = pixels.shape[:2]
    rows, above, below = _cut(centre[1] - side / 2.0, side, height, size)
    columns, before, after = _cut(centre[0] - side / 2.0, side, width, size)
    image = Image.fromarray(np.ascontiguousarray(pixels[rows, columns]))
    target = (size - before - after, size - above - below)
    shrinks = target[0] < image.width
    filter_ = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    part = np.asarray(image.resize(target, filter_))
    return np.pad(part, ((above, below), (before, after), (0, 0)), mode="edge")


def _cut(start: float, side: float, limit: int, size: int) -> tuple[slice, int, int]:
    """What of one axis lies inside the picture, and how many of `size` pixels lie outside."""
    first = min(max(0, round(start)), limit - 1)
    last = min(max(first + 1, round(start + side)), limit)
    before = min(size - 1, max(0, round((first - start) * size / side)))
    after = min(size - 1 - before, max(0, round((start + side - last) * size / side)))
    return slice(first, last), before, after
