"""fal's routes: https://fal.run, https://queue.fal.run and https://rest.fal.ai, by another host.

Run and queue have the same paths at fal and differ by host alone. Here the queue has the prefix
/queue as well, and a Host that begins with `queue.` means it too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from sentinel.api.compat.fal import answers, examples, proxy, queue, uploads
from sentinel.api.compat.fal.fields import Asked, Invalid, Redux, TextToImage
from sentinel.api.compat.fal.run import run
from sentinel.api.compat.surface import refuse_the_rest, respond, telling
from sentinel.api.examples import Json, Responses

Told = telling(answers.tell)

Name = Annotated[str, Path(max_length=128)]
Answering = Callable[[Request, str], Awaitable[Response]]
RequestId = Annotated[str, Path(max_length=64, pattern="^[0-9A-Za-z_-]+$")]

runs = APIRouter(prefix="/fal-ai", route_class=Told, tags=["fal"])
queued = APIRouter(prefix="/queue/fal-ai", route_class=Told, tags=["fal"])
others = APIRouter(route_class=Told, tags=["fal"])


# ── run and submit ────────────────────────────────────────────────────────────────────────────


@runs.post(
    "/flux/schnell",
    summary="fal: text to image",
    responses=examples.RUN_RESPONSES,
    openapi_extra=examples.TEXT_BODY,
)
async def text_to_image(request: Request) -> Response:
    """FLUX.1 [schnell] as fal serves it."""
    return await _begun(request, TextToImage, waits=not queue.by_host(request))


@runs.post(
    "/flux/schnell/redux",
    summary="fal: image to image",
    responses=examples.RUN_RESPONSES,
    openapi_extra=examples.REDUX_BODY,
)
async def redux(request: Request) -> Response:
    """FLUX.1 [schnell] Redux as fal serves it."""
    return await _begun(request, Redux, waits=not queue.by_host(request))


@queued.post(
    "/flux/schnell",
    summary="fal: text to image, queued",
    responses=examples.SUBMIT_RESPONSES,
    openapi_extra=examples.TEXT_QUEUED,
)
async def submit_text_to_image(request: Request) -> Response:
    """Where the request's status and result will be found."""
    return await _begun(request, TextToImage, waits=False)


@queued.post(
    "/flux/schnell/redux",
    summary="fal: image to image, queued",
    responses=examples.SUBMIT_RESPONSES,
    openapi_extra=examples.REDUX_QUEUED,
)
async def submit_redux(request: Request) -> Response:
    """Where the request's status and result will be found."""
    return await _begun(request, Redux, waits=False)


async def _begun(request: Request, kind: type[Asked], *, waits: bool) -> Response:
    try:
        return await (run(request, kind) if waits else queue.submit(request, kind))
    except Invalid as invalid:
        return respond(answers.INVALID, {"detail": list(invalid.found)})


# ── a request of the queue ────────────────────────────────────────────────────────────────────


async def status(request: Request, request_id: RequestId) -> Response:
    """Where a request stands: 202 until it has ended, 200 then."""
    return await queue.status(request, request_id)


async def stream(request: Request, request_id: RequestId) -> Response:
    """Where a request stands, as server-sent events; each log line once."""
    return await queue.stream(request, request_id)


async def result(request: Request, request_id: RequestId) -> Response:
    """What run would have answered; 400 before the end."""
    return await queue.result(request, request_id)


async def cancel(request: Request, request_id: RequestId) -> Response:
    """Stop a request between two steps."""
    return await queue.cancel(request, request_id)


BY_ID: tuple[tuple[str, str, Answering, str, Responses, Json], ...] = (
    ("GET", "", result, "fal: a request's result", examples.RESULT_RESPONSES, {}),
    ("GET", "/status", status, "fal: a request's status", examples.STATUS_RESPONSES, examples.LOGS),
    ("GET", "/status/stream", stream, "fal: a request's status, streamed",
     examples.STREAM_RESPONSES, examples.LOGS),
    ("PUT", "/cancel", cancel, "fal: cancel a request", examples.CANCEL_RESPONSES, {}),
)  # fmt: skip
"""Method, path below the request's, what answers, what it is, and what the document shows."""

PLACES = ("/flux/requests", "/flux/schnell/requests", "/flux/schnell/redux/requests")
"""Where requests lie: clients leave out all but owner and name, people do not always."""

for router in (queued, runs):
    for place in PLACES:
        for method, below, answer, title, responses, extra in BY_ID:
            router.add_api_route(
                f"{place}/{{request_id}}{below}", answer, methods=[method], summary=title,
                responses=responses, openapi_extra=extra,
                include_in_schema=router is queued and place is PLACES[0],
            )  # fmt: skip


# ── the proxy and uploads ─────────────────────────────────────────────────────────────────────


@others.api_route("/api/fal/proxy", methods=["GET", "POST", "PUT"], include_in_schema=False)
async def through_proxy(request: Request) -> Response:
    """Whatever `x-fal-target-url` names."""
    return await proxy.forwarded(request)


@others.post(
    "/storage/upload/initiate",
    summary="fal: where to put a picture",
    responses=examples.INITIATE_RESPONSES,
    openapi_extra=examples.INITIATE_BODY,
)
async def initiate_upload(request: Request) -> Response:
    """An address to put a picture at, and one to read it at."""
    return await uploads.initiate(request)


@others.post(
    "/storage/auth/token",
    summary="fal: what to send with an upload",
    responses=examples.TOKEN_RESPONSES,
)
async def upload_token(request: Request) -> Response:
    """What fal's Python client sends with the picture."""
    return await uploads.token(request)


@others.post(
    "/files/upload",
    summary="fal: upload a picture",
    responses=examples.UPLOAD_RESPONSES,
    openapi_extra=examples.BYTES_BODY,
)
async def upload_file(request: Request) -> Response:
    """The picture's bytes; its address is answered."""
    return await uploads.upload(request)


@others.put(
    "/uploads/{name}",
    summary="fal: put a picture",
    responses=examples.PUT_RESPONSES,
    openapi_extra=examples.BYTES_BODY,
)
async def put_upload(request: Request, name: Name) -> Response:
    """The picture's bytes, where it was said to put them."""
    return await uploads.put(request, name)


@others.get("/uploads/{name}", summary="fal: an uploaded picture", responses=examples.GET_RESPONSES)
async def get_upload(request: Request, name: Name) -> Response:
    """An uploaded picture, for whoever has its address."""
    return await uploads.get(request, name)


for router in (queued, runs):
    refuse_the_rest(router)

ROUTERS = (queued, runs, others)
