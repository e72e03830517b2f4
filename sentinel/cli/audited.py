"""What `sentinel audit` was asked in, progress, a summary and an exit code out."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.status import Status

from sentinel.audit.conducting import Asked, Audit, Ended
from sentinel.audit.rehearsing import Rehearsed, look_through, timed
from sentinel.audit.report.targets import Targets
from sentinel.audit.report.written import PAGE
from sentinel.audit.run import Step
from sentinel.audit.sources import mapping
from sentinel.cli import auditplan, display
from sentinel.cli.auditbar import Bar, progress_of
from sentinel.settings import Settings

if TYPE_CHECKING:
    from sentinel.audit.engines import EngineName

DONE, BELOW, PARTIAL, INTERRUPTED = 0, 1, 3, 130


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `sentinel audit` was asked."""

    source: Path
    out: Path
    policy: str | None = None
    engine: EngineName = "local"
    limit: int | None = None
    mapped: tuple[str, ...] = ()
    fail_under: float | None = None
    no_worse_than: Path | None = None
    keep: str | None = None
    quiet: bool = False
    json_lines: bool = False

    @property
    def asked(self) -> Asked:
        """The same for the audit itself; ConfigError of a wrong `--map`."""
        return Asked(
            self.source, self.out, self.policy, self.engine, self.limit, mapping(self.mapped),
            Targets(self.fail_under, self.no_worse_than),
        )  # fmt: skip


def run(wanted: Wanted) -> int:
    """Audit; an interruption says how to go on."""
    audit = Audit(wanted.asked, Settings.read())
    try:
        ended = asyncio.run(_conduct(wanted, audit))
    except KeyboardInterrupt:
        ended = Ended(complete=False)
    except BrokenPipeError:  # whoever read the lines has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        ended = Ended(complete=False)
    if not ended.complete:
        _tell_how_to_go_on(wanted)
        return INTERRUPTED
    if wanted.keep is not None:
        _keep(wanted, audit, wanted.keep)
    code = code_of(ended)
    _summarise(wanted, ended, code)
    return code


def _keep(wanted: Wanted, audit: Audit, project: str) -> None:
    with _waiting(silent=wanted.quiet or wanted.json_lines) as status:
        status.update("keeping the evaluations in the store …")
        number = audit.keep(project)
    if not (wanted.quiet or wanted.json_lines):
        display.say(f"{number:,} evaluations are in the store, project {display.plain(project)}")


def rehearse(wanted: Wanted) -> int:
    """Say what is understood of the source, and how long the audit would take."""
    audit = Audit(wanted.asked, Settings.read())
    try:
        told = asyncio.run(_rehearse(wanted, audit))
    except KeyboardInterrupt:
        return INTERRUPTED
    auditplan.show(told, as_json=wanted.json_lines)
    return PARTIAL if told.problems else DONE


async def _rehearse(wanted: Wanted, audit: Audit) -> Rehearsed:
    with _waiting(silent=wanted.json_lines) as status:
        status.update(f"looking through {display.plain(str(wanted.source))} …")
        found = await asyncio.to_thread(look_through, audit)
        status.update("loading the models …")
        async with audit.engine() as engine:
            status.update("scoring a sample …")
            return await timed(found, audit, engine)


def code_of(ended: Ended) -> int:
    """The exit code of an audit that is complete."""
    if ended.report is not None and ended.report.missed:
        return BELOW
    return PARTIAL if ended.totals.unseen else DONE


async def _conduct(wanted: Wanted, audit: Audit) -> Ended:
    silent = wanted.quiet or wanted.json_lines
    with audit.held(), _waiting(silent=silent) as status:
        status.update(f"looking through {display.plain(str(wanted.source))} …")
        total = await asyncio.to_thread(audit.total)
        status.update("loading the models …")
        async with audit.engine() as engine:
            status.stop()
            with progress_of(total, silent=silent) as bar, _stopping(audit):
                return await audit.conduct(engine, lambda step: _hear(wanted, bar, step))


def _waiting(*, silent: bool) -> Status:
    """A line that says what is waited for."""
    return Status("", console=Console(stderr=True, quiet=silent))


def _hear(wanted: Wanted, bar: Bar, step: Step) -> None:
    bar.step(step)
    if wanted.json_lines:
        verdict = step.verdict
        told = {
            "key": step.key, "where": step.where, "status": step.status, "reason": step.reason,
            "passed": verdict.passed if verdict else None,
            "score": verdict.score if verdict else None, "measured": step.measured,
        }  # fmt: skip
        display.print_json(json.dumps(told, ensure_ascii=False))


@contextmanager
def _stopping(audit: Audit) -> Iterator[None]:
    """The first Ctrl-C finishes what is in the house; the second one ends at once."""
    loop = asyncio.get_running_loop()
    usual = signal.getsignal(signal.SIGINT)

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, usual)
        display.say("finishing what is in the house; once more to end at once …", display.WARN)
        audit.stop()

    try:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, stop)
    except NotImplementedError:  # Windows: Ctrl-C ends at once, and what was kept is kept
        pass
    yield


def _tell_how_to_go_on(wanted: Wanted) -> None:
    command = shlex.join(["sentinel", *sys.argv[1:]])
    if wanted.json_lines:
        display.print_json(json.dumps({"interrupted": True, "resume": command}))
    display.say("interrupted; what was measured is kept. To go on:", display.WARN)
    display.say(f"  {command}")


def _summarise(wanted: Wanted, ended: Ended, code: int) -> None:
    totals = ended.totals
    if wanted.json_lines:
        told = {
            "passed": totals.passed, "evaluations": totals.evaluations,
            "pass_rate": totals.pass_rate, "statuses": dict(sorted(totals.statuses.items())),
            "folder": str(wanted.out), "exit": code,
        }  # fmt: skip
        display.print_json(json.dumps(told, ensure_ascii=False))
    elif not wanted.quiet:
        _say_totals(wanted, ended)
    for target in ended.report.told if ended.report else ():
        if target.missed or not (wanted.quiet or wanted.json_lines):
            display.say(target.text, display.BAD if target.missed else display.GOOD)


def _say_totals(wanted: Wanted, ended: Ended) -> None:
    totals = ended.totals
    rate = f" ({totals.pass_rate:.1%})" if totals.pass_rate is not None else ""
    display.say(f"{totals.passed:,} of {totals.evaluations:,} pictures passed{rate}")
    others = {key: number for key, number in totals.statuses.items() if key != "scored"}
    if others:
        told = ", ".join(f"{number:,} {key}" for key, number in sorted(others.items()))
        display.say(f"among all entries: {told}")
    for note in ended.about.notes if ended.about else ():
        display.say(f"note: {note}", display.WARN)
    for name, why in (ended.about.missing if ended.about else {}).items():
        display.say(f"not run: {name}: {why}", display.WARN)
    for sentence in ended.report.left_out if ended.report else ():
        display.say(f"not written: {sentence}", display.WARN)
    display.say(f"kept in {wanted.out}; open {wanted.out / PAGE}")
