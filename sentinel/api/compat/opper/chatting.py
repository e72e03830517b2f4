"""Messages in, the prompt and the pictures of the last one that a user wrote out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentinel.api.compat.opper.fields import Message
from sentinel.api.errors import Problem, Refusal, shown
from sentinel.api.intake import PROMPT

FIELD = "messages"


@dataclass(frozen=True, slots=True)
class Said:
    """What a user said: the prompt, and addresses or data URIs of pictures."""

    prompt: str
    sources: tuple[str, ...] = ()


def said(messages: Sequence[Message]) -> Said:
    """What the last user said; Refusal where nobody did, or there is nothing to paint."""
    found = [at for at, each in enumerate(messages) if each.role == "user"]
    if not found:
        raise _wrong("none has the role user; say in one what is to be painted")
    at = found[-1]
    parts = messages[at].content
    said = Said(parts) if isinstance(parts, str) else _parted(parts or (), at)
    if not said.prompt.strip():
        raise _wrong(f"message {at} has no text; say what is to be painted")
    if len(said.prompt) > PROMPT:
        raise _wrong(f"message {at} has {len(said.prompt)} characters; at most {PROMPT} are read")
    try:
        said.prompt.encode()
    except UnicodeEncodeError:
        raise _wrong(f"message {at} holds half a character (a lone surrogate)") from None
    return said


def _parted(parts: Sequence[Mapping[str, Any]], at: int) -> Said:
    texts: list[str] = []
    sources: list[str] = []
    for index, part in enumerate(parts):
        kind, place = part.get("type"), f"message {at}, part {index}"
        if kind == "text":
            texts.append(_string(part.get("text"), f"{place}: text"))
        elif kind == "image_url":
            told = part.get("image_url")
            url = told.get("url") if isinstance(told, Mapping) else told
            sources.append(_string(url, f"{place}: image_url.url"))
        else:
            raise _wrong(f"{place} is of type {shown(kind)!r}; use text or image_url")
    return Said("\n".join(texts), tuple(sources))


def _string(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise _wrong(f"{place} is {shown(value)}; send a string")
    return value


def _wrong(told: str) -> Refusal:
    problem = Problem(field=FIELD, message=told)
    return Refusal(422, "invalid", f"{FIELD}: {told}", problems=(problem,))
