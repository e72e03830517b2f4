"""Sample in, gate results out: cheapest first, stops at the first refusal.

A gate that raises, hangs or returns nonsense becomes a `GateFault`; the gates behind it are
still asked, because an unsafe picture must not slip through behind a broken gate.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from sentinel.checking import checked, said
from sentinel.contracts import Brief, Finding, GateFault, GateOutcome, GateResult, Sample
from sentinel.errors import Busy, PluginError
from sentinel.policy import GateRule

if TYPE_CHECKING:
    from sentinel.worker import Crew, Worker

Question = Sample | Brief

Known = Mapping[str, GateOutcome]
"""What gates have said of this very sample before, by name."""

NOTHING: Known = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GateSeat:
    """A gate at its place in a policy.

    `worker` is None where the gate's extra or weights are missing; `missing` says what.
    """

    name: str
    version: str
    rule: GateRule
    worker: Worker[Question, Finding] | Crew[Question, Finding] | None
    sees_picture: bool
    typical_ms: float
    missing: str = ""


async def screen(seats: Sequence[GateSeat], brief: Brief) -> tuple[GateOutcome, ...]:
    """Ask the gates that need no picture, before anything is spent."""
    return await _in_turn([seat for seat in seats if not seat.sees_picture], brief)


async def check(
    seats: Sequence[GateSeat], sample: Sample, known: Known = NOTHING
) -> tuple[GateOutcome, ...]:
    """Ask every gate: the brief's first, then the picture's, cheapest first.

    A gate whose outcome is `known` is not asked again.
    """
    screened = await _in_turn(
        [seat for seat in seats if not seat.sees_picture], sample.brief, known
    )
    if refused(screened):
        return screened
    return screened + await _in_turn([seat for seat in seats if seat.sees_picture], sample, known)


def recall(seats: Sequence[GateSeat], known: Known) -> tuple[GateOutcome, ...] | None:
    """What `check` would answer if it asked nobody; None where somebody must be asked."""
    outcomes: list[GateOutcome] = []
    for seat in sorted(seats, key=lambda seat: (seat.sees_picture, *_place(seat))):
        outcome = known.get(seat.name)
        if seat.missing:
            fault = _fault(seat, f"not run: {seat.missing}", 0.0)
            outcome = fault.model_copy(update={"seconds": 0.0})
        if outcome is None:
            return None
        outcomes.append(outcome)
        if refused(outcomes):
            break
    return tuple(outcomes)


def refused(outcomes: Sequence[GateOutcome]) -> bool:
    """Whether a gate said no."""
    return any(isinstance(outcome, GateResult) and not outcome.passed for outcome in outcomes)


async def _in_turn(
    seats: Sequence[GateSeat], question: Question, known: Known = NOTHING
) -> tuple[GateOutcome, ...]:
    outcomes: list[GateOutcome] = []
    for seat in sorted(seats, key=_place):
        outcomes.append(known.get(seat.name) or await _ask(seat, question))
        if refused(outcomes):
            break
    return tuple(outcomes)


def _place(seat: GateSeat) -> tuple[float, str]:
    """Its place in the line: the cheapest first."""
    return seat.typical_ms, seat.name


async def _ask(seat: GateSeat, question: Question) -> GateOutcome:
    """One gate's answer, stamped. Gates are not trusted: this is where they may break."""
    started = time.perf_counter()
    if seat.worker is None:
        return _fault(seat, f"not run: {seat.missing}", started)
    try:
        told = await seat.worker.timed(question, seat.rule.timeout)
        finding = _checked(seat, told.answer, question)
    except Busy:
        raise
    except PluginError as error:
        return _fault(seat, str(error), started)
    except Exception as error:  # noqa: BLE001 - plugins are foreign code; the house outlives them
        return _fault(seat, f"{type(error).__name__}: {error}", started)
    return GateResult(
        gate=seat.name,
        version=seat.version,
        seconds=told.seconds,
        **{name: getattr(finding, name) for name in Finding.model_fields},
    )


def _checked(seat: GateSeat, answer: object, question: Question) -> Finding:
    """The answer if it is one; PluginError says what is wrong with it."""
    if not isinstance(answer, Finding):
        raise PluginError("gate", seat.name, f"it returned {type(answer).__name__}, not a Finding")
    return checked("gate", seat.name, answer, question if isinstance(question, Sample) else None)


def _fault(seat: GateSeat, reason: str, started: float) -> GateFault:
    return GateFault(
        gate=seat.name,
        version=seat.version,
        reason=said(reason),
        required=seat.rule.required and not (seat.worker is None and seat.rule.optional),
        seconds=time.perf_counter() - started,
    )
