"""What the OpenAPI document shows: the two bodies of a score, and an example of every answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from sentinel.api.errors import ErrorAnswer
from sentinel.api.intake import LINE, MANY, PROMPT, REFERENCES, ScoreRequest

Json = dict[str, Any]

ID = "01K9QZ6M3V8T4C5N2B7XWJ0RHE"

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg"
    "=="
)
"""A PNG of one red pixel."""

GATE: Json = {
    "gate": "integrity", "version": "1", "kind": "result", "passed": True,
    "reason": "a picture with content", "mendable": True, "required": None,
    "measurements": {}, "evidence": [], "issues": [], "seconds": 0.004,
}  # fmt: skip

OUTCOME: Json = {
    "judge": "text", "version": "1", "kind": "score", "value": 0.75, "threshold": 0.8,
    "weight": 2.0, "required": True, "passed": False,
    "reason": "the sign reads 'SAIE' where 'SALE' was asked",
    "measurements": {"state": "mismatch", "read": "SAIE"},
    "evidence": [{"claim": "read 'SAIE', wanted 'SALE'", "box": [52, 307, 230, 384]}],
    "issues": [{"category": "text", "subcategory": "misspelled", "detail": "I where L was asked"}],
    "cause": None, "seconds": 0.31,
}  # fmt: skip

JUDGED: Json = {
    "action": "score", "score": 0.75, "passed": False, "standing": "failed",
    "reason": "below the threshold: text 0.75 < 0.80", "gates": [GATE], "outcomes": [OUTCOME],
    "not_run": [], "top_issues": ["text: I where L was asked"], "top_strengths": [], "notes": [],
    "picture": {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "width": 512, "height": 512},
    "seconds": 0.36,
}  # fmt: skip

ANSWER: Json = {
    **JUDGED, "trace_id": ID, "policy": "poster", "mode": "score", "model": "flux-schnell",
    "annotated_url": f"/v1/traces/{ID}/annotated.png", "picture_url": f"/v1/traces/{ID}/picture",
    "trace_url": f"/v1/traces/{ID}",
}  # fmt: skip

BRIEF: Json = {
    "prompt": 'a shop window with a sign that reads "SALE"', "negative_prompt": None,
    "expected_text": ["SALE"], "palette": [], "category": None, "references": [],
}  # fmt: skip

ATTEMPT: Json = {
    **JUDGED, "number": 1, "round": 1, "lever": None, "generator": "flux-schnell", "seed": None,
    "prompt": 'a shop window with a sign that reads "SALE"', "cost": 0.0, "error": None,
    "judged": True, "feedback": [],
    "annotated_url": f"/v1/traces/{ID}/annotated.png?attempt=1",
    "picture_url": f"/v1/traces/{ID}/picture?attempt=1",
}  # fmt: skip

TRACE: Json = {
    **ANSWER, "created": "2026-01-31T12:00:00.000+00:00", "created_ms": 1769860800000,
    "policy_fingerprint": "3f9a1c2b7d40", "project": "default", "delivered": 1,
    "stopped_because": None, "ended": "", "cost": 0.0, "screened": [], "brief": BRIEF,
    "attempts": [ATTEMPT],
}  # fmt: skip

PLUGIN: Json = {
    "name": "text", "version": "1", "measures": "Whether the asked words stand in the picture.",
    "owner": "sentinel-gatekeeper", "policies": ["default", "poster"], "ready": True, "reason": "",
}  # fmt: skip

POLICY_LINE: Json = {
    "name": "poster", "description": "Pictures with writing", "mode": "guard", "pass_mark": 0.6,
    "fingerprint": "3f9a1c2b7d40", "gates": ["request", "integrity"], "judges": ["text"],
    "url": "/v1/policies/poster",
}  # fmt: skip

RULE: Json = {"required": True, "optional": False, "timeout": 30.0, "options": {}}

POLICY: Json = {
    "name": "poster", "description": "Pictures with writing", "mode": "guard", "pass_mark": 0.6,
    "fingerprint": "3f9a1c2b7d40", "on_undecided": "fail_closed", "on_exhausted": "best",
    "budget": {"attempts": 3, "seconds": 120.0, "cost": None}, "gates": {"integrity": RULE},
    "judges": {"text": {**RULE, "threshold": 0.8, "weight": 2.0}},
}  # fmt: skip


def answered(description: str, example: Json) -> Json:
    """An answer with an example."""
    return {"description": description, "content": {"application/json": {"example": example}}}


def refused(description: str, code: str, message: str, field: str | None = None) -> Json:
    """An error with an example."""
    errors = [{"field": field, "message": message, "value": None}] if field else []
    example = {"code": code, "message": message, "errors": errors}
    return {**answered(description, example), "model": ErrorAnswer}


INVALID = refused("A field cannot be used", "invalid", "image: is missing; send the picture",
                   "image")  # fmt: skip
NO_TRACE = refused("No such trace", "not_found", f"there is no trace '{ID}'")
TOO_LARGE = refused("Too large", "body_too_large", "the body is larger than 64 MB")
BUSY = refused("Full, or models are being loaded; Retry-After says when to come back", "busy",
                "the house is full; try again in 2 s")  # fmt: skip

Responses = dict[int | str, Json]

SCORE_RESPONSES: Responses = {
    200: answered("The verdict", ANSWER),
    400: refused("The body cannot be parsed", "json_invalid", "the body is not JSON"),
    404: refused("No such policy", "not_found", "there is no policy 'postre'", "policy"),
    408: refused("The body stopped arriving", "too_slow", "no byte of the body came for 30 s"),
    413: TOO_LARGE,
    415: refused("Wrong media type or picture format", "media_type", "send multipart/form-data"),
    422: INVALID,
    503: BUSY,
}
TRACE_RESPONSES: Responses = {200: answered("The trace", TRACE), 404: NO_TRACE, 422: INVALID}
JUDGES_RESPONSES: Responses = {
    200: answered("Judges and gates", {"judges": [PLUGIN], "gates": [{**PLUGIN, "name": "face"}]})
}
POLICIES_RESPONSES: Responses = {
    200: answered("Policies", {"default": "default", "policies": [POLICY_LINE]})
}
POLICY_RESPONSES: Responses = {
    200: answered("The policy", POLICY),
    404: refused("No such policy", "not_found", "there is no policy 'postre'"),
    422: INVALID,
}
HEALTH_RESPONSES: Responses = {
    200: answered("The process answers", {"status": "ok", "version": "0.1.0"})
}
READY_RESPONSES: Responses = {
    200: answered("Ready", {"ready": True, "policies": ["default"], "not_run": ["alignment"]}),
    503: refused("Not ready", "not_ready", "models are being loaded", "judge text"),
}


def _picture(media: str, description: str) -> Json:
    content = {media: {"schema": {"type": "string", "format": "binary"}}}
    return {"description": description, "content": content}


UNCHANGED: Json = {"description": "If-None-Match names what would be sent"}
PICTURE_RESPONSES: Responses = {
    200: _picture("image/*", "The picture"), 304: UNCHANGED, 404: NO_TRACE, 422: INVALID,
}  # fmt: skip
ANNOTATED_RESPONSES: Responses = {
    200: _picture("image/png", "The annotated picture"), 304: UNCHANGED, 404: NO_TRACE,
    422: INVALID,
}  # fmt: skip

FILE: Json = {"type": "string", "format": "binary"}
WORDS: Json = {"type": "string", "maxLength": PROMPT}
SHORT: Json = {"type": "string", "maxLength": LINE}
LIST: Json = {"type": "array", "items": SHORT, "maxItems": MANY}

FORM: Json = {
    "type": "object",
    "required": ["image"],
    "additionalProperties": False,
    "properties": {
        "image": {**FILE, "description": "the picture as a file, or base64 or a data URI as text"},
        "prompt": WORDS, "negative_prompt": WORDS,
        "expected_text": {**LIST, "description": "repeat the field"},
        "references": {"type": "array", "items": FILE, "maxItems": REFERENCES,
                       "description": "repeat the field; files, or base64 as text"},
        "reference_kinds": {
            "type": "array", "maxItems": REFERENCES,
            "items": {"enum": ["face", "style", "product"]},
            "description": "one per reference, in order; without it all are faces"},
        "palette": {**LIST, "description": "repeat the field; CSS hex or names"},
        "category": SHORT, "policy": SHORT, "model": SHORT,
    },
}  # fmt: skip
"""The multipart body of POST /v1/score."""

SCORE_BODY: Json = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": FORM,
                "encoding": {"references": {"contentType": "image/*, text/plain"}},
                "example": {"prompt": BRIEF["prompt"], "expected_text": ["SALE"],
                            "policy": "poster"},
            },
            "application/json": {
                "schema": ScoreRequest.model_json_schema(),
                "example": {
                    "image": f"data:image/png;base64,{PIXEL}", "prompt": BRIEF["prompt"],
                    "expected_text": ["SALE"], "policy": "poster",
                    "references": [{"kind": "style", "image": PIXEL}],
                },
            },
        },
    }
}  # fmt: skip


def json_body(asked: type[BaseModel], example: Json) -> Json:
    """A body of JSON, with its schema and an example."""
    content = {"schema": schema_of(asked), "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def schema_of(asked: type[BaseModel]) -> Json:
    """A model's schema, whole, in words that JSON Schema knows."""
    schema = asked.model_json_schema()
    whole: Json = _inlined(schema, schema.pop("$defs", {}))
    return whole


LIMITS = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum",
}  # fmt: skip
"""pydantic leaves its own words where a limit stands behind a function that looks at the value."""


def _inlined(part: Any, known: Json) -> Any:
    """A schema that refers to none beside it: within the document such a reference leads nowhere.

    None of our bodies contains itself.
    """
    if isinstance(part, list):
        return [_inlined(each, known) for each in part]
    if not isinstance(part, dict):
        return part
    rest = {
        LIMITS.get(key, key) if isinstance(value, int | float) else key: _inlined(value, known)
        for key, value in part.items()
        if key != "$ref"
    }
    if "$ref" not in part:
        return rest
    named = part["$ref"].rpartition("/")[2]
    return {**_inlined(known[named], known), **rest}
