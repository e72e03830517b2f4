"""A task in, attempts shown as they happen, a picture written, an exit code out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from sentinel import imaging
from sentinel.annotation.contact_sheet import cells, contact_sheet
from sentinel.cli import display, verdicts
from sentinel.cli.scored import INTERRUPTED, NOT_PASSED, PARTIAL, PASSED, format_of
from sentinel.cli.watching import Watch, show_attempts
from sentinel.contracts import Brief, Trace
from sentinel.errors import ConfigError
from sentinel.guarding import Guarded, Wanted
from sentinel.settings import Settings
from sentinel.wiring import Sentinel


@dataclass(frozen=True, slots=True)
class Task:
    """What `sentinel guard` was asked."""

    brief: Brief
    wanted: Wanted
    generator: str | None = None
    folder: Path | None = None
    out: Path | None = None
    sheet: Path | None = None
    as_json: bool = False
    count: int = 1
    """Pictures to be delivered, each with a seed and a trace of its own."""

    @property
    def settings(self) -> Settings:
        """The environment's, with the generator that was named."""
        known = Settings.read()
        given: dict[str, object] = {"generator": self.generator} if self.generator else {}
        if self.folder is not None:
            name = Settings.read(**given).generators[0]
            own = known.generator_options.get(name, {}) | {"folder": str(self.folder)}
            given["generator_options"] = known.generator_options | {name: own}
        return Settings.read(**given)

    def numbered(self, number: int) -> Task:
        """The same with files of its own from the second picture on: cup.png, cup-2.png."""
        if number == 1:
            return self
        return replace(self, out=_numbered(self.out, number), sheet=_numbered(self.sheet, number))


def run(task: Task) -> int:
    """As many requests as pictures through the loop; an interruption keeps what was painted.

    The exit code is the worst of them.
    """
    try:
        made = asyncio.run(_guard(task))
    except KeyboardInterrupt:
        display.say("interrupted: what was painted until then is kept", display.WARN)
        return INTERRUPTED
    return max(_code(each.trace) for each in made)


def _code(trace: Trace) -> int:
    if all(each.picture is None for each in trace.attempts) and trace.stopped_because not in (
        "rejected", "undecided",
    ):  # fmt: skip
        return PARTIAL
    return PASSED if trace.verdict.passed and trace.delivered else NOT_PASSED


async def _guard(task: Task) -> list[Guarded]:
    settings = task.settings
    brief = task.brief
    if task.out is not None:
        brief = brief.model_copy(update={"output_format": format_of(task.out)})
    only = () if task.wanted.policy is None and brief.category else (
        task.wanted.policy or settings.policy,
    )  # fmt: skip
    made = []
    async with Sentinel.open(settings, only=only) as house:
        for number, each in enumerate(_briefs(brief, task.count), start=1):
            own = task.numbered(number)
            with Watch(quiet=task.as_json) as watch:
                made.append(await _one(house, own, each, watch))
            await asyncio.to_thread(_keep, own, made[-1])
            if not task.as_json:
                _tell(own, made[-1].trace)
        judges = tuple(house.policies[made[0].trace.policy].judges)
    if task.as_json:
        _print(made, judges)
    return made


def _briefs(brief: Brief, count: int) -> tuple[Brief, ...]:
    if count == 1:
        return (brief,)
    from sentinel.api.painting import briefs_of  # noqa: PLC0415 - a web framework, for few

    return briefs_of(brief, count)


async def _one(house: Sentinel, task: Task, brief: Brief, watch: Watch) -> Guarded:
    """One picture, judged to the end also where it is delivered before."""
    guarded = await house.guard(brief, task.wanted, watch.hear)
    if guarded.trace.mode != "score":
        return guarded
    await house.settled()
    trace = await asyncio.to_thread(house.store.traces.load, guarded.trace.id)
    return Guarded(trace, guarded.picture, guarded.pictures)


def _print(made: list[Guarded], judges: tuple[str, ...]) -> None:
    from sentinel.api.generated import GenerateAnswer, together  # noqa: PLC0415 - rarely wanted

    told = [GenerateAnswer.of(each.trace, each.content_type, judges) for each in made]
    display.print_json(together(told).model_dump_json())


def _numbered(path: Path | None, number: int) -> Path | None:
    return path and path.with_stem(f"{path.stem}-{number}")


def _tell(task: Task, trace: Trace) -> None:
    """The attempts, the verdict over what is delivered, and where it is."""
    console = display.out()
    for note in trace.notes:
        console.print(display.safe(f"note: {note}", display.QUIET))
    show_attempts(console, trace)
    if trace.attempts:
        name = f"attempt {trace.last.number}"
        verdicts.show(console, trace, name if trace.delivered else f"{name} (not delivered)")
    console.print(display.safe(f"{trace.stopped_because or trace.mode}: {trace.reason}"))
    if not trace.attempts:
        console.print(display.safe(f"trace {trace.id}", display.QUIET))
    verdicts.show_lacking(console, verdicts.lacking(trace) if trace.attempts else {})
    for path in (task.out if trace.delivered else None, task.sheet if trace.attempts else None):
        if path is not None:
            display.say(f"written: {path}", display.QUIET)


def _keep(task: Task, guarded: Guarded) -> None:
    """Write the picture in the format its name asks for, and the sheet of attempts."""
    if task.out is not None and guarded.picture is not None:
        wanted = format_of(task.out)
        data = guarded.picture
        if imaging.inspect(data).format.lower() != wanted:
            data = imaging.encode(imaging.read(data).pixels, wanted)
        _write(task.out, data)
    if task.sheet is not None and guarded.trace.attempts:
        sheet = contact_sheet(cells(guarded.trace, guarded.pictures))
        _write(task.sheet, imaging.encode(sheet, format_of(task.sheet)))


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror})") from error
