"""A trace in, the answer of POST /v1/generate over HTTP out: pictures readable without a key."""

from __future__ import annotations

import base64

from sentinel.api.generated import GenerateAnswer
from sentinel.api.published import Places
from sentinel.api.routes import judges_of
from sentinel.contracts import Trace
from sentinel.errors import NotFound
from sentinel.store import Store
from sentinel.store.media import content_type_of
from sentinel.wiring import Sentinel


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
    encoded = base64.b64encode(picture).decode("ascii")
    whole = answer.images[0].model_copy(update={"url": f"data:{kind};base64,{encoded}"})
    return answer.model_copy(update={"images": (whole,)})


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
