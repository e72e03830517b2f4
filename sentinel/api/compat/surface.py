"""A service's way to tell an error in, routes that tell every error that way out.

    router = APIRouter(prefix="/v3/compat", route_class=telling(openai_error))

Whatever a route raises, be it ours, the framework's or nobody's, is explained once, by
`sentinel.api.errors`, and told in the service's shape, so that its client raises its own class.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from sentinel.api.errors import ErrorAnswer, Refusal, explain
from sentinel.api.intake import json_of

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

Tell = Callable[[int, ErrorAnswer, Mapping[str, str]], Response]
"""Status, what is wrong and headers in; the service's error out. Statuses are ours: 401, 402 (a
budget is spent), 403, 404, 413, 422 (whatever is wrong with the request, or no attempt may be
delivered), 429, 499, 500, 502, 503, 504. The service's own numbers may differ."""


def telling(tell: Tell) -> type[APIRoute]:
    """Routes whose errors are told so."""

    class Telling(APIRoute):
        def get_route_handler(self) -> Handler:
            inner = super().get_route_handler()

            async def handled(request: Request) -> Response:
                try:
                    return await inner(request)
                except ClientDisconnect:
                    raise
                except Exception as error:  # noqa: BLE001 - explained, logged where it is our fault
                    return tell(*explain(error))

            return handled

    return Telling


METHODS = ["DELETE", "GET", "PATCH", "POST", "PUT"]


def refuse_the_rest(router: APIRouter) -> None:
    """Answer what no route of the service matches with its 404; call it after all of them."""

    @router.api_route("/{rest:path}", methods=METHODS, include_in_schema=False)
    async def unknown(request: Request) -> Response:
        told = f"there is nothing at {request.url.path[:120]}; `sentinel endpoints` lists all"
        raise Refusal(404, "no_such_route", told)


async def body_of(request: Request, needed: str = "prompt") -> dict[str, object]:
    """The JSON object that a request carries, whatever its type says; null is not given.

    Refusal where it is none; `needed` is the field that the refusal reminds of.
    """
    found = json_of(await request.body(), needed=needed)
    return {name: value for name, value in found.items() if value is not None}


def respond(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """JSON, typed as such: fal's JavaScript client reads no other error body."""
    dumped = orjson.dumps(body)
    return Response(dumped, status, media_type="application/json", headers=headers)
