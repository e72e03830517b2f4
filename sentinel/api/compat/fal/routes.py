"""fal's routes: https://fal.run, https://queue.fal.run and https://rest.fal.ai, by another host.

Run and queue have the same paths at fal and differ by host alone. Here the queue has the prefix
/queue as well, and a Host that begins with `queue.` means it too.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from sentinel.api.compat.fal import answers, proxy, uploads
from sentinel.api.compat.fal.fields import Asked, Invalid, Redux, TextToImage
from sentinel.api.compat.fal.run import run
from sentinel.api.compat.surface import refuse_the_rest, telling

Told = telling(answers.tell)

Name = Annotated[str, Path(max_length=128)]

runs = APIRouter(prefix="/fal-ai", route_class=Told, tags=["fal"])
others = APIRouter(route_class=Told, tags=["fal"])


@runs.post("/flux/schnell", summary="fal: text to image")
async def text_to_image(request: Request) -> Response:
    """FLUX.1 [schnell] as fal serves it."""
    return await _begun(request, TextToImage)


@runs.post("/flux/schnell/redux", summary="fal: image to image")
async def redux(request: Request) -> Response:
    """FLUX.1 [schnell] Redux as fal serves it."""
    return await _begun(request, Redux)


@others.api_route("/api/fal/proxy", methods=["GET", "POST", "PUT"], include_in_schema=False)
async def through_proxy(request: Request) -> Response:
    """Whatever `x-fal-target-url` names."""
    return await proxy.forwarded(request)


@others.post("/storage/upload/initiate", summary="fal: where to put a picture")
async def initiate_upload(request: Request) -> Response:
    """An address to put a picture at, and one to read it at."""
    return await uploads.initiate(request)


@others.post("/storage/auth/token", summary="fal: what to send with an upload")
async def upload_token(request: Request) -> Response:
    """What fal's Python client sends with the picture."""
    return await uploads.token(request)


@others.post("/files/upload", summary="fal: upload a picture")
async def upload_file(request: Request) -> Response:
    """The picture's bytes; its address is answered."""
    return await uploads.upload(request)


@others.put("/uploads/{name}", summary="fal: put a picture")
async def put_upload(request: Request, name: Name) -> Response:
    """The picture's bytes, where it was said to put them."""
    return await uploads.put(request, name)


@others.get("/uploads/{name}", summary="fal: an uploaded picture")
async def get_upload(request: Request, name: Name) -> Response:
    """An uploaded picture, for whoever has its address."""
    return await uploads.get(request, name)


async def _begun(request: Request, kind: type[Asked]) -> Response:
    try:
        return await run(request, kind)
    except Invalid as invalid:
        return answers.respond(422, {"detail": list(invalid.found)})


refuse_the_rest(runs)

ROUTERS = (runs, others)
