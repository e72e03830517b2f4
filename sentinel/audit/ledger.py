"""What was measured in, kept for good; what is known of a picture out.

A reading is kept under the picture's bytes, what was asked of it, and the plugin with its version
and options. A changed picture, prompt, judge or option is therefore measured again, and nothing
else is. Thresholds, weights and verdicts are not kept: they are computed anew each time.

SQLite in the audit's folder, in WAL mode, a transaction per small batch: after kill -9 there is
everything up to the last batch.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from sentinel.audit.jobs import Facts
from sentinel.audit.rows import Status
from sentinel.contracts import Fault, GateFault, GateOutcome, Outcome
from sentinel.errors import ConfigError
from sentinel.panel import Known
from sentinel.policy import Policy

LEDGER = "ledger.sqlite"

SCHEMA = 1
"""Changes when the tables do; a ledger of another is refused."""

TABLES = """
CREATE TABLE IF NOT EXISTS picture (
    sha256 TEXT PRIMARY KEY, facts TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reading (
    sha256 TEXT, asked TEXT, plugin TEXT, outcome TEXT NOT NULL, fault INTEGER NOT NULL,
    PRIMARY KEY (sha256, asked, plugin)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reading_fault ON reading (fault) WHERE fault;
CREATE TABLE IF NOT EXISTS entry (
    position INTEGER PRIMARY KEY, key TEXT NOT NULL, place TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, sha256 TEXT, asked TEXT
);
CREATE INDEX IF NOT EXISTS entry_sha256 ON entry (sha256, asked, position);
"""

GATE: TypeAdapter[GateOutcome] = TypeAdapter(GateOutcome)
OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)

Name = tuple[str, str]
"""sha256 of a picture and the fingerprint of what is asked of it."""


@dataclass(frozen=True, slots=True)
class Plugins:
    """Under which name each gate and judge of a policy is kept."""

    gates: dict[str, str]
    judges: dict[str, str]

    @classmethod
    def of(cls, policy: Policy, versions: dict[str, str]) -> Plugins:
        """`versions` by "gate:NAME" and "judge:NAME"."""

        def named(kind: Literal["gate", "judge"], name: str, options: object) -> str:
            told = json.dumps(options, sort_keys=True).encode()
            mark = hashlib.sha256(told).hexdigest()[:12]
            return f"{kind}:{name}@{versions[f'{kind}:{name}']}#{mark}"

        return cls(
            {name: named("gate", name, rule.options) for name, rule in policy.gates.items()},
            {name: named("judge", name, rule.options) for name, rule in policy.judges.items()},
        )


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of one entry in this run, and what was measured for it."""

    position: int
    key: str
    place: str
    """JSON of what its row tells of it: where, group, prompt."""
    status: Status
    reason: str = ""
    name: Name | None = None
    facts: Facts | None = None
    gates: tuple[GateOutcome, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


class Ledger:
    """One audit's memory. Plain blocking code, used from one thread at a time."""

    def __init__(self, folder: Path, plugins: Plugins) -> None:
        """Opens or makes the file; ConfigError where it cannot be used."""
        self._plugins = plugins
        self._path = folder / LEDGER
        with self._guarded():
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            [schema] = self._db.execute("PRAGMA user_version").fetchone()
            if schema not in {0, SCHEMA}:
                self._db.close()
                told = f"{self._path} was made by another version; choose another folder"
                raise ConfigError(told)
            self._db.executescript(TABLES)
            self._db.execute(f"PRAGMA user_version={SCHEMA}")

    def begin(self) -> None:
        """A new run: entries are noted anew, and whatever broke may be asked again."""
        with self._guarded(), self._transaction():
            self._db.execute("DELETE FROM entry")
            self._db.execute("DELETE FROM reading WHERE fault")

    def facts(self, sha256: str) -> Facts | None:
        """What decoding told of a picture."""
        with self._guarded():
            found = self._db.execute("SELECT facts FROM picture WHERE sha256 = ?", (sha256,))
            row = found.fetchone()
        return Facts.model_validate_json(row[0]) if row else None

    def known(self, name: Name) -> Known:
        """What the plugins of this policy have measured of a picture."""
        with self._guarded():
            rows = self._db.execute(
                "SELECT plugin, outcome FROM reading WHERE sha256 = ? AND asked = ?", name
            ).fetchall()
        kept = dict(rows)
        gates = {
            gate: GATE.validate_json(kept[plugin])
            for gate, plugin in self._plugins.gates.items()
            if plugin in kept
        }
        judges = {
            judge: OUTCOME.validate_json(kept[plugin])
            for judge, plugin in self._plugins.judges.items()
            if plugin in kept
        }
        return Known(gates, judges)

    def note(self, batch: Sequence[Noted]) -> None:
        """Keep a batch, all of it or nothing; ConfigError where the disk is full."""
        with self._guarded(), self._transaction():
            for each in batch:
                self._note(each)

    def entries(self) -> Iterator[Noted]:
        """What became of each entry in this run, in order."""
        with self._guarded():
            rows = self._db.execute(
                "SELECT position, key, place, status, reason, sha256, asked "
                "FROM entry ORDER BY position"
            )
            for position, key, place, status, reason, sha256, asked in rows:
                name = (sha256, asked) if sha256 is not None else None
                yield Noted(position, key, place, status, reason, name)

    def fingerprints(self) -> Iterator[str | None]:
        """Each entry's perceptual hash, in order; None where it was not decoded."""
        with self._guarded():
            rows = self._db.execute(
                "SELECT json_extract(facts, '$.fingerprint') FROM entry LEFT JOIN picture "
                "ON picture.sha256 = entry.sha256 AND status = 'scored' ORDER BY position"
            )
            for (fingerprint,) in rows:
                yield fingerprint

    def first(self, name: Name, *, same_brief: bool) -> tuple[int, str]:
        """Position and key of the first entry with these bytes, and this brief where asked."""
        also = "AND asked = ? " if same_brief else ""
        with self._guarded():
            found = self._db.execute(
                f"SELECT position, key FROM entry WHERE sha256 = ? {also}"  # noqa: S608 - no outside text
                "ORDER BY position LIMIT 1",
                name if same_brief else name[:1],
            )
            position, key = found.fetchone()
        return position, key

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _note(self, each: Noted) -> None:
        sha256, asked = each.name or (None, None)
        self._db.execute(
            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)",
            (each.position, each.key, each.place, each.status, each.reason, sha256, asked),
        )
        if each.facts is not None:
            self._db.execute(
                "INSERT OR REPLACE INTO picture VALUES (?, ?)",
                (sha256, each.facts.model_dump_json()),
            )
        kept = [(self._plugins.gates[gate.gate], gate) for gate in each.gates]
        kept += [(self._plugins.judges[one.judge], one) for one in each.outcomes]  # type: ignore[misc]  # gates and judges are kept alike
        for plugin, outcome in kept:
            still = outcome.model_copy(update={"seconds": 0.0})
            broken = isinstance(outcome, GateFault | Fault)
            self._db.execute(
                "INSERT OR REPLACE INTO reading VALUES (?, ?, ?, ?, ?)",
                (sha256, asked, plugin, still.model_dump_json(), int(broken)),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """SQLite's errors as one that says what to do; nothing that was kept is lost by them."""
        try:
            yield
        except sqlite3.Error as error:
            told = f"{self._path} cannot be used ({error}); {_way_out(str(error))}"
            raise ConfigError(told) from error


def _way_out(told: str) -> str:
    if "full" in told or "disk I/O" in told:
        return "make room and run the same command again: what was measured is kept"
    if "readonly" in told or "unable to open" in told:
        return "choose a folder that can be written"
    return "move it away to begin anew, or choose another folder"
