"""Database URL in, a store out: traces, pictures and counts, kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sentinel.store.answers import Answers
from sentinel.store.engines import Engines, connect, outages_told
from sentinel.store.evaluations import Evaluations
from sentinel.store.keys import Keys
from sentinel.store.media import Media
from sentinel.store.queries import Queries
from sentinel.store.schema import upgrade
from sentinel.store.secrets import secret
from sentinel.store.traces import Traces

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
    answers: Answers
    """What was answered under an idempotency key."""
    evaluations: Evaluations
    """Pictures that somebody wants judged, and what people say of verdicts."""

    def close(self) -> None:
        """Close every connection."""
        self.engines.close()


def open_store(url: str, media_root: Path, media_days: float) -> Store:
    """Open a SQLite file or PostgreSQL database, at the newest schema.

    ConfigError names the URL (without its password) or the folder that cannot be used, and the
    way out. Several processes may open the same store at once.
    """
    engines = connect(url)
    try:
        upgrade(engines)
        media = Media(engines, Path(media_root), media_days)
        signing = secret(engines, "media")
    except BaseException:
        engines.close()
        raise
    outages_told(engines)
    traces, queries = Traces(engines, media), Queries(engines.read)
    kept = Keys(engines), Answers(engines), Evaluations(engines)
    return Store(engines, traces, media, queries, signing, *kept)
