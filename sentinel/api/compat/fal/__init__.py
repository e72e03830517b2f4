"""fal in, guarded pictures out: run, queue, proxy and uploads, as fal's own clients speak them.

`fields` are the bodies, `answers` what they are answered, `run` waits and `queue` does not, `proxy`
is for browsers, `uploads` keeps pictures that redux is to look at.
"""

from __future__ import annotations

from sentinel.api.compat.fal.ended import shape
from sentinel.api.compat.fal.routes import ROUTERS

__all__ = ["ROUTERS", "shape"]
