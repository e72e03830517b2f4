"""A request's headers in, how it is to be served out: what a service's body has no field for.

    X-Sentinel-Policy, X-Sentinel-Mode, X-Sentinel-Generator, X-Sentinel-Candidates,
    X-Sentinel-Expected-Text (repeatable), X-Sentinel-Max-Attempts

Clients set headers without any change to what they send and read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sentinel.api.errors import Problem, Refusal, shown
from sentinel.api.intake import LINE, MANY
from sentinel.api.painting import Delivered
from sentinel.contracts import Brief, Mode
from sentinel.guarding import Wanted
from sentinel.loop import Wish
from sentinel.loop.order import MOST_CANDIDATES

PREFIX = "x-sentinel-"

Line = Annotated[str, Field(min_length=1, max_length=LINE)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    policy: Line | None = None
    mode: Literal["guard", "score", "off"] | None = None
    generator: Line | None = None
    candidates: Annotated[int, Field(ge=1, le=MOST_CANDIDATES)] = 1
    max_attempts: Annotated[int, Field(ge=1)] | None = None


def wanted_of(request: Request, *, policy: str | None = None, mode: Mode | None = None) -> Wanted:
    """How a request is to be served by its headers, else as given; Refusal names a wrong header."""
    names = tuple(_Asked.model_fields)
    headers = {name: request.headers.get(PREFIX + name.replace("_", "-")) for name in names}
    try:
        asked = _Asked.model_validate({k: v for k, v in headers.items() if v is not None})
    except ValidationError as error:
        problems = tuple(
            Problem(
                field=f"X-Sentinel-{str(found['loc'][0]).replace('_', '-').title()}",
                message=str(found["msg"]),
                value=shown(found["input"]),
            )
            for found in error.errors()
        )
        first = problems[0]
        told = f"{first.field}: {first.message}"
        raise Refusal(422, "invalid", told, problems=problems) from None
    wish = Wish(attempts=asked.max_attempts)
    return Wanted(
        asked.policy or policy, asked.mode or mode, asked.generator, asked.candidates, wish,
        project=request.state.caller.project,
    )  # fmt: skip


def with_text(request: Request, brief: Brief) -> Brief:
    """The brief with the words that the headers say must stand in the picture."""
    told = tuple(each[:LINE] for each in request.headers.getlist(PREFIX + "expected-text"))[:MANY]
    return brief.model_copy(update={"expected_text": told}) if told else brief


def story(pictures: Sequence[Delivered], cost: float | None) -> dict[str, str]:
    """What Sentinel adds to an answer, as headers: of several pictures, one value each in order.

    `cost` is what the service would have asked for what is delivered, in US dollars.
    """
    verdicts = [each.trace.verdict for each in pictures]
    scores = ["" if each.score is None else f"{each.score:.4f}" for each in verdicts]
    told = {
        "X-Sentinel-Trace-Id": ", ".join(each.trace.id for each in pictures),
        "X-Sentinel-Action": ", ".join(each.action for each in verdicts),
        "X-Sentinel-Passed": ", ".join(_word(each.passed) for each in verdicts),
        "X-Sentinel-Score": ", ".join(scores).strip(),  # no header may end in a space
        "X-Sentinel-Attempts": ", ".join(str(len(each.trace.attempts)) for each in pictures),
    }
    return told if cost is None else {**told, "X-Sentinel-Cost-Usd": f"{cost:.8f}"}


def _word(passed: bool | None) -> str:  # noqa: FBT001 - its only argument
    return "unknown" if passed is None else str(passed).lower()
