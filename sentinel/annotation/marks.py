"""A verdict in, its evidence numbered out; and boxes with their numbers drawn on a picture.

Every box is drawn three times (dark, coloured, light), so that it stands out from any picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import ImageDraw
from PIL.Image import Image
from PIL.ImageDraw import ImageDraw as Draw

from sentinel.annotation.lettering import Colour, Type, width_of, write
from sentinel.contracts import Box, Evidence, GateResult, Score, Verdict

Tone = Literal["good", "bad", "open", "plain"]

TONES: dict[Tone, Colour] = {
    "good": (26, 127, 55), "bad": (196, 32, 46), "open": (154, 103, 0), "plain": (9, 88, 186),
}  # fmt: skip
"""Passed, failed, undecided, measured without a threshold: each at least 4.5:1 on white."""

MOST = 24
"""Claims that are drawn and listed; the legend says how many more there are."""

SMALLEST = 8
"""Pixels a side that a box is drawn with at least, so that a speck can be seen."""

DARK: Colour = (12, 14, 18)
LIGHT: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Mark:
    """A claim, who makes it, where to look, and the number that joins picture and legend."""

    number: int | None
    source: str
    claim: str
    tone: Tone
    box: Box | None


def marks_of(verdict: Verdict) -> tuple[list[Mark], int]:
    """The claims in the order a person should check them, and how many were left out."""
    claims = sorted(_claims(verdict), key=lambda claim: ("bad", "plain", "good").index(claim[0]))
    marks, number = [], 0
    for tone, source, evidence in claims[:MOST]:
        if evidence.box is not None:
            number += 1
        seen = number if evidence.box is not None else None
        marks.append(Mark(seen, source, evidence.claim, tone, evidence.box))
    return marks, max(0, len(claims) - MOST)


def tone_of(passed: bool | None) -> Tone:  # noqa: FBT001 - the claim itself is what is coloured
    """The colour of a judge's answer; None is a judge without a threshold."""
    if passed is None:
        return "plain"
    return "good" if passed else "bad"


def draw_boxes(image: Image, marks: Sequence[Mark], scale: float, type_size: int) -> None:
    """Draw every box, then every number, so that no box covers a number."""
    draw = ImageDraw.Draw(image)
    line = max(2, round(max(image.size) / 400))
    placed: list[Box] = []
    boxed = [(mark, _shown(mark.box, scale, image.size)) for mark in marks if mark.box is not None]
    for mark, box in sorted(boxed, key=lambda pair: -_area(pair[1])):
        _outline(draw, box, TONES[mark.tone], line)
    for mark, box in boxed:
        label = str(mark.number)
        size = _badge_size(label, type_size)
        spot = _free_spot(box, size, image.size, placed)
        placed.append(spot)
        draw_badge(draw, (spot.left, spot.top), label, mark.tone, type_size)


def draw_badge(draw: Draw, at: tuple[int, int], label: str, tone: Tone, type_size: int) -> int:
    """A number on its colour, its top left at `at`; returns its width."""
    (left, top), (width, height) = at, _badge_size(label, type_size)
    frame = (left, top, left + width - 1, top + height - 1)
    draw.rounded_rectangle(frame, radius=3, fill=LIGHT, outline=DARK)
    inner = (frame[0] + 2, frame[1] + 2, frame[2] - 2, frame[3] - 2)
    draw.rounded_rectangle(inner, radius=2, fill=TONES[tone])
    start = left + (width - width_of(label, Type(type_size, bold=True))) / 2
    write(
        draw,
        (start, top + round(height * 0.5 + type_size * 0.36)),
        label,
        Type(type_size, bold=True),
        LIGHT,
    )
    return width


def _claims(verdict: Verdict) -> Iterator[tuple[Tone, str, Evidence]]:
    for gate in verdict.gates:
        if isinstance(gate, GateResult):
            yield from ((tone_of(gate.passed), gate.gate, item) for item in gate.evidence)
    for outcome in verdict.outcomes:
        if isinstance(outcome, Score):
            yield from ((tone_of(outcome.passed), outcome.judge, item) for item in outcome.evidence)


def _shown(box: Box, scale: float, size: tuple[int, int]) -> Box:
    """The box on the picture as shown: inside it, and never too small to see."""
    left, right = _span(box.left * scale, box.right * scale, size[0])
    top, bottom = _span(box.top * scale, box.bottom * scale, size[1])
    return Box(left, top, right, bottom)


def _span(start: float, end: float, length: int) -> tuple[int, int]:
    """Two pixel positions within 0..length-1, in order, SMALLEST apart where there is room."""
    low, high = sorted((min(max(start, 0), length - 1), min(max(end - 1, 0), length - 1)))
    lacking = max(0.0, SMALLEST - (high - low)) / 2
    low, high = max(0.0, low - lacking), min(length - 1.0, high + lacking)
    return round(low), round(high)


def _outline(draw: Draw, box: Box, colour: Colour, line: int) -> None:
    for inset, width, tint in ((-1, 1, DARK), (0, line, colour), (line, 1, LIGHT)):
        frame = (box.left + inset, box.top + inset, box.right - inset, box.bottom - inset)
        if frame[0] <= frame[2] and frame[1] <= frame[3]:
            draw.rectangle(frame, outline=tint, width=width)


def _badge_size(label: str, type_size: int) -> tuple[int, int]:
    height = round(type_size * 1.55)
    return max(
        height, round(width_of(label, Type(type_size, bold=True))) + round(type_size * 0.8)
    ), height


def _free_spot(
    box: Box, size: tuple[int, int], canvas: tuple[int, int], placed: Sequence[Box]
) -> Box:
    """Where the number stands: outside the box's corners if there is room, free of others."""
    (width, height), right, bottom = size, box.right - size[0] + 1, box.bottom - size[1] + 1
    wanted = [
        (box.left, box.top - height), (right, box.top - height), (box.left, box.bottom + 1),
        (right, box.bottom + 1), (box.left, box.top), (right, box.top), (box.left, bottom),
        (right, bottom), (box.left - width, box.top), (box.right + 1, box.top),
    ]  # fmt: skip
    spots = [
        Box(left, top, left + width, top + height)
        for left, top in wanted
        if 0 <= left <= canvas[0] - width and 0 <= top <= canvas[1] - height
    ]
    spots = spots or [_pushed_inside(box, size, canvas)]
    return next(
        (spot for spot in spots if not any(_overlap(spot, other) for other in placed)), spots[0]
    )


def _pushed_inside(box: Box, size: tuple[int, int], canvas: tuple[int, int]) -> Box:
    left = max(0, min(box.left, canvas[0] - size[0]))
    top = max(0, min(box.top, canvas[1] - size[1]))
    return Box(left, top, left + size[0], top + size[1])


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.left < other.right
        and other.left < one.right
        and one.top < other.bottom
        and other.top < one.bottom
    )


def _area(box: Box) -> int:
    return (box.right - box.left) * (box.bottom - box.top)
