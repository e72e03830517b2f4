"""What the OpenAPI document shows of RunPod's routes: bodies, answers and errors."""

from __future__ import annotations

from sentinel.api.compat.runpod.fields import Asked
from sentinel.api.examples import ID, Json, Responses, answered, json_body

JOB = "sync-6f9619ff-8b86-4d01-b42d-00cf4fc964ff-u1"
URL = f"http://127.0.0.1:8600/media/{'9f86d081884c7d65' * 6}.jpg"

BODY = json_body(
    Asked,
    {"input": {"prompt": 'a poster with a red circle and the word "SALE"', "width": 1024,
               "height": 1024, "num_inference_steps": 4, "seed": -1, "image_format": "jpeg"},
     "policy": {"ttl": 86_400_000}},
)  # fmt: skip

SENTINEL: Json = {"trace_id": ID, "action": "pass", "passed": True, "score": 0.93, "attempts": 1,
                  "seed": 7, "top_issues": []}  # fmt: skip

DONE: Json = {
    "id": JOB, "status": "COMPLETED", "workerId": "0f1e2d3c4b5a-1234-9a8b7c6d", "delayTime": 14,
    "executionTime": 2310, "output": {"image_url": URL, "cost": 0.00251658}, "sentinel": SENTINEL,
}  # fmt: skip

WRONG = answered(
    "A field cannot be used, or nothing may be delivered",
    {"id": JOB, "status": "FAILED",
     "error": "Invalid parameter: width must be divisible by 64"},
)  # fmt: skip
NO_KEY = answered("No such access key", {"error": "there is no such access key"})
UNKNOWN = answered("No such job, endpoint or policy", {"error": f"there is no job '{JOB}'"})
NO_PICTURE = answered(
    "No generator gave a picture",
    {"id": JOB, "status": "FAILED", "error": f"no picture came; trace {ID}"},
)
BUSY = answered(
    "The queue is full; Retry-After says when to come back",
    {"id": JOB, "status": "FAILED", "error": "the queue of jobs (1000 may wait) is full"},
)

ASKING: Responses = {400: WRONG, 401: NO_KEY, 404: UNKNOWN, 503: BUSY}

RUNSYNC_RESPONSES: Responses = {
    200: answered("The finished job, or where it stands", DONE), **ASKING, 502: NO_PICTURE,
    504: NO_PICTURE,
}  # fmt: skip
RUN_RESPONSES: Responses = {
    200: answered("The job's id", {"id": JOB, "status": "IN_QUEUE"}), **ASKING,
}  # fmt: skip
STATUS_RESPONSES: Responses = {
    200: answered("Where it stands", DONE), 400: WRONG, 401: NO_KEY, 404: UNKNOWN,
}  # fmt: skip
STREAM_RESPONSES: Responses = {
    200: answered(
        "Where it stands, and its output once",
        {"id": JOB, "status": "COMPLETED", "stream": [{"output": DONE["output"]}]},
    ),
    401: NO_KEY, 404: UNKNOWN,
}  # fmt: skip
CANCEL_RESPONSES: Responses = {
    200: answered("It is cancelled, or has ended", {"id": JOB, "status": "CANCELLED"}),
    401: NO_KEY, 404: UNKNOWN,
}  # fmt: skip
HEALTH_RESPONSES: Responses = {
    200: answered("Jobs and workers", {
        "jobs": {"completed": 41, "failed": 1, "inProgress": 1, "inQueue": 0, "retried": 0},
        "workers": {"idle": 1, "initializing": 0, "ready": 2, "running": 1, "throttled": 0,
                    "unhealthy": 0}}),
    401: NO_KEY,
}  # fmt: skip
PURGE_RESPONSES: Responses = {
    200: answered("How many waited", {"removed": 3, "status": "completed"}), 401: NO_KEY,
}  # fmt: skip

WAIT: Json = {
    "parameters": [
        {"name": "wait", "in": "query", "required": False,
         "description": "Milliseconds to wait; 90000 where left out, 300000 at most.",
         "schema": {"type": "number", "minimum": 0}},
    ]
}  # fmt: skip
