"""What was audited, by which policy and plugins: the head of a report."""

from __future__ import annotations

from pathlib import Path

from sentinel.audit.sources.accounts import Account
from sentinel.audit.writing import written
from sentinel.contracts import Value
from sentinel.panel import Panel

ABOUT = "audit.json"


class Table(Value):
    """A table of the source, and what was made of its columns."""

    name: str
    used: dict[str, tuple[str, ...]]
    unused: tuple[str, ...]


class About(Value):
    """The same for two runs over the same source: no clock, no machine."""

    source: str
    policy: str
    policy_fingerprint: str
    gates: dict[str, str]
    """Version by name."""
    judges: dict[str, str]
    missing: dict[str, str]
    """Gates and judges that did not run, and the command that brings what they need."""
    limit: int | None = None
    entries: int
    prompts: dict[str, int]
    """Where prompts came from (table, json, text, embedded, none) and how many of each."""
    ignored: dict[str, int]
    """Files that are no pictures, by the end of their name."""
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: str, account: Account, panel: Panel, limit: int | None) -> About:
        """What is known when an audit has ended."""
        missing = {seat.name: seat.missing for seat in panel.gates if seat.missing}
        missing |= {seat.name: seat.missing for seat in panel.judges if seat.missing}
        prompts = {name or "none": number for name, number in sorted(account.prompted.items())}
        return cls(
            source=source,
            policy=panel.policy.name,
            policy_fingerprint=panel.policy.fingerprint,
            gates={seat.name: seat.version for seat in panel.gates},
            judges={seat.name: seat.version for seat in panel.judges},
            missing=missing,
            limit=limit,
            entries=account.entries + sum(account.problems.values()),
            prompts=prompts,
            ignored=dict(sorted(account.ignored.items())),
            tables=tuple(
                Table(name=each.name, used=each.used, unused=each.unused) for each in account.tables
            ),
            notes=tuple(account.notes),
        )

    def write(self, folder: Path) -> None:
        """Into the audit's folder."""
        with written(folder / ABOUT) as stream:
            stream.write(self.model_dump_json(indent=1).encode() + b"\n")
