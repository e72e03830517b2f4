"""A source in, what is understood of it and how long it would take out; nothing is kept."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field, replace

from sentinel.audit.conducting import Audit
from sentinel.audit.engines import Engine
from sentinel.audit.entries import Entry, Unreadable
from sentinel.audit.jobs import Measured, job_of
from sentinel.audit.sources import completed
from sentinel.audit.sources.accounts import Account
from sentinel.errors import PictureError

SAMPLE = 8
"""Pictures that are scored for the estimate, evenly spread over the source."""

SHOWN = 20
"""Problems that are told one by one."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What an audit would find and take."""

    source: str
    policy: str
    account: Account
    problems: tuple[Unreadable, ...] = ()
    """The first of those that cannot be entries; the account has their number."""
    looked_at: int = 0
    """Pictures that were scored for the estimate."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Those among them that are no pictures, with the reason."""
    embedded: int = 0
    """Those among them that tell their prompt themselves, where nothing else does."""
    seconds: float | None = None
    """For the whole audit; None where there was nothing to score."""
    missing: dict[str, str] = field(default_factory=dict)


def look_through(audit: Audit) -> Rehearsed:
    """Go through the source once. Blocking."""
    problems: list[Unreadable] = []
    for found in itertools.islice(audit.source.entries(), audit.asked.limit):
        if isinstance(found, Unreadable) and len(problems) < SHOWN:
            problems.append(found)
    account = audit.source.account
    return Rehearsed(str(audit.asked.source), audit.policy.name, account, tuple(problems))


async def timed(found: Rehearsed, audit: Audit, engine: Engine) -> Rehearsed:
    """The same, with the time it would take by a sample."""
    sample, known = await asyncio.to_thread(_sample, audit, found.account.entries)
    missing = {seat.name: seat.missing for seat in engine.panel.gates if seat.missing}
    missing |= {seat.name: seat.missing for seat in engine.panel.judges if seat.missing}
    if not sample:
        return replace(found, missing=missing)
    await _measure(audit, engine, sample[0])  # whatever is loaded at the first picture
    started = time.perf_counter()
    each = await asyncio.gather(*(_measure(audit, engine, entry) for entry in sample))
    seconds = (time.perf_counter() - started) / len(sample) * found.account.entries
    bad = [(entry.where, one.reason) for entry, one in zip(sample, each, strict=True) if one.reason]
    return replace(
        found, looked_at=len(sample), unreadable=tuple(bad), embedded=known, seconds=seconds,
        missing=missing,
    )  # fmt: skip


def _sample(audit: Audit, entries: int) -> tuple[list[Entry], int]:
    """Entries evenly spread, and how many of them tell their prompt themselves. Blocking."""
    apart = max(1, entries // SAMPLE)
    able = (each for each in audit.source.entries() if isinstance(each, Entry))
    chosen = list(itertools.islice(able, apart // 2, entries, apart))[:SAMPLE]
    filled_in = [_with_words(audit, each) for each in chosen]
    return filled_in, sum(each.prompted == "embedded" for each in filled_in)


def _with_words(audit: Audit, entry: Entry) -> Entry:
    try:
        data = entry.read(int(audit.settings.body_mb * 1e6))
    except PictureError:
        return entry
    return completed(entry, data, audit.settings.formats)


async def _measure(audit: Audit, engine: Engine, entry: Entry) -> Measured:
    most = int(audit.settings.body_mb * 1e6)
    try:
        data = await asyncio.to_thread(entry.read, most)
        job = await asyncio.to_thread(job_of, entry, data, most)
    except PictureError as error:
        return Measured(reason=str(error), code=error.code)
    return await engine.measure(job)
