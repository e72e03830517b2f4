"""Pictures that a request brings in, their bytes out; and who can paint after them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from fastapi import Request

from sentinel import imaging
from sentinel.api.errors import Problem, Refusal, shown
from sentinel.api.intake import REFERENCES
from sentinel.api.painting import explained
from sentinel.api.published import picture_at
from sentinel.api.routes import house_of
from sentinel.contracts import Brief
from sentinel.errors import NotFound
from sentinel.guarding import Wanted
from sentinel.outbound import fetch_picture
from sentinel.wiring import Sentinel

FILE = "file_"
"""Begins the id of a picture of ours; the rest is the name that its address ends with."""


async def pictures_of(request: Request, sources: Sequence[str], field: str) -> tuple[bytes, ...]:
    """The pictures at addresses, in data URIs or under ids of ours.

    PictureError, BriefError or Refusal names the field.
    """
    if len(sources) > REFERENCES:
        raise wrong(field, f"{len(sources)} pictures; send at most {REFERENCES}")
    return tuple([await _picture(request, each, field) for each in sources])


async def _picture(request: Request, source: str, field: str) -> bytes:
    house = house_of(request)
    named = source.startswith(FILE)
    try:
        kept = await picture_at(house.store, _place(source))
    except NotFound:
        raise wrong(field, "this picture is kept no longer; send it again", source) from None
    if kept is None and named:
        raise wrong(field, "there is no picture of this id", source)
    if kept is None:
        return await fetch_picture(source, field=field, limits=house.outbound)
    return await whole(house, kept, field)


def _place(source: str) -> str:
    if source[:5].lower() == "data:":
        return ""
    return f"/media/{source.removeprefix(FILE)}" if source.startswith(FILE) else source


async def whole(house: Sentinel, data: bytes, field: str) -> bytes:
    """The same bytes, if they are a picture within the house's limits; PictureError else."""
    await asyncio.to_thread(imaging.inspect, data, house.settings.limits, field=field)
    return data


async def repainting(house: Sentinel, brief: Brief, wanted: Wanted, field: str) -> Wanted:
    """How a brief with pictures is served: only by generators that look at one.

    Refusal names those that are seated where none does; a picture of something else would be a lie.
    """
    with explained(wanted):
        chosen = house.policy_of(wanted.policy, brief)
        _, staff = await house.guarding.prepare(house.panel_of(chosen), brief, wanted)
    kinds = {each.kind for each in brief.references}
    able = [each.name for each in staff.makers if kinds <= set(each.capabilities.references)]
    if able:
        return replace(wanted, generator=",".join(able))
    seated = ", ".join(repr(each.name) for each in staff.makers)
    told = (
        f"the seated generator {seated} takes no picture to paint after; leave it out, or seat "
        "one that does (SENTINEL_GENERATOR), such as local with redux"
    )
    raise wrong(field, told, code="image_input_not_supported")


def wrong(field: str, told: str, value: str | None = None, code: str = "invalid_value") -> Refusal:
    """The refusal of a picture, by its field."""
    problem = Problem(field=field, message=told, value=None if value is None else shown(value))
    return Refusal(422, code, f"{field}: {told}", problems=(problem,))
