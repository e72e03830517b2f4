"""The rows of feedback.py in, its tables and its plot out. Pure but for the drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rich.table import Table

Rows = Sequence[dict[str, Any]]
Flags = NDArray[np.float64]

ARMS = ("blind", "feedback")
ATTEMPTS = 4
RESAMPLES = 10_000
"""Of the bootstrap: whole prompts are drawn, so that both arms of one stay together."""

THIRDS = ("easy", "middle", "hard")
COLOURS = {"blind": (150, 150, 150), "feedback": (20, 110, 190)}
SIZE, INSET = (760, 460), (70, 50, 30, 60)


def right_after(rows: Rows, arm: str, attempts: int) -> Flags:
    """Whether what is delivered after so many attempts is right, prompt by prompt, 0 or 1."""
    found = []
    for row in rows:
        made = row[arm]
        at = made[min(attempts, len(made)) - 1]["delivers"]
        found.append(float(made[at - 1]["right"]))
    return np.array(found)


def gain(rows: Rows, attempts: int = ATTEMPTS) -> tuple[float, float, float]:
    """Points by which feedback is ahead of blind, and the paired bootstrap's 95 % interval."""
    apart = right_after(rows, "feedback", attempts) - right_after(rows, "blind", attempts)
    if not len(apart):
        return (float("nan"),) * 3
    draws = np.random.default_rng(0).integers(len(apart), size=(RESAMPLES, len(apart)))
    low, high = np.percentile(apart[draws].mean(axis=1), (2.5, 97.5))
    return 100 * float(apart.mean()), 100 * float(low), 100 * float(high)


def thirds(rows: Rows) -> dict[str, Rows]:
    """Prompts whose first picture is wrong, by difficulty; equals by the panel's first score."""
    failed = [row for row in rows if row["difficulty"] is not None]
    failed.sort(key=lambda row: (row["difficulty"], -(row["blind"][0]["score"] or 0.0)))
    cuts = [round(len(failed) * part / 3) for part in range(4)]
    return {name: failed[cuts[part] : cuts[part + 1]] for part, name in enumerate(THIRDS)}


def lost(rows: Rows, arm: str) -> float:
    """Selection loss in points: a right picture was among the attempts, less it was chosen."""
    there = [any(each["right"] for each in row[arm]) for row in rows]
    return 100 * float(np.mean(there) - right_after(rows, arm, ATTEMPTS).mean())


def tables(rows: Rows, kind: str) -> list[Table]:
    """All figures."""
    return [_by_attempts(rows, kind), _gains(rows), _panel(rows)]


def _by_attempts(rows: Rows, kind: str) -> Table:
    attempts = [str(k) for k in range(1, ATTEMPTS + 1)]
    table = Table(
        "right after attempts", *attempts, "pictures made", "selection loss",
        title=f"{len(rows)} {kind} prompts, delivered pictures that are right, per cent",
    )  # fmt: skip
    for arm in ARMS:
        shares = [100 * right_after(rows, arm, k).mean() for k in range(1, ATTEMPTS + 1)]
        made = float(np.mean([len(row[arm]) for row in rows]))
        table.add_row(arm, *(f"{each:.1f}" for each in shares), f"{made:.2f}",
                      f"{lost(rows, arm):.1f}")  # fmt: skip
    return table


def _gains(rows: Rows) -> Table:
    title = f"feedback less blind after {ATTEMPTS} attempts, paired bootstrap"
    heads = "prompts", "number", "blind", "feedback", "points ahead", "95 % interval"
    table = Table(*heads, title=title)
    failed = [row for row in rows if row["difficulty"] is not None]
    told = {row["feedback"][0]["lever"] for row in rows} - {None}
    groups = {"all": rows, "first picture wrong": failed, **thirds(rows)}
    for lever in sorted(told):
        those = [row for row in rows if row["feedback"][0]["lever"] == lever]
        groups[f"told first: {lever}"] = those
    for name, those in ((name, those) for name, those in groups.items() if those):
        shares = (100 * right_after(those, arm, ATTEMPTS).mean() for arm in ARMS)
        ahead, low, high = gain(those)
        table.add_row(name, str(len(those)), *(f"{each:.1f}" for each in shares),
                      f"{ahead:+.1f}", f"{low:+.1f} to {high:+.1f}")  # fmt: skip
    return table


def _panel(rows: Rows) -> Table:
    """What the panel says of first pictures, beside the checkers."""
    table = Table("first picture", "passed", "not passed", title="the panel beside the checkers")
    for right in (True, False):
        firsts = [row["blind"][0] for row in rows if row["blind"][0]["right"] is right]
        passed = sum(each["standing"] == "passed" for each in firsts)
        table.add_row("right" if right else "wrong", str(passed), str(len(firsts) - passed))
    return table


def drawn(rows: Rows, kind: str) -> Image.Image:
    """Share right by number of attempts: one line an arm, with 95 % bands by bootstrap."""
    sheet = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(sheet, "RGBA")
    small, large = ImageFont.load_default(14), ImageFont.load_default(17)
    lines = {arm: [_band(right_after(rows, arm, k)) for k in range(1, ATTEMPTS + 1)]
             for arm in ARMS}  # fmt: skip
    floor = 10 * int(min(low for band in lines.values() for low, _, _ in band) // 10)
    for level in range(floor, 101, 10):
        y = _place(1, level, floor)[1]
        pen.line([(INSET[0], y), (SIZE[0] - INSET[2], y)], fill=(225, 225, 225))
        pen.text((INSET[0] - 10, y), f"{level} %", "black", small, anchor="rm")
    for arm, band in lines.items():
        upper = [_place(k, high, floor) for k, (_, _, high) in enumerate(band, start=1)]
        lower = [_place(k, low, floor) for k, (low, _, _) in enumerate(band, start=1)]
        middle = [_place(k, share, floor) for k, (_, share, _) in enumerate(band, start=1)]
        pen.polygon([*upper, *lower[::-1]], fill=(*COLOURS[arm], 45))
        pen.line(middle, fill=COLOURS[arm], width=3)
        pen.text((middle[-1][0] - 8, middle[-1][1] - 14), arm, COLOURS[arm], large, anchor="rs")
    for k in range(1, ATTEMPTS + 1):
        pen.text((_place(k, floor, floor)[0], SIZE[1] - INSET[3] + 8), str(k), "black", small,
                 anchor="mt")  # fmt: skip
    pen.text((SIZE[0] / 2, SIZE[1] - 14), "pictures at most", "black", small, anchor="mb")
    title = f"delivered pictures that are right, {len(rows)} {kind} prompts"
    pen.text((SIZE[0] / 2, 14), title, "black", large, anchor="mt")
    return sheet


def _band(flags: Flags) -> tuple[float, float, float]:
    draws = np.random.default_rng(0).integers(len(flags), size=(RESAMPLES, len(flags)))
    low, high = np.percentile(100 * flags[draws].mean(axis=1), (2.5, 97.5))
    return float(low), 100 * float(flags.mean()), float(high)


def _place(attempts: int, level: float, floor: float) -> tuple[float, float]:
    left, top, right, bottom = INSET
    x = left + 30 + (SIZE[0] - left - right - 60) * (attempts - 1) / (ATTEMPTS - 1)
    y = SIZE[1] - bottom - (SIZE[1] - top - bottom) * (level - floor) / (100 - floor)
    return x, y
