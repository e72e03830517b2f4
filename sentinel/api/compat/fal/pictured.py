"""An `image_url` in, the bytes of a picture out; and who can paint after it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fastapi import Request

from sentinel import imaging
from sentinel.api.compat.fal.uploads import uploaded
from sentinel.api.errors import Problem, Refusal, shown
from sentinel.api.painting import explained
from sentinel.api.published import picture_at
from sentinel.api.routes import house_of
from sentinel.contracts import Brief
from sentinel.errors import NotFound
from sentinel.guarding import Wanted
from sentinel.outbound import fetch_picture
from sentinel.wiring import Sentinel

FIELD = "image_url"


async def picture_of(request: Request, url: str) -> bytes:
    """Bytes that are a picture within the house's limits: of a data URI or of an address.

    PictureError, BriefError or Refusal names the field.
    """
    house = house_of(request)
    kept = None if url[:5].lower() == "data:" else await _ours(house, url)
    if kept is None:
        return await fetch_picture(url, field=FIELD, limits=house.outbound)
    await asyncio.to_thread(imaging.inspect, kept, house.settings.limits, field=FIELD)
    return kept


async def _ours(house: Sentinel, url: str) -> bytes | None:
    try:
        return await picture_at(house.store, url) or await uploaded(house.store, url)
    except NotFound as error:
        raise _refusal("file_download_error", str(error), url) from None


async def repainting(house: Sentinel, brief: Brief, wanted: Wanted) -> Wanted:
    """How a brief with a reference is served: only by generators that look at one.

    Refusal names those that are seated where none does; a text-to-image picture would be a lie.
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
        f"the seated generator {seated} takes no reference picture, so redux cannot be had; "
        "seat one that does (SENTINEL_GENERATOR), such as local with redux"
    )
    raise _refusal("feature_not_supported", told, None)


def _refusal(code: str, told: str, value: str | None) -> Refusal:
    problem = Problem(field=FIELD, message=told, value=None if value is None else shown(value))
    return Refusal(422, code, f"{FIELD}: {told}", problems=(problem,))
