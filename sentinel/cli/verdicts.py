"""A trace in, its verdict as lines of a terminal out; and a small preview of a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image
from rich.console import Console
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from sentinel.cli.display import BAD, GOOD, QUIET, WARN, safe
from sentinel.contracts import (
    Abstention,
    Attempt,
    Fault,
    GateFault,
    GateOutcome,
    Outcome,
    Pixels,
    Score,
    Trace,
    Verdict,
)

BAR = 10
"""Cells of a value's bar: a tenth each, and still readable in 80 columns."""

RUN = "; run: "
"""What parts a MissingRequirement's message from the command that mends it."""

STANDINGS = {"passed": GOOD, "failed": BAD, "refused": BAD, "undecided": WARN}

PREVIEW_WIDTH = 100
PREVIEW_SMALLEST = 40
"""Columns of a preview, two pixels to a cell's height: below the smaller it shows nothing."""


def show(console: Console, trace: Trace, name: str) -> None:
    """One picture: its gates, its judges, the verdict, and how to find it again."""
    attempt = trace.last
    verdict = attempt.verdict
    console.print(_title(trace, attempt, name))
    lines = [safe(f"note: {note}", QUIET) for note in attempt.notes]
    for line in lines:
        console.print(_indented(line))
    console.print(_gates(verdict.gates))
    if verdict.outcomes:
        console.print(_judges(verdict.outcomes))
    for line in _verdict(verdict):
        console.print(_indented(line))
    console.print(_indented(Text(f"trace {trace.id}", style=QUIET)))
    console.print()


def lacking(trace: Trace) -> dict[str, str]:
    """Gates and judges that did not run because something is not installed, and what that is."""
    verdict = trace.last.verdict
    faults = {each.judge: each.reason for each in verdict.outcomes
              if isinstance(each, Fault) and each.cause == "missing"}  # fmt: skip
    return faults | {each.gate: each.reason for each in verdict.gates
                     if isinstance(each, GateFault) and RUN in each.reason}  # fmt: skip


def show_lacking(console: Console, lacks: dict[str, str]) -> None:
    """Each with the command that mends it on a line of its own, to be copied whole."""
    for name, reason in lacks.items():
        what, _, command = reason.removeprefix("not run: ").partition(RUN)
        console.print(Text.assemble((f"{name} did not run: ", WARN), safe(what)))
        if command:
            console.print(Text.assemble("  → ", safe(command)), soft_wrap=True)


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 2))


def _title(trace: Trace, attempt: Attempt, name: str) -> Text:
    size = f"{attempt.width}×{attempt.height}"
    facts = f"  {size} · policy {trace.policy} · {trace.seconds:.2f} s"
    return Text.assemble(safe(name, "bold"), (facts, QUIET))


def _gates(gates: tuple[GateOutcome, ...]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=True)
    table.add_column(width=10)
    table.add_column(width=7)
    table.add_column()
    for gate in gates:
        if isinstance(gate, GateFault):
            table.add_row(safe(gate.gate), Text("not run", WARN), safe(gate.reason))
        elif gate.passed:
            table.add_row(safe(gate.gate), Text("passed", GOOD), safe(gate.reason, QUIET))
        else:
            table.add_row(safe(gate.gate), Text("refused", BAD), safe(gate.reason))
    return table


def _judges(outcomes: tuple[Outcome, ...]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style=QUIET)
    table.add_column("judge", width=10)
    table.add_column("value", width=BAR + 5, no_wrap=True)
    table.add_column("asked", width=5, no_wrap=True)
    table.add_column("verdict", width=8, no_wrap=True)
    table.add_column("reason", ratio=1)
    for outcome in outcomes:
        asked = "-" if outcome.threshold is None else f"{outcome.threshold:.2f}"
        value, word, reason = _cells(outcome)
        table.add_row(safe(outcome.judge), value, asked, word, reason)
    return table


def _cells(outcome: Outcome) -> tuple[Text, Text, Text]:
    """Value, verdict and reason."""
    match outcome:
        case Score():
            word, style = _word(outcome)
            return _bar(outcome.value, style), Text(word, style), safe(outcome.reason)
        case Abstention():
            return Text("-", QUIET), Text("nothing", QUIET), safe(outcome.reason, QUIET)
        case Fault():
            told = "lacks what is named below" if outcome.cause == "missing" else outcome.reason
            return Text("-", QUIET), Text("not run", WARN), safe(told, WARN)


def _word(score: Score) -> tuple[str, str]:
    if score.passed is None:
        return "advises", QUIET
    return ("passed", GOOD) if score.passed else ("failed", BAD)


def _bar(value: float, style: str) -> Text:
    full = round(value * BAR)
    return Text.assemble(("█" * full, style), ("░" * (BAR - full), QUIET), f" {value:.2f}")


def _verdict(verdict: Verdict) -> list[Text]:
    """The decision, why, and the issues that the lines above do not tell."""
    score = "" if verdict.score is None else f", weighted score {verdict.score:.2f}"
    standing = (verdict.standing, STANDINGS[verdict.standing])
    lines = [Text.assemble(standing, score, " · ", safe(verdict.reason))]
    told = [outcome.reason for outcome in (*verdict.gates, *verdict.outcomes)]
    fresh = [issue for issue in verdict.top_issues if not any(issue.endswith(r) for r in told)]
    return lines + [Text.assemble("- ", safe(issue)) for issue in fresh]


def preview(console: Console, pixels: Pixels) -> None:
    """The picture in half-block characters; nothing where the terminal is too narrow or none."""
    width = min(console.width, PREVIEW_WIDTH)
    if not console.is_terminal or width < PREVIEW_SMALLEST:
        return
    height = max(2, round(pixels.shape[0] * width / pixels.shape[1]) // 2 * 2)
    small = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))
    picture = Text(no_wrap=True)
    for upper, lower in zip(small[::2], small[1::2], strict=True):
        for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
            picture.append("▀", Style(color=_colour(above), bgcolor=_colour(below)))
        picture.append("\n")
    console.print(picture)


def _colour(rgb: list[int]) -> str:
    return f"#{rgb[0]:02x}{rgb[1]:02x}{rgb[2]:02x}"
