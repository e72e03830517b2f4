"""What the OpenAPI document shows of evaluations and runs."""

from __future__ import annotations

from sentinel.api.evaluation_examples import ADDRESS, EVALUATION, NAMED
from sentinel.api.examples import BUSY, ID, INVALID, PIXEL, Json, Responses, answered, refused

__all__ = ["NAMED"]

UUID = "0b9c6a52-6a1e-4f0e-9a43-5f0f5f6f2f11"

ASKED: Json = {
    "generated_image_url": f"data:image/png;base64,{PIXEL}", "task_type": "poster",
    "generation_prompt": 'a shop window with a sign that reads "SALE"',
    "input_attributes": {"expected_text": ["SALE"]}, "client_ref": "order-17",
}  # fmt: skip

ACCEPTED: Json = {
    "id": UUID, "status_code": "pending", "job_class_code": "standard", "client_ref": "order-17",
}  # fmt: skip

READ: Json = {
    key: value
    for key, value in EVALUATION.items()
    if key not in ("judges", "action", "gate_failures")
}
"""Without `embed`."""

FEEDBACK: Json = {"is_positive": False, "reason": "the sign is fine"}

ABSENT = refused("No such evaluation", "not_found", f"there is no evaluation '{UUID}'")
BROKEN = refused("The body cannot be parsed", "json_invalid", "the body is not JSON")
WRONG = refused(
    "A field, or the picture, cannot be used", "invalid", "task_type: Field required", "task_type"
)

SUBMIT_RESPONSES: Responses = {
    202: answered("Accepted: it is judged, whatever happens to the process", ACCEPTED),
    400: BROKEN,
    404: refused("No such policy", "not_found", "there is no policy 'postre'", "policy"),
    409: refused("The answer under this key is not kept", "idempotency_gone",
                 "Idempotency-Key: this request was answered before"),
    422: WRONG,
    503: BUSY,
}  # fmt: skip
EVALUATION_RESPONSES: Responses = {
    200: answered("Where it stands", READ), 404: ABSENT, 422: INVALID,
}  # fmt: skip
FEEDBACK_RESPONSES: Responses = {
    200: answered("The evaluation", {**EVALUATION, "feedback_is_positive": False,
                                     "feedback_reason": "the sign is fine"}),
    400: BROKEN,
    404: ABSENT,
    409: refused("There is no verdict yet", "evaluation_not_completed",
                 f"evaluation {UUID} is pending; there is no verdict to speak of"),
    422: INVALID,
}  # fmt: skip
LIST_RESPONSES: Responses = {
    200: answered("Evaluations, the newest first", {"evaluations": [READ], "next_url": None}),
    422: INVALID,
}
STATUSES_RESPONSES: Responses = {
    200: answered("Statuses", {"statuses": [
        {"code": "pending", "description": "accepted; nobody has looked yet", "final": False}
    ]})
}  # fmt: skip
JOB_CLASSES_RESPONSES: Responses = {
    200: answered("Classes", {"job_classes": [
        {"code": "standard", "description": "judged in the order in which it came"}
    ]})
}  # fmt: skip

INPUT: Json = {"prompt": 'a shop window with a sign that reads "SALE"', "width": 512,
               "height": 512, "seed": 7}  # fmt: skip

RUN_ASKED: Json = {
    "input": INPUT, "metadata": {"order": 17}, "client_ref": "order-17",
    "callback_url": "https://shop.example/painted",
}  # fmt: skip

RUN: Json = {
    "id": UUID, "status_code": "succeeded", "model_id": "black-forest-labs/flux-1-schnell",
    "input": INPUT,
    "output": {
        "images": [{"url": ADDRESS, "width": 512, "height": 512, "content_type": "image/png"}],
        "seed": 7, "evaluation": EVALUATION,
    },
    "metadata": {"order": 17}, "client_ref": "order-17",
    "callback_url": "https://shop.example/painted", "duration_ms": 4200, "cost": "0.000786432",
    "failure_code": None, "failure_message": None, "failure_stage_code": None,
    "evaluation_id": NAMED, "trace_id": ID, "created_at": "2026-01-31T12:00:00.000+00:00",
    "updated_at": "2026-01-31T12:00:04.200+00:00",
    "completed_at": "2026-01-31T12:00:04.200+00:00", "notes": [],
    "links": {"self": f"/v1/runs/{UUID}", "logs": f"/v1/runs/{UUID}/logs",
              "callback": f"/v1/runs/{UUID}/callback", "cancel": f"/v1/runs/{UUID}/cancel",
              "trace": f"/v1/traces/{ID}"},
}  # fmt: skip

QUEUED: Json = {
    **RUN, "status_code": "queued", "output": None, "duration_ms": None, "cost": "0",
    "evaluation_id": None, "completed_at": None,
}  # fmt: skip

LINE: Json = {"timestamp": "2026-01-31T12:00:01.100+00:00", "level": "info", "source": "sentinel",
              "message": "attempt 1: painted by embedded in 1.02 s, seed 7"}  # fmt: skip

NO_RUN = refused("No such run", "not_found", f"there is no run '{UUID}'")

SUBMIT_RUN_RESPONSES: Responses = {
    202: answered("Accepted: it is painted, whatever happens to the process", QUEUED),
    400: BROKEN,
    404: refused("No such model or policy", "not_found", "there is no model 'a/b'", "model"),
    409: SUBMIT_RESPONSES[409],
    422: refused("A field cannot be used", "invalid", "input.prompt: is missing", "input.prompt"),
    503: BUSY,
}
RUN_RESPONSES: Responses = {200: answered("Where it stands", RUN), 404: NO_RUN, 422: INVALID}
LOGS_RESPONSES: Responses = {
    200: answered("What happened, in order", {"logs": [LINE]}), 404: NO_RUN, 422: INVALID,
}  # fmt: skip
CALLBACK_RESPONSES: Responses = {
    200: answered("How telling of its end fares", {"deliveries": []}), 404: NO_RUN, 422: INVALID,
}  # fmt: skip
