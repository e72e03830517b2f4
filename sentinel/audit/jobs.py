"""An entry and its bytes in, what has to be measured out; and what was measured.

These are the values that go to an engine and come back; both survive pickling.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from pydantic import Field

from sentinel.audit.entries import Entry
from sentinel.contracts import Brief, GateOutcome, Outcome, Reference, Value, Verdict
from sentinel.panel import Known


class Facts(Value):
    """What decoding told of a picture, whatever is asked of it."""

    width: int
    height: int
    fingerprint: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A picture to be looked at, and what is known of it already."""

    sha256: str
    asked: str
    """Fingerprint of everything that is asked of the picture."""
    data: bytes
    brief: Brief
    maker: str
    known: Known = field(default_factory=Known)

    @property
    def name(self) -> tuple[str, str]:
        """What the ledger knows it by."""
        return self.sha256, self.asked


class Measured(Value):
    """What an engine found. Without `facts` the picture could not be read, for `reason`."""

    facts: Facts | None = None
    gates: tuple[GateOutcome, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    """Without what was known before."""
    verdict: Verdict | None = None
    reason: str = ""
    code: str = ""
    remarks: tuple[str, ...] = Field(default=())
    """Parts of the brief that no judge reads."""


def job_of(entry: Entry, data: bytes, most: int) -> Job:
    """The job of an entry whose bytes are here; PictureError where a reference cannot be had."""
    brief = Brief(
        prompt=entry.prompt,
        negative_prompt=entry.negative_prompt,
        references=tuple(
            Reference(kind=each.kind, image=each.picture.read(most)) for each in entry.references
        ),
        expected_text=entry.expected_text,
        palette=entry.palette,
        category=entry.category,
    )
    maker = entry.made_by or "unknown"
    return Job(hashlib.sha256(data).hexdigest(), asked_of(brief, maker), data, brief, maker)


def asked_of(brief: Brief, maker: str) -> str:
    """Sixteen hex digits that change when anything that gates and judges see of it does."""
    told = hashlib.sha256(brief.model_dump_json(exclude={"references"}).encode())
    for reference in brief.references:
        told.update(f"\n{reference.kind} {hashlib.sha256(reference.image).hexdigest()}".encode())
    told.update(f"\n{maker}".encode("utf-8", "backslashreplace"))
    return told.hexdigest()[:16]
