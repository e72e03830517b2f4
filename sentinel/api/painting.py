"""A brief and how many in, guarded pictures out, for every route that has pictures painted.

A caller who hangs up stops the work; what was paid for until then is kept in the traces. Pictures
that were asked for together share nothing but their caller: each has its seed, its attempts and
its trace.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request

from sentinel.api.errors import Problem, Refusal, shown
from sentinel.contracts import Brief, Trace
from sentinel.errors import BriefError, ConfigError, NotFound
from sentinel.guarding import Guarded, Wanted
from sentinel.loop.seeds import SEEDS, draw
from sentinel.store.media import content_type_of
from sentinel.wiring import Sentinel

T = TypeVar("T")

RENAMED = {"steps": "num_inference_steps", "guidance": "guidance_scale", "count": "num_images"}
"""Fields of a brief by the names that they have in a request."""

APART = 104_729
"""From the seed of one picture to that of the next asked for with it: a prime, far from what the
loop and failover add to a seed, so that no two share one."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A picture as it is delivered, and its story; `seed` is the caller's, not an attempt's."""

    trace: Trace
    data: bytes
    seed: int
    kept: bool = True
    """False where it could not be kept, and has no address."""

    @property
    def content_type(self) -> str:
        """By the bytes' own signature."""
        return content_type_of(self.data)

    @property
    def width(self) -> int:
        """Pixels."""
        return self.trace.last.width

    @property
    def height(self) -> int:
        """Pixels."""
        return self.trace.last.height


async def paint(
    request: Request, house: Sentinel, briefs: Sequence[Brief], wanted: Wanted
) -> tuple[Delivered, ...]:
    """All of them, side by side, or the Refusal of the first that could not be delivered."""
    found = await while_connected(request, side_by_side(house, briefs, wanted))
    return tuple(
        delivered(each.trace, each.picture, brief, kept=each.kept)
        for each, brief in zip(found, briefs, strict=True)
    )


async def side_by_side(
    house: Sentinel, briefs: Sequence[Brief], wanted: Wanted
) -> tuple[Guarded, ...]:
    """Guard each brief; where one cannot be begun, or nobody waits, the others are stopped too."""
    works = [asyncio.ensure_future(guarded(house, brief, wanted)) for brief in briefs]
    try:
        return tuple(await asyncio.gather(*works))
    except BaseException:
        for work in works:
            work.cancel()
        raise


def briefs_of(brief: Brief, count: int) -> tuple[Brief, ...]:
    """So many briefs, each with a seed of its own; the first has the caller's, or one is drawn."""
    base = draw() if brief.seed is None else brief.seed
    return tuple(
        brief.model_copy(update={"seed": base if at == 0 else (base + at * APART) % SEEDS})
        for at in range(count)
    )


def delivered(trace: Trace, picture: bytes | None, brief: Brief, *, kept: bool = True) -> Delivered:
    """What a trace delivers; Refusal where that is nothing: 422 by the rules, 502 and 504 else."""
    headers = {"X-Sentinel-Trace-Id": trace.id}
    refuse_failure(trace, headers)
    if trace.delivered is None or picture is None:
        told = trace.reason or "no attempt may be delivered"
        code = "rejected" if trace.delivered is None else "picture_gone"
        raise Refusal(422, code, f"{told}; trace {trace.id}", headers=headers)
    return Delivered(trace, picture, brief.seed or 0, kept)


def refuse_failures(traces: Sequence[Trace]) -> None:
    """Tell the first failure where all of them are one; who has a picture is told of the others."""
    first: Refusal | None = None
    for trace in traces:
        try:
            refuse_failure(trace, {"X-Sentinel-Trace-Id": trace.id})
        except Refusal as refusal:
            first = first or refusal
        else:
            return
    if first is not None:
        raise first


def refuse_failure(trace: Trace, headers: dict[str, str]) -> None:
    """Tell a failure as one: 200 without a picture is what we scold in others."""
    if not trace.attempts or any(each.picture for each in trace.attempts):
        return
    if trace.stopped_because == "rejected":
        return
    problems = tuple(
        Problem(field=f"attempts[{index}]", message=each.error or each.verdict.reason)
        for index, each in enumerate(trace.attempts)
    )
    status, code = (504, "deadline") if trace.stopped_because == "deadline" else (502, "no_picture")
    told = f"no picture came: {trace.attempts[-1].error}; trace {trace.id}"
    raise Refusal(status, code, told, problems=problems, headers=headers)


def stages_of(trace: Trace) -> dict[str, float]:
    """Seconds in generators and in panels, all rounds together, for Server-Timing."""
    rounds = {each.round: each for each in sorted(trace.attempts, key=lambda a: a.seconds)}
    return {
        "generate": sum(each.made_in for each in rounds.values()),
        "panel": sum(each.seconds - each.made_in for each in rounds.values()),
    }


async def while_connected(request: Request, working: Awaitable[T]) -> T:
    """What the work comes to; it is stopped where the caller hangs up."""
    work = asyncio.ensure_future(working)
    gone = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Refusal(499, "hung_up", "the caller hung up")
        return work.result()
    finally:
        for task in (work, gone):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def guarded(house: Sentinel, brief: Brief, wanted: Wanted) -> Guarded:
    """Guard one brief; what is wrong with it is told by the name of its field."""
    with explained(wanted):
        return await house.guard(brief, wanted)


@contextlib.contextmanager
def explained(wanted: Wanted) -> Iterator[None]:
    """What is wrong with a request, told by the name of its field."""
    try:
        yield
    except NotFound as error:
        field = "generator" if "generator" in str(error) else "policy"
        problem = Problem(field=field, message=str(error), value=shown(getattr(wanted, field)))
        raise Refusal(404, error.code, str(error), problems=(problem,)) from None
    except BriefError as error:
        field = RENAMED.get(error.field, error.field)
        problem = Problem(field=field, message=str(error), value=error.value)
        raise Refusal(422, error.code, str(error), problems=(problem,)) from None
    except ConfigError as error:
        raise Refusal(503, error.code, str(error)) from None
