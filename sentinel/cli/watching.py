"""Events of the loop in, a live view of attempts in a terminal out; and the same at the end."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from sentinel.cli.display import BAD, GOOD, QUIET, WARN, err, safe
from sentinel.cli.verdicts import STANDINGS
from sentinel.contracts import Attempt, Feedback, Trace
from sentinel.loop import Ended, Event, Fed, Generated, Judged, Screened, Started


class Watch:
    """Attempts as they happen, on standard error; steps aside when they are over."""

    def __init__(self, *, quiet: bool) -> None:
        """`quiet`: nothing is shown."""
        console = err()
        self._attempts: dict[int, Attempt] = {}
        self._state = "loading the models …"
        self._since = time.monotonic()
        shown = console.is_terminal and not quiet
        self._live = Live(console=console, transient=True, get_renderable=self._view,
                          refresh_per_second=8) if shown else None  # fmt: skip

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Clear the view."""
        if self._live is not None:
            self._live.stop()

    def hear(self, event: Event) -> None:
        """What the loop tells; attempts are replaced whole, since another thread reads them."""
        self._since = time.monotonic()
        match event:
            case Screened():
                self._state = "the brief passed its gates"
            case Started(number, _, generator, lever):
                why = f" ({lever})" if lever else ""
                self._state = f"round {number}: {generator} paints{why} …"
            case Generated(attempts):
                self._attempts = self._attempts | {each.number: each for each in attempts}
                self._state = "the judges look …"
            case Judged(attempt):
                self._attempts = self._attempts | {attempt.number: attempt}
            case Fed(number, _, feedback):
                known = self._attempts[number]
                fed = known.model_copy(update={"feedback": feedback})
                self._attempts = self._attempts | {number: fed}
            case Ended():
                self._state = "done"

    def _view(self) -> Table:
        """The attempts so far, and what is going on."""
        grid = Table.grid()
        if self._attempts:
            grid.add_row(_table(tuple(self._attempts.values())))
        seconds = time.monotonic() - self._since
        grid.add_row(Spinner("dots", safe(f"{self._state} {seconds:.0f} s")))
        return grid


def show_attempts(console: Console, trace: Trace) -> None:
    """Every attempt in a line, what it failed by, and what was changed after it and why."""
    if trace.attempts:
        console.print(_table(trace.attempts, trace.delivered))
        console.print()


def _table(attempts: tuple[Attempt, ...], delivered: int | None = None) -> Table:
    table = Table(box=None, padding=(0, 1), header_style=QUIET)
    table.add_column("#", justify="right")
    table.add_column("lever", width=9)
    table.add_column("verdict", width=10)
    table.add_column("score", width=5, justify="right")
    table.add_column("what was found, and what was changed", ratio=1)
    noted: set[str] = set()
    for each in attempts:
        mark = "→" if each.number == delivered else ""
        score = "" if each.verdict.score is None else f"{each.verdict.score:.2f}"
        told = _told(each, [note for note in each.notes if note not in noted])
        noted |= set(each.notes)
        table.add_row(f"{mark}{each.number}", each.lever or "first", _word(each), score, told)
    return table


def _word(attempt: Attempt) -> Text:
    if attempt.error:
        return Text("no picture", BAD)
    if not attempt.judged:
        return Text("not judged", WARN)
    return Text(attempt.verdict.standing, STANDINGS[attempt.verdict.standing])


def _told(attempt: Attempt, notes: list[str]) -> Text:
    """What was found, the notes that no attempt before had, and what was changed."""
    verdict = attempt.verdict
    found = attempt.error or next(iter(verdict.top_issues), verdict.reason)
    lines = [safe(found)]
    lines += [safe(f"note: {note}", QUIET) for note in notes]
    lines += _changes(attempt.feedback) if attempt.feedback else []
    return Text("\n").join(lines)


def _changes(feedback: Feedback) -> list[Text]:
    return [
        Text.assemble(
            ("→ ", GOOD), safe(each.change), (" because ", QUIET), safe(each.reason, QUIET)
        )
        for each in feedback.changes
    ]
