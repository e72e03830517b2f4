"""What a request asks for in, pictures out, charged at Opper's price."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastapi import Request

from sentinel.api.compat import prices
from sentinel.api.compat.asking import wanted_of, with_text
from sentinel.api.compat.opper.fields import Asked
from sentinel.api.compat.opper.models import painter_of
from sentinel.api.compat.opper.pictured import repainting
from sentinel.api.compat.refused import reworded
from sentinel.api.errors import Refusal
from sentinel.api.painting import Delivered, briefs_of, paint
from sentinel.api.routes import load_trace, ready_house
from sentinel.api.security import afforded, charge
from sentinel.contracts import Brief, Trace
from sentinel.guarding import Wanted
from sentinel.wiring import Sentinel


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be painted, and after which pictures; `field` is where those came from."""

    asked: Asked
    prompt: str
    pictures: tuple[bytes, ...] = ()
    field: str = "image"


async def painted(request: Request, wish: Wish) -> tuple[Delivered, ...]:
    """The pictures, once they are there; Refusal where one of them may not be delivered."""
    house = await ready_house(request)
    wanted = replace(_wanted(request, house, wish.asked.model), inline=wish.asked.inline)
    brief = with_text(request, wish.asked.brief(wish.prompt, wish.pictures))
    if wish.pictures:
        wanted = await repainting(house, brief, wanted, wish.field)
    async with afforded(request, prices.opper(wish.asked.n)):
        pictures = await _guarded(request, house, briefs_of(brief, wish.asked.n), wanted)
        for each in pictures:
            await charge(request, prices.opper(1), reference=each.trace.id)
    seconds = {
        (each.trace.id, attempt.round): attempt.made_in
        for each in pictures
        for attempt in each.trace.attempts
    }
    request.scope["state"]["stages"] = {"generate": sum(seconds.values())}
    return pictures


def _wanted(request: Request, house: Sentinel, model: str) -> Wanted:
    """A header that names a generator says more than the model's name."""
    painter = painter_of(model, house.settings.generators)
    wanted = wanted_of(request)
    return wanted if wanted.generator or painter is None else replace(wanted, generator=painter)


async def _guarded(
    request: Request, house: Sentinel, briefs: tuple[Brief, ...], wanted: Wanted
) -> tuple[Delivered, ...]:
    try:
        return await paint(request, house, briefs, wanted)
    except Refusal as refusal:
        trace_id = refusal.headers.get("X-Sentinel-Trace-Id")
        if refusal.code != "rejected" or trace_id is None:
            raise
        raise _explained(refusal, await load_trace(house, trace_id)) from None


def _explained(refusal: Refusal, trace: Trace) -> Refusal:
    """With the field that is at fault, or with what was wrong with the best picture."""
    told = reworded(refusal, trace)
    if told.problems:
        return told
    why = f"{told}: {trace.verdict.reason}"
    return Refusal(told.status, told.code, why, headers=told.headers)
