"""OpenAI's Python client, unmodified, through what a program does with it; prints one JSON object."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import time

import openai

MODEL = "deepinfra/black-forest-labs/FLUX-1-schnell"
BASE = os.environ["SENTINEL_URL"]
SMALL = {"size": "128x128", "seed": 7}
PROMPT = "a red circle on a blue ground"
ASKED = [{"role": "user", "content": PROMPT}]
NOTHING = b"no picture"

sent: list[str] = []
"""Method and path of every request that left."""


def counting(request):
    sent.append(f"{request.method} {request.url.path}")


client = openai.OpenAI(
    base_url=f"{BASE}/v3/compat",
    api_key="any",
    http_client=openai.DefaultHttpxClient(event_hooks={"request": [counting]}),
)
by_v1 = openai.OpenAI(base_url=f"{BASE}/v1", api_key="any")


def digest(data: str | None) -> str | None:
    return None if data is None else hashlib.sha256(base64.b64decode(data)).hexdigest()


def failure(call):
    """The class of what a call raises, what it says, and how many requests it took."""
    begun, before = time.monotonic(), len(sent)
    try:
        call()
    except openai.APIStatusError as error:
        return {
            "class": type(error).__name__, "status": error.status_code, "param": error.param,
            "code": error.code, "type": error.type, "message": error.body["message"],
            "request_id": error.request_id, "requests": len(sent) - before,
            "seconds": time.monotonic() - begun,
        }  # fmt: skip
    return None


def chat(answer):
    message = answer.choices[0].message
    url = message.images[0]["image_url"]["url"]
    return {
        "id": answer.id, "model": answer.model, "content": message.content, "role": message.role,
        "finish_reason": answer.choices[0].finish_reason, "head": url.partition(",")[0],
        "picture": digest(url.partition(",")[2]), "cost": answer.usage.cost,
        "tokens": [answer.usage.prompt_tokens, answer.usage.completion_tokens,
                   answer.usage.total_tokens],
        "sentinel": answer.sentinel, "request_id": answer._request_id,
    }  # fmt: skip


def streamed(chunks):
    text, pictures, ends, last = "", [], [], None
    for chunk in chunks:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            pictures += getattr(choice.delta, "images", None) or []
            ends += [choice.finish_reason] if choice.finish_reason else []
        last = chunk
    url = pictures[0]["image_url"]["url"]
    return {"content": text, "pictures": len(pictures), "ends": ends,
            "picture": digest(url.partition(",")[2]), "cost": last.usage.cost,
            "choices_of_last": len(last.choices)}  # fmt: skip


def images(answer):
    return {
        "pictures": [digest(each.b64_json) for each in answer.data],
        "starts": [base64.b64decode(each.b64_json or "")[:3].hex() for each in answer.data],
        "urls": [each.url for each in answer.data], "cost": answer.usage.cost,
        "types": [each.mime_type for each in answer.data], "size": answer.size,
        "count": answer.usage.images, "sentinel": answer.sentinel,
        "revised": [each.revised_prompt for each in answer.data],
    }  # fmt: skip


async def meanwhile():
    aside = openai.AsyncOpenAI(base_url=f"{BASE}/v3/compat", api_key="any")
    answer = await aside.chat.completions.create(model=MODEL, messages=ASKED, extra_body=SMALL)
    chunks = await aside.chat.completions.create(
        model=MODEL, messages=ASKED, extra_body=SMALL, stream=True
    )
    return {"answer": chat(answer), "stream": streamed([chunk async for chunk in chunks])}


def complete(messages=ASKED, **given):
    return client.chat.completions.create(
        model=MODEL, messages=messages, extra_body={**SMALL, **given}
    )


def generate(**given):
    return client.images.generate(**{"model": MODEL, "prompt": PROMPT, "size": "128x128", **given})


parts = [{"type": "text", "text": "a red circle"}, {"type": "text", "text": "on a blue ground"}]
linked = [{"type": "text", "text": PROMPT},
          {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]  # fmt: skip
picture = ("a.png", base64.b64decode(generate(extra_body={"seed": 7}).data[0].b64_json))
wrong = {
    "size": lambda: generate(size="100x100"),
    "n": lambda: generate(n=5),
    "seed": lambda: generate(extra_body={"seed": -1}),
    "prompt": lambda: generate(prompt=" "),
    "response_format": lambda: generate(response_format="base64"),
    "output_format": lambda: generate(output_format="webp"),
    "messages": lambda: complete([]),
    "nobody": lambda: complete([{"role": "system", "content": PROMPT}]),
    "silent": lambda: complete([{"role": "user", "content": []}]),
    "half": lambda: complete([{"role": "user", "content": linked}]),
    "model": lambda: generate(model="dall-e-3"),
    "retrieve": lambda: client.models.retrieve("gpt-image-1"),
    "policy": lambda: generate(extra_headers={"X-Sentinel-Policy": "none"}),
    "unsafe": lambda: generate(prompt="a nude woman"),
    "edit": lambda: client.images.edit(model=MODEL, prompt=PROMPT, image=picture),
    "mask": lambda: client.images.edit(model=MODEL, prompt=PROMPT, image=picture, mask=picture),
    "unreadable": lambda: client.images.edit(prompt=PROMPT, image=("a.png", NOTHING)),
    "elsewhere": lambda: client.embeddings.create(model=MODEL, input=PROMPT),
}

print(  # noqa: T201 - the tests read it
    json.dumps(
        {
            "hello": chat(
                client.chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": "Hello"}]
                )
            ),
            "chat": chat(complete()),
            "parts": complete([{"role": "user", "content": parts}]).usage.prompt_tokens,
            "last": chat(complete([{"role": "user", "content": "a green star"}, *ASKED])),
            "other": chat(complete(seed=8)),
            "several": [each.index for each in complete(n=2).choices],
            "streamed": streamed(
                client.chat.completions.create(
                    model=MODEL, messages=ASKED, extra_body=SMALL, stream=True
                )
            ),
            "counted": streamed(
                client.chat.completions.create(
                    model=MODEL,
                    messages=ASKED,
                    extra_body=SMALL,
                    stream=True,
                    stream_options={"include_usage": True},
                )
            ),
            "async": asyncio.run(meanwhile()),
            "png": images(
                generate(
                    n=2,
                    extra_body={"seed": 7},
                    user="ann",
                    quality="high",
                    style="vivid",
                    background="auto",
                    moderation="low",
                )
            ),
            "jpeg": images(generate(output_format="jpeg", extra_body={"seed": 7})),
            "url": images(generate(response_format="url", extra_body={"seed": 7})),
            "events": [each.type for each in generate(stream=True, n=2)],
            "v1": images(by_v1.images.generate(prompt=PROMPT, extra_body=SMALL)),
            "models": [each.id for each in client.models.list()],
            "model": client.models.retrieve(MODEL).id,
            "wrong": {name: failure(call) for name, call in wrong.items()},
        }
    )
)
