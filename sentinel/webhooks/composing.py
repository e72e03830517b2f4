"""Event, address and body in, a delivery that may be entered out. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sentinel.store.deliveries import Delivery

Body = bytes | Mapping[str, Any]
"""JSON in UTF-8, or what becomes it."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a delivery is about: the surface that words it, what it refers to there, and whose."""

    surface: str
    reference: str
    project: str = "default"


def composed(delivery_id: str, event: str, url: str, body: Body, note: Note) -> Delivery:
    """The delivery; ValueError where the body is no text or holds what JSON has no form for."""
    told = body if isinstance(body, bytes) else json.dumps(body, allow_nan=False).encode()
    told.decode()  # signatures are made over text
    return Delivery(
        id=delivery_id, event=event, url=url, host=urlsplit(url).netloc.lower(),
        surface=note.surface, reference=note.reference, project=note.project, body=told,
    )  # fmt: skip
