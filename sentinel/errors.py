"""What can go wrong, by whose fault it is.

    SentinelError
    ├── ConfigError            the operator's: wrong policy, setting or name; stops the start
    │   ├── PolicyError        a policy file, with every mistake in it
    │   └── MissingRequirement an extra or weights a policy needs are not installed
    ├── PluginError            the plugin author's: a judge, gate or generator broke its contract
    ├── PictureError           the caller's: bytes that are no acceptable picture
    ├── BriefError             the caller's: a field of the brief that cannot be used
    ├── ProviderError          the service's: whoever paints for us gave no picture that can be used
    │   ├── RateLimited        too many requests; nothing was started
    │   ├── AccessRefused      a bad key, no money or no right
    │   ├── Rejected           it does not take the request as it stands
    │   ├── SafetyRefused      it will not paint this; a verdict, not a breakdown
    │   ├── ProviderFailed     it says itself that it failed
    │   ├── Cancelled          it stopped because nobody waits any more
    │   ├── NoPicture          it answered, but without a usable picture
    │   ├── ProviderTimeout    no answer in time
    │   └── Unreachable        no connection, or one that broke
    ├── NotFound               the caller's: no such trace, policy or picture
    ├── Unavailable            nobody's: the database does not answer; try again later
    │   └── MediaAway          the place where pictures are kept does not answer
    └── Busy                   nobody's: a bounded queue is full; try again later

A bad picture is not an error: it is a verdict. A judge that breaks is not an error for the
caller either: it is a Fault among the outcomes.
"""

from __future__ import annotations


class SentinelError(Exception):
    """Anything Sentinel raises on purpose; `code` is stable and machine-readable."""

    code = "sentinel_error"
    tries: tuple[object, ...] = ()
    """What failover tried before it gave up (`sentinel.failover.Try`), in order."""

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling, whatever a subclass takes to be made."""
        return _again, (type(self), self.args), self.__dict__


class ConfigError(SentinelError):
    """The configuration names something that is not there or makes no sense."""

    code = "config_error"


class PolicyError(ConfigError):
    """A policy file with mistakes; `problems` names each by key, value and way out."""

    code = "policy_error"

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        """Keep every problem, not only the first."""
        self.source = source
        self.problems = problems
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"policy {source!r} cannot be used:\n{lines}")


class MissingRequirement(ConfigError):  # noqa: N818 - a thing missing, not an error of its own
    """An extra or weights are not installed; `remedy` is the exact command that mends it."""

    code = "missing_requirement"

    def __init__(self, who: str, what: str, remedy: str) -> None:
        """Name who needs it, what is missing and the command that brings it."""
        self.who = who
        self.what = what
        self.remedy = remedy
        super().__init__(f"{who} needs {what}, which is not here; run: {remedy}")


class PluginError(SentinelError):
    """A plugin broke its contract."""

    code = "plugin_error"

    def __init__(self, kind: str, name: str, problem: str) -> None:
        """Name the kind of plugin, its name and what it did."""
        self.kind = kind
        self.name = name
        super().__init__(f"{kind} {name!r} broke its contract: {problem}")


class PictureError(SentinelError):
    """Bytes that cannot become a picture within the limits.

    `code` is one of picture_empty, picture_unreadable, picture_format, picture_truncated,
    picture_too_large, picture_too_small.
    """

    def __init__(self, code: str, message: str, *, field: str = "image") -> None:
        """Name the code, the sentence for the caller and the field that carried the bytes."""
        self.code = code
        self.field = field
        super().__init__(message)


class BriefError(SentinelError):
    """A field of the brief that cannot be used."""

    code = "brief_invalid"

    def __init__(self, field: str, value: object, way_out: str) -> None:
        """Name the field, its value (shortened) and the way out."""
        self.field = field
        shown = repr(value)
        self.value = shown if len(shown) <= SHOWN else shown[:SHOWN] + "…"
        super().__init__(f"{field} is {self.value}: {way_out}")


class ProviderError(SentinelError):
    """A provider gave no picture that can be used.

    `status` is the HTTP status where there was one, `retry_after` the seconds it asks to wait.
    `submitted` says whether this call may be on its bill: False certainly not, True yes, None
    nobody can tell. `repeatable`: the same call may be sent to it again without paying twice.
    `job` is its id for the work, where it gave one.
    """

    code = "provider_error"

    def __init__(  # noqa: PLR0913 - each is a fact about one failure
        self,
        provider: str,
        problem: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        submitted: bool | None = None,
        repeatable: bool = False,
        job: str | None = None,
    ) -> None:
        """Name the provider and what happened."""
        self.provider = provider
        self.status = status
        self.retry_after = retry_after
        self.submitted = submitted
        self.repeatable = repeatable or submitted is False
        self.job = job
        where = f" (HTTP {status})" if status is not None else ""
        super().__init__(f"provider {provider!r} {problem}{where}")


class RateLimited(ProviderError):  # noqa: N818 - a state, not a mistake
    """Too many requests; nothing was started."""

    code = "provider_rate_limited"


class AccessRefused(ProviderError):  # noqa: N818 - what happened
    """The key is wrong, the account is empty, or it may not do this."""

    code = "provider_access_refused"


class Rejected(ProviderError):  # noqa: N818 - what happened
    """The request as it stands is not taken; sent again it would not be either."""

    code = "provider_rejected"


class SafetyRefused(ProviderError):  # noqa: N818 - what happened
    """The provider will not paint this, or painted it and holds it back."""

    code = "provider_safety_refused"


class ProviderFailed(ProviderError):  # noqa: N818 - what happened
    """The provider says itself that it failed; it does not bill that."""

    code = "provider_failed"


class Cancelled(ProviderError):  # noqa: N818 - what happened
    """It was told to stop, since nobody waits for the picture, and did."""

    code = "provider_cancelled"


class NoPicture(ProviderError):  # noqa: N818 - what happened
    """An answer without a usable picture. `flaw` is empty, undecodable, black or size."""

    code = "provider_no_picture"

    def __init__(
        self, provider: str, problem: str, *, flaw: str = "empty", status: int | None = None,
        repeatable: bool = False,
    ) -> None:  # fmt: skip
        """Name the provider, what came instead, and the kind of flaw."""
        self.flaw = flaw
        super().__init__(provider, problem, status=status, submitted=True, repeatable=repeatable)


class ProviderTimeout(ProviderError):  # noqa: N818 - what happened
    """No answer in time. Only `submitted` tells whether the work may go on and be billed."""

    code = "provider_timeout"


class Unreachable(ProviderError):  # noqa: N818 - a state, not a mistake
    """No connection, or one that broke before the answer was complete."""

    code = "provider_unreachable"


class NotFound(SentinelError):  # noqa: N818 - reads as what it is
    """No such thing under that name."""

    code = "not_found"


class Unavailable(SentinelError):  # noqa: N818 - a state, not a mistake
    """Something the house stands on does not answer; what was asked is not kept."""

    code = "unavailable"

    def __init__(self, what: str, why: str, retry_after: float) -> None:
        """Name what does not answer, why, and after how many seconds another try is sensible."""
        self.what = what
        self.retry_after = retry_after
        super().__init__(f"{what} does not answer ({why}); try again in {retry_after:.0f} s")


class MediaAway(Unavailable):
    """The folder or address of pictures does not answer; traces are kept all the same."""

    code = "media_unavailable"


class Busy(SentinelError):  # noqa: N818 - a state, not a mistake
    """A bounded queue is full; nothing was started and nothing is lost."""

    code = "busy"

    def __init__(self, what: str, retry_after: float) -> None:
        """Name what is full and after how many seconds another try is sensible."""
        self.retry_after = retry_after
        super().__init__(f"{what} is full; try again in {retry_after:.0f} s")


SHOWN = 80
"""Characters of a caller's value that an error repeats: enough to recognise it in a log."""


def _again(kind: type[SentinelError], said: tuple[object, ...]) -> SentinelError:
    return kind.__new__(kind, *said)
