"""A trace in, the answer of POST /v1/generate over HTTP out: pictures readable without a key.

Where nothing is delivered it is an error as well as the answer: 422, with every attempt in it.
"""

from __future__ import annotations

import pybase64
from starlette.responses import Response

from sentinel.api.errors import Problem
from sentinel.api.generated import GenerateAnswer
from sentinel.api.painting import RENAMED
from sentinel.api.published import Places
from sentinel.api.routes import judges_of, reply
from sentinel.contracts import Brief, Trace
from sentinel.errors import NotFound
from sentinel.store import Store
from sentinel.store.media import content_type_of
from sentinel.wiring import Sentinel

REJECTED = 422
"""A status that no client repeats: the same request would end the same way."""


def answered(
    house: Sentinel, places: Places, trace: Trace, picture: bytes | None = None
) -> GenerateAnswer:
    """The answer for a trace; `picture` is the delivered one, where its bytes are at hand.

    Where pictures are not kept it stands in the answer itself, as a data URI. Blocking code.
    """
    kind = content_type_of(picture) if picture else _kept_type(house.store, trace)
    answer = GenerateAnswer.of(trace, kind, judges_of(house, trace), places.address)
    if not answer.images or not picture or places.address(trace.last.picture or ""):
        return answer
    encoded = pybase64.b64encode_as_string(picture)
    whole = answer.images[0].model_copy(update={"url": f"data:{kind};base64,{encoded}"})
    return answer.model_copy(update={"images": (whole,)})


class RejectedAnswer(GenerateAnswer):
    """The answer where nothing is delivered, and what every error has."""

    code: str = "rejected"
    message: str
    errors: tuple[Problem, ...]


def response_of(answer: GenerateAnswer) -> Response:
    """The answer as it is sent."""
    if answer.images:
        return reply(answer, headers=headers_of(answer))
    told = f"{answer.reason or 'no attempt may be delivered'}; trace {answer.trace_id}"
    rejected = RejectedAnswer(**dict(answer), message=told, errors=_problems(answer))
    return Response(
        rejected.model_dump_json(), REJECTED, media_type="application/json",
        headers=headers_of(answer),
    )  # fmt: skip


def _problems(answer: GenerateAnswer) -> tuple[Problem, ...]:
    """What is wrong with the brief, by field; else what is wrong with each attempt."""
    screened = tuple(
        Problem(field=_field(issue.detail), message=issue.detail)
        for gate in answer.screened
        if gate.passed is False
        for issue in gate.issues
    )
    attempts = tuple(
        Problem(field=f"attempts[{at}]", message=each.error or each.reason)
        for at, each in enumerate(answer.attempts)
    )
    return screened or attempts


def _field(detail: str) -> str:
    """The field that a gate's words begin with (`width is 4096; …`); the prompt's where none."""
    named = detail.partition(" ")[0]
    return RENAMED.get(named, named) if named in Brief.model_fields else "prompt"


def headers_of(answer: GenerateAnswer) -> dict[str, str]:
    """What Sentinel adds to an answer, as headers."""
    return {
        "X-Sentinel-Trace-Id": answer.trace_id,
        "X-Sentinel-Action": answer.action,
        "X-Sentinel-Passed": "unknown" if answer.passed is None else str(answer.passed).lower(),
        "X-Sentinel-Score": "" if answer.score is None else f"{answer.score:.4f}",
        "X-Sentinel-Attempts": str(len(answer.attempts)),
        "X-Sentinel-Cost-Usd": f"{answer.cost:.8f}",
    }


def _kept_type(store: Store, trace: Trace) -> str:
    """The delivered picture's media type; "" where it is kept no longer."""
    if trace.delivered is None or trace.last.picture is None:
        return ""
    try:
        return store.media.content_type(trace.last.picture)
    except NotFound:
        return ""
