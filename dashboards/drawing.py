"""Numbers in, shapes out that need no script: lines and bars as SVG coordinates. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDE, HIGH = 120.0, 28.0
"""Size of a sparkline in its own units; it is stretched to its place."""

PAD = 2.0
"""Room above and below, so that a line at its greatest is not cut."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`line` and `area` are SVG paths; "" where fewer than two values are known."""

    line: str
    area: str


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a bar, in per cent of its length."""

    key: str
    label: str
    value: int
    start: float
    width: float


def sparkline(values: Sequence[float | None], *, floor: float | None = None) -> Sparkline:
    """A line through the values that are known, at even steps; `floor` is the value of its foot."""
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return Sparkline("", "")
    low = min(value for _, value in known) if floor is None else floor
    high = max(value for _, value in known)
    low = (
        min(low, 0.0) if low == high else low
    )  # what never changes lies at the top, nothing at the foot
    spread, last = high - low, len(values) - 1
    spots = [
        (at / last * WIDE,
         HIGH - PAD - ((value - low) / spread if spread else 0.0) * (HIGH - 2 * PAD))
        for at, value in known
    ]  # fmt: skip
    line = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
    area = f"{line} L{spots[-1][0]:.1f} {HIGH} L{spots[0][0]:.1f} {HIGH} Z"
    return Sparkline(line, area)


def slices(parts: Sequence[tuple[str, str, int]]) -> tuple[Slice, ...]:
    """Parts (key, label, value) of one bar, side by side; none where nothing is in them."""
    whole = sum(value for _, _, value in parts)
    found, start = [], 0.0
    for key, label, value in parts:
        width = value / whole * 100 if whole else 0.0
        found.append(Slice(key, label, value, round(start, 3), round(width, 3)))
        start += width
    return tuple(found)
