"""An application in, its OpenAPI document out: what FastAPI knows, and how a key is sent.

Keys are looked at before any route (`sentinel.api.porter`), where FastAPI sees none of it, so that
the document has to be told: which schemes there are, and which paths ask for none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from sentinel.api.scopes import is_open

Json = dict[str, Any]

SCHEMES: Json = {
    "bearer": {
        "type": "http", "scheme": "bearer",
        "description": "An access key, as `sentinel keys create` prints it.",
    },
    "key": {
        "type": "apiKey", "in": "header", "name": "Authorization",
        "description": "The same after the word `Key`, as fal's clients send it: `Key sentinel_…`.",
    },
    "x-api-key": {
        "type": "apiKey", "in": "header", "name": "x-api-key",
        "description": "The same as it is.",
    },
}  # fmt: skip

ANY: list[Json] = [*({name: []} for name in SCHEMES), {}]
"""Any one of them, or (while no key exists, on this machine) none."""


def documented(app: FastAPI) -> Callable[[], Json]:
    """What is to be `app.openapi`: made once, when it is first asked for."""
    plain = app.openapi

    def openapi() -> Json:
        made = app.openapi_schema is None
        document = plain()
        if made:
            _tell_keys(document)
        return document

    return openapi


def _tell_keys(document: Json) -> None:
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    document["security"] = ANY
    for path, operations in document["paths"].items():
        if is_open(path):
            for operation in operations.values():
                operation["security"] = []
