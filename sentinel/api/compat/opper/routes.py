"""OpenAI's requests in, answers out: under /v3/compat as at Opper, and under /v1 as at OpenAI."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from sentinel.api.compat.opper import answers, chatting, examples, forming, models, streaming
from sentinel.api.compat.opper.answers import Told
from sentinel.api.compat.opper.fields import Chat, Images
from sentinel.api.compat.opper.painted import Wish, painted
from sentinel.api.compat.opper.pictured import pictures_of, whole
from sentinel.api.compat.opper.telling import tell, told
from sentinel.api.compat.surface import body_of, refuse_the_rest, respond, telling
from sentinel.api.idempotency import once
from sentinel.api.published import places
from sentinel.api.routes import house_of

Telling = telling(tell)

compat = APIRouter(prefix="/v3/compat", route_class=Telling, tags=["Opper"])
openai = APIRouter(prefix="/v1", route_class=Telling, tags=["OpenAI"])

ModelId = Annotated[str, Path(max_length=200)]


async def complete(request: Request) -> Response:
    """A picture of what the last user asked for, beside the message and linked in its text."""
    return await once(request, lambda: _complete(request), told)


async def generate(request: Request) -> Response:
    """Pictures of a prompt."""
    return await once(request, lambda: _generate(request), told)


async def edit(request: Request) -> Response:
    """Pictures of a prompt in the style of others, where a generator looks at any."""
    return await once(request, lambda: _edit(request), told)


async def list_models(request: Request) -> Response:
    """Opper's model, and the generators that are seated."""
    return respond(200, models.listed(house_of(request).settings.generators))


async def retrieve_model(request: Request, model_id: ModelId) -> Response:
    """One model; its slashes may come as %2F."""
    models.painter_of(model_id, house_of(request).settings.generators)
    return respond(200, models.described(model_id))


async def _complete(request: Request) -> Response:
    asked = Chat.of(await body_of(request, chatting.FIELD))
    said = chatting.said(asked.messages)
    pictures = await pictures_of(request, said.sources, chatting.FIELD)
    wish = Wish(asked, said.prompt, pictures, chatting.FIELD)
    told = await _told(request, wish)
    if asked.stream:
        return streaming.chat(told, include_usage=asked.stream_options.include_usage)
    return respond(200, answers.completion(told), answers.headers_of(told))


async def _generate(request: Request) -> Response:
    asked = Images.of(await body_of(request))
    return _pictured(await _told(request, Wish(asked, asked.prompt)), asked, "image_generation")


async def _edit(request: Request) -> Response:
    house = house_of(request)
    fields, files = await forming.form_of(request, house.settings)
    asked = Images.of(fields)
    pictures = tuple([await whole(house, each, "image") for each in files])
    return _pictured(await _told(request, Wish(asked, asked.prompt, pictures)), asked, "image_edit")


async def _told(request: Request, wish: Wish) -> Told:
    pictures = await painted(request, wish)
    return Told(wish.asked.model, wish.prompt, pictures, places(request))


def _pictured(told: Told, asked: Images, kind: str) -> Response:
    if asked.stream:
        return streaming.pictures(told, asked, kind)
    return respond(200, answers.pictures(told, asked), answers.headers_of(told))


for router in (compat, openai):
    router.add_api_route(
        "/chat/completions", complete, methods=["POST"], summary="OpenAI: a chat that paints",
        responses=examples.CHAT_RESPONSES, openapi_extra=examples.CHAT_BODY,
    )  # fmt: skip
    router.add_api_route(
        "/images/generations", generate, methods=["POST"], summary="OpenAI: pictures of a prompt",
        responses=examples.IMAGES_RESPONSES, openapi_extra=examples.IMAGES_BODY,
    )  # fmt: skip
    router.add_api_route(
        "/images/edits", edit, methods=["POST"], summary="OpenAI: pictures after others",
        responses=examples.IMAGES_RESPONSES, openapi_extra=examples.EDITS_BODY,
    )  # fmt: skip
    router.add_api_route(
        "/models", list_models, methods=["GET"], summary="OpenAI: who paints here",
        responses=examples.MODELS_RESPONSES,
    )  # fmt: skip
    router.add_api_route(
        "/models/{model_id:path}", retrieve_model, methods=["GET"], summary="OpenAI: one model",
        responses=examples.MODEL_RESPONSES,
    )  # fmt: skip

refuse_the_rest(compat)
