"""The five services on a local port, in the shapes that their pages and clients record.

A service counts what it would bill, keeps every request, and can be told what goes wrong next.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from sentinel.imaging import encode

KEY = "secret-key-of-the-test-0123456789"


@dataclass
class Trouble:
    """What happens to the next request that asks for a picture."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    """Sent instead of the ordinary answer."""
    late: float = 0.0
    """Seconds between painting and answering."""
    dropped: bool = False
    """The connection is cut after painting."""
    picture: bytes | None = None
    """Comes instead of the picture."""
    size: tuple[int, int] | None = None
    bills: bool = True
    """Whether it is painted (where the status is 200, or the connection ends without one)."""
    stuck: str = ""
    """State in which a job of a queue stays until it is cancelled."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Merged into the ordinary answer."""


@dataclass
class Request:
    """What was sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Service:
    """A server in a thread. `billed` counts pictures painted."""

    auth = f"Bearer {KEY}"

    def __init__(self) -> None:
        self.billed = 0
        self.requests: list[Request] = []
        self.troubles: deque[Trouble] = deque()
        self.pictures: dict[str, bytes] = {}
        self.once: dict[str, Any] = {}
        self.ids = itertools.count(1)
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                service._handle(self)

            do_GET = do_POST = do_PUT = handle_one  # noqa: N815 - the base class asks for them

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def base(self) -> str:
        return self.url

    @property
    def asked(self) -> list[Request]:
        """Requests that ask for a picture."""
        return [each for each in self.requests if self.submits(each)]

    def submits(self, request: Request) -> bool:
        return request.method == "POST"

    def error(self, status: int, told: str) -> Any:
        return {"error": {"code": "error", "message": told}}

    def answer(self, request: Request, trouble: Trouble) -> tuple[Any, dict[str, str]]:
        raise NotImplementedError  # each service answers in its own shape

    def paint(self, prompt: str, seed: int, width: int, height: int, trouble: Trouble,
              kind: str = "png") -> bytes:  # fmt: skip
        """The same bytes for the same request; counted."""
        with self._lock:
            self.billed += 1
        if trouble.picture is not None:
            return trouble.picture
        width, height = trouble.size or (width, height)
        digest = hashlib.sha256(f"{prompt} {seed}".encode("utf-8", "surrogatepass")).digest()
        pixels = np.full((height, width, 3), tuple(digest[:3]), np.uint8)
        pixels[: height // 2, : width // 2] = np.frombuffer(digest[3:6], np.uint8) | 64
        return encode(pixels, kind)

    def hosted(self, image: bytes, kind: str = "png") -> str:
        name = f"/files/{next(self.ids)}.{kind}"
        self.pictures[name] = image
        return f"{self.url}{name}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        path = urlsplit(handler.path).path
        length = int(handler.headers.get("content-length") or 0)
        raw = handler.rfile.read(length)
        if path in self.pictures:
            self._send(handler, 200, self.pictures[path], {"content-type": "image/png"})
            return
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.command, path, headers, json.loads(raw) if raw else None)
        with self._lock:
            self.requests.append(request)
            told = self.submits(request) and self.troubles
            trouble = self.troubles.popleft() if told else Trouble()
        if headers.get("authorization") != self.auth:
            body = self.error(401, f"the key {headers.get('authorization')} is wrong")
            self._send(handler, 401, body, {})
        elif trouble.status != 200:
            self._send(
                handler,
                trouble.status,
                trouble.body or self.error(trouble.status, "so it is"),
                trouble.headers,
            )
        else:
            self._work(handler, request, trouble)

    def _work(self, handler: BaseHTTPRequestHandler, request: Request, trouble: Trouble) -> None:
        key = request.headers.get("idempotency-key")
        if trouble.bills and key in self.once:
            answer, headers = self.once[key]
        elif trouble.bills:
            answer, headers = self.answer(request, trouble)
            if key:
                self.once[key] = answer, headers
        else:
            answer, headers = None, {}
        status = answer.pop("status_of_http", 200) if isinstance(answer, dict) else 200
        time.sleep(trouble.late)
        if trouble.dropped:
            handler.close_connection = True
            handler.connection.close()
            return
        if isinstance(answer, dict):
            answer = {**answer, **trouble.changes}
        self._send(handler, status, trouble.body if trouble.body is not None else answer, headers)

    def _send(
        self, handler: BaseHTTPRequestHandler, status: int, body: Any, headers: dict[str, str]
    ) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            handler.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                handler.send_header(name, value)
            handler.send_header("content-length", str(len(raw)))
            handler.end_headers()
            handler.wfile.write(raw)
        except OSError:
            handler.close_connection = True  # whoever asked has hung up


class FalService(Service):
    """queue.fal.run: submit, status, result, cancel."""

    auth = f"Key {KEY}"
    app = "/fal-ai/flux"

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, dict[str, Any]] = {}

    def submits(self, request: Request) -> bool:
        return request.method == "POST"

    def error(self, status: int, told: str) -> Any:
        return {"detail": told}

    def answer(self, request: Request, trouble: Trouble) -> tuple[Any, dict[str, str]]:
        if request.method == "POST":
            return self._submitted(request, trouble)
        job, _, what = request.path.removeprefix(f"{self.app}/requests/").partition("/")
        if job not in self.jobs:
            return {"detail": "no such request", "status_of_http": 404}, {}
        known = self.jobs[job]
        if what:
            return (self._status(job, known) if what == "status" else self._cancelled(known)), {}
        return self._result(known)

    def _submitted(self, request: Request, trouble: Trouble) -> tuple[Any, dict[str, str]]:
        job = f"req-{next(self.ids)}"
        self.jobs[job] = {"body": request.body, "trouble": trouble, "looks": 0, "cancelled": False}
        where = f"{self.url}{self.app}/requests/{job}"
        return {"request_id": job, "response_url": where, "status_url": f"{where}/status",
                "cancel_url": f"{where}/cancel", "status": "IN_QUEUE", "queue_position": 0}, {}  # fmt: skip

    def _status(self, job: str, known: dict[str, Any]) -> dict[str, Any]:
        known["looks"] += 1
        where = f"{self.url}{self.app}/requests/{job}"
        common = {
            "request_id": job,
            "response_url": where,
            "status_url": f"{where}/status",
            "cancel_url": f"{where}/cancel",
        }
        trouble = known["trouble"]
        if known["cancelled"]:
            return {
                **common,
                "status": "COMPLETED",
                "logs": None,
                "metrics": {},
                "error": "cancelled",
                "error_type": "client_cancelled",
            }
        state = (
            trouble.stuck or ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")[min(2, known["looks"] - 1)]
        )
        if state == "IN_QUEUE":
            return {**common, "status": state, "queue_position": 0, "status_of_http": 202}
        if state == "IN_PROGRESS":
            return {**common, "status": state, "logs": None, "status_of_http": 202}
        ended = {k: v for k, v in trouble.changes.items() if k in ("error", "error_type")}
        return {
            **common,
            "status": state,
            "logs": None,
            "metrics": {"inference_time": 0.1},
            **ended,
        }

    def _cancelled(self, known: dict[str, Any]) -> dict[str, Any]:
        if known["looks"] > 2 and not known["trouble"].stuck:
            return {"status": "ALREADY_COMPLETED", "status_of_http": 400}
        known["cancelled"] = known["trouble"].stuck != "IN_PROGRESS"
        return {"status": "CANCELLATION_REQUESTED", "status_of_http": 202}

    def _result(self, known: dict[str, Any]) -> tuple[Any, dict[str, str]]:
        body, trouble = known["body"], known["trouble"]
        size = body["image_size"]
        image = self.paint(
            body.get("prompt", ""),
            body["seed"],
            size["width"],
            size["height"],
            trouble,
            body["output_format"],
        )
        where = self.hosted(image, body["output_format"])
        if body.get("sync_mode"):
            where = f"data:image/png;base64,{base64.b64encode(image).decode()}"
        units = math.ceil(size["width"] * size["height"] / 1e6)
        result = {"images": [{"url": where, "content_type": "image/png", **size}], "timings": {"inference": 0.1},
                  "seed": body["seed"], "has_nsfw_concepts": [False], "prompt": body.get("prompt", ""), **trouble.changes}  # fmt: skip
        return result, {"x-fal-billable-units": str(units), **trouble.headers}


class RunPodService(Service):
    """api.runpod.ai/v2: run, status, cancel."""

    endpoint = "/v2/black-forest-labs-flux-1-schnell"

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, dict[str, Any]] = {}

    @property
    def base(self) -> str:
        return f"{self.url}/v2"

    def submits(self, request: Request) -> bool:
        return request.path.endswith("/run")

    def error(self, status: int, told: str) -> Any:
        return {"id": "x", "status": "FAILED", "error": told}

    def answer(self, request: Request, trouble: Trouble) -> tuple[Any, dict[str, str]]:
        what, _, job = request.path.removeprefix(f"{self.endpoint}/").partition("/")
        if what == "run":
            asked = request.body["input"]
            for side in ("width", "height"):
                if asked.get(side, 1024) % 64:
                    return {
                        **self.error(400, f"Invalid parameter: {side} must be divisible by 64"),
                        "status_of_http": 400,
                    }, {}
            job = f"job-{next(self.ids)}"
            self.jobs[job] = {
                "input": asked,
                "trouble": trouble,
                "looks": 0,
                "cancelled": False,
                "output": None,
            }
            return {"id": job, "status": "IN_QUEUE"}, {}
        if job not in self.jobs:
            return {"error": "no such job", "status_of_http": 404}, {}
        known = self.jobs[job]
        if what == "cancel":
            known["cancelled"] = True
            return {"id": job, "status": "CANCELLED"}, {}
        return self._status(job, known), {}

    def _status(self, job: str, known: dict[str, Any]) -> dict[str, Any]:
        known["looks"] += 1
        trouble, asked = known["trouble"], known["input"]
        if known["cancelled"]:
            return {"id": job, "status": "CANCELLED"}
        state = (
            trouble.stuck or ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")[min(2, known["looks"] - 1)]
        )
        if state in ("FAILED", "TIMED_OUT"):
            return {
                "id": job,
                "status": state,
                "error": "the worker ran out of memory",
                **trouble.changes,
            }
        if state != "COMPLETED":
            return {"id": job, "status": state}
        if known["output"] is None:
            kind = asked["image_format"]
            image = self.paint(
                asked["prompt"], asked["seed"], asked["width"], asked["height"], trouble, kind
            )
            cost = round(asked["width"] * asked["height"] / 1e6 * 0.0024, 8)
            known["output"] = {
                "image_url": self.hosted(image, kind),
                "cost": cost,
                **trouble.changes,
            }
        return {
            "id": job,
            "status": state,
            "delayTime": 12,
            "executionTime": 900,
            "workerId": "w1",
            "output": known["output"],
        }


class OpperService(Service):
    """OpenAI's two ways to ask for a picture, as Opper's gateway has them."""

    @property
    def base(self) -> str:
        return f"{self.url}/v3/compat"

    def error(self, status: int, told: str) -> Any:
        return {
            "error": {"message": told, "type": "invalid_request_error", "param": None, "code": None}
        }

    def answer(self, request: Request, trouble: Trouble) -> tuple[Any, dict[str, str]]:
        body = request.body
        width, height = map(int, body.get("size", "1024x1024").split("x"))
        kind = body.get("output_format", "png")
        if request.path.endswith("/images/generations"):
            image = self.paint(body["prompt"], body.get("seed", 0), width, height, trouble, kind)
            data = [{"b64_json": base64.b64encode(image).decode(), "mime_type": f"image/{kind}"}]
            return {"created": 1, "data": data, "usage": {"cost": 0.0005, "images": 1}}, {}
        prompt = body["messages"][-1]["content"]
        image = self.paint(prompt, body.get("seed", 0), width, height, trouble)
        sent = f"data:image/png;base64,{base64.b64encode(image).decode()}"
        message = {"role": "assistant", "content": f"![a picture]({self.hosted(image)})",
                   "images": [{"type": "image_url", "image_url": {"url": sent}}]}  # fmt: skip
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "cost": 0.0005}
        return {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [choice],
            "usage": usage,
        }, {}


class ImageApiService(Service):
    """imageapi.org/api/v1/generate."""

    @property
    def base(self) -> str:
        return f"{self.url}/api/v1"

    def answer(self, request: Request, trouble: Trouble) -> tuple[Any, dict[str, str]]:
        body = request.body
        image = self.paint(
            body["prompt"], body.get("seed", 0), body["width"], body["height"], trouble
        )
        picture = {
            "url": self.hosted(image),
            "width": body["width"],
            "height": body["height"],
            "content_type": "image/png",
        }
        return {"id": "i1", "status": "completed", "model": body["model"], "seed": body.get("seed", 0),
                "num_inference_steps": body.get("num_inference_steps", 8), "images": [picture]}, {}  # fmt: skip


class RunflowService(ImageApiService):
    """Runflow's /v1/generate, with the evaluation that comes along."""

    @property
    def base(self) -> str:
        return f"{self.url}/v1"

    def error(self, status: int, told: str) -> Any:
        return {"code": "ERROR", "message": told, "errors": []}

    def answer(self, request: Request, trouble: Trouble) -> tuple[Any, dict[str, str]]:
        answer, _ = super().answer(request, trouble)
        body = request.body
        evaluation = {"id": "e1", "trace_id": "t1", "status_code": "completed", "overall_passed": True,
                      "weighted_pass_rate": 1.0, "score": 0.91, "judges": [], "gate_failures": [],
                      "primary_action_code": "deliver", "attempt_number": 1, "top_issues": []}  # fmt: skip
        cost = body["width"] * body["height"] / 1e6 * 0.003
        return {**answer, "trace_id": "t1", "cost": cost, "evaluation": evaluation}, {
            "x-sentinel-trace-id": "t1"
        }
