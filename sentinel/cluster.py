"""RAY_ADDRESS in, Ray out, connected (the extra `ray`)."""

from __future__ import annotations

import logging
import os
from typing import Any

from sentinel.errors import ConfigError, MissingRequirement


def joined(who: str) -> tuple[Any, bool]:
    """Ray, and whether it was joined just now (and is therefore the caller's to leave).

    The cluster is the one that RAY_ADDRESS names; without it Ray is started on this machine.
    Blocking, some fifteen seconds. MissingRequirement where the extra is not there, for `who`;
    ConfigError where no cluster answers, or one of another version.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        import ray  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingRequirement(who, "Ray", "pip install 'sentinel-gatekeeper[ray]'") from error
    if ray.is_initialized():
        return ray, False
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
    except Exception as error:  # Ray raises bare ones too
        told = str(error).strip().split("\n", 1)[0]
        where = os.environ.get("RAY_ADDRESS", "")
        way_out = (
            f"RAY_ADDRESS is {where!r}: start a cluster there (ray start --head), or unset it"
            if where
            else "set RAY_ADDRESS to a cluster that runs"
        )
        raise ConfigError(f"{who} cannot join Ray ({told}); {way_out}") from error
    return ray, True
