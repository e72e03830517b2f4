"""An attempt in, the blocks of its legend out: verdict, gates, judges, claims, issues.

A block knows its height and how to paint itself at a place, so that the sheet may stack blocks
in one column beside the picture or in several below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL.ImageDraw import ImageDraw as Draw

from sentinel.annotation.lettering import Colour, Type, clean, width_of, wrap, write
from sentinel.annotation.marks import TONES, Mark, Tone, draw_badge, tone_of
from sentinel.contracts import Abstention, Attempt, Fault, GateFault, GateOutcome, Score, Verdict

Paint = Callable[[Draw, int, int], None]

INK: Colour = (31, 35, 40)
MUTED: Colour = (89, 99, 110)
FAINT: Colour = (216, 222, 228)

STANDINGS: dict[str, tuple[Tone, str]] = {
    "passed": ("good", "passed"), "failed": ("bad", "not passed"),
    "refused": ("bad", "refused by a gate"), "undecided": ("open", "undecided"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the legend: its height in pixels, and how it is painted with its top left at x, y.

    `opens` marks a section's title, which must not stand alone at the foot of a column.
    """

    height: int
    paint: Paint
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """Width of a column, and how much larger than 1:1 everything is drawn."""

    width: int
    scale: float = 1.0

    def __call__(self, pixels: float) -> int:
        """A length at 1:1, as drawn."""
        return round(pixels * self.scale)

    @property
    def name(self) -> Type:
        """What names are set in."""
        return Type(self(13), bold=True)

    @property
    def claim(self) -> Type:
        """What claims and issues are set in."""
        return Type(self(13))

    @property
    def small(self) -> Type:
        """What reasons are set in."""
        return Type(self(12))

    @property
    def line(self) -> int:
        """From baseline to baseline."""
        return self(17)


def legend(
    attempt: Attempt, marks: Sequence[Mark], left_out: int, m: Measure, judges: Sequence[str]
) -> list[Block]:
    """Every block, in reading order; an empty section has no title."""
    verdict = attempt.verdict
    silent = [_silent(item, m) for item in verdict.outcomes if not isinstance(item, Score)]
    answered = {item.judge for item in verdict.outcomes}
    silent += [_row(None, name, "not asked", m, lines=1) for name in judges if name not in answered]
    if not verdict.outcomes and not judges:
        silent = [_text("no judge was asked", m, lines=1)]
    scores = [item for item in verdict.outcomes if isinstance(item, Score)]
    claims = [_claim(mark, m) for mark in marks]
    if left_out:
        claims.append(_text(f"and {left_out} more, in the answer's evidence", m, lines=1))
    return [
        _headline(verdict, m),
        _about(attempt, m),
        *_section("Gates", [_gate(gate, m) for gate in verdict.gates], m),
        *_section("Judges", [_judge(score, m) for score in scores], m),
        *_section("Not judged", silent, m),
        *_section("Issues", [_text(issue, m, lines=3) for issue in verdict.top_issues], m),
        *_section("Strengths", [_text(told, m, lines=2) for told in verdict.top_strengths], m),
        *_section("Evidence", claims, m),
    ]


def _section(title: str, blocks: list[Block], m: Measure) -> list[Block]:
    if not blocks:
        return []
    face, label = Type(m(10.5), bold=True), title.upper()

    def paint(draw: Draw, x: int, y: int) -> None:
        base = y + m(24)
        write(draw, (x, base), label, face, MUTED)
        start = x + round(width_of(label, face)) + m(8)
        draw.line((start, base - m(4), x + m.width - 1, base - m(4)), fill=FAINT)

    return [Block(m(34), paint, opens=True), *blocks]


def _headline(verdict: Verdict, m: Measure) -> Block:
    """The action in its colour, what it rests on, and the weighted score."""
    tone, standing = STANDINGS[verdict.standing]
    face, label = Type(m(15), bold=True), verdict.action.upper()
    huge = Type(m(26), bold=True)
    value = "–" if verdict.score is None else f"{verdict.score:.2f}"

    def paint(draw: Draw, x: int, y: int) -> None:
        wide = round(width_of(label, face)) + m(24)
        draw.rounded_rectangle((x, y, x + wide, y + m(30)), radius=m(6), fill=TONES[tone])
        write(draw, (x + m(12), y + m(20.5)), label, face, (255, 255, 255))
        write(draw, (x + wide + m(10), y + m(20)), standing, m.name, TONES[tone])
        right = x + m.width - width_of(value, huge)
        write(draw, (right, y + m(23)), value, huge, INK)
        told = "weighted score"
        write(
            draw,
            (x + m.width - width_of(told, Type(m(10.5))), y + m(38)),
            told,
            Type(m(10.5)),
            MUTED,
        )

    return Block(m(46), paint)


def _about(attempt: Attempt, m: Measure) -> Block:
    """Why, then the picture's size, the attempt, its maker and what decoding had to do."""
    facts = [f"{attempt.width}×{attempt.height} px"] if attempt.width else []
    facts += [f"attempt {attempt.number}", f"made by {attempt.generator}", *attempt.notes]
    why = wrap(attempt.verdict.reason, m.claim, m.width, lines=4)
    what = wrap(" · ".join(facts), m.small, m.width, lines=3)

    def paint(draw: Draw, x: int, y: int) -> None:
        _lines(draw, (x, y), why, m, INK)
        _lines(draw, (x, y + m.line * len(why) + m(4)), what, m, MUTED)

    return Block(m.line * (len(why) + len(what)) + m(6), paint)


def _gate(gate: GateOutcome, m: Measure) -> Block:
    if isinstance(gate, GateFault):
        why = gate.reason.removeprefix("not run: ")
        return _row("open", gate.gate, f"did not run: {why}", m, lines=3)
    return _row(tone_of(gate.passed), gate.gate, gate.reason, m, lines=2 if gate.passed else 4)


def _silent(item: Abstention | Fault, m: Measure) -> Block:
    if isinstance(item, Fault):
        why = item.reason.removeprefix("not run: ")
        return _row("open", item.judge, f"did not run ({item.cause}): {why}", m, lines=3)
    return _row(None, item.judge, f"nothing to judge: {item.reason}", m, lines=2)


def _row(
    tone: Tone | None, name: str, reason: str, m: Measure, *, lines: int
) -> Block:  # fmt: skip
    """A sign, a name, and beside it a reason of one or more lines."""
    indent = m(118)
    title = _name(name, m)
    told = wrap(reason, m.small, m.width - indent, lines=lines) or [""]

    def paint(draw: Draw, x: int, y: int) -> None:
        _sign(draw, (x, y), tone, m)
        write(draw, (x + m(20), y + m(12)), title, m.name, INK)
        _lines(draw, (x + indent, y), told, m, MUTED)

    return Block(m.line * len(told) + m(5), paint)


def _judge(score: Score, m: Measure) -> Block:
    """A sign, the name, a bar with the threshold's tick, the value; the reason below."""
    tone = tone_of(score.passed)
    title, value = _name(score.judge, m), f"{score.value:.2f}"
    weight = "" if score.weight == 1 else f"weight {score.weight:g}. "
    told = wrap(weight + score.reason, m.small, m.width - m(20), lines=2 if score.passed else 4)

    def paint(draw: Draw, x: int, y: int) -> None:
        _sign(draw, (x, y), tone, m)
        write(draw, (x + m(20), y + m(12)), title, m.name, INK)
        start, end = x + m(118), x + m.width - m(42)
        _bar(draw, (start, y + m(4), end, y + m(11)), score, m)
        right = x + m.width - width_of(value, m.name)
        write(draw, (right, y + m(12)), value, m.name, TONES[tone])
        _lines(draw, (x + m(20), y + m(18)), told, m, MUTED)

    return Block(m(18) + m.line * len(told) + m(6), paint)


def _bar(draw: Draw, frame: tuple[int, int, int, int], score: Score, m: Measure) -> None:
    left, top, right, bottom = frame
    draw.rounded_rectangle(frame, radius=m(3), fill=FAINT)
    reached = left + round((right - left) * score.value)
    if reached > left:
        draw.rounded_rectangle(
            (left, top, reached, bottom), radius=m(3), fill=TONES[tone_of(score.passed)]
        )
    if score.threshold is not None:
        tick = left + round((right - left) * score.threshold)
        draw.rectangle((tick - m(2), top - m(4), tick + m(2), bottom + m(4)), fill=(255, 255, 255))
        draw.rectangle((tick - m(1), top - m(4), tick + m(1) - 1, bottom + m(4)), fill=INK)


def _claim(mark: Mark, m: Measure) -> Block:
    indent = m(28)
    told = wrap(f"{mark.source}: {mark.claim}", m.claim, m.width - indent, lines=3)

    def paint(draw: Draw, x: int, y: int) -> None:
        if mark.number is None:
            _sign(draw, (x + m(3), y), mark.tone, m)
        else:
            draw_badge(draw, (x, y - m(1)), str(mark.number), mark.tone, m(11))
        _lines(draw, (x + indent, y), told, m, INK)

    return Block(m.line * max(1, len(told)) + m(6), paint)


def _text(text: str, m: Measure, *, lines: int) -> Block:
    told = wrap(text, m.claim, m.width - m(20), lines=lines)

    def paint(draw: Draw, x: int, y: int) -> None:
        draw.ellipse((x + m(5), y + m(6), x + m(8), y + m(9)), fill=MUTED)
        _lines(draw, (x + m(20), y), told, m, INK)

    return Block(m.line * max(1, len(told)) + m(4), paint)


def _name(name: str, m: Measure) -> str:
    return (wrap(name, m.name, m(94), lines=1) or [clean(name)])[0]


def _lines(draw: Draw, at: tuple[int, int], lines: Sequence[str], m: Measure, ink: Colour) -> None:
    face = m.claim if ink == INK else m.small
    for row, text in enumerate(lines):
        write(draw, (at[0], at[1] + m(12) + row * m.line), text, face, ink)


def _sign(draw: Draw, at: tuple[int, int], tone: Tone | None, m: Measure) -> None:
    """A tick, a cross, an exclamation mark or a dot: the colour is never the only sign."""
    x, y, stroke = at[0], at[1], max(2, m(2))
    colour = MUTED if tone is None else TONES[tone]
    match tone:
        case "good":
            draw.line(
                ((x + m(1), y + m(8)), (x + m(5), y + m(12)), (x + m(12), y + m(3))),
                fill=colour, width=stroke, joint="curve",
            )  # fmt: skip
        case "bad":
            draw.line((x + m(2), y + m(3), x + m(11), y + m(12)), fill=colour, width=stroke)
            draw.line((x + m(2), y + m(12), x + m(11), y + m(3)), fill=colour, width=stroke)
        case "open":
            draw.rectangle((x + m(5), y + m(2), x + m(7), y + m(8)), fill=colour)
            draw.rectangle((x + m(5), y + m(10), x + m(7), y + m(12)), fill=colour)
        case "plain":
            draw.ellipse((x + m(3), y + m(4), x + m(10), y + m(11)), fill=colour)
        case None:
            draw.line((x + m(2), y + m(8), x + m(11), y + m(8)), fill=colour, width=stroke)
