"""Opper in, guarded pictures out: the OpenAI-compatible gateway, and Opper's own image route.

`fields` are the bodies, `models` the names that are answered to, `painted` has them painted,
`pictured` reads pictures that are to be looked at, `answers` and `streaming` are what is answered,
`native` is POST /v3/images, which has a shape of its own.
"""

from __future__ import annotations

from sentinel.api.compat.opper.native import router as native
from sentinel.api.compat.opper.routes import compat, openai

FIRST = (compat, native)
LAST = (openai,)
"""Its /v1/models/{id} matches whatever begins so, Runflow's runs among it."""

__all__ = ["FIRST", "LAST"]
