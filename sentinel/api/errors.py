"""Exceptions in, error answers out: always `{code, message, errors: [{field, message, value}]}`.

Whose fault it is decides the status. An exception that nobody expected says nothing about the
inside of the house, and the log gets its type and the lines it passed, never its message: that
could hold a caller's prompt.
"""

from __future__ import annotations

import http
import logging
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sentinel.api.wire import Wire
from sentinel.errors import (
    SHOWN,
    BriefError,
    Busy,
    NotFound,
    PictureError,
    SentinelError,
    Unavailable,
)
from sentinel.store.holds import Overdrawn

log = logging.getLogger(__name__)

PICTURE_STATUS = {"picture_too_large": 413, "picture_format": 415}
"""Status by code of a PictureError; 422 where nothing else is said."""

CODES = {
    400: "bad_request", 404: "no_such_route", 405: "method_not_allowed", 408: "too_slow",
    413: "body_too_large", 415: "media_type", 422: "invalid", 503: "not_ready",
}  # fmt: skip
"""The code of a status that no exception of ours explains."""


class Problem(Wire):
    """One thing that is wrong, by field."""

    field: str
    message: str
    value: str | None = None
    """What was sent, shortened."""


class ErrorAnswer(Wire):
    """Every error, whatever its status, has this shape."""

    code: str
    """Stable and machine-readable."""
    message: str
    errors: tuple[Problem, ...] = ()


Answered = tuple[int, ErrorAnswer, dict[str, str]]


class Refusal(SentinelError):  # noqa: N818 - an answer, not a mistake of ours
    """A request that the HTTP face itself refuses, with its status, code and problems."""

    def __init__(
        self, status: int, code: str, message: str, *, problems: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Name the status, the code, the sentence for the caller, and what is wrong by field."""
        self.status = status
        self.code = code
        self.problems = tuple(problems)
        self.headers = dict(headers or {})
        super().__init__(message)


def register(app: FastAPI) -> None:
    """Answer every expected exception of `app` in the one shape."""

    async def answer(_: Request, error: Exception) -> Response:
        return respond(error)

    for kind in (SentinelError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer)


def respond(error: Exception) -> Response:
    """The response for an exception; one that nobody expected is logged and answered 500."""
    status, body, headers = explain(error)
    return Response(body.model_dump_json(), status, media_type="application/json", headers=headers)


def shown(value: object) -> str:
    """A caller's value as it is repeated to them: shortened, and never bytes."""
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def field_of(where: Sequence[str | int]) -> str:
    """A location as people write it: references[1].kind."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in where]
    return "".join(parts).removeprefix(".")


def explain(error: Exception) -> Answered:
    """Status, body and headers for an exception; one that nobody expected is logged."""
    for kind, explain in EXPLAINED:
        if isinstance(error, kind):
            return explain(error)
    log.error("unexpected %s\n%s", type(error).__name__, stack_of(error))
    message = "something went wrong in here; the server's log has the trace"
    return 500, ErrorAnswer(code="internal", message=message), {}


def _of_refusal(error: Refusal) -> Answered:
    body = ErrorAnswer(code=error.code, message=str(error), errors=error.problems)
    return error.status, body, error.headers


def _of_picture(error: PictureError) -> Answered:
    problem = Problem(field=error.field, message=str(error))
    return PICTURE_STATUS.get(error.code, 422), _one(error, problem), {}


def _of_brief(error: BriefError) -> Answered:
    return 422, _one(error, Problem(field=error.field, message=str(error), value=error.value)), {}


def _of_absence(error: NotFound) -> Answered:
    return 404, ErrorAnswer(code=error.code, message=str(error)), {}


def _of_budget(error: Overdrawn) -> Answered:
    return 402, ErrorAnswer(code=error.code, message=f"{error}; {anew()}"), {}


def anew() -> str:
    """When a month's budget begins anew."""
    now = datetime.now(UTC)
    then = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    return f"it begins anew on {then:%Y-%m-%d}, UTC"


def _of_busy(error: Busy | Unavailable) -> Answered:
    later = {"Retry-After": str(math.ceil(error.retry_after))}
    return 503, ErrorAnswer(code=error.code, message=str(error)), later


def _of_outage(error: Unavailable) -> Answered:
    log.error("%s", error)  # with why, which names our hosts and is no caller's business
    status, body, headers = _of_busy(error)
    told = f"{error.what} does not answer; try again in {error.retry_after:.0f} s"
    return status, body.model_copy(update={"message": told}), headers


def _one(error: SentinelError, problem: Problem) -> ErrorAnswer:
    return ErrorAnswer(code=error.code, message=str(error), errors=(problem,))


def _of_status(error: HTTPException) -> Answered:
    """What the framework refuses: an unknown route, a wrong method, a body it cannot parse."""
    status = error.status_code
    said = {404: "there is nothing at this address; /openapi.json lists every route",
            405: "this address does not take this method"}  # fmt: skip
    phrase = http.HTTPStatus(status).phrase.lower() if status in set(http.HTTPStatus) else "error"
    message = said.get(status) or shown(str(error.detail)) or phrase
    body = ErrorAnswer(code=CODES.get(status, "refused"), message=message)
    return status, body, dict(error.headers or {})


def _of_parameters(error: RequestValidationError) -> Answered:
    """What the framework's own validation says of a path or query parameter."""
    told = tuple(
        Problem(
            field=field_of(problem["loc"][1:]),
            message=str(problem["msg"]),
            value=shown(problem.get("input")),
        )
        for problem in error.errors()
    )
    message = f"{told[0].field}: {told[0].message}" if told else "the request is not valid"
    return 422, ErrorAnswer(code="invalid", message=message, errors=told), {}


EXPLAINED: tuple[tuple[type[Exception], Callable[[Any], Answered]], ...] = (
    (Refusal, _of_refusal),
    (PictureError, _of_picture),
    (BriefError, _of_brief),
    (NotFound, _of_absence),
    (Overdrawn, _of_budget),
    (Busy, _of_busy),
    (Unavailable, _of_outage),
    (HTTPException, _of_status),
    (RequestValidationError, _of_parameters),
)
"""What explains which exception; the first that fits."""


def stack_of(error: BaseException) -> str:
    """The lines an exception passed and its causes' types, without any message."""
    lines = "".join(traceback.format_tb(error.__traceback__))
    cause = error.__cause__
    return lines if cause is None else f"{stack_of(cause)}{type(cause).__name__} led to\n{lines}"
