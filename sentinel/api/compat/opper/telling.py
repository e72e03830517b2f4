"""An error in, OpenAI's out: `{error: {message, type, param, code}}`; its clients go by status.

400 BadRequestError · 401 AuthenticationError · 403 PermissionDeniedError · 404 NotFoundError ·
429 RateLimitError · 5xx InternalServerError · any other 4xx APIStatusError
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response
from ulid import ULID

from sentinel.api.compat.surface import respond
from sentinel.api.errors import ErrorAnswer, Problem, explain

STATUSES = {409: 400, 415: 400, 422: 400}
"""Ours that OpenAI has another number for; 409 would be sent again."""

FINAL = frozenset({499, 500, 502, 504})
"""Statuses that OpenAI's clients would try again, though the house has tried all it may."""

BAD = 400
SERVER = 500

TYPES = {
    402: "insufficient_quota", 403: "permission_error", 408: "timeout_error",
    429: "rate_limit_error",
}  # fmt: skip

CODES = {
    "key_missing": "invalid_api_key", "key_unknown": "invalid_api_key",
    "key_ended": "invalid_api_key", "budget_spent": "insufficient_quota",
    "rate_limited": "rate_limit_exceeded", "no_such_route": "unknown_url",
    "invalid": "invalid_value",
}  # fmt: skip
"""Codes of ours that OpenAI has a word for."""

FIELDS = {
    "width": "size", "height": "size", "image_size": "size", "count": "n", "num_images": "n",
    "references": "image", "num_inference_steps": "parameters", "guidance_scale": "parameters",
}  # fmt: skip
"""Fields of a brief by the names that they have here."""


def tell(status: int, error: ErrorAnswer, headers: Mapping[str, str]) -> Response:
    """An error as OpenAI tells it."""
    status = STATUSES.get(status, status)
    kind = "server_error" if status >= SERVER else TYPES.get(status, "invalid_request_error")
    told = {
        "message": message_of(error), "type": kind, "param": param_of(error),
        "code": CODES.get(error.code, error.code),
    }  # fmt: skip
    return respond(status, {"error": told}, headers_of(status, headers))


def told(error: Exception) -> Response:
    """The same for what was raised."""
    return tell(*explain(error))


def headers_of(status: int, headers: Mapping[str, str]) -> dict[str, str]:
    """An error's headers: its id, and whether it makes sense to try again."""
    final = {"x-should-retry": "false"} if status in FINAL else {}
    request_id = headers.get("X-Sentinel-Trace-Id") or f"req_{ULID()}"
    return {**headers, "x-request-id": request_id, **final}


def message_of(error: ErrorAnswer) -> str:
    """Everything that is wrong, in one line."""
    if len(error.errors) < 2:  # noqa: PLR2004 - the message tells of the first
        return error.message
    return "; ".join(f"{field_of(each)}: {each.message}" for each in error.errors)


def param_of(error: ErrorAnswer) -> str | None:
    """The field that is at fault, by its name in the request."""
    return field_of(error.errors[0]) if error.errors else None


def field_of(problem: Problem) -> str:
    """A field by its name in the request, without what lies below it."""
    top = problem.field.partition("[")[0].partition(".")[0]
    return FIELDS.get(top, top)
