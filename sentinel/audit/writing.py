"""A ledger in, the rows of its last run out, in the order of the source."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sentinel.audit.jobs import Facts
from sentinel.audit.ledger import Ledger, Name, Noted
from sentinel.audit.likenesses import near_duplicates
from sentinel.audit.rows import Row, Rows
from sentinel.audit.run import status_of
from sentinel.contracts import Verdict
from sentinel.errors import ConfigError
from sentinel.panel import Panel


@dataclass(slots=True)
class Totals:
    """How an audit ended, in numbers."""

    passed: int = 0
    evaluations: int = 0
    statuses: Counter[str] = field(default_factory=Counter)

    def count(self, row: Row) -> None:
        """Count one row."""
        self.statuses[row.status] += 1
        self.evaluations += row.counted
        self.passed += row.counted and row.passed is True

    @property
    def pass_rate(self) -> float | None:
        """Share of the evaluations that passed; None without any."""
        return self.passed / self.evaluations if self.evaluations else None

    @property
    def unseen(self) -> int:
        """Entries that nothing could be said of: unreadable, missing, invalid or undecided."""
        return sum(
            self.statuses[each] for each in ("unreadable", "missing", "invalid", "undecided")
        )


def write_rows(ledger: Ledger, panel: Panel, folder: Path) -> Totals:
    """Every row into the folder's file, in the place of an earlier one, whole or not at all."""
    totals = Totals()
    clusters = _clusters(ledger)
    with written(Rows(folder).path) as lines:
        for noted, cluster in zip(ledger.entries(), clusters, strict=True):
            row = _row(ledger, panel, noted, cluster)
            totals.count(row)
            lines.write(row.model_dump_json().encode() + b"\n")
    return totals


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its place when it is complete; ConfigError where the disk is full."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb", buffering=1 << 20) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        told = f"{path} cannot be written ({error.strerror or error}); make room and run again"
        raise ConfigError(told) from error


def _row(ledger: Ledger, panel: Panel, noted: Noted, cluster: int | None) -> Row:
    place = json.loads(noted.place)
    row = Row(key=noted.key, **place, status=noted.status, reason=noted.reason)
    if noted.name is None:
        return row
    first = ledger.first(noted.name, same_brief=False)
    copy_of = first[1] if first[0] < noted.position else None
    row = row.model_copy(update={"sha256": noted.name[0], "duplicate_of": copy_of})
    if noted.status != "scored":
        return row
    verdict, facts = _found(ledger, panel, noted.name)
    changes = {
        "verdict": verdict, "status": status_of(verdict), "reason": verdict.reason,
        "width": facts.width, "height": facts.height, "fingerprint": facts.fingerprint,
        "cluster": cluster,
    }  # fmt: skip
    twin = ledger.first(noted.name, same_brief=True)
    if twin[0] < noted.position:
        told = f"the same picture as {twin[1]}, asked the same: it counts there"
        changes |= {"status": "duplicate", "reason": told}
    return row.model_copy(update=changes)


def _found(ledger: Ledger, panel: Panel, name: Name) -> tuple[Verdict, Facts]:
    verdict, facts = panel.recall(ledger.known(name)), ledger.facts(name[0])
    if verdict is None or facts is None:
        raise ConfigError(f"the ledger lacks what was measured of {name[0]}; run again")
    return verdict, facts


def _clusters(ledger: Ledger) -> Iterator[int | None]:
    yield from near_duplicates(tuple(ledger.fingerprints()))
