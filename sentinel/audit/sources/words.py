"""What lies beside a picture or inside it in, the words it was made with out.

Automatic1111 writes `parameters` (in EXIF's UserComment for JPEG and WebP), ComfyUI the graph of
its nodes under `prompt`, InvokeAI its metadata as JSON. Sidecars are read the same ways.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from sentinel.audit.sources.columns import plain
from sentinel.imaging import DECODER_ERRORS

SETTINGS = re.compile(r"^Steps: \d+, ", re.MULTILINE)
"""Begins the last line that Automatic1111 writes: "Steps: 20, Sampler: Euler a, Model: x"."""

MODEL = re.compile(r"(?:^|, )Model: ([^,]+)")

EXIF, COMMENT = 0x8769, 0x9286
"""EXIF's sub-directory and its tag UserComment."""

DEEPEST = 32
"""Nodes that are followed from a sampler to its text; graphs are a stranger's, and may loop."""

MOST_WORDS = 100_000
"""Characters of text in a picture that are looked at."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a picture was made with, as far as it is told."""

    prompt: str | None = None
    negative_prompt: str | None = None
    made_by: str | None = None


def embedded(data: bytes, formats: tuple[str, ...]) -> Words:
    """The words in a picture's own metadata; none where it has none, or none that can be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=formats) as image:
                return _of_texts(_texts(image))
    except DECODER_ERRORS:
        return Words()  # whether it is a picture at all is told when it is decoded


def beside(text: str) -> Words:
    """A .txt beside a picture: Automatic1111's parameters, or a prompt and nothing else."""
    text = text.strip().lstrip("\ufeff").strip()
    if SETTINGS.search(text) or "\nNegative prompt:" in text:
        return _parameters(text)
    return Words(prompt=plain(" ".join(text.split())) or None)


def _texts(image: Image.Image) -> dict[str, str]:
    found = {key: value for key, value in image.info.items() if isinstance(value, str)}
    if "parameters" not in found:
        comment = image.getexif().get_ifd(EXIF).get(COMMENT)
        if isinstance(comment, bytes) and len(comment) <= MOST_WORDS:
            found["parameters"] = _comment(comment)
    return {key: value for key, value in found.items() if 0 < len(value) <= MOST_WORDS}


def _comment(raw: bytes) -> str:
    """EXIF's UserComment: eight bytes that name the encoding, then the text."""
    head, body = raw[:8], raw[8:]
    if head.startswith(b"UNICODE"):
        order = "utf-16-le" if body[1:2] == b"\0" else "utf-16-be"
        return body.decode(order, "ignore")
    return (body if head.startswith(b"ASCII") else raw).decode("utf-8", "ignore").strip("\0 ")


def _of_texts(texts: Mapping[str, str]) -> Words:
    for key in ("invokeai_metadata", "sd-metadata"):
        if key in texts:
            return _invoke(_json(texts[key]))
    if "parameters" in texts:
        return _parameters(texts["parameters"])
    if "prompt" in texts:
        return _comfy(_json(texts["prompt"]))
    return Words()


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _parameters(text: str) -> Words:
    """Prompt, then "Negative prompt: …", then the line of settings; all but the first may lack."""
    settings = SETTINGS.search(text)
    before = text[: settings.start()] if settings else text
    prompt, _, negative = before.partition("Negative prompt:")
    model = MODEL.search(text[settings.start() :]) if settings else None
    return Words(_word(prompt), _word(negative), model.group(1).strip() if model else None)


def _invoke(told: Mapping[str, Any]) -> Words:
    image = told.get("image")
    older = image if isinstance(image, dict) else {}
    model = told.get("model") or told.get("model_weights")
    name = (model.get("name") or model.get("model_name")) if isinstance(model, dict) else model
    prompt = told.get("positive_prompt", older.get("prompt"))
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], dict):
        prompt = prompt[0].get("prompt")
    return Words(_word(prompt), _word(told.get("negative_prompt")), _word(name))


def _comfy(nodes: Mapping[str, Any]) -> Words:
    """The texts that lead into the first sampler of a graph, and its checkpoint."""
    known = {key: node for key, node in nodes.items() if isinstance(node, dict)}
    inputs = {key: node.get("inputs") or {} for key, node in known.items()}
    inputs = {key: each for key, each in inputs.items() if isinstance(each, dict)}
    sampler = next((each for each in inputs.values() if "positive" in each), None)
    guider = next((each for each in inputs.values() if "conditioning" in each), {})
    start = sampler or {"positive": guider.get("conditioning")}
    model = next((each["ckpt_name"] for each in inputs.values() if "ckpt_name" in each), None)
    return Words(
        _word(_follow(inputs, start.get("positive"))),
        _word(_follow(inputs, start.get("negative"))),
        _word(model),
    )


def _follow(inputs: Mapping[str, Mapping[str, Any]], link: object) -> str | None:
    """From a link to the text it comes from, through whatever lies between."""
    for _ in range(DEEPEST):
        if isinstance(link, str):
            return link
        if not isinstance(link, list) or not link:
            return None
        node = inputs.get(str(link[0]), {})
        keys = ("text", "text_g", "string", "value", "t5xxl", "conditioning", "positive")
        link = next((node[key] for key in keys if node.get(key)), None)
    return None


def _word(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return plain(" ".join(value.replace("\0", " ").split())) or None
