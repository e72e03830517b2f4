"""Figures in, shapes for inline SVG out: numbers with one decimal, so that bytes are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.audit.report.findings import Findings, JudgeFound

WIDTH, HEIGHT = 320, 84
"""Of a histogram, in its own units."""

GAP = 2.0
"""Between two bars."""

SPARK = (160, 30)
"""Of a line over the order of the source."""

FLAT = 0.2
"""Range of values that such a line spans at least: noise must not look like mountains."""

STRENGTHS = 5
"""Shades of a correlation to either side."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One class of a histogram."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar that shows a whole: start and length in percent."""

    name: str
    count: int
    start: float
    length: float


def bars(histogram: Sequence[int], threshold: float | None) -> tuple[Bar, ...]:
    """Bars of classes of 0 to 1; those that end below the threshold have the tone "failed"."""
    most, wide = max([*histogram, 1]), WIDTH / len(histogram)
    drawn = []
    for at, count in enumerate(histogram):
        low, high = at / len(histogram), (at + 1) / len(histogram)
        tall = max(1.5, HEIGHT * count / most) if count else 0.0
        tone = "plain" if threshold is None else "failed" if high <= threshold else "passed"
        title = f"{low:.2f} to {high:.2f}: {count:,}"
        drawn.append(
            Bar(
                round(at * wide + GAP / 2, 1), round(HEIGHT - tall, 1), round(wide - GAP, 1),
                round(tall, 1), tone, title,
            )
        )  # fmt: skip
    return tuple(drawn)


def spark(trend: Sequence[float]) -> str:
    """The points of a polyline over the order of the source."""
    middle = (max(trend) + min(trend)) / 2
    reach = max(max(trend) - min(trend), FLAT) / 2
    width, height = SPARK
    return " ".join(
        f"{2 + at * (width - 4) / (len(trend) - 1):.1f},"
        f"{2 + (height - 4) * (0.5 - (value - middle) / reach / 2):.1f}"
        for at, value in enumerate(trend)
    )


def whole(found: Findings) -> tuple[Part, ...]:
    """The entries by what became of them, in percent of all."""
    counts = {**found.standings, "duplicates": found.statuses.get("duplicate", 0)}
    counts["not judged"] = found.not_judged
    parts, start = [], 0.0
    for name, count in counts.items():
        length = 100 * count / max(1, found.entries)
        parts.append(Part(name, count, round(start, 2), round(length, 2)))
        start += length
    return tuple(parts)


def shade(correlation: float | None) -> str:
    """The class of a cell: "n5" to "n1", "z", "p1" to "p5"; "" where nothing can be said."""
    if correlation is None:
        return ""
    strength = round(abs(correlation) * STRENGTHS)
    return ("p" if correlation > 0 else "n") + str(strength) if strength else "z"


def matrix(found: Findings) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Judges by judges: shade, text and title of each cell."""
    names = [judge.name for judge in found.judges if judge.scored]
    pairs = {(pair.one, pair.other): pair for pair in found.together}
    pairs |= {(pair.other, pair.one): pair for pair in found.together}
    lines = []
    for one in names:
        cells = []
        for other in names:
            pair = pairs.get((one, other))
            if pair is None:
                cells.append(("self", "", one))
                continue
            text = "–" if pair.spearman is None else f"{pair.spearman:.2f}".replace("-", "−")
            title = (
                f"{one} and {other}: {pair.pictures:,} pictures, both fail {pair.both:,} "
                f"(by chance {pair.by_chance:.1f})"
            )
            cells.append((shade(pair.spearman), text, title))
        lines.append((one, cells))
    return lines


def mark_at(judge: JudgeFound) -> float | None:
    """Where the threshold's line stands in a histogram."""
    return None if judge.threshold is None else round(WIDTH * judge.threshold, 1)
