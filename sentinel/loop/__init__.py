"""Brief in, trace out: generate, evaluate, feed back, again, within the budget.

    run = Run(Order(brief), Staff(panel, makers, advise, strengthen))
    trace = await run.go()
    run.pictures[trace.delivered]

`run` walks, and what it asks stands beside it: `order` what is wanted, `budget` what may be spent
and why it ends, `making` who paints, `looking` what came of it, `rounds` the attempts that makes,
`ranking` which is better, `levers` what is changed next, `seeds` where a retry begins, `events`
who listens, `closing` what is delivered and each attempt's action once that is known.
"""

from __future__ import annotations

from sentinel.loop.budget import Spent, Wish, allowed, stop
from sentinel.loop.events import (
    Ended,
    Event,
    Fed,
    Generated,
    Judged,
    Listener,
    Screened,
    Started,
    follow,
)
from sentinel.loop.levers import LEVERS, Advise, Strengthen
from sentinel.loop.making import Made, Maker, PlainMaker
from sentinel.loop.order import Order, Staff
from sentinel.loop.ranking import best_of, place
from sentinel.loop.run import Run
from sentinel.loop.seeds import seed_of

__all__ = [
    "LEVERS",
    "Advise",
    "Ended",
    "Event",
    "Fed",
    "Generated",
    "Judged",
    "Listener",
    "Made",
    "Maker",
    "Order",
    "PlainMaker",
    "Run",
    "Screened",
    "Spent",
    "Staff",
    "Started",
    "Strengthen",
    "Wish",
    "allowed",
    "best_of",
    "follow",
    "place",
    "seed_of",
    "stop",
]
