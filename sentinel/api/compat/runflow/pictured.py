"""A picture's address in, its bytes out: a data URI, an address of ours, or one of the web."""

from __future__ import annotations

import asyncio

from sentinel import imaging
from sentinel.api.errors import Problem, Refusal, shown
from sentinel.api.published import picture_at
from sentinel.errors import NotFound
from sentinel.outbound import fetch_picture
from sentinel.wiring import Sentinel


async def picture_of(house: Sentinel, url: str, field: str) -> bytes:
    """Bytes with a picture's header, within the house's limits.

    PictureError, BriefError or Refusal names the field: no picture, not to be dialled, or gone.
    """
    if url[:5].lower() == "data:":
        data = await asyncio.to_thread(imaging.unwrap, url, field=field)
    else:
        try:
            kept = await picture_at(house.store, url)
        except NotFound as error:
            problem = Problem(field=field, message=str(error), value=shown(url))
            told = f"{field}: {error}"
            raise Refusal(422, "picture_gone", told, problems=(problem,)) from None
        if kept is None:
            return await fetch_picture(url, field=field, limits=house.outbound)
        data = kept
    await asyncio.to_thread(imaging.inspect, data, house.settings.limits, field=field)
    return data
