"""What the OpenAPI document shows of POST /v1/generate."""

from __future__ import annotations

from sentinel.api.evaluation_examples import ADDRESS, EVALUATION
from sentinel.api.examples import (
    ATTEMPT,
    BUSY,
    GATE,
    ID,
    INVALID,
    Json,
    Responses,
    answered,
    refused,
)

PROMPT = 'a shop window with a sign that reads "SALE"'

ASKED: Json = {
    "prompt": PROMPT, "expected_text": ["SALE"], "width": 512, "height": 512, "seed": 7,
    "policy": "poster", "max_attempts": 3,
}  # fmt: skip

FIRST: Json = {
    **ATTEMPT, "action": "regenerate", "seed": 7, "image_url": f"/v1/traces/{ID}/picture?attempt=1",
    "feedback": [{"category": "text", "change": 'added: The text reads exactly "SALE"',
                  "reason": "the sign reads 'SAIE'"}],
}  # fmt: skip

SECOND: Json = {
    **ATTEMPT, "number": 2, "round": 2, "lever": "feedback", "action": "pass", "passed": True,
    "standing": "passed", "score": 0.97, "seed": 10000026, "outcomes": [], "top_issues": [],
    "reason": "every gate and every judge with a threshold passed",
    "prompt": f'{PROMPT} The text reads exactly "SALE", spelled S-A-L-E.',
    "annotated_url": f"/v1/traces/{ID}/annotated.png?attempt=2",
    "picture_url": f"/v1/traces/{ID}/picture?attempt=2",
    "image_url": f"/v1/traces/{ID}/picture?attempt=2",
}  # fmt: skip

ANSWER: Json = {
    "id": ID, "trace_id": ID, "status": "completed", "model": "embedded", "seed": 7,
    "images": [{"url": ADDRESS, "width": 512, "height": 512, "content_type": "image/png"}],
    "cost": 0.000786432, "spent": 0.0,
    "evaluation": EVALUATION,
    "action": "pass", "standing": "passed", "score": 0.97, "passed": True,
    "stopped_because": "passed",
    "reason": "attempt 2 passed: every gate and every judge with a threshold passed",
    "delivered_attempt": 2, "attempts": [FIRST, SECOND], "screened": [GATE], "notes": [],
    "policy": "poster", "mode": "guard", "seconds": 4.2, "trace_url": f"/v1/traces/{ID}",
    "others": [],
}  # fmt: skip

ACCEPTED: Json = {
    "id": ID, "trace_id": ID, "status": "queued", "status_url": f"/v1/jobs/{ID}",
    "result_url": f"/v1/jobs/{ID}/result",
}  # fmt: skip

JOB: Json = {
    **ACCEPTED, "status": "running", "attempt": 2, "step": "judging", "prompt": PROMPT,
    "created": "2026-01-31T12:00:00.000+00:00", "updated": "2026-01-31T12:00:07.000+00:00",
    "taken": 1, "error": None, "trace_url": f"/v1/traces/{ID}",
}  # fmt: skip

NO_JOB = refused("No such job", "not_found", f"there is no job '{ID}'")

RESPONSES: Responses = {
    200: answered("The picture and its story", ANSWER),
    202: answered("Accepted as a job, where `async` is true", ACCEPTED),
    400: refused("The body cannot be parsed", "json_invalid", "the body is not JSON"),
    404: refused("No such policy or generator", "not_found", "there is no policy 'postre'",
                 "policy"),
    415: refused("Wrong media type", "media_type", "the body is text/plain; send JSON"),
    409: refused("The answer under this key is not kept", "idempotency_gone",
                 "Idempotency-Key: this request was answered before"),
    422: refused("A field cannot be used, or nothing may be delivered: `rejected`, with the fields "
                 "of 200 beside, `reason` and `attempts` among them", "invalid",
                 "prompt: is missing", "prompt"),
    502: refused("No generator gave a picture", "no_picture", "no picture came", "attempts[0]"),
    503: BUSY,
    504: refused("No picture came in time", "deadline", "no picture came", "attempts[0]"),
}  # fmt: skip

JOB_RESPONSES: Responses = {200: answered("Where it stands", JOB), 404: NO_JOB, 422: INVALID}
JOBS_RESPONSES: Responses = {
    200: answered("Jobs, the newest first", {"jobs": [JOB], "next_url": None}), 422: INVALID,
}  # fmt: skip
RESULT_RESPONSES: Responses = {
    200: answered("What POST /v1/generate would have answered", ANSWER),
    404: NO_JOB,
    409: refused("No result: not yet (Retry-After), or never", "job_not_done",
                 f"job {ID} has no result (attempt 2, judging)"),
    422: INVALID,
    502: RESPONSES[502],
    504: RESPONSES[504],
}  # fmt: skip
