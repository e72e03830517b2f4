"""A failure in, what is done about it out: the one table. Pure.

`docs/failover.md` shows the same table, and a test compares them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from sentinel.errors import (
    AccessRefused,
    BriefError,
    Busy,
    Cancelled,
    ConfigError,
    NoPicture,
    PictureError,
    ProviderError,
    ProviderFailed,
    RateLimited,
    Rejected,
    SafetyRefused,
    Unreachable,
)

Wait = Literal["none", "backoff", "as told"]
Breaker = Literal["counts", "spared"]
Onward = Literal["yes", "no", "if after_refusal = next", "if pay_twice"]


class Rule(NamedTuple):
    """What follows one kind of failure."""

    when: str
    calls: int
    """Calls to one provider at most, the first included; `Plan.calls` may lower it."""
    wait: Wait
    """Before it is called again."""
    onward: Onward
    """Whether the next provider of the chain is asked."""
    breaker: Breaker
    """Whether it counts against the provider's circuit breaker."""
    why: str


RULES: dict[str, Rule] = {
    "told to wait": Rule("429 with Retry-After", 3, "as told", "yes", "counts",
        "nothing was started; a wait beyond `patience` is not sat out: the provider rests instead"),
    "too many requests": Rule("429 without Retry-After", 3, "backoff", "yes", "counts",
        "nothing was started"),
    "access refused": Rule("401, 402, 403; no key here", 1, "none", "yes", "counts",
        "a key stays wrong and an account empty, however often one asks"),
    "failed": Rule("5xx, or a job that says it failed", 3, "backoff", "yes", "counts",
        "the service says so itself, and bills no failure"),
    "rejected": Rule("400, 404, 422", 1, "none", "yes", "spared",
        "the same request would be rejected again; another provider may take it"),
    "brief refused": Rule("a brief outside its limits, a reference that cannot be read", 1, "none",
        "yes", "spared",
        "nothing was sent; another provider may paint that size"),
    "unreachable": Rule("connection refused, no such host", 3, "backoff", "yes", "counts",
        "nothing was sent"),
    "timeout before submit": Rule("a time-out before the request was sent, or a job that was "
        "cancelled before it began", 2, "backoff", "yes", "counts", "nothing was started"),
    "timeout after submit": Rule("a time-out after it was sent; 408, 502, 504; a connection that "
        "broke", 1, "none", "if pay_twice", "counts",
        "the picture may be painted and billed all the same"),
    "timeout, safe to repeat": Rule("the same, at a provider marked `safe_to_repeat`", 3,
        "backoff", "if pay_twice", "counts", "the same Idempotency-Key goes with every repeat"),
    "no picture": Rule("200 without a picture", 2, "backoff", "yes", "counts",
        "it may have been billed: one repeat and no more"),
    "undecodable": Rule("bytes that do not decode", 2, "backoff", "yes", "counts",
        "it was billed: one repeat and no more"),
    "black": Rule("a black frame", 2, "backoff", "yes", "counts",
        "repeated with another seed: the same one would be black again"),
    "wrong size": Rule("a picture of the wrong size", 1, "none", "yes", "spared",
        "a service that rounds sizes rounds them again"),
    "safety refusal": Rule("a safety refusal", 1, "none", "if after_refusal = next", "spared",
        "a verdict, not a breakdown; a laxer provider is the policy's choice"),
    "queue full": Rule("our own queue for it is full", 1, "none", "yes", "spared",
        "nothing was sent"),
    "called off": Rule("it was told to stop, since nobody waits any more", 1, "none", "no",
        "spared", "nobody waits for the picture"),
    "broken plugin": Rule("the plugin raises something else or returns nonsense", 1, "none", "yes",
        "counts", "a bug does not mend itself; whether anything was sent is unknown"),
}  # fmt: skip
"""In the order in which a call can fail."""

CIRCUMSTANCES: dict[str, str] = {
    "breaker open": "skipped without a call until `breaker_seconds` have passed",
    "all breakers open": "the first provider is asked all the same: better a slow try than none",
    "all failed": "the first provider's error is raised, with every try in `error.tries`",
    "cost unknown": "the price comes from the service's formula; the picture is never lost for it",
    "one of several pictures failed": "the others are delivered, and `Produced.missing` counts it",
}
"""What is not one failure, and what is done then."""

FLAWS = {
    "empty": "no picture", "undecodable": "undecodable", "black": "black", "size": "wrong size",
}  # fmt: skip

BY_CLASS: tuple[tuple[type[Exception], str], ...] = (
    (AccessRefused, "access refused"),
    (Rejected, "rejected"),
    (SafetyRefused, "safety refusal"),
    (ProviderFailed, "failed"),
    (Cancelled, "called off"),
    (BriefError, "brief refused"),
    (PictureError, "brief refused"),
    (ConfigError, "access refused"),
    (Busy, "queue full"),
)


def name_of(error: BaseException) -> str:
    """The row of the table that an error falls under."""
    if isinstance(error, RateLimited):
        return "too many requests" if error.retry_after is None else "told to wait"
    if isinstance(error, NoPicture):
        return FLAWS.get(error.flaw, "no picture")
    for kind, name in BY_CLASS:
        if isinstance(error, kind):
            return name
    return _silence(error) if isinstance(error, ProviderError) else "broken plugin"


def rule_for(error: BaseException) -> Rule:
    """What is done about an error."""
    return RULES[name_of(error)]


def _silence(error: ProviderError) -> str:
    """No answer, or none that tells what became of the request."""
    if error.submitted is not False:
        return "timeout, safe to repeat" if error.repeatable else "timeout after submit"
    return "unreachable" if isinstance(error, Unreachable) else "timeout before submit"
