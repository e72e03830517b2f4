"""Runflow in, guarded pictures and evaluations out: its evaluation API field by field, and runs.

POST /v1/generate is Runflow's as well as ours (`sentinel.api.generating`). `asked` are the bodies,
`submitting` gets the pictures, `judging` works at what was accepted, `answers` are evaluations as
they are read, `listing` has them page by page, `runs` are durable jobs of one picture (`running`),
`callbacks` tell that something ended.
"""

from __future__ import annotations

from sentinel.api.compat.runflow import evaluations, listing, runs
from sentinel.api.compat.runflow.callbacks import judging_of
from sentinel.api.compat.runflow.running import shape

ROUTERS = (listing.router, evaluations.router, runs.router)

__all__ = ["ROUTERS", "judging_of", "shape"]
