"""Numbers in, words out: as people read them, with their unit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

NOTHING = "–"
"""Stands where there is no number."""

THIN = "\u202f"
"""A narrow space that breaks no line, between a number and its unit."""

MANY = 100_000
"""From here on a count is told by its first three digits."""


MORE = 4
"""Digits that are added at most, so that two numbers that differ look different."""


def count(value: float | None) -> str:
    """A whole number: 2 924, 1.25 M."""
    if value is None:
        return NOTHING
    if value >= 1e6:  # noqa: PLR2004 - a million
        return f"{value / 1e6:.2f}{THIN}M"
    if value >= MANY:
        return f"{value / 1e3:.0f}{THIN}k"
    return f"{value:,.0f}".replace(",", THIN)


def percent(value: float | None, digits: int = 1) -> str:
    """A share of 1 as per cent; more digits where it would else look like all or nothing."""
    if value is None:
        return NOTHING
    if 0 < value < 1:
        digits = _apart(value * 100, (0.0, 100.0), digits)
    return f"{value * 100:.{digits}f}{THIN}%"


def unit(value: float | None, beside: float | None = None) -> str:
    """A score between 0 and 1; more digits where it would else look the same as `beside`."""
    if value is None:
        return NOTHING
    return f"{value:.{_apart(value, () if beside is None else (beside,), 2)}f}"


def seconds(value: float | None) -> str:
    """A duration: 12 ms, 3.4 s, 2 min 5 s."""
    if value is None:
        return NOTHING
    if value < 1:
        return f"{value * 1000:.0f}{THIN}ms"
    if value < 60:  # noqa: PLR2004 - a minute
        return f"{value:.1f}{THIN}s"
    return f"{value // 60:.0f}{THIN}min {value % 60:.0f}{THIN}s"


def dollars(value: float | None) -> str:
    """US dollars, as exact as small sums need."""
    if value is None:
        return NOTHING
    if value == 0:
        return "$0"
    return f"${value:,.2f}" if value >= 1 else f"${value:.4f}"


def points(now: float | None, before: float | None) -> tuple[str, str]:
    """The change of a share in percentage points, and which way (up, down, same); "" if unknown."""
    if now is None or before is None:
        return "", ""
    change = (now - before) * 100
    return f"{abs(change):.1f}{THIN}pts", _way(change, 0.05)


def relative(now: float | None, before: float | None) -> tuple[str, str]:
    """The change of an amount in per cent of what it was, and which way."""
    if now is None or not before:
        return "", ""
    change = (now / before - 1) * 100
    return f"{abs(change):.0f}{THIN}%", _way(change, 0.5)


def moment(ms: int) -> str:
    """A moment in UTC: 2026-11-25 16:20."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def moment_exact(ms: int) -> str:
    """A moment in UTC as machines read it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


def named(name: str) -> str:
    """A name, or what stands where there is none."""
    return name or "(none)"


def _apart(value: float, others: Sequence[float], digits: int) -> int:
    """With how many digits the value looks like none of the others, unless it is one of them."""
    for more in range(digits, digits + MORE):
        if all(value == other or f"{value:.{more}f}" != f"{other:.{more}f}" for other in others):
            return more
    return digits + MORE


def _way(change: float, same: float) -> str:
    return "same" if abs(change) < same else "up" if change > 0 else "down"
