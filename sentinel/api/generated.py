"""A guarded trace in, the answer of POST /v1/generate out: Runflow's shape, and ours around it.

`id` to `evaluation` are what Runflow's clients read; the rest is what we tell besides. The command
line's `sentinel guard --json` prints the same object.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Self

from sentinel.api import prices
from sentinel.api.evaluated import Address, evaluable, evaluation_of
from sentinel.api.evaluation import EvaluationAnswer
from sentinel.api.traced import AttemptAnswer, attempt_of
from sentinel.api.wire import GateAnswer, Wire, trace_url
from sentinel.contracts import Action, Attempt, Mode, Standing, StoppedBecause, Trace


class ImageAnswer(Wire):
    """Where the picture is (readable without a key), and how large."""

    url: str
    width: int
    height: int
    content_type: str


class MadeAttempt(AttemptAnswer):
    """An attempt of the answer."""

    image_url: str | None
    """Null where no picture came."""


class GenerateAnswer(Wire):
    """The answer of POST /v1/generate."""

    id: str
    trace_id: str
    status: Literal["completed", "rejected"]
    """`rejected`: nothing is delivered; `reason` says why."""
    model: str | None
    seed: int | None
    """The caller's, or the one that was drawn: sent again, it brings the same picture."""
    images: tuple[ImageAnswer, ...]
    cost: float
    """US dollars that the caller is charged: the delivered picture's, by Runflow's price."""
    spent: float
    """US dollars that all attempts cost the house, delivered or not."""
    evaluation: EvaluationAnswer | None
    """Null where no picture was made, and where nobody was to judge it."""
    action: Action
    standing: Standing
    score: float | None
    passed: bool | None
    stopped_because: StoppedBecause | None
    reason: str
    delivered_attempt: int | None
    attempts: tuple[MadeAttempt, ...]
    screened: tuple[GateAnswer, ...]
    """What the gates said of the brief, before anything was spent."""
    notes: tuple[str, ...]
    policy: str
    mode: Mode
    seconds: float
    trace_url: str
    others: tuple[GenerateAnswer, ...] = ()
    """The other pictures' stories where several were asked for; all else but `images`, `cost` and
    `spent`, which are of all of them, is the first one's."""

    @classmethod
    def of(
        cls, trace: Trace, content_type: str = "", judges: Iterable[str] = (),
        address: Address | None = None,
    ) -> Self:  # fmt: skip
        """The answer for a trace; `content_type` is the delivered picture's.

        Pictures are at `address`, or without one at the trace's own, relative to the house.
        """
        known = tuple(judges)
        verdict = trace.verdict
        return cls(
            id=trace.id,
            trace_id=trace.id,
            status="completed" if trace.delivered else "rejected",
            model=trace.brief.client.get("model", trace.model),
            seed=_seed(trace),
            images=_images(trace, content_type, address),
            cost=price_of(trace),
            spent=trace.cost,
            evaluation=_evaluation(trace, address),
            action=verdict.action,
            standing=verdict.standing,
            score=verdict.score,
            passed=verdict.passed,
            stopped_because=trace.stopped_because,
            reason=trace.reason,
            delivered_attempt=trace.delivered,
            attempts=tuple(_attempt(trace.id, each, known) for each in trace.attempts),
            screened=tuple(GateAnswer.of(gate) for gate in trace.screened),
            notes=trace.notes,
            policy=trace.policy,
            mode=trace.mode,
            seconds=trace.seconds,
            trace_url=trace_url(trace.id),
        )


def together(answers: Sequence[GenerateAnswer]) -> GenerateAnswer:
    """One answer for pictures that were asked for together."""
    first, *others = answers
    if not others:
        return first
    return first.model_copy(
        update={
            "images": tuple(image for each in answers for image in each.images),
            "cost": sum(each.cost for each in answers),
            "spent": sum(each.spent for each in answers),
            "others": tuple(others),
        }
    )


def price_of(trace: Trace) -> float:
    """US dollars that a caller is charged for what is delivered: Runflow's price, or nothing."""
    shown = trace.last if trace.delivered else None
    return 0.0 if shown is None else prices.runflow(shown.width, shown.height)


def _seed(trace: Trace) -> int | None:
    """The caller's, else the one that the first attempt was drawn with."""
    if trace.brief.seed is not None or not trace.attempts:
        return trace.brief.seed
    first = trace.attempts[0]
    return first.brief.seed if first.seed is None else first.seed


def _images(trace: Trace, content_type: str, address: Address | None) -> tuple[ImageAnswer, ...]:
    if trace.delivered is None:
        return ()
    shown = trace.last
    told = address(shown.picture) if address and shown.picture else None
    url = told or trace_url(trace.id, "/picture")
    return (
        ImageAnswer(url=url, width=shown.width, height=shown.height, content_type=content_type),
    )


def _evaluation(trace: Trace, address: Address | None) -> EvaluationAnswer | None:
    if not trace.attempts or not evaluable(trace, trace.last):
        return None
    return evaluation_of(trace, trace.last, address)


def _attempt(trace_id: str, attempt: Attempt, judges: tuple[str, ...]) -> MadeAttempt:
    told = attempt_of(trace_id, attempt, judges)
    return MadeAttempt(**dict(told), image_url=told.picture_url if attempt.picture else None)
