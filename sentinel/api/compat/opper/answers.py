"""Delivered pictures in, OpenAI's answers out: a chat completion, or pictures.

Where the service counts tokens, words and signs of the prompt are counted, the way CLIP parts a
text before it breaks words up: no fewer tokens than that were read. Pictures have none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pybase64

from sentinel.api.compat import prices
from sentinel.api.compat.asking import story
from sentinel.api.compat.opper.fields import Images
from sentinel.api.painting import Delivered
from sentinel.api.published import Places, data_uri

WORD = re.compile(r"\w+|[^\w\s]")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """Of what was asked, all that an answer repeats or goes by."""

    model: str
    prompt: str
    pictures: tuple[Delivered, ...]
    places: Places

    @property
    def id(self) -> str:
        """The first picture's trace."""
        return self.pictures[0].trace.id

    @property
    def created(self) -> int:
        """Unix seconds."""
        return self.pictures[0].trace.created_ms // 1000

    @property
    def cost(self) -> float:
        """US dollars for what is delivered."""
        return prices.opper(len(self.pictures))

    @property
    def words(self) -> int:
        """Words and signs of the prompt."""
        return len(WORD.findall(self.prompt))


# ── a chat completion ─────────────────────────────────────────────────────────────────────────


def completion(told: Told) -> Json:
    """What POST /chat/completions answers: a choice for each picture."""
    choices = [
        {"index": at, "finish_reason": "stop", "logprobs": None,
         "message": {"role": "assistant", "content": content(told.places, each), "refusal": None,
                     "images": images(each)}}
        for at, each in enumerate(told.pictures)
    ]  # fmt: skip
    return {
        "id": f"chatcmpl-{told.id}", "object": "chat.completion", "created": told.created,
        "model": told.model, "choices": choices, "usage": usage(told),
        "sentinel": sentinel(told.pictures),
    }  # fmt: skip


def content(places: Places, picture: Delivered) -> str:
    """A message's text: the picture as Markdown links to it."""
    return f"![picture]({places.of(picture)})"


def images(picture: Delivered) -> list[Json]:
    """A message's pictures, as OpenRouter tells them."""
    url = data_uri(picture.data, picture.content_type)
    return [{"type": "image_url", "index": 0, "image_url": {"url": url}}]


def usage(told: Told) -> Json:
    """What a chat completion cost."""
    return {"prompt_tokens": told.words, "completion_tokens": 0, "total_tokens": told.words,
            "cost": told.cost}  # fmt: skip


# ── pictures ──────────────────────────────────────────────────────────────────────────────────


def pictures(told: Told, asked: Images) -> Json:
    """What POST /images/generations and /images/edits answer."""
    width, height = asked.pixels
    return {
        "created": told.created, "background": "opaque", "output_format": asked.output_format,
        "size": f"{width}x{height}",
        "data": [_picture(told, asked, each) for each in told.pictures],
        "usage": images_usage(told), "sentinel": sentinel(told.pictures),
    }  # fmt: skip


def _picture(told: Told, asked: Images, picture: Delivered) -> Json:
    by_url = asked.response_format == "url"
    where = {"url": told.places.of(picture)} if by_url else {"b64_json": encoded(picture)}
    return {**where, "mime_type": picture.content_type, "revised_prompt": painted_as(picture, told)}


def encoded(picture: Delivered) -> str:
    """Its bytes as base64."""
    return pybase64.b64encode_as_string(picture.data)


def painted_as(picture: Delivered, told: Told) -> str:
    """The prompt of the attempt that is delivered; feedback may have changed it."""
    return picture.trace.last.brief.prompt or told.prompt


def images_usage(told: Told) -> Json:
    """What pictures cost."""
    return {
        "input_tokens": told.words, "output_tokens": 0, "total_tokens": told.words,
        "input_tokens_details": {"text_tokens": told.words, "image_tokens": 0},
        "cost": told.cost, "images": len(told.pictures),
    }  # fmt: skip


# ── what Sentinel adds ────────────────────────────────────────────────────────────────────────


def sentinel(pictures: Sequence[Delivered]) -> Json:
    """The story of the first picture, and of each under `pictures`."""
    each = [_story(picture) for picture in pictures]
    return {**each[0], "pictures": each}


def _story(picture: Delivered) -> Json:
    verdict = picture.trace.verdict
    return {
        "trace_id": picture.trace.id, "score": verdict.score, "passed": verdict.passed,
        "action": verdict.action, "attempts": len(picture.trace.attempts), "seed": picture.seed,
    }  # fmt: skip


def headers_of(told: Told) -> dict[str, str]:
    """What Sentinel says in headers, and the request's id, which is the trace's."""
    return {**story(told.pictures, told.cost), "x-request-id": told.id}
