"""A chain of generators in, one generator out: retries, cooldown, circuit breaker.

`rules` holds the table of what is done after which failure, `plan` the values that go in and come
out, `pictures` looks at what came, and `chain` walks along the providers.
"""

from __future__ import annotations

from sentinel.failover.chain import Failover
from sentinel.failover.plan import Link, Plan, Produced, Try
from sentinel.failover.rules import CIRCUMSTANCES, RULES, Rule, rule_for

__all__ = [
    "CIRCUMSTANCES",
    "RULES",
    "Failover",
    "Link",
    "Plan",
    "Produced",
    "Rule",
    "Try",
    "rule_for",
]
