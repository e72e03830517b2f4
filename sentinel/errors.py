"""What can go wrong, by whose fault it is.

    SentinelError
    ├── ConfigError            the operator's: wrong policy, setting or name; stops the start
    │   ├── PolicyError        a policy file, with every mistake in it
    │   └── MissingRequirement an extra or weights a policy needs are not installed
    ├── PluginError            the plugin author's: a judge, gate or generator broke its contract
    ├── PictureError           the caller's: bytes that are no acceptable picture
    ├── BriefError             the caller's: a field of the brief that cannot be used
    ├── NotFound               the caller's: no such trace, policy or picture
    ├── Unavailable            nobody's: the database does not answer; try again later
    └── Busy                   nobody's: a bounded queue is full; try again later

A bad picture is not an error: it is a verdict. A judge that breaks is not an error for the
caller either: it is a Fault among the outcomes.
"""

from __future__ import annotations


class SentinelError(Exception):
    """Anything Sentinel raises on purpose; `code` is stable and machine-readable."""

    code = "sentinel_error"


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


class Busy(SentinelError):  # noqa: N818 - a state, not a mistake
    """A bounded queue is full; nothing was started and nothing is lost."""

    code = "busy"

    def __init__(self, what: str, retry_after: float) -> None:
        """Name what is full and after how many seconds another try is sensible."""
        self.retry_after = retry_after
        super().__init__(f"{what} is full; try again in {retry_after:.0f} s")


SHOWN = 80
"""Characters of a caller's value that an error repeats: enough to recognise it in a log."""
