"""A running house in, its faces mounted out: pages for people, each under its own name."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from sentinel import __version__, faces, imaging, tuning
from sentinel.api.going import Going
from sentinel.api.keyring import Keyring
from sentinel.api.published import Places
from sentinel.api.visitors import Guarded, Reception
from sentinel.contracts import Trace
from sentinel.errors import NotFound, PictureError
from sentinel.faces import Rules, Seat, State, Supposed, Tuning, Window
from sentinel.policy import Policy
from sentinel.registry import nearest
from sentinel.seating import PluginStatus
from sentinel.supposing import suppose, unmeasured
from sentinel.wiring import Sentinel

THUMBNAILS = 256
"""Small pictures that a process remembers: a few megabytes, and a wall looked at twice is quick."""

SMALL = 320
"""Pixels of a small picture's longer side: sharp on a wall at twice the density."""


def mount(app: FastAPI, house: Sentinel, ring: Keyring, going: Going) -> None:
    """Serve every face that is installed; blocking. ConfigError where one cannot be imported."""
    reception = Reception(house.store, ring, house.settings)
    window = window_of(house, reception, going)
    for name in faces.offered():
        root = f"/{name}"
        app.add_route(root, _in_full, include_in_schema=False)
        app.mount(root, Guarded(faces.load(name)(window), reception, root), name=name)


async def _in_full(request: Request) -> Response:
    """Pages lie below their face's name: /dashboard is /dashboard/."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{request.url.path}/{query}", status_code=307)


def window_of(house: Sentinel, reception: Reception, going: Going) -> Window:
    """What a face sees of this house."""
    store = house.store
    return Window(
        version=__version__,
        queries=store.queries,
        load=store.traces.load,
        picture=Places(store, origin="").address,
        thumbnail=_thumbnails(house),
        said=store.evaluations.said,
        say=store.evaluations.say,
        policies=tuple(house.policies),
        suppose=lambda trace, policy: _supposed(house, trace, policy),
        live=going,
        seats=lambda: tuple(seat_of(each) for each in house.statuses() if each.kind == "judge"),
        rules=lambda asked: _rules(house, asked),
        weigh=lambda asked, every: tuning.weigh(*_both(house, asked), every),
        write=lambda asked: tuning.written(_both(house, asked)[1]),
        enter=reception.enter,
    )


def _thumbnails(house: Sentinel) -> Callable[[str], bytes | None]:
    """Pictures made small, once: a wall of sixty full ones would be a hundred megabytes."""
    limits = house.settings.limits

    @lru_cache(maxsize=THUMBNAILS)
    def small(sha256: str) -> bytes:
        pixels = imaging.read(house.store.media.get(sha256), limits).pixels
        return imaging.encode(imaging.fit(pixels, SMALL), "webp")

    def thumbnail(sha256: str) -> bytes | None:
        try:
            return small(sha256)
        except (NotFound, PictureError):
            return None

    return thumbnail


BENCHED = "too many of its calls hang; restart Sentinel or mend the judge"


def seat_of(status: PluginStatus) -> Seat:
    """A judge as a face sees it."""
    state, reason = _state(status)
    return Seat(status.name, status.version, status.measures, status.policies, state, reason)


def _state(status: PluginStatus) -> tuple[State, str]:
    """How it stands, and why where it does not simply answer."""
    if status.benched:
        return "benched", BENCHED
    if status.ready:
        return "seated", ""
    if status.lacking and set(status.lacking) != set(status.policies):
        return "partly", f"not for {', '.join(status.lacking)}: {status.reason}"
    return "idle" if status.reason.startswith("not loaded") else "missing", status.reason


def _both(house: Sentinel, asked: Tuning) -> tuple[Policy, Policy]:
    """A policy as it stands, and as it is asked for."""
    known = _policy(house, asked.policy)
    return known, tuning.tuned(known, asked)


def _rules(house: Sentinel, asked: Tuning) -> tuple[Rules, Rules]:
    before, after = _both(house, asked)
    return tuning.rules(before), tuning.rules(after)


def _policy(house: Sentinel, name: str) -> Policy:
    policy = house.policies.get(name)
    if policy is None:
        known = tuple(house.policies)
        raise NotFound(f"there is no policy {name[:80]!r}; {nearest(name[:80], known)}")
    return policy


def _supposed(house: Sentinel, trace: Trace, name: str) -> tuple[Supposed, ...]:
    policy = _policy(house, name)
    return tuple(
        Supposed(each.number, suppose(each.verdict, policy), unmeasured(each.verdict, policy))
        for each in trace.attempts
        if each.judged
    )
