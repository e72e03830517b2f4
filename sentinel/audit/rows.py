"""One entry and what was found of it in, one row of the report out; and back from the file.

Rows hold nothing that differs between two runs over the same pictures: no seconds, no clock, no
machine. Therefore an audit that was killed and gone on with writes the same bytes as one that
was not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from sentinel.contracts import Value, Verdict

ROWS = "rows.jsonl"
"""The file of an audit's folder with a row a line, in the order of the source."""

Status = Literal[
    "scored", "refused", "undecided", "duplicate", "unreadable", "missing", "invalid"
]  # fmt: skip
"""What became of an entry.

scored      judged; the verdict's standing says passed or failed
refused     a gate refused it
undecided   a required gate or judge has a fault
duplicate   the same bytes and the same brief as an earlier entry, whose verdict it carries
unreadable  bytes that are no picture within the limits
missing     named by a table, and not there
invalid     a row or member that names no picture that may be read
"""

COUNTED = ("scored", "refused", "undecided")
"""Statuses that count as an evaluation; a duplicate counts once, what was not seen not at all."""


class Row(Value):
    """One entry of the source, in its place."""

    key: str
    where: str
    """The picture as people find it: a path, a member of an archive, a line of a table."""
    group: dict[str, str] = Field(default_factory=dict)
    """Columns to group by: folder, category, made_by, and those that `--map group=` names."""
    prompt: str | None = None
    status: Status
    sha256: str | None = None
    width: int = 0
    height: int = 0
    verdict: Verdict | None = None
    """None where nothing was judged. `seconds` are 0 in all of it."""
    reason: str
    """Why it has its status, in a sentence; the verdict's reason where there is one."""
    duplicate_of: str | None = None
    """Key of the first entry with the same bytes, whatever was asked of it."""
    cluster: int | None = None
    """Number of the group of near-duplicates it belongs to; None where it has none."""
    fingerprint: str | None = None
    """Perceptual hash (`sentinel.imaging.fingerprint`) as 16 hex digits."""

    @property
    def counted(self) -> bool:
        """Whether it is one of the evaluations that a pass rate is made of."""
        return self.status in COUNTED

    @property
    def passed(self) -> bool | None:
        """True or False as `Verdict.passed`; None where it is undecided or was not judged."""
        return self.verdict.passed if self.verdict is not None else None


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of an audit's folder, read from the file anew each time, one at a time."""

    folder: Path

    @property
    def path(self) -> Path:
        """Their file."""
        return self.folder / ROWS

    def __iter__(self) -> Iterator[Row]:
        """Each row, in the order of the source; FileNotFoundError where no audit has ended."""
        with self.path.open("rb") as lines:
            for line in lines:
                yield Row.model_validate_json(line)
