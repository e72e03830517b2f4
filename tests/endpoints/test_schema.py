"""Whatever fits the OpenAPI document, and whatever does not: nothing makes the server fail.

SENTINEL_SCHEMA_CASES=500 tries so many cases of each operation, drawn anew each time.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import content_type_conformance, not_a_server_error
from schemathesis.python import asgi

from sentinel.api.app import create_app
from sentinel.policy import builtin
from sentinel.settings import Settings

BASE = "http://testserver"

POLICY = """
[gates.integrity]
[gates.request.options.limits]
side = [16, 1024]
"""
"""Pictures of more pixels are refused before they are painted, which would take a while."""

CASES = int(os.environ.get("SENTINEL_SCHEMA_CASES", "0"))
EACH = CASES or 40
"""Cases of one operation; one that takes no fields has a single one."""

LEAST = 2_000
"""Cases over all operations together."""

SIDE = {"type": "integer", "minimum": 0, "maximum": 256}
FIELDS: dict[str, Any] = {
    "prompt": {"type": "string"}, "negative_prompt": {"type": "string"}, "width": SIDE,
    "height": SIDE, "image_size": {"enum": ["square", {"width": 64, "height": 64}, "huge", None]},
    "num_inference_steps": {"type": "integer"}, "guidance": {"type": "number"},
    "guidance_scale": {"type": "number"}, "seed": {"type": "integer"}, "num_images": {"enum": [1, 2, 5]},
    "sync_mode": {"type": "boolean"}, "output_format": {"enum": ["png", "jpeg", "bmp"]},
    "image_format": {"enum": ["png", "jpeg", "bmp"]}, "model": {"type": "string"},
    "image_url": {"type": "string"}, "content_type": {"type": "string"}, "file_name": {},
    "webhook": {"type": "string"}, "policy": {}, "enable_safety_checker": {},
}  # fmt: skip
"""What the services' bodies have, for routes whose bodies the document leaves open."""

OPEN: dict[str, Any] = {
    "content": {"application/json": {"schema": {"type": "object", "properties": {
        **FIELDS, "input": {"type": "object", "properties": FIELDS},
    }}}},
}  # fmt: skip

BODIED = ("patch", "post", "put")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[requests.Session]:
    """A client of an application in this process: no models, and pictures that cost nothing."""
    folder = tmp_path / "policies"
    folder.mkdir()
    for name in builtin():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n{POLICY}')
    chosen = Settings.read(
        home=tmp_path, policies=folder, generator="fixed", queue=10_000, jobs_waiting=100_000
    )
    app = create_app(chosen)
    with asgi.get_client(app) as found:
        found.app = app
        while found.get(f"{BASE}/readyz").status_code != 200:
            pass
        yield found
    asgi.shutdown_lifespans()


@pytest.fixture
def document(client) -> dict[str, Any]:
    """The OpenAPI document, as the running application serves it."""
    return client.get(f"{BASE}/openapi.json").json()


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (part["$ref"] for _ in range(1) if isinstance(part.get("$ref"), str))
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_in_the_document_leads_somewhere(document):
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}

    assert set(references(document)) <= known


def wrong(case: schemathesis.Case, response: Any) -> str | None:
    """What is wrong with an answer, if anything is."""
    try:
        case.validate_response(response, checks=[not_a_server_error, content_type_conformance])
        if "json" in response.headers.get("content-type", [""])[0]:
            json.loads(response.content)
    except (AssertionError, ValueError, BaseExceptionGroup) as error:
        return f"{case.as_curl_command()}\n{response.status_code} {response.content[:500]!r}\n{error!r}"
    return None


# the application draws random numbers in its own threads while cases are made in this one
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.timeout(3600 if CASES else 600)
def test_no_case_is_answered_with_a_failure_or_with_a_type_that_was_not_declared(client, document):
    tried: Counter[str] = Counter()
    complaints: dict[str, str] = {}
    for methods in document["paths"].values():
        for method, operation in methods.items():
            if method in BODIED:
                operation.setdefault("requestBody", OPEN)
    schema = schemathesis.openapi.from_dict(document)

    def tries(operation: Any) -> None:
        @settings(
            max_examples=EACH, deadline=None, derandomize=not CASES, database=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(st.one_of(*(operation.as_strategy(mode) for mode in GenerationMode)))
        def tries_one(case: schemathesis.Case) -> None:
            tried[operation.label] += 1
            response = case.call(session=client, base_url=BASE, app=client.app)
            if (complaint := wrong(case, response)) is not None:
                complaints.setdefault(operation.label, complaint)

        tries_one()

    for found in schema.get_all_operations():
        tries(found.ok())

    assert complaints == {}
    assert len(tried) == sum(len(methods) for methods in document["paths"].values())
    assert sum(tried.values()) >= LEAST
