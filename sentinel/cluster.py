"""RAY_ADDRESS in, Ray out, connected (the extra `ray`)."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

from sentinel.errors import ConfigError, MissingRequirement

KNOCKING = 10.0
"""Seconds in which a cluster must take a connection."""


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
    where = os.environ.get("RAY_ADDRESS", "")
    try:
        _knock(where)
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
    except Exception as error:  # Ray raises bare ones too
        told = str(error).strip().split("\n", 1)[0]
        way_out = (
            f"RAY_ADDRESS is {where!r}: start a cluster there (ray start --head), unset it, or set "
            "RAY_AUTH_MODE=token where the cluster wants its token"
            if where
            else "set RAY_ADDRESS to a cluster that runs"
        )
        raise ConfigError(f"{who} cannot join Ray ({told}); {way_out}") from error
    return ray, True


def _knock(where: str) -> None:
    """OSError where nobody listens at HOST:PORT: Ray itself would ask again for ten minutes."""
    host, colon, port = where.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), KNOCKING).close()
