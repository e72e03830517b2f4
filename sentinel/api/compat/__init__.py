"""Foreign APIs in, the same guard out: one thin file per service, whose clients stay as they are.

A file here knows its service's fields, defaults, limits, errors and answers, and nothing else:
`surface` catches what goes wrong and has it told in the service's shape, `asking` reads what a
caller may say beside the body, `sentinel.api.painting` has the pictures painted and judged,
`sentinel.api.published` gives them an address, `prices` says what the service would have asked.
"""

from __future__ import annotations

from fastapi import APIRouter

from sentinel.api.compat import fal

ROUTERS: tuple[APIRouter, ...] = (*fal.ROUTERS,)
"""One per service; of two that match, the first answers."""

__all__ = ["ROUTERS"]
