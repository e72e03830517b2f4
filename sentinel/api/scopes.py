"""Method and path in, the scopes that open it out, and whether it may cost money. Pure.

One table for all routes, the foreign ones too: what is not in it asks for `generate`, so that a
service that is added is locked before anybody thinks of it. `admin` opens everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sentinel import faces
from sentinel.store.keys import SCOPES, Scope

OPEN = re.compile(r"/(healthz|readyz|openapi\.json|(media|uploads)/[^/]*)")
"""Whoever reaches the port may ask: whether we live, what we offer, and (by an address that nobody
guesses) for a picture, or to put one where a caller with a key was told to."""

ANY: frozenset[Scope] = frozenset(SCOPES)


@dataclass(frozen=True, slots=True)
class Entry:
    """Any one of `scopes` opens it; `paid` is refused where a key's budget is spent."""

    scopes: frozenset[Scope]
    paid: bool = False


def _entry(*scopes: Scope, paid: bool = False) -> Entry:
    return Entry(frozenset((*scopes, "admin")), paid)


LOOK, CHANGE = "GET|HEAD", "POST|PUT|PATCH|DELETE"

TABLE: tuple[tuple[re.Pattern[str], re.Pattern[str], Entry], ...] = tuple(
    (re.compile(methods), re.compile(path, re.DOTALL), entry)
    for methods, path, entry in (
        ("POST", r"/v1/score", _entry("score")),
        ("POST", r"/v1/generate", _entry("generate", paid=True)),
        (LOOK, r"/v1/(judges|policies)(/.*)?", Entry(ANY)),
        # whoever was told a trace's id was given the picture; nobody guesses one
        (LOOK, r"/v1/traces/.*", _entry("read", "generate", "score", "evaluations:read")),
        (LOOK, r"/v1/jobs|/metrics", _entry("read")),
        (LOOK, r"/v1/jobs/.*", _entry("read", "generate")),
        (LOOK, r"/v1/evaluations(/.*)?", _entry("evaluations:read")),
        (CHANGE, r"/v1/evaluations(/.*)?", _entry("evaluations:create")),
        (LOOK + "|" + CHANGE, r"/v1/callback-secrets(/.*)?",
         _entry("evaluations:create", "generate")),
        (LOOK, r"/v1/deliveries(/.*)?", _entry("generate", "read", "evaluations:read")),
        (CHANGE, r"/v1/deliveries(/.*)?", _entry("generate", "evaluations:create")),
        # these cost nothing, so that whoever has spent a budget may still tidy up
        (CHANGE, r".*/(cancel|purge-queue)(/.*)?", _entry("generate")),
        ("POST", r"/(storage|files)/.*", _entry("generate")),
        (LOOK, r".*", _entry("generate", "read")),
        ("POST", r".*", _entry("generate", paid=True)),
    )
)  # fmt: skip
"""The first that fits both in full."""

REST = _entry("generate")


def is_open(path: str) -> bool:
    """Whether anybody may ask, from anywhere, without a key.

    Faces know their visitors by a cookie, and ask for it themselves (`sentinel.api.visitors`).
    """
    face = path.removeprefix("/").partition("/")[0]
    return OPEN.fullmatch(path) is not None or face in faces.offered()


def entry_of(method: str, path: str) -> Entry:
    """What opens it."""
    for methods, paths, entry in TABLE:
        if methods.fullmatch(method) and paths.fullmatch(path):
            return entry
    return REST
