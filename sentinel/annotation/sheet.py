"""Pixels and an attempt in, one sheet out: the picture with its boxes, the legend next to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from PIL.Image import Image as Canvas
from PIL.ImageDraw import ImageDraw as Draw

from sentinel.annotation.legend import Block, Measure, legend
from sentinel.annotation.marks import draw_boxes, marks_of
from sentinel.contracts import Attempt, Pixels

WIDEST = 1600
"""Pixels across of the whole sheet at most: fits a screen, and a page of docs at half size."""

TALLEST = 1400
"""Pixels down of the picture as shown, at most."""

SMALL = 384
"""A picture whose longer side is below this is enlarged by a whole factor: 64 px become 384."""

BESIDE = 440
"""Pixels across of a legend column, at 1:1."""

MARGIN = 24

PANORAMA = 1.8
"""From this width to height on, the legend stands below the picture instead of beside it."""

PAPER = (255, 255, 255)
MOUNT = (234, 238, 242)


def annotate(pixels: Pixels, attempt: Attempt, *, judges: Sequence[str] = ()) -> Pixels:
    """The evidence drawn on the picture, with a legend beside it (below it, if it is wide).

    `judges` are the policy's: those without an outcome are named as not asked.

    Works on a reduced copy: at most `WIDEST` pixels across whatever the picture's size, and a
    tiny picture is enlarged, pixel by pixel, until its boxes can be told apart.
    """
    height, width = pixels.shape[:2]
    below = width / height > PANORAMA
    scale = _type_scale(width, height)
    column = round(BESIDE * scale)
    room = WIDEST - 2 * MARGIN - (0 if below else column + MARGIN)
    picture, factor = _shown(pixels, room)
    marks, left_out = marks_of(attempt.verdict)
    draw_boxes(picture, marks, factor, round(12 * scale))
    columns = max(1, (picture.width + MARGIN) // (column + MARGIN)) if below else 1
    across = (picture.width + MARGIN) // columns - MARGIN if below else column
    measure = Measure(max(column, across), scale)
    stacks = _stacked(legend(attempt, marks, left_out, measure, judges), columns)
    sheet = _below(picture, stacks, measure) if below else _beside(picture, stacks[0], measure)
    return np.asarray(sheet)


def _type_scale(width: int, height: int) -> float:
    """Type grows a little with the picture, since a large sheet is looked at from further off."""
    return min(1.3, max(1.0, min(max(width, height), WIDEST) / 900))


def _shown(pixels: Pixels, room: int) -> tuple[Canvas, float]:
    """The picture as it is shown, and how many times larger than it is."""
    image = Image.fromarray(pixels)
    longest = max(image.size)
    if longest * 2 <= SMALL:
        factor = SMALL // longest
        size = (image.width * factor, image.height * factor)
        return image.resize(size, Image.Resampling.NEAREST).convert("RGB"), factor
    scale = min(1.0, room / image.width, TALLEST / image.height)
    if scale == 1:
        return image.convert("RGB"), 1.0
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    reduced = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return reduced.convert("RGB"), scale


def _stacked(blocks: Sequence[Block], columns: int) -> list[list[Block]]:
    """The blocks in columns of about the same height; a title stays with what it opens."""
    goal = sum(block.height for block in blocks) / columns
    stacks: list[list[Block]] = [[]]
    for index, block in enumerate(blocks):
        follower = blocks[index + 1].height if block.opens and index + 1 < len(blocks) else 0
        filled = sum(item.height for item in stacks[-1]) + (block.height + follower) / 2
        if stacks[-1] and filled > goal and len(stacks) < columns and not _opened(stacks[-1]):
            stacks.append([])
        stacks[-1].append(block)
    return stacks


def _opened(stack: Sequence[Block]) -> bool:
    return stack[-1].opens


def _beside(picture: Canvas, blocks: Sequence[Block], m: Measure) -> Canvas:
    tall = max(picture.height, sum(block.height for block in blocks))
    wide = max(picture.width, SMALL // 2)
    sheet = Image.new("RGB", (wide + m.width + 3 * MARGIN, tall + 2 * MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, wide + 2 * MARGIN - MARGIN // 2, sheet.height), fill=MOUNT)
    sheet.paste(picture, (MARGIN + (wide - picture.width) // 2, MARGIN))
    _paint(draw, blocks, wide + 2 * MARGIN + MARGIN // 4, MARGIN)
    return sheet


def _below(
    picture: Canvas, stacks: Sequence[Sequence[Block]], m: Measure
) -> Canvas:  # fmt: skip
    needed = len(stacks) * (m.width + MARGIN) - MARGIN
    wide = max(picture.width, needed)
    tall = max(sum(block.height for block in stack) for stack in stacks)
    head = picture.height + 2 * MARGIN
    sheet = Image.new("RGB", (wide + 2 * MARGIN, head + tall + 2 * MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, sheet.width, head), fill=MOUNT)
    sheet.paste(picture, (MARGIN + (wide - picture.width) // 2, MARGIN))
    for index, stack in enumerate(stacks):
        _paint(draw, stack, MARGIN + index * (m.width + MARGIN), head + MARGIN)
    return sheet


def _paint(draw: Draw, blocks: Sequence[Block], x: int, y: int) -> None:
    for block in blocks:
        block.paint(draw, x, y)
        y += block.height
