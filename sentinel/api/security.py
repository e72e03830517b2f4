"""A request in, its caller out, or why it is refused; and what the caller owes.

Who asks is found out once, before any route (`sentinel.api.porter`); `admitted` then lets the
request in from inside its route, so that a foreign service's client is told in that service's
shape. A route finds its caller in `request.state.caller` and has no check of its own.

A surface that answers with pictures says what they cost, once, when they are delivered:

    await charge(request, prices.fal(width, height), reference=trace.id)

after having set it aside while they were painted,

    async with afforded(request, prices.fal(width, height)):

and one that works in the background hands the bill to the job, which is charged when it is done:

    await house.jobs.submit(brief, billed(request, wanted, prices.runpod(width, height)))

Attempts that were thrown away, failures and cancelled jobs are never charged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

from fastapi import Request
from ulid import ULID

from sentinel.api.errors import Refusal, anew
from sentinel.api.routes import house_of
from sentinel.api.scopes import ANY, Entry, entry_of, is_open
from sentinel.errors import SentinelError
from sentinel.guarding import Wanted
from sentinel.store.holds import REQUEST
from sentinel.store.keys import NANO, Scope

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks; `key_id` is None where no key is asked for. `budget` in nanodollars a month."""

    key_id: str | None = None
    project: str = "default"
    scopes: frozenset[Scope] = ANY
    budget: int | None = None


ANYBODY = Caller()
"""A caller of this machine, while there is no key."""

STRANGER = Caller(scopes=frozenset())
"""A caller of what is open to all."""


@dataclass(slots=True)
class Visit:
    """What the porter found out: the caller, or the refusal, and headers for any answer."""

    caller: Caller = STRANGER
    refusal: SentinelError | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    told: bool = False
    """Whether a route has told the refusal."""


async def admitted(request: Request) -> None:
    """Let a request into its route, or raise why not: 401, 402, 403, 429, 503."""
    if is_open(request.url.path):
        return
    visit: Visit = request.state.visit
    visit.told = True
    if visit.refusal is not None:
        raise visit.refusal
    entry = entry_of(request.method, request.url.path)
    _permit(visit.caller, entry)
    if entry.paid:
        await _afford(request, visit.caller)


async def charge(request: Request, dollars: float, reference: str | None = None) -> None:
    """Add to what the caller's key has spent: US dollars for what is delivered, discards free.

    The same reference (a trace's id, a job's) is charged once, however often and by whichever
    process it is told. A picture is never lost over this: where the database does not take it,
    the log says so.
    """
    caller: Caller = request.state.caller
    if caller.key_id is None:
        return
    keys, told = house_of(request).store.keys, reference or str(ULID())
    try:
        await asyncio.to_thread(keys.charge, caller.key_id, dollars, told)
    except (SentinelError, ValueError) as error:
        log.error("key %s was not charged for %s: %s", caller.key_id, told, error)  # noqa: TRY400 - what is wrong is said


@asynccontextmanager
async def afforded(request: Request, dollars: float) -> AsyncIterator[None]:
    """Set aside what pictures will cost at most while they are painted and charged; Overdrawn.

    Without it, callers who ask at the same moment could each have the last of a budget.
    """
    caller: Caller = request.state.caller
    if caller.key_id is None or caller.budget is None:
        yield
        return
    holds, reference = house_of(request).store.holds, str(ULID())
    place = partial(holds.place, caller.key_id, (reference,), dollars, seconds=REQUEST)
    await asyncio.to_thread(place)
    try:
        yield
    finally:
        lifting = asyncio.ensure_future(asyncio.to_thread(holds.lift, reference))
        with suppress(SentinelError):  # it lapses by itself
            await asyncio.shield(lifting)


def billed(request: Request, wanted: Wanted, price: float | None = None) -> Wanted:
    """The wish of a job, in the caller's project, at the caller's expense.

    `price` is in US dollars for what the job delivers; without it, what the delivered attempt
    cost the house. It is charged once, when the job is done.
    """
    caller: Caller = request.state.caller
    return replace(wanted, project=caller.project, payer=caller.key_id, price=price)


def _permit(caller: Caller, entry: Entry) -> None:
    if not caller.scopes & entry.scopes:
        needed = " or ".join(sorted(entry.scopes - {"admin"}))
        told = f"this key is for {', '.join(sorted(caller.scopes))}; this needs {needed}"
        raise Refusal(403, "scope", told)


async def _afford(request: Request, caller: Caller) -> None:
    """Money is looked up each time: what another process charged a moment ago counts."""
    if caller.key_id is None or caller.budget is None:
        return
    spent = await asyncio.to_thread(house_of(request).store.keys.spent, caller.key_id)
    if spent >= caller.budget:
        told = f"{spent / NANO:.4f} of {caller.budget / NANO:.4f} US dollars are spent this month"
        raise Refusal(402, "budget_spent", f"{told}; {anew()}")
