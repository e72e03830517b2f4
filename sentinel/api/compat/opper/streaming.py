"""Delivered pictures in, OpenAI's server-sent events out.

A picture is there as a whole or not at all, and until it is judged nobody knows whether it may be
shown: the stream begins when that is settled, so that a refusal is an error with its status.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from starlette.responses import Response

from sentinel.api.compat.opper import answers
from sentinel.api.compat.opper.answers import Json, Told
from sentinel.api.compat.opper.fields import Images
from sentinel.api.painting import Delivered

END = "data: [DONE]\n\n"

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def chat(told: Told, *, include_usage: bool) -> Response:
    """A chat completion in chunks."""
    events = [_event(chunk) for chunk in _chunks(told, include_usage=include_usage)]
    return _streamed(told, "".join((*events, END)))


def pictures(told: Told, asked: Images, kind: str) -> Response:
    """Pictures as events, one for each; `kind` is image_generation or image_edit."""
    events = [
        f"event: {kind}.completed\n{_event(_completed(told, asked, each, kind))}"
        for each in told.pictures
    ]
    return _streamed(told, "".join(events))


def _chunks(told: Told, *, include_usage: bool) -> Iterator[Json]:
    """Who speaks, the text, the picture and the end, choice by choice; then what it cost."""
    last = len(told.pictures) - 1
    for at, picture in enumerate(told.pictures):
        yield _chunk(told, at, {"role": "assistant", "content": ""})
        yield _chunk(told, at, {"content": answers.content(told.places, picture)})
        yield _chunk(told, at, {"images": answers.images(picture)})
        ended = _chunk(told, at, {}, finish="stop")
        if at == last:
            ended["sentinel"] = answers.sentinel(told.pictures)
            if not include_usage:  # told twice, it would be counted twice
                ended["usage"] = answers.usage(told)
        yield ended
    if include_usage:
        yield {**_head(told), "choices": [], "usage": answers.usage(told)}


def _head(told: Told) -> Json:
    return {"id": f"chatcmpl-{told.id}", "object": "chat.completion.chunk",
            "created": told.created, "model": told.model}  # fmt: skip


def _chunk(told: Told, index: int, delta: Json, finish: str | None = None) -> Json:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**_head(told), "choices": [choice]}


def _completed(told: Told, asked: Images, picture: Delivered, kind: str) -> Json:
    whole = answers.pictures(told, asked)
    same = ("background", "output_format", "size", "usage", "sentinel")
    return {
        "type": f"{kind}.completed", "b64_json": answers.encoded(picture), "quality": "auto",
        "created_at": told.created, "mime_type": picture.content_type,
        **{name: whole[name] for name in same},
    }  # fmt: skip


def _event(body: Json) -> str:
    return f"data: {orjson.dumps(body).decode()}\n\n"


def _streamed(told: Told, events: str) -> Response:
    headers = {**answers.headers_of(told), **HEADERS}
    return Response(events, media_type="text/event-stream", headers=headers)
