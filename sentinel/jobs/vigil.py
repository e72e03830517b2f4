"""Signs of life in, who of those that work is alive out.

Every process writes a beat every other second. On the same machine the process table says at once
who is gone; of another machine's process nobody knows more than that its beats have stopped, and
it counts as dead after `STALE` seconds by the onlooker's own clock.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path

BEAT = 2.0
"""Seconds between two beats."""

STALE = 30.0
"""Seconds without a beat after which another machine's process counts as dead: 15 beats."""


def _place() -> str:
    """This machine, this boot, and these process numbers (containers have their own)."""
    told = [socket.gethostname()]
    with contextlib.suppress(OSError):  # no Linux
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii"))
        told.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def executor_id() -> str:
    """A name for this process that no other has, and that tells where it runs."""
    return f"{_place()}-{os.getpid()}-{secrets.token_hex(4)}"


class Vigil:
    """Watches the others."""

    def __init__(self, mine: str, stale: float = STALE) -> None:
        """`mine` is this process's own name."""
        self._mine = mine
        self._stale = stale
        self._seen: dict[str, tuple[int, float]] = {}

    def living(self, beats: Mapping[str, int]) -> set[str]:
        """Those of `beats` (by name: when their last one was written) that are alive."""
        now = time.monotonic()
        for name, beat in beats.items():
            if self._seen.get(name, (None, 0.0))[0] != beat:
                self._seen[name] = (beat, now)
        return {self._mine} | {name for name in beats if self._alive(name, now)}

    def _alive(self, name: str, now: float) -> bool:
        if name == self._mine:
            return True
        place, _, rest = name.partition("-")
        pid = rest.partition("-")[0]
        if place == self._mine.partition("-")[0] and pid.isdigit() and not _runs(int(pid)):
            return False
        return now - self._seen[name][1] < self._stale


def _runs(pid: int) -> bool:
    """Whether a process of that number runs that is not this one, which has another name."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[:1] == ["Z"]
