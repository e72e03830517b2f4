"""A scene in, its picture out: flat shapes and a word, anti-aliased, the same on every machine."""

from __future__ import annotations

from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.scene import Placed, Scene, arrange
from training.words import LETTERS
from training.world import COLOURS, Spec

Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]

FINER = 3
"""Everything is drawn three times as large and averaged down."""

WEIGHTS = {"rubik": 500, "rubik bold": 800, "rubik italic": 600}
"""Weights of the variable typeface; thinner strokes than 500 are under a pixel wide."""

THICKER = 3
"""Pixels by which Pillow's typeface is drawn bolder on every side, at the size below."""

LETTER = 160
"""Pixels of the type size in which a letter is drawn before it is fitted into its cell."""


def paint(spec: Spec, seed: int) -> Pixels:
    """The picture of a spec; other seeds place and size its objects otherwise."""
    return draw(arrange(spec, seed))


def draw(scene: Scene) -> Pixels:
    """H×W×3, uint8, sRGB."""
    spec = scene.spec
    size = spec.width * FINER, spec.height * FINER
    canvas = Image.new("RGB", size, COLOURS[spec.background])
    for each in scene.objects:
        mask = _silhouette(each)
        corner = (
            round(each.x * FINER) - mask.width // 2,
            round(each.y * FINER) - mask.height // 2,
        )
        canvas.paste(COLOURS[each.group.colour], corner, mask)
    if scene.word_box is not None:
        left, top, right, bottom = (round(edge * FINER) for edge in scene.word_box)
        cell = (right - left) / len(spec.word)
        for at, letter in enumerate(spec.word):
            glyph = Image.fromarray(_glyph(spec.face, letter))
            wide = min(round(glyph.width * (bottom - top) / glyph.height), round(0.94 * cell))
            glyph = glyph.resize((wide, bottom - top), Image.Resampling.LANCZOS)
            canvas.paste(
                COLOURS[spec.ink], (round(left + (at + 0.5) * cell - wide / 2), top), glyph
            )
    return np.asarray(canvas.reduce(FINER))


def _silhouette(each: Placed) -> Image.Image:
    """The object's mask at the finer scale; later outlines cut holes or add parts."""
    radius = each.radius * FINER
    side = 2 * round(radius) + 2
    mask = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(mask)
    for points, fill in outlines(each.group.shape):
        places = points * radius + side / 2
        pen.polygon([(float(x), float(y)) for x, y in places], fill=fill)
    return mask


@lru_cache(maxsize=64)
def outlines(shape: str) -> tuple[tuple[Points, int], ...]:
    """Polygons within the unit circle (y down) with their fill: 255 solid, 0 a hole."""
    made: dict[str, tuple[tuple[Points, int], ...]] = {
        "circle": ((_circle(), 255),),
        "square": ((_points((-1, -1), (1, -1), (1, 1), (-1, 1)) * 0.74, 255),),
        "triangle": ((_points((0, -1), (0.92, 0.72), (-0.92, 0.72)), 255),),
        "star": ((_star(), 255),),
        "heart": ((_heart(), 255),),
        "cross": ((_cross(), 255),),
        "ring": ((_circle(), 255), (_circle() * 0.56, 0)),
        "diamond": ((_points((0, -1), (0.66, 0), (0, 1), (-0.66, 0)), 255),),
        "moon": ((_circle(), 255), (_circle() * 0.86 + (0.5, -0.16), 0)),
        "cup": (
            (_circle() * 0.42 + (0.46, 0.0), 255),
            (_circle() * 0.2 + (0.5, 0.0), 0),
            (_points((-0.86, -0.66), (0.36, -0.66), (0.24, 0.78), (-0.74, 0.78)), 255),
        ),
    }
    return made[shape]


def _points(*places: tuple[float, float]) -> Points:
    return np.array(places, dtype=np.float64)


def _circle() -> Points:
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _star() -> Points:
    turn = np.linspace(0, 2 * np.pi, 10, endpoint=False) - np.pi / 2
    reach = np.where(np.arange(10) % 2 == 0, 1.0, 0.42)
    return np.stack([np.cos(turn) * reach, np.sin(turn) * reach], axis=1)


def _heart() -> Points:
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    x = np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    return np.stack([x * 0.98, y * 0.92], axis=1)


def _cross() -> Points:
    a, b = 0.95, 0.3
    return _points((-b, -a), (b, -a), (b, -b), (a, -b), (a, b), (b, b), (b, a), (-b, a), (-b, b),
                   (-a, b), (-a, -b), (-b, -b))  # fmt: skip


@cache
def _glyph(face: str, letter: str) -> Pixels:
    """A letter's mask: its ink from left to right, all letters' ink from top to bottom."""
    drawn = _drawn(face, letter)
    columns = np.flatnonzero(drawn.any(axis=0))
    top, bottom = _lines(face)
    return np.ascontiguousarray(drawn[top:bottom, columns[0] : columns[-1] + 1])


@cache
def _lines(face: str) -> tuple[int, int]:
    """First and last row with ink of any letter but Q, whose tail may be cut."""
    rows = [np.flatnonzero(_drawn(face, each).any(axis=1)) for each in LETTERS if each != "Q"]
    return min(each[0] for each in rows), max(each[-1] for each in rows) + 1


def _drawn(face: str, letter: str) -> Pixels:
    """The letter on a sheet, its baseline always on the same row."""
    if face == "aileron":
        sheet = Image.new("L", (2 * LETTER, 2 * LETTER), 0)
        font = ImageFont.load_default(LETTER)
        pen = ImageDraw.Draw(sheet)
        pen.text((LETTER // 2, LETTER // 4), letter, fill=255, font=font, stroke_width=THICKER)
        return np.asarray(sheet)
    drawn = np.zeros((2 * LETTER, 2 * LETTER), dtype=np.uint8)
    font = cv2.FontFace("italic" if face.endswith("italic") else "sans")
    weight = WEIGHTS[face]
    cv2.putText(drawn, letter, (LETTER // 2, LETTER * 3 // 2), (255,), font, LETTER, weight=weight)
    return drawn
