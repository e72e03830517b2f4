"""What the OpenAPI document shows of fal's routes: bodies, answers and errors."""

from __future__ import annotations

from sentinel.api.compat.fal.fields import Redux, TextToImage
from sentinel.api.examples import FILE, ID, PIXEL, Json, Responses, answered, json_body

HERE = "http://127.0.0.1:8600"
REQUEST = f"{HERE}/queue/fal-ai/flux/requests/{ID}"
URL = f"{HERE}/media/{'9f86d081884c7d65' * 6}.jpg"
PROMPT = 'a poster with a red circle and the word "SALE"'


def _header(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "header", "required": False, "schema": schema,
            "description": description}  # fmt: skip


TEXT_BODY = json_body(
    TextToImage,
    {"prompt": PROMPT, "image_size": "landscape_4_3", "num_inference_steps": 4, "seed": 7,
     "num_images": 1, "output_format": "jpeg"},
)  # fmt: skip
REDUX_BODY = json_body(
    Redux, {"image_url": f"data:image/png;base64,{PIXEL}", "image_size": "square", "seed": 7}
)

WAITING: Json = {
    "parameters": [
        {"name": "fal_webhook", "in": "query", "required": False, "schema": {"type": "string"},
         "description": "Where the end is posted; a public address."},
        _header("x-fal-request-timeout", {"type": "number", "minimum": 0},
                "Seconds after which a request that has not begun is given up."),
    ]
}  # fmt: skip
TEXT_QUEUED: Json = {**TEXT_BODY, **WAITING}
REDUX_QUEUED: Json = {**REDUX_BODY, **WAITING}

LOGS: Json = {
    "parameters": [
        {"name": "logs", "in": "query", "required": False,
         "schema": {"enum": ["true", "false", "1", "0"]}, "description": "Whether lines are told."},
    ]
}  # fmt: skip

UPLOAD: Json = {
    "type": "object",
    "properties": {
        "content_type": {"type": "string", "default": "application/octet-stream",
                         "description": "the picture's type; left out, the bytes say it"},
        "file_name": {"type": "string", "description": "taken and of no effect"},
    },
}  # fmt: skip
INITIATE_BODY: Json = {
    "requestBody": {"required": True, "content": {"application/json": {
        "schema": UPLOAD, "example": {"content_type": "image/png", "file_name": "cup.png"}}}}
}  # fmt: skip
BYTES_BODY: Json = {"requestBody": {"required": True, "content": {"image/*": {"schema": FILE}}}}

RESULT: Json = {
    "images": [{"url": URL, "content_type": "image/jpeg", "width": 1024, "height": 768}],
    "timings": {"inference": 2.31}, "seed": 7, "has_nsfw_concepts": [False], "prompt": PROMPT,
}  # fmt: skip
PLACE: Json = {
    "request_id": ID, "response_url": REQUEST, "status_url": f"{REQUEST}/status",
    "cancel_url": f"{REQUEST}/cancel",
}  # fmt: skip
DONE: Json = {**PLACE, "status": "COMPLETED", "logs": None, "metrics": {"inference_time": 2.31}}


def _wrong(description: str, field: str, said: str, kind: str, given: str) -> Json:
    found = {"loc": ["body", field], "msg": said, "type": kind, "ctx": {}, "input": given}
    return answered(description, {"detail": [found]})


def _refused(description: str, said: str, kind: str | None = None) -> Json:
    return answered(description, {"detail": said} | ({} if kind is None else {"error_type": kind}))


NO_KEY = _refused("No such access key", "there is no such access key")
SPENT = _refused("The key's budget is spent", "5.0000 of 5.0000 US dollars are spent this month")
UNKNOWN = _refused("No such request, application or policy", f"there is no request '{ID}'")
INVALID = _wrong("A field cannot be used, or nothing may be delivered", "num_images",
                 "Input should be less than or equal to 4", "less_than_equal", "9")  # fmt: skip
NO_PICTURE = _refused("No generator gave a picture", f"no picture came; trace {ID}",
                      "runner_server_error")  # fmt: skip
BUSY = _refused("Full; Retry-After says when to come back", "the house is full",
                "runner_scheduling_failure")  # fmt: skip

_ASKING: Responses = {401: NO_KEY, 402: SPENT, 404: UNKNOWN, 422: INVALID, 503: BUSY}

RUN_RESPONSES: Responses = {200: answered("The pictures", RESULT), **_ASKING, 502: NO_PICTURE}
SUBMIT_RESPONSES: Responses = {
    200: answered("Where it will be found", {**PLACE, "status": "IN_QUEUE", "queue_position": 0}),
    **_ASKING,
}  # fmt: skip
RESULT_RESPONSES: Responses = {
    200: answered("The pictures", RESULT),
    400: _refused("It has not ended", "Request is still in progress", "bad_request"),
    401: NO_KEY, 404: UNKNOWN, 422: INVALID,
    499: _refused("It was cancelled", "the request was cancelled", "client_cancelled"),
    502: NO_PICTURE,
}  # fmt: skip
STATUS_RESPONSES: Responses = {
    200: answered("It has ended", DONE),
    202: answered("It waits or is worked at", {**PLACE, "status": "IN_PROGRESS", "logs": None}),
    401: NO_KEY, 404: UNKNOWN,
}  # fmt: skip
STREAM_RESPONSES: Responses = {
    200: {"description": "Every change, until it has ended", "content": {"text/event-stream": {
        "schema": {"type": "string"}, "example": 'data: {"status": "COMPLETED"}\n\n'}}},
    401: NO_KEY, 404: UNKNOWN,
}  # fmt: skip
CANCEL_RESPONSES: Responses = {
    202: answered("It is being stopped", {"status": "CANCELLATION_REQUESTED"}),
    400: answered("It has ended", {"status": "ALREADY_COMPLETED"}), 401: NO_KEY, 404: UNKNOWN,
}  # fmt: skip
INITIATE_RESPONSES: Responses = {
    200: answered("Where to put it, and where it is read", {
        "upload_url": f"{HERE}/uploads/{ID}{'0f' * 16}.png",
        "file_url": f"{HERE}/uploads/{ID}{'1e' * 16}.png"}),
    401: NO_KEY, 422: INVALID,
}  # fmt: skip
TOKEN_RESPONSES: Responses = {
    200: answered("What to send", {"token": "sentinel_…", "token_type": "Key", "base_url": HERE,
                                   "expires_at": "2026-01-31T12:00:00+00:00"}),
    401: NO_KEY,
}  # fmt: skip
UPLOAD_RESPONSES: Responses = {
    200: answered("Where it is read", {"access_url": URL}), 401: NO_KEY, 422: INVALID,
}  # fmt: skip
PUT_RESPONSES: Responses = {200: answered("It is kept", {}), 404: UNKNOWN, 422: INVALID}
GET_RESPONSES: Responses = {
    200: {"description": "The picture", "content": {"image/*": {"schema": FILE}}}, 404: UNKNOWN,
}  # fmt: skip
