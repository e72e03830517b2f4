"""An HTTP answer that is no success in, the ProviderError it means out. Pure.

Reads every error shape that the five services have: fal's `detail`, OpenAI's and imageapi's
`error` object, RunPod's `error` text, Runflow's `code`, `message` and `errors`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from sentinel.errors import (
    AccessRefused,
    ProviderError,
    ProviderFailed,
    ProviderTimeout,
    RateLimited,
    Rejected,
    SafetyRefused,
)

WORDS = 200
"""Characters of a service's own words that an error repeats."""

LONGEST = 86_400.0
"""Seconds of Retry-After that are believed: a day."""

PREFIX = 6
"""Characters of a key by which it is recognised where a service repeats it, masked or not."""

SAFETY = re.compile(
    r"content[_ -]?policy|moderation|nsfw|unsafe[_ ](content|prompt|image)|"
    r"(content|prompt|image)[^.]{0,40}flagged|safety[_ ](system|filter|violation|policy)",
    re.IGNORECASE,
)
"""How services say that they will not paint something."""

TOO_MANY = 429
UNAVAILABLE = 503
JUDGED = (400, 403, 422, 451)
"""Statuses under which a safety system refuses."""

MEANINGS: tuple[tuple[Container[int], type[ProviderError], str, bool | None], ...] = (
    ((401, 402, 403), AccessRefused, "refuses the key or has no money for it", False),
    ((408, 502, 504), ProviderTimeout, "gave up waiting for whoever paints", None),
    (range(500, 1000), ProviderFailed, "failed", False),
    (range(300, 400), Rejected, "answers with a redirect (base_url leads elsewhere)", False),
    (range(400, 500), Rejected, "rejects the request", False),
)
"""Statuses, the error they mean, its words, and whether the request may have been billed."""


def refusal(
    provider: str, status: int, headers: Mapping[str, str], body: bytes, key: str | None = None
) -> ProviderError:
    """What a status of 300 or more means."""
    words = said(body, key)
    why = f"; it says: {words}" if words else ""
    wait = retry_after(headers)
    if status in JUDGED and refused_for_safety(body):
        return SafetyRefused(provider, f"will not paint this{why}", status=status)
    if status == TOO_MANY or (status == UNAVAILABLE and wait is not None):
        told = f"is asked too often{why}"
        return RateLimited(provider, told, status=status, retry_after=wait, submitted=False)
    kind, told, submitted = next(
        (kind, told, submitted) for among, kind, told, submitted in MEANINGS if status in among
    )
    return kind(provider, f"{told}{why}", status=status, submitted=submitted)


def refused_for_safety(body: bytes | str) -> bool:
    """Whether an error's words are those of a safety system."""
    text = body if isinstance(body, str) else " ".join(_words(_table(body)))
    return bool(SAFETY.search(text))


def said(body: bytes | str, key: str | None = None) -> str:
    """A service's own words: one clean, short line without the key."""
    text = body if isinstance(body, str) else "; ".join(_words(_table(body)))
    if key and len(key) >= PREFIX:
        text = re.sub(re.escape(key[:PREFIX]) + r"\S*", "[key]", text)
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= WORDS else line[:WORDS] + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the service asks to wait, from either header, as a number or a date."""
    if (text := headers.get("retry-after-ms")) is not None:
        return _seconds(text, 1000)
    if (text := headers.get("retry-after")) is None:
        return None
    if (seconds := _seconds(text, 1)) is not None:
        return seconds
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(LONGEST, max(0.0, (when - datetime.now(UTC)).total_seconds()))


def _seconds(text: str, per_second: float) -> float | None:
    try:
        seconds = float(text) / per_second
    except ValueError:
        return None
    return min(LONGEST, max(0.0, seconds)) if math.isfinite(seconds) else None


def _table(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _words(value: Any, depth: int = 0) -> Iterator[str]:
    """Every word of an error object that tells something, in reading order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 4:  # noqa: PLR2004 - errors nest three deep
        if value and all(isinstance(each, str | int) for each in value):
            yield ".".join(map(str, value))
            return
        for each in value[:5]:
            yield from _words(each, depth + 1)
    elif isinstance(value, dict) and depth < 4:  # noqa: PLR2004 - as above
        for key in ("loc", "field", "param", "code", "type", "error_type", "message", "msg",
                    "error", "detail", "errors"):  # fmt: skip
            if value.get(key):
                yield from _words(value[key], depth + 1)
