"""A picture's address in, its bytes out: bounded, in time, and from nowhere it should not come."""

from __future__ import annotations

import asyncio
from urllib.parse import urljoin

from sentinel import imaging
from sentinel.errors import BriefError, PictureError
from sentinel.outbound.asking import Answer, Limits, ask, check_place
from sentinel.outbound.targets import Target, target_of
from sentinel.outbound.troubles import Forbidden, Trouble

MOVED = (301, 302, 303, 307, 308)
HEADERS = {"accept": "image/*", "accept-encoding": "identity", "user-agent": "sentinel-gatekeeper"}
OK = 200
SERVERS = 500
"""From here on it is the other side's fault, and may pass."""


async def fetch_picture(url: str, *, field: str, limits: Limits | None = None) -> bytes:
    """The picture at an address, or in a data URI, with a header that lies within the limits.

    BriefError where the address may not be dialled, PictureError where nothing usable comes of it;
    both name `field`.
    """
    limits = limits or Limits()
    if url[:5].lower() == "data:":
        data = imaging.unwrap(url, field=field)
    else:
        data = await _fetched(url, field, limits)
    await asyncio.to_thread(imaging.inspect, data, limits.pictures, field=field)
    return data


async def admit(url: str, *, field: str, limits: Limits | None = None) -> None:
    """Refuse an address that will not be dialled, before anything is promised; BriefError."""
    limits = limits or Limits()
    try:
        await check_place(target_of(url, limits.private), limits)
    except Forbidden as error:
        raise BriefError(field, url, str(error)) from error


async def _fetched(url: str, field: str, limits: Limits) -> bytes:
    try:
        async with asyncio.timeout(limits.seconds), limits.turns:
            return await _followed(url, limits)
    except Forbidden as error:
        raise BriefError(field, url, str(error)) from error
    except Trouble as error:
        told = f"{field} cannot be fetched: {error}"
        raise PictureError("picture_unreachable", told, field=field) from error
    except TimeoutError as error:
        told = f"{field} cannot be fetched: it did not arrive within {limits.seconds:g} s"
        raise PictureError("picture_unreachable", told, field=field) from error


async def _followed(url: str, limits: Limits) -> bytes:
    target = target_of(url, limits.private)
    for _ in range(limits.redirects + 1):
        answer = await ask(target, HEADERS, limits)
        if answer.status not in MOVED:
            return _body(answer)
        target = _following(target, answer, limits)
    raise Trouble(f"it redirects more than {limits.redirects} times")


def _following(target: Target, answer: Answer, limits: Limits) -> Target:
    """Where an answer redirects to, checked like the first."""
    following = target_of(urljoin(target.url, answer.headers.get("location", "")), limits.private)
    if target.scheme == "https" and following.scheme != "https":
        raise Trouble("it redirects from https to something weaker")
    return following


def _body(answer: Answer) -> bytes:
    if answer.status != OK:
        passing = answer.status >= SERVERS
        raise Trouble(f"its address answers HTTP {answer.status}", passing=passing)
    return answer.body
