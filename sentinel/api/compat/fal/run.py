"""A request for pictures in, fal's answer out: run, which waits, and submit, which does not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from sentinel.api.compat import prices, refused
from sentinel.api.compat.asking import wanted_of, with_text
from sentinel.api.compat.fal import answers, pictured
from sentinel.api.compat.fal.fields import Asked, Redux
from sentinel.api.compat.surface import body_of, respond
from sentinel.api.errors import Refusal
from sentinel.api.painting import Delivered, briefs_of, paint
from sentinel.api.published import places
from sentinel.api.routes import load_trace, ready_house
from sentinel.api.security import afforded, charge
from sentinel.contracts import Brief
from sentinel.guarding import Wanted
from sentinel.wiring import Sentinel


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was asked, as the house takes it."""

    asked: Asked
    briefs: tuple[Brief, ...]
    wanted: Wanted


async def prepared(request: Request, house: Sentinel, kind: type[Asked]) -> Prepared:
    """What a request asks for; Invalid, or a Refusal, names what is wrong with it."""
    needed = "image_url" if kind is Redux else "prompt"
    body = await body_of(request, needed)
    asked = await asyncio.to_thread(kind.of, body)
    wanted = wanted_of(request)
    picture = None
    if isinstance(asked, Redux):
        picture = await pictured.picture_of(request, asked.image_url)
    brief = with_text(request, asked.brief(picture))
    if picture is not None:
        wanted = await pictured.repainting(house, brief, wanted)
    return Prepared(asked, briefs_of(brief, asked.num_images), wanted)


async def run(request: Request, kind: type[Asked]) -> Response:
    """The pictures, once they are there."""
    house = await ready_house(request)
    told = await prepared(request, house, kind)
    price = prices.fal(*told.asked.image_size)
    async with afforded(request, price * len(told.briefs)):
        pictures = await _painted(request, house, told)
        for each in pictures:
            bill = prices.fal(each.width, each.height)
            await charge(request, bill, reference=each.trace.id)
    traces = [each.trace for each in pictures]
    request.scope["state"]["stages"] = {"generate": sum(map(answers.painted_in, traces))}
    said = answers.Told.of(told.asked, pictures[0].seed)
    body = answers.result(places(request), said, pictures)
    return respond(200, body, answers.headers_of(traces[0].id, said, pictures))


async def _painted(request: Request, house: Sentinel, told: Prepared) -> tuple[Delivered, ...]:
    try:
        return await paint(request, house, told.briefs, told.wanted)
    except Refusal as refusal:
        trace_id = refusal.headers.get("X-Sentinel-Trace-Id")
        if refusal.code != "rejected" or trace_id is None:
            raise
        raise refused.reworded(refusal, await load_trace(house, trace_id)) from None
