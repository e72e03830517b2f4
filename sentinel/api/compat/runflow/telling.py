"""An error in, Runflow's out: `{code, message, errors}`, under the statuses that it names."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from sentinel.api.errors import ErrorAnswer, explain

STATUSES = {402: 403, 408: 400, 413: 422, 415: 422}
"""Ours that Runflow has another number for: it knows 400, 401, 403, 404, 409, 422 and 429."""


def tell(status: int, answer: ErrorAnswer, headers: Mapping[str, str]) -> Response:
    """The error as Runflow answers it."""
    told = STATUSES.get(status, status)
    return Response(
        answer.model_dump_json(), told, media_type="application/json", headers=dict(headers)
    )


def told(error: Exception) -> Response:
    """The same for what was raised."""
    return tell(*explain(error))
