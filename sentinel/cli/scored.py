"""Pictures and a brief in, scored pictures shown and kept, an exit code out."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sentinel.cli import display, verdicts
from sentinel.contracts import Brief
from sentinel.errors import Busy, ConfigError, PictureError
from sentinel.imaging import encode
from sentinel.settings import Settings
from sentinel.wiring import Scored, Sentinel

PASSED, NOT_PASSED, PARTIAL, INTERRUPTED = 0, 1, 3, 130

Pause = Callable[[], AbstractContextManager[None]]

AHEAD = 3
"""Pictures scored at once: while one is decoded and one is stored, a third keeps the judges busy;
more only takes memory."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `sentinel score` was asked."""

    pictures: tuple[str, ...]
    brief: Brief
    policy: str | None = None
    model: str | None = None
    annotate: Path | None = None
    as_json: bool = False
    show: bool = False


@dataclass(slots=True)
class Tally:
    """What is done so far."""

    passed: int = 0
    failed: int = 0
    unread: int = 0

    @property
    def scored(self) -> int:
        """Pictures that have a verdict."""
        return self.passed + self.failed

    @property
    def code(self) -> int:
        """The exit code."""
        if self.unread:
            return PARTIAL
        return NOT_PASSED if self.failed else PASSED


def run(wanted: Wanted) -> int:
    """Score them all; an interruption says what is done."""
    settings = Settings.read()
    tally = Tally()
    try:
        asyncio.run(_score_all(wanted, settings, tally))
    except KeyboardInterrupt:
        done = f"{tally.scored} of {len(wanted.pictures)} pictures were scored and are kept"
        display.say(f"interrupted: {done}; the others were not", display.WARN)
        return INTERRUPTED
    if len(wanted.pictures) > 1 and not wanted.as_json:
        display.say(
            f"{tally.passed} passed, {tally.failed} did not, {tally.unread} could not be scored"
        )
    return tally.code


async def _score_all(wanted: Wanted, settings: Settings, tally: Tally) -> None:
    """Keep a few pictures in the house, report them in the order they were given."""
    only = (wanted.policy or settings.policy,)
    lacking: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        with display.err().status("loading the models …"):
            house = await stack.enter_async_context(Sentinel.open(settings, only=only))
        pause, step = stack.enter_context(_bar(len(wanted.pictures)))
        async for number, name, task in _in_order(house, wanted):
            with pause():
                scored = _taken(wanted, tally, name, task)
                if scored is not None:
                    _show(house, wanted, (number, name), scored)
                    lacking |= verdicts.lacking(scored.trace)
            step()
    if not wanted.as_json:
        verdicts.show_lacking(display.out(), lacking)


async def _in_order(
    house: Sentinel, wanted: Wanted
) -> AsyncGenerator[tuple[int, str, asyncio.Task[Scored]]]:
    """Finished tasks in the order of the pictures, a few of which are in the house at once."""
    line = deque(enumerate(wanted.pictures, start=1))
    running: deque[tuple[int, str, asyncio.Task[Scored]]] = deque()
    try:
        while line or running:
            while line and len(running) < AHEAD:
                number, name = line.popleft()
                task = asyncio.create_task(_score_one(house, wanted, name))
                running.append((number, name, task))
            await asyncio.wait([running[0][2]])
            yield running.popleft()
    finally:
        for _, _, task in running:
            task.cancel()


async def _score_one(house: Sentinel, wanted: Wanted, name: str) -> Scored:
    most = int(house.settings.body_mb * 1e6)
    data = await asyncio.to_thread(_read, name, most)
    while True:
        try:
            return await house.score(data, wanted.brief, policy=wanted.policy, model=wanted.model)
        except Busy as error:  # several large pictures at once: this one waits its turn
            await asyncio.sleep(error.retry_after / 4)


def _read(name: str, most: int) -> bytes:
    """A file's bytes, or those of standard input, up to a limit."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with Path(name).open("rb") as stream:
                data = stream.read(most + 1)
    except OSError as error:
        told = f"it cannot be opened ({error.strerror})"
        raise PictureError("picture_unreadable", told, field=name) from error
    if len(data) > most:
        told = f"it has more than {most / 1e6:.0f} MB (SENTINEL_BODY_MB allows more)"
        raise PictureError("picture_too_large", told, field=name)
    return data


# ── telling ───────────────────────────────────────────────────────────────────────────────────


def _taken(wanted: Wanted, tally: Tally, name: str, task: asyncio.Task[Scored]) -> Scored | None:
    """A task's picture, counted; None, and a message, where it could not be scored.

    Other errors than the picture's go on up and end the run.
    """
    try:
        scored = task.result()
    except PictureError as error:
        tally.unread += 1
        message = f"{_shown(name)}: {error}"
        display.say(f"error: {message}", display.BAD)
        if wanted.as_json:
            answer = {"code": error.code, "message": message, "errors": []}
            display.print_json(json.dumps(answer, ensure_ascii=False))
        return None
    passed = scored.trace.last.verdict.passed is True
    tally.passed += passed
    tally.failed += not passed
    return scored


def _show(house: Sentinel, wanted: Wanted, which: tuple[int, str], scored: Scored) -> None:
    number, name = which
    judges = tuple(house.policies[scored.trace.policy].judges)
    if wanted.as_json:
        from sentinel.api.wire import ScoreAnswer  # noqa: PLC0415 - not wanted for tables

        display.print_json(ScoreAnswer.of(scored.trace, judges).model_dump_json())
    else:
        verdicts.show(display.out(), scored.trace, _shown(name))
    if wanted.annotate or wanted.show:
        _annotate(wanted, scored, number, judges)


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name


def _annotate(wanted: Wanted, scored: Scored, number: int, judges: tuple[str, ...]) -> None:
    from sentinel.annotation import annotate  # noqa: PLC0415 - only where a picture is wanted

    drawn = annotate(scored.picture.pixels, scored.trace.last, judges=judges)
    if wanted.annotate:
        path = numbered(wanted.annotate, number, len(wanted.pictures))
        try:
            path.write_bytes(encode(drawn, format_of(path)))
        except OSError as error:
            raise ConfigError(f"{path} cannot be written ({error.strerror})") from error
        display.say(f"annotated: {path}", display.QUIET)
    if wanted.show:
        verdicts.preview(display.err(), drawn)


def numbered(path: Path, number: int, of: int) -> Path:
    """OUT.png for one picture, OUT-3.png for the third of several."""
    return path if of == 1 else path.with_stem(f"{path.stem}-{number}")


def format_of(path: Path) -> Literal["png", "jpeg", "webp"]:
    """The format a file's name asks for."""
    ending = path.suffix.lower().lstrip(".")
    return cast("Literal['png', 'jpeg', 'webp']", "jpeg" if ending == "jpg" else ending)


@contextmanager
def _bar(total: int) -> Iterator[tuple[Pause, Callable[[], None]]]:
    """A bar on standard error; it steps aside while a result is printed."""
    console = display.err()
    progress = Progress(
        TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, transient=True, disable=total < 2 or not console.is_terminal,  # noqa: PLR2004 - a bar over one picture says nothing
    )  # fmt: skip
    task = progress.add_task("", total=total)

    @contextmanager
    def pause() -> Iterator[None]:
        progress.stop()
        yield
        progress.start()

    with progress:
        yield pause, lambda: progress.advance(task)
