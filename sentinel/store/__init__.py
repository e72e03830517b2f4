"""Database URL in, a store out: traces, pictures and counts, kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel.store.answers import Answers
from sentinel.store.callbacks import Callbacks
from sentinel.store.deliveries import Deliveries
from sentinel.store.engines import Engines, connect, outages_told
from sentinel.store.evaluations import Evaluations
from sentinel.store.holds import Holds
from sentinel.store.keys import Keys
from sentinel.store.media import Media
from sentinel.store.queries import Queries
from sentinel.store.schema import upgrade
from sentinel.store.secrets import secret
from sentinel.store.traces import Traces
from sentinel.store.uploads import Uploads

__all__ = ["Store", "open_store"]


@dataclass(frozen=True, slots=True)
class Store:
    """`traces` are written and loaded, `media` holds picture bytes, `queries` count."""

    engines: Engines
    traces: Traces
    media: Media
    queries: Queries
    secret: bytes
    """What addresses of pictures are signed with."""
    keys: Keys
    """Who may use the house, and what each has spent."""
    holds: Holds
    """What is set aside of keys' budgets for what is being painted."""
    answers: Answers
    """What was answered under an idempotency key."""
    evaluations: Evaluations
    """Pictures that somebody wants judged, and what people say of verdicts."""
    deliveries: Deliveries
    """What is to be told to whom."""
    callbacks: Callbacks
    """Who waits for which batch, and the secrets that deliveries are signed with."""
    uploads: Uploads
    """What callers uploaded, by the address that they were given before."""

    def close(self) -> None:
        """Close every connection."""
        self.engines.close()


def open_store(
    url: str,
    media: str | Path,
    media_days: float,
    *,
    media_options: Mapping[str, Any] | None = None,
    words: bool = True,
) -> Store:
    """Open a SQLite file or PostgreSQL database, at the newest schema.

    `media` is a folder or an address for fsspec, which gets `media_options`. Without `words`
    nothing of a prompt or picture is kept: no pictures, and traces without a word.
    ConfigError names the URL (without its password) or the folder that cannot be used, and the
    way out. Several processes may open the same store at once.
    """
    engines = connect(url, wiping=not words)
    try:
        upgrade(engines)
        shown = Media(engines, media, media_days if words else 0, options=media_options)
        signing = secret(engines, "media")
    except BaseException:
        engines.close()
        raise
    outages_told(engines)
    traces, queries = Traces(engines, shown, words=words), Queries(engines.read)
    kept = Keys(engines), Holds(engines), Answers(engines), Evaluations(engines, words=words)
    deliveries = Deliveries(engines, words=words)
    told = deliveries, Callbacks(engines, deliveries), Uploads(engines, media_days)
    return Store(engines, traces, shown, queries, signing, *kept, *told)
