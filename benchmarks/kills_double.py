"""A painter that tells what it is asked, and a judge that is never content.

`kills.py` copies this file to where its servers find it as plugins.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from sentinel.contracts import Brief, Candidate, Capabilities, Reading, Sample
from sentinel.testing import red

SECONDS = float(os.environ.get("KILLS_SECONDS", "0.3"))


def tell(what: str, brief: Brief) -> None:
    """Append what happened to the file that the arena reads."""
    told = {"what": what, "seed": brief.seed, "at": time.time(), "pid": os.getpid()}
    with Path(os.environ["KILLS_LINES"]).open("a") as file:
        file.write(json.dumps(told) + "\n")


class Slow:
    """Paints for a while, and bills at the end of it."""

    version: ClassVar[str] = "1"
    concurrent: ClassVar[int] = 4
    price: ClassVar[float] = 0.01
    capabilities = Capabilities()

    def generate(self, brief: Brief) -> list[Candidate]:
        """One picture, as red as its seed says."""
        tell("begun", brief)
        time.sleep(SECONDS)
        tell("billed", brief)
        image = red(0.1 + (brief.seed or 0) % 251 / 1000)
        return [Candidate(image=image, seed=brief.seed, cost=0.01)]


class Stern:
    """Passes nothing, so that every attempt is made."""

    version: ClassVar[str] = "1"

    def judge(self, samples: Sequence[Sample]) -> list[Reading]:
        """The same word for all, after a while."""
        time.sleep(SECONDS / 4)
        return [Reading(value=0.1, reason="not red enough") for _ in samples]
