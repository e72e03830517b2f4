"""Pictures with their attempts in, one sheet out: what was seen at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from sentinel.annotation.lettering import Type, wrap, write
from sentinel.contracts import Attempt, Pixels, Trace
from sentinel.imaging import read
from sentinel.testing import flat

COLUMNS = 4
CELL, MARGIN = 360, 20
"""Pixels: four cells and their margins are 1540 across, which a screen shows whole."""

CAPTION = 118
LINE = 20
INK, MUTED, PAPER = (31, 35, 40), (89, 99, 110), (255, 255, 255)
MOUNT = (234, 238, 242)
COLOURS = {
    "passed": (26, 127, 55), "failed": (207, 34, 46), "refused": (207, 34, 46),
    "undecided": (154, 103, 0),
}  # fmt: skip
WORDS = {"passed": "passed", "failed": "not passed", "refused": "refused by a gate",
         "undecided": "undecided"}  # fmt: skip


def cells(
    trace: Trace, pictures: Mapping[int, bytes], name: str = ""
) -> list[tuple[str, Pixels, Attempt]]:
    """Every attempt of a trace for the sheet; an empty mount where no picture came."""
    found = []
    for attempt in trace.attempts:
        data = pictures.get(attempt.number)
        pixels = flat(64, 64, MOUNT) if data is None else read(data).pixels
        mark = " · delivered" if attempt.number == trace.delivered else ""
        found.append((f"{name}attempt {attempt.number}{mark}", pixels, attempt))
    return found


def contact_sheet(pictures: Sequence[tuple[str, Pixels, Attempt]]) -> Pixels:
    """Each picture with its name, verdict, score and first reason below it."""
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    height = CELL + CAPTION + MARGIN
    size = (columns * (CELL + MARGIN) + MARGIN, rows * height + MARGIN)
    sheet = Image.new("RGB", size, PAPER)
    for index, (name, pixels, attempt) in enumerate(pictures):
        left = MARGIN + index % columns * (CELL + MARGIN)
        top = MARGIN + index // columns * height
        sheet.paste(_mounted(pixels), (left, top))
        _caption(ImageDraw.Draw(sheet), (left, top + CELL), name, attempt)
    return np.asarray(sheet)


def _mounted(pixels: Pixels) -> Image.Image:
    mount = Image.new("RGB", (CELL, CELL), MOUNT)
    picture = ImageOps.contain(Image.fromarray(pixels), (CELL, CELL), Image.Resampling.LANCZOS)
    mount.paste(picture, ((CELL - picture.width) // 2, (CELL - picture.height) // 2))
    return mount


def _caption(draw: ImageDraw.ImageDraw, at: tuple[int, int], name: str, attempt: Attempt) -> None:
    verdict = attempt.verdict
    left, top = at
    write(draw, (left, top + LINE + 4), name, Type(16, bold=True), INK)
    score = "" if verdict.score is None else f" · score {verdict.score:.2f}"
    told = WORDS[verdict.standing] + score
    write(draw, (left, top + 2 * LINE + 4), told, Type(16, bold=True), COLOURS[verdict.standing])
    issue = verdict.top_issues[0] if verdict.top_issues else verdict.reason
    face = Type(14)
    for line, words in enumerate(wrap(issue, face, CELL, lines=3)):
        write(draw, (left, top + (3 + line) * LINE + 4), words, face, MUTED)
