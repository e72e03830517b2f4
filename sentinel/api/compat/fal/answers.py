"""Delivered pictures in, fal's JSON and headers out; and errors in fal's two shapes.

{"detail": [{"loc": ["body", "seed"], "msg", "type", "ctx"}]}      a field is wrong, 422
{"detail": "…", "error_type": "client_cancelled"}                  anything else
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from starlette.responses import Response

from sentinel.api.compat import prices
from sentinel.api.compat.asking import story
from sentinel.api.compat.fal.fields import Asked
from sentinel.api.compat.surface import respond
from sentinel.api.errors import ErrorAnswer, Refusal
from sentinel.api.painting import Delivered
from sentinel.api.published import Places, data_uri
from sentinel.contracts import GateResult, Trace

REQUEST_ID = "x-fal-request-id"

INVALID = 422
"""The status of whatever is wrong with a request."""

ERROR_TYPES = {
    400: "bad_request", 499: "client_disconnected", 500: "internal_error",
    502: "runner_server_error", 503: "runner_scheduling_failure", 504: "request_timeout",
}  # fmt: skip
"""fal's names of what went wrong besides the request itself, where the code says nothing else."""

OWN_TYPES = {"job_cancelled": "client_cancelled", "start_timeout": "request_timeout"}
"""Codes of ours that fal has a word for."""

FIELDS = {
    "width": "image_size", "height": "image_size", "steps": "num_inference_steps",
    "guidance": "guidance_scale", "guidance_scale": "guidance_scale", "references": "image_url",
    "references[0]": "image_url", "count": "num_images",
}  # fmt: skip
"""Fields of a brief by the names that fal has for them."""

KINDS = {
    "brief_invalid": "value_error", "picture_format": "unsupported_image_format",
    "picture_too_large": "image_too_large", "picture_too_small": "image_too_small",
    "picture_empty": "image_load_error", "picture_unreadable": "image_load_error",
    "picture_truncated": "image_load_error", "picture_unreachable": "file_download_error",
}  # fmt: skip
"""What is wrong with a field, by fal's word for it where fal has one."""

PICTURES = (413, 415)
"""Our statuses for a picture of the caller's that is not taken: to fal a field like any other."""

Safety = Literal["safe", "review", "unsafe", "unchecked"]


# ── pictures ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Told:
    """Of what was asked, all that its answer repeats or goes by."""

    endpoint: str
    prompt: str
    seed: int
    sync_mode: bool
    safety_checker: bool

    @classmethod
    def of(cls, asked: Asked, seed: int) -> Self:
        """Of a request whose seed is settled."""
        prompt = getattr(asked, "prompt", "")
        return cls(asked.endpoint, prompt, seed, asked.sync_mode, asked.enable_safety_checker)


def result(places: Places, told: Told, pictures: Sequence[Delivered]) -> dict[str, Any]:
    """What run answers, a finished request of the queue, and a webhook's payload."""
    traces = [each.trace for each in pictures]
    return {
        "images": [_image(places, told, each) for each in pictures],
        "timings": {"inference": round(sum(map(painted_in, traces)), 4)},
        "seed": told.seed,
        "has_nsfw_concepts": [safety_of(trace) == "unsafe" for trace in traces],
        "prompt": told.prompt,
    }


def _image(places: Places, told: Told, picture: Delivered) -> dict[str, Any]:
    inside = told.sync_mode
    url = data_uri(picture.data, picture.content_type) if inside else places.of(picture)
    return {"url": url, "content_type": picture.content_type,
            "width": picture.width, "height": picture.height}  # fmt: skip


def headers_of(request_id: str, told: Told, pictures: Sequence[Delivered]) -> dict[str, str]:
    """What fal says in headers, what Sentinel adds, and which wish was not heeded."""
    sizes = [(each.width, each.height) for each in pictures]
    found = [safety_of(each.trace) for each in pictures]
    headers = {
        **story(pictures, sum(prices.fal(*size) for size in sizes)),
        REQUEST_ID: request_id,
        "x-fal-billable-units": str(sum(prices.fal_units(*size) for size in sizes)),
        "X-Sentinel-Safety": ", ".join(found),
    }
    if not told.safety_checker and "unchecked" not in found:
        policy = pictures[0].trace.policy
        headers["X-Sentinel-Note"] = (
            f"enable_safety_checker=false changes nothing: policy {policy!r} has the safety gate"
        )
    return headers


def safety_of(trace: Trace) -> Safety:
    """What the safety gate said of the picture that is delivered."""
    for gate in trace.verdict.gates:
        if gate.gate == "safety" and isinstance(gate, GateResult):
            if not gate.passed:
                return "unsafe"
            return "review" if gate.measurements.get("review") else "safe"
    return "unchecked"


def painted_in(trace: Trace) -> float:
    """Seconds that generators painted for a picture, all attempts together."""
    rounds = {each.round: each.made_in for each in sorted(trace.attempts, key=lambda a: a.seconds)}
    return sum(rounds.values())


# ── errors ────────────────────────────────────────────────────────────────────────────────────


def tell(status: int, error: ErrorAnswer, headers: Mapping[str, str]) -> Response:
    """An error as fal tells it."""
    told = dict(headers)
    if trace := told.get("X-Sentinel-Trace-Id"):
        told.setdefault(REQUEST_ID, trace)
    if status in PICTURES and error.errors:
        status = INVALID
    body = error_body(status, error)
    if "error_type" in body:
        told["x-fal-error-type"] = str(body["error_type"])
    return respond(status, body, told)


def error_body(status: int, error: ErrorAnswer) -> dict[str, object]:
    """The body of an error: by field where the request is at fault."""
    if status == INVALID:
        return {"detail": _details(error)}
    kind = OWN_TYPES.get(error.code) or ERROR_TYPES.get(status)
    body: dict[str, object] = {"detail": error.message}
    return body if kind is None else {**body, "error_type": kind}


def error_type(refusal: Refusal) -> str:
    """What a request's status says of how it ended."""
    known = OWN_TYPES.get(refusal.code) or ERROR_TYPES.get(refusal.status)
    return known or refusal.code


def _details(error: ErrorAnswer) -> list[dict[str, Any]]:
    """What is wrong by field; where no field is at fault, it is the whole body."""
    kind = KINDS.get(error.code, error.code)
    if not error.errors:
        return [{"loc": ["body"], "msg": error.message, "type": kind, "ctx": {}}]
    return [
        {
            "loc": _place(each.field), "msg": each.message, "type": kind, "ctx": {},
            **({} if each.value is None else {"input": each.value}),
        }
        for each in error.errors
    ]  # fmt: skip


def _place(field: str) -> list[str]:
    """Where a field stands: in the body, unless it is one of those that never do."""
    if field.startswith("X-Sentinel-"):
        return ["header", field]
    if field == "fal_webhook":
        return ["query", field]
    return ["body", FIELDS.get(field, field)]
