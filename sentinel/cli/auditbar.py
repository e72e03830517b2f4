"""Steps of an audit in, a line that moves out: rate, time left, verdicts, the worst picture."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from sentinel.audit.run import Step
from sentinel.cli import display

WINDOW = 60.0
"""Seconds over which the rate is taken: long enough to be calm, short enough to be true."""

SPEAKING = 15.0
"""Seconds between two lines where the output is no terminal."""


class Bar(Protocol):
    """Hears of steps."""

    def step(self, step: Step) -> None:
        """One entry is done."""
        ...


class Tally:
    """What is done so far, in words."""

    def __init__(self, total: int) -> None:
        """Nothing is done yet."""
        self.total = total
        self.done = self.passed = self.failed = self.refused = self.unseen = self.again = 0
        self.worst: tuple[float, str] | None = None
        self._recent: deque[float] = deque()

    def step(self, step: Step) -> None:
        """Count one."""
        self.done += 1
        if step.measured:
            self._recent.append(time.monotonic())
        elif step.verdict is not None:
            self.again += 1
        passed = step.verdict.passed if step.verdict else None
        self.refused += step.status == "refused"
        self.passed += passed is True
        self.failed += passed is False and step.status != "refused"
        self.unseen += passed is None
        score = step.verdict.score if step.verdict else None
        if score is not None and (self.worst is None or score < self.worst[0]):
            self.worst = (score, step.where)

    @property
    def rate(self) -> float:
        """Pictures measured a second, lately; 0 while nobody knows."""
        now = time.monotonic()
        while self._recent and self._recent[0] < now - WINDOW:
            self._recent.popleft()
        if len(self._recent) < 2:  # noqa: PLR2004 - one point has no rate
            return 0.0
        return (len(self._recent) - 1) / max(now - self._recent[0], 1e-9)

    @property
    def left(self) -> str:
        """Time left, in words."""
        return spoken((self.total - self.done) / self.rate) if self.rate else "?"

    @property
    def verdicts(self) -> str:
        """Verdicts so far, in words."""
        told = f"{self.passed:,} passed, {self.failed:,} failed, {self.refused:,} refused"
        told += f", {self.unseen:,} could not be scored" if self.unseen else ""
        return told + (f"; {self.again:,} known already" if self.again else "")


class Moving:
    """A bar in a terminal."""

    def __init__(self, total: int, console: Console) -> None:
        """Stands still."""
        self._tally = Tally(total)
        self.progress = _Lines(
            TextColumn("auditing"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"), console=console, transient=True,
        )  # fmt: skip
        self._task = self.progress.add_task("", total=total, pace="")

    def step(self, step: Step) -> None:
        """One entry is done."""
        tally = self._tally
        tally.step(step)
        self.progress.below = below(tally)
        pace = f"{tally.rate:.1f}/s, {tally.left} left" if tally.rate else ""
        if tally.done >= tally.total:
            pace = "writing the report …"
        self.progress.update(self._task, completed=tally.done, pace=pace)


class _Lines(Progress):
    """A bar with lines below it."""

    below: RenderableType = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        """The bar, then the lines."""
        yield self.make_tasks_table(self.tasks)
        yield self.below


class Speaking:
    """Plain lines where the output is no terminal, such as a CI job's log."""

    def __init__(self, total: int) -> None:
        """Says nothing until some time has passed."""
        self._tally = Tally(total)
        self._said = time.monotonic()

    def step(self, step: Step) -> None:
        """One entry is done."""
        tally = self._tally
        tally.step(step)
        if time.monotonic() - self._said >= SPEAKING:
            self._said = time.monotonic()
            pace = f"{tally.rate:.1f}/s, {tally.left} left: {tally.verdicts}"
            display.say(f"{tally.done:,} of {tally.total:,}, {pace}", display.QUIET)


class Silent:
    """Says nothing."""

    def step(self, step: Step) -> None:
        """One entry is done."""


@contextmanager
def progress_of(total: int, *, silent: bool) -> Iterator[Bar]:
    """What fits where the output goes."""
    console = display.err()
    if silent:
        yield Silent()
    elif not console.is_terminal:
        yield Speaking(total)
    else:
        bar = Moving(total, console)
        with bar.progress:
            yield bar


def below(tally: Tally) -> RenderableType:
    """The lines below the bar."""
    lines = Table.grid()
    lines.add_row(display.safe(tally.verdicts, display.QUIET))
    if tally.worst is not None:
        score, where = tally.worst
        told = Text(f"worst so far: {score:.2f} ", style=display.QUIET)
        lines.add_row(told.append_text(display.safe(where)))
    return lines


def spoken(seconds: float) -> str:
    """Seconds in the two units that matter: 3 h 20 min, 45 s."""
    seconds = round(seconds)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
