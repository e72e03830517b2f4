"""A picture in, what is seen in it out: background, objects and word, by means of our own.

These judge the generator, so they share nothing with what it learns from: colours by statistics in
CIE Lab, objects by connected components, shapes by their contour (silhouettes.py), the word by
RapidOCR. No CLIP, and nothing of how the posters are drawn but the names of the ten colours.
`python training/validate.py` prints how often they are wrong on posters that are right.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.silhouettes import classify, measure
from training.world import COLOURS, Spec

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Box = tuple[float, float, float, float]

FOREGROUND = 16.0
"""CIE ΔE from the background beyond which a pixel belongs to something."""

SMALLEST = 0.004
"""Objects cover at least so much of the picture; the smallest moon covers 0.7 %."""

SPECK = 6
"""Pixels; less is dirt."""

BORDER = 4
"""Pixels at the edge whose commonest colour is the background's."""

NEAR = 25.0
"""A colour further from every named one (ΔE) is none of them."""

ENLARGED = 6
"""Silhouettes are measured on a smooth enlargement of the crop."""

MIXED = 20.0
"""ΔE within which a colour counts as a mixture of two others."""

READ_AT = 4
"""OCR reads the picture enlarged so much."""

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in a picture."""

    background: str
    objects: tuple[tuple[str, str], ...]
    """Colour and shape of each, in no order."""

    word: str
    """Capital letters only; empty where nothing was read."""


@dataclass(frozen=True, slots=True)
class _Thing:
    """A connected part that is not background: an object, or a letter."""

    colour: Floats
    area: int
    middle: tuple[float, float]
    box: tuple[int, int, int, int]
    silhouette: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Marks:
    """Which parts of a spec a picture has right; None where the spec has no such part."""

    background: bool
    colour: bool
    shape: bool
    count: bool
    word: bool | None


def look(pixels: Pixels) -> Seen:
    """Everything that is seen in a picture.

    Letters are what lies in a box that was read and has the ink's colour, or one between ink and
    background (thin letters mix); an object that the reader took for a letter is painted over
    before the word is read again.
    """
    lab = _lab(pixels)
    ground = _ground(lab)
    things = _things(pixels, lab, ground)
    word, boxes = read(pixels)
    inside = [thing for thing in things if _within(thing.middle, boxes)]
    ink = _ink(inside, ground)
    objects = [
        thing
        for thing in things
        if not (_within(thing.middle, boxes) and _mixes(thing.colour, ground, ink))
        and thing.area >= SMALLEST * lab.shape[0] * lab.shape[1]
    ]
    if any(_within(thing.middle, boxes) for thing in objects):
        bare = pixels.copy()
        level = np.median(pixels[_near(lab, ground)], axis=0)
        for thing in objects:
            left, top, right, bottom = thing.box
            bare[top:bottom, left:right] = level
        word, _ = read(bare)
    seen = tuple((nearest(thing.colour), classify(measure(thing.silhouette))) for thing in objects)
    return Seen(nearest(ground), seen, word)


def compare(seen: Seen, spec: Spec) -> Marks:
    """Each attribute on its own, so that one mistake is counted once.

    Colour: every asked colour is that of some object, and no object has another one. Shape: the
    same of shapes. Count: every asked pair of colour and shape occurs as often as asked, or, where
    colours or shapes are wrong, at least the number of objects is right.
    """
    asked = Counter({(group.colour, group.shape): group.count for group in spec.groups})
    found = Counter(seen.objects)
    kinds = {colour for colour, _ in asked}, {shape for _, shape in asked}
    colour = {colour for colour, _ in found} == kinds[0]
    shape = {shape for _, shape in found} == kinds[1]
    count = found == asked if colour and shape else found.total() == asked.total()
    word = seen.word == spec.word if spec.word else None
    return Marks(seen.background == spec.background, colour, shape, count, word)


def nearest(colour: Floats) -> str:
    """The name of a Lab colour, or "other"."""
    names, places = _named()
    apart = np.linalg.norm(places - colour, axis=1)
    return names[int(apart.argmin())] if apart.min() <= NEAR else OTHER


def read(pixels: Pixels) -> tuple[str, list[Box]]:
    """The word, and the boxes of what was read, in pixels of the picture.

    The word is what was read with most different letters, so that three rings are no OOO.
    """
    large = cv2.resize(pixels, None, fx=READ_AT, fy=READ_AT, interpolation=cv2.INTER_CUBIC)
    found = _reader()(np.ascontiguousarray(large[..., ::-1]), use_cls=False)
    if found.boxes is None:
        return "", []
    texts = ["".join(filter(str.isalpha, text)).upper() for text in found.txts]
    best = max(texts, key=lambda text: (len(set(text)), len(text)))
    spots = [np.asarray(box, dtype=np.float64) / READ_AT for box in found.boxes]
    boxes = [
        (*spot.min(axis=0), *spot.max(axis=0))
        for spot, text in zip(spots, texts, strict=True)
        if len(set(text)) > 1
    ]
    return best if len(set(best)) > 1 else "", boxes


@cache
def _reader() -> Any:
    import rapidocr  # noqa: PLC0415 - heavy, and its models load at once

    return rapidocr.RapidOCR(
        params={"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1}
    )


@cache
def _named() -> tuple[tuple[str, ...], Floats]:
    sheet = np.array([list(COLOURS.values())], dtype=np.uint8)
    return tuple(COLOURS), _lab(sheet)[0]


def _lab(pixels: Pixels) -> Floats:
    found: Floats = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return found


def _ground(lab: Floats) -> Floats:
    """The commonest colour along the edge: the median of the largest of its named parts."""
    edge = np.ones(lab.shape[:2], dtype=bool)
    edge[BORDER:-BORDER, BORDER:-BORDER] = False
    rim = lab[edge]
    parts = np.linalg.norm(rim[:, None] - _named()[1], axis=2).argmin(axis=1)
    most = np.bincount(parts).argmax()
    middle: Floats = np.median(rim[parts == most], axis=0).astype(np.float32)
    return middle


def _within(middle: tuple[float, float], boxes: list[Box]) -> bool:
    x, y = middle
    return any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in boxes)


def _ink(inside: list[_Thing], ground: Floats) -> Floats:
    """The clearest colour of the kind that most things in the boxes have."""
    if not inside:
        return ground
    names = [nearest(thing.colour) for thing in inside]
    common = Counter(names).most_common(1)[0][0]
    alike = [thing for thing, name in zip(inside, names, strict=True) if name == common]
    return max((thing.colour for thing in alike), key=lambda each: np.linalg.norm(each - ground))


def _mixes(colour: Floats, ground: Floats, ink: Floats) -> bool:
    """Whether the colour lies between background and ink, in Lab."""
    axis = ink - ground
    along = float((colour - ground) @ axis) / max(float(axis @ axis), 1e-6)
    nearest_mix = ground + np.clip(along, 0.0, 1.0) * axis
    return float(np.linalg.norm(colour - nearest_mix)) <= MIXED


def _near(lab: Floats, ground: Floats) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.linalg.norm(lab - ground, axis=2) <= FOREGROUND
    return near


def _things(pixels: Pixels, lab: Floats, ground: Floats) -> list[_Thing]:
    """Every connected part that is not background, specks left out."""
    strange = ~_near(lab, ground)
    level = np.median(pixels[~strange], axis=0) if (~strange).any() else np.zeros(3)
    count, labels, stats, middles = cv2.connectedComponentsWithStats(strange.astype(np.uint8))
    found = []
    for at in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[at])
        if area < SPECK:
            continue
        box = max(x - 2, 0), max(y - 2, 0), x + width + 2, y + height + 2
        part = np.s_[box[1] : box[3], box[0] : box[2]]
        mask = labels[part] == at
        core = _core(mask)
        silhouette = _silhouette(pixels[part], mask, np.median(pixels[part][core], axis=0), level)
        middle = float(middles[at][0]), float(middles[at][1])
        colour = np.median(lab[part][core], axis=0)
        found.append(_Thing(colour, area, middle, box, silhouette))
    return found


def _core(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels deepest inside, where no edge mixes its colour in."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    core: NDArray[np.bool_] = depth >= 0.6 * depth.max()
    return core


def _silhouette(
    part: Pixels, mask: NDArray[np.bool_], inside: Floats, outside: Floats
) -> NDArray[np.uint8]:
    """The thing's mask at six times the size, where a pixel is at least half the thing."""
    around = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    axis = inside - outside
    amount = ((part - outside) @ axis / max(float(axis @ axis), 1.0)).clip(0, 1) * around
    large = cv2.resize(
        amount.astype(np.float32), None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC
    )
    half = 0.5
    return np.pad(((large > half) * 255).astype(np.uint8), ENLARGED)
