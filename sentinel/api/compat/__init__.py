"""Foreign APIs in, the same guard out: one thin file per service, whose clients stay as they are.

A file here knows its service's fields, defaults, limits, errors and answers, and nothing else:
`surface` catches what goes wrong and has it told in the service's shape, `asking` reads what a
caller may say beside the body, `sentinel.api.painting` has the pictures painted and judged,
`sentinel.api.published` gives them an address, `prices` says what the service would have asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter

from sentinel.api.compat import fal, imageapi, opper, runflow, runpod
from sentinel.contracts import Trace
from sentinel.webhooks import Body
from sentinel.wiring import Sentinel

ROUTERS: tuple[APIRouter, ...] = (
    *opper.FIRST, *fal.ROUTERS, *runflow.ROUTERS, *runpod.ROUTERS, *imageapi.ROUTERS, *opper.LAST,
)  # fmt: skip
"""One per service; of two that match, the first answers."""

Shape = Callable[[Sentinel, Any, tuple[Trace, ...]], tuple[str, Body]]
"""The house, an ended batch and its traces in; the webhook's event and body out. Blocking code."""

SHAPES: Mapping[str, Shape] = {
    "fal": fal.shape, "runflow": runflow.shape, "runpod": runpod.shape,
}  # fmt: skip
"""How a service's webhook tells that a batch has ended, by the surface that accepted the batch."""

__all__ = ["ROUTERS", "SHAPES"]
