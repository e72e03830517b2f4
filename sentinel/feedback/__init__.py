"""Verdict and brief in, the next brief and the reason for each change out. Pure.

    told = feedback.advise(verdict, sent, asked=asked, capabilities=capabilities, told=earlier)
    stronger = feedback.strengthen(sent, capabilities=capabilities)

`driving` says which issues count, `table` which strategy answers which failure mode, `phrases` and
`looks` hold the strategies, `composing` makes one brief of what they said, `tokens` and `sizes`
keep it within what the generator takes, `advice` remembers what was told before.
"""

from __future__ import annotations

from sentinel.feedback.advice import advise, parameters
from sentinel.feedback.composing import fits, longest
from sentinel.feedback.driving import driving
from sentinel.feedback.sizes import strengthen
from sentinel.feedback.table import STRATEGIES, TABLE, unheard

__all__ = [
    "STRATEGIES",
    "TABLE",
    "advise",
    "driving",
    "fits",
    "longest",
    "parameters",
    "strengthen",
    "unheard",
]
