"""What the OpenAPI document shows of Opper's routes: bodies, answers and errors."""

from __future__ import annotations

from sentinel.api.compat.opper.fields import Chat, Images, Native
from sentinel.api.compat.opper.models import OPPER, SINCE
from sentinel.api.examples import FILE, ID, Json, Responses, answered, json_body, schema_of

PROMPT = 'a poster with a red circle and the word "SALE"'

TOLD: Json = {"trace_id": ID, "score": 0.93, "passed": True, "action": "pass", "attempts": 1,
              "seed": 7}  # fmt: skip
SENTINEL: Json = {**TOLD, "pictures": [TOLD]}
URL = f"http://127.0.0.1:8600/media/{'9f86d081884c7d65' * 6}.png"

CHAT_BODY = json_body(
    Chat, {"model": OPPER, "messages": [{"role": "user", "content": PROMPT}], "size": "1024x1024"}
)
IMAGES_BODY = json_body(Images, {"model": OPPER, "prompt": PROMPT, "n": 1, "size": "1024x1024"})
NATIVE_BODY = json_body(
    Native, {"model": OPPER, "prompt": PROMPT, "aspect_ratio": "16:9", "parameters": {"seed": 7}}
)

_FORM: Json = {
    "type": "object",
    "required": ["image", "prompt"],
    "properties": {"image": FILE, **schema_of(Images)["properties"]},
}
_PARTS: Json = {"schema": _FORM, "encoding": {"image": {"contentType": "image/*"}}}
EDITS_BODY: Json = {"requestBody": {"required": True, "content": {"multipart/form-data": _PARTS}}}

CHAT: Json = {
    "id": f"chatcmpl-{ID}", "object": "chat.completion", "created": SINCE, "model": OPPER,
    "choices": [{
        "index": 0, "finish_reason": "stop", "logprobs": None,
        "message": {"role": "assistant", "content": f"![picture]({URL})", "refusal": None,
                    "images": [{"type": "image_url", "index": 0,
                                "image_url": {"url": "data:image/png;base64,iVBORw0KGgo…"}}]},
    }],
    "usage": {"prompt_tokens": 12, "completion_tokens": 0, "total_tokens": 12, "cost": 0.0005},
    "sentinel": SENTINEL,
}  # fmt: skip

IMAGES: Json = {
    "created": SINCE, "background": "opaque", "output_format": "png", "size": "1024x1024",
    "data": [{"b64_json": "iVBORw0KGgo…", "mime_type": "image/png", "revised_prompt": PROMPT}],
    "usage": {"input_tokens": 12, "output_tokens": 0, "total_tokens": 12,
              "input_tokens_details": {"text_tokens": 12, "image_tokens": 0},
              "cost": 0.0005, "images": 1},
    "sentinel": SENTINEL,
}  # fmt: skip

NATIVE: Json = {
    "id": f"img_{ID}", "model": OPPER, "created": SINCE,
    "data": [{"b64_json": "iVBORw0KGgo…", "mime_type": "image/png", "revised_prompt": PROMPT,
              "url": URL, "file_id": f"file_{URL.rpartition('/')[2]}"}],
    "usage": {"cost": 0.0005, "images": 1}, "sentinel": SENTINEL,
}  # fmt: skip

MODEL: Json = {"id": OPPER, "object": "model", "created": SINCE, "owned_by": "black-forest-labs"}


def _refused(description: str, message: str, param: str | None, code: str) -> Json:
    told = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return answered(description, {"error": told})


BAD = _refused("A field cannot be used, or nothing may be delivered",
               "n: Input should be less than or equal to 4", "n", "invalid_value")  # fmt: skip
NO_KEY = _refused("No such access key", "there is no such access key", None, "invalid_api_key")
NO_MODEL = _refused("No such model", "the model 'dall-e-3' does not exist here; use one of …",
                    "model", "model_not_found")  # fmt: skip

ERRORS: Responses = {400: BAD, 401: NO_KEY, 404: NO_MODEL}

CHAT_RESPONSES: Responses = {200: answered("A chat completion, or its chunks", CHAT), **ERRORS}
CHAT_RESPONSES[200]["content"]["text/event-stream"] = {"example": "data: [DONE]\n\n"}
IMAGES_RESPONSES: Responses = {200: answered("Pictures, or events", IMAGES), **ERRORS}
IMAGES_RESPONSES[200]["content"]["text/event-stream"] = {
    "example": "event: image_generation.completed\ndata: {}\n\n"
}
MODELS_RESPONSES: Responses = {
    200: answered("Models", {"object": "list", "data": [MODEL]}), 401: NO_KEY,
}  # fmt: skip
MODEL_RESPONSES: Responses = {200: answered("The model", MODEL), 401: NO_KEY, 404: NO_MODEL}

NATIVE_RESPONSES: Responses = {
    200: answered("Pictures", NATIVE),
    400: answered("A field cannot be used, or nothing may be delivered", {
        "type": "BadRequestError", "message": "The request is invalid",
        "detail": "n: Input should be less than or equal to 4"}),
}  # fmt: skip
