"""RunPod's public FLUX endpoint in, guarded pictures out, as RunPod's own clients speak it.

`fields` are the bodies, `answers` what a job is answered, `routes` everything below
/v2/black-forest-labs-flux-1-schnell. Every request is a batch of one durable job, /runsync too: it
begins at once beside the queue, and its id is good for /status when the wait is over.
"""

from __future__ import annotations

from sentinel.api.compat.runpod.answers import shape
from sentinel.api.compat.runpod.routes import ROUTERS

__all__ = ["ROUTERS", "shape"]
