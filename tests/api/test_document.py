"""The OpenAPI document: what the foreign services' bodies are, and how a key is sent."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from sentinel.api.app import create_app
from sentinel.api.scopes import is_open

BODIED = (
    "/fal-ai/flux/schnell", "/fal-ai/flux/schnell/redux", "/queue/fal-ai/flux/schnell",
    "/queue/fal-ai/flux/schnell/redux", "/storage/upload/initiate",
    "/v2/black-forest-labs-flux-1-schnell/run", "/v2/black-forest-labs-flux-1-schnell/runsync",
    "/api/v1/generate",
)  # fmt: skip

FAL = BODIED[0]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


def body_of(document: dict[str, Any], path: str) -> dict[str, Any]:
    return document["paths"][path]["post"]["requestBody"]["content"]["application/json"]


def words(part: Any) -> Iterator[str]:
    """The keys of a schema, but for the names of fields and what examples hold."""
    if isinstance(part, list):
        for each in part:
            yield from words(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            yield key
            if key not in ("example", "examples", "default", "enum"):
                yield from words(list(value.values()) if key == "properties" else value)


@pytest.mark.parametrize("path", BODIED)
def test_a_foreign_services_example_fits_the_schema_of_its_body(document, path):
    body = body_of(document, path)
    jsonschema_rs.meta.validate(body["schema"])
    schema = jsonschema_rs.validator_for(body["schema"])

    assert [str(each) for each in schema.iter_errors(body["example"])] == []


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (FAL, {}), (FAL, {"prompt": "a cup", "num_images": 9}),
        (FAL, {"prompt": "a cup", "image_size": "huge"}),
        (FAL, {"prompt": "a cup", "image_size": {"width": 0}}),
        (BODIED[1], {"prompt": "a cup"}),
        (BODIED[5], {"prompt": "a cup"}), (BODIED[6], {"input": {"prompt": "a cup", "width": 64}}),
        (BODIED[7], {"prompt": "a cup", "num_inference_steps": 9}),
    ],
)  # fmt: skip
def test_what_a_foreign_service_refuses_does_not_fit_its_schema(document, path, wrong):
    assert not jsonschema_rs.is_valid(body_of(document, path)["schema"], wrong)


def test_every_limit_in_the_document_has_the_name_that_json_schema_gives_it(document):
    assert {"ge", "gt", "le", "lt"}.isdisjoint(words(document["paths"]))
    assert body_of(document, FAL)["schema"]["properties"]["num_images"]["maximum"] == 4


def test_the_document_names_every_way_to_send_a_key_and_what_asks_for_none(document):
    schemes = document["components"]["securitySchemes"]
    opened = {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if operation.get("security") == []
    }

    assert [(each["type"], each.get("name", "bearer")) for each in schemes.values()] == [
        ("http", "bearer"), ("apiKey", "Authorization"), ("apiKey", "x-api-key"),
    ]  # fmt: skip
    assert document["security"] == [*({name: []} for name in schemes), {}]
    assert opened == {path for path in document["paths"] if is_open(path)}
    assert {"/healthz", "/uploads/{name}"} <= opened
