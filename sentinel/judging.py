"""Sample in, outcomes out: judges side by side, none trusted.

A judge measures; here its reading is stamped with who it is and under which rule, and whatever
goes wrong with it becomes a `Fault` with its name, while the other judges' outcomes arrive.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from sentinel.checking import checked, said
from sentinel.contracts import (
    Abstention,
    Declined,
    Fault,
    Outcome,
    Reading,
    Sample,
    Score,
)
from sentinel.errors import Busy, MissingRequirement, PluginError
from sentinel.policy import JudgeRule
from sentinel.worker import RETRY_AFTER

if TYPE_CHECKING:
    from sentinel.worker import Crew, Worker

Answer = Reading | Declined

Known = Mapping[str, Outcome]
"""What judges have measured in this very sample before, by name, under whatever rule."""

NOTHING: Known = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class JudgeSeat:
    """A judge at its place in a policy.

    `worker` is None where the judge's extra or weights are missing; `missing` says what.
    `reads` are the parts of the brief that the judge says it compares the picture with.
    """

    name: str
    version: str
    rule: JudgeRule
    worker: Worker[Sample, Answer] | Crew[Sample, Answer] | None
    missing: str = ""
    reads: tuple[str, ...] = ()


async def judge(
    seats: Sequence[JudgeSeat], sample: Sample, known: Known = NOTHING
) -> tuple[Outcome, ...]:
    """Ask every judge at once; outcomes in the order of the seats.

    A judge whose outcome is `known` is not asked again; it is stamped with the present rule.
    """
    asked = [seat for seat in seats if seat.name not in known]
    for seat in asked:
        if seat.worker is not None and seat.worker.full:  # before anybody has started
            raise Busy(f"the queue of judge {seat.name}", RETRY_AFTER)
    answers = iter(await asyncio.gather(*(_ask(seat, sample) for seat in asked)))
    return tuple(
        restamped(seat, known[seat.name]) if seat.name in known else next(answers) for seat in seats
    )


def recall(seats: Sequence[JudgeSeat], known: Known) -> tuple[Outcome, ...] | None:
    """What `judge` would answer if it asked nobody; None where somebody must be asked."""
    outcomes: list[Outcome] = []
    for seat in seats:
        if seat.missing:
            fault = _fault(seat, "missing", f"not run: {seat.missing}", 0.0)
            outcomes.append(fault.model_copy(update={"seconds": 0.0}))
        elif seat.name in known:
            outcomes.append(restamped(seat, known[seat.name]))
        else:
            return None
    return tuple(outcomes)


def restamped(seat: JudgeSeat, outcome: Outcome) -> Outcome:
    """What was measured once, under the rule of this seat."""
    return outcome.model_copy(update=_stamp(seat, outcome.seconds))


async def _ask(seat: JudgeSeat, sample: Sample) -> Outcome:
    """One judge's answer, stamped. The one place where everything is caught."""
    started = time.perf_counter()
    if seat.worker is None:
        return _fault(seat, "missing", f"not run: {seat.missing}", started)
    try:
        told = await seat.worker.timed(sample, seat.rule.timeout)
        return _stamped(seat, _checked(seat, told.answer, sample), told.seconds)
    except Busy:
        raise
    except Exception as error:  # noqa: BLE001 - plugins are foreign code; the panel outlives them
        return _fault(seat, *_cause(error), started)


Cause = Literal["error", "timeout", "contract", "missing"]


def _cause(error: Exception) -> tuple[Cause, str]:
    match error:
        case TimeoutError():
            return "timeout", str(error) or "no answer in time"
        case PluginError():
            return "contract", str(error)
        case MissingRequirement():
            return "missing", str(error)
        case _:
            return "error", f"{type(error).__name__}: {error}"


def _checked(seat: JudgeSeat, answer: object, sample: Sample) -> Answer:
    """The answer if it is one; PluginError says what is wrong with it."""
    if isinstance(answer, Declined):
        return checked("judge", seat.name, answer, sample)
    if not isinstance(answer, Reading):
        told = f"judge() returned {type(answer).__name__}, not a Reading or Declined"
        raise PluginError("judge", seat.name, told)
    if not (math.isfinite(answer.value) and 0 <= answer.value <= 1):
        raise PluginError("judge", seat.name, f"value {answer.value} is outside 0 to 1")
    return checked("judge", seat.name, answer, sample)


def _stamped(seat: JudgeSeat, answer: Answer, seconds: float) -> Outcome:
    stamp = _stamp(seat, seconds)
    if isinstance(answer, Declined):
        return Abstention(**stamp, reason=answer.reason, measurements=answer.measurements)
    return Score(**stamp, **{name: getattr(answer, name) for name in Reading.model_fields})


def _fault(seat: JudgeSeat, cause: Cause, reason: str, started: float) -> Fault:
    stamp = _stamp(seat, time.perf_counter() - started)
    if cause == "missing" and seat.rule.optional:
        stamp["required"] = False
    return Fault(**stamp, cause=cause, reason=said(reason))


def _stamp(seat: JudgeSeat, seconds: float) -> dict[str, Any]:
    return {
        "judge": seat.name,
        "version": seat.version,
        "threshold": seat.rule.threshold,
        "weight": seat.rule.weight,
        "required": seat.rule.is_required,
        "seconds": seconds,
    }
