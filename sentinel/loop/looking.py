"""What a generator returned in, pictures or the flaw that makes each none out.

An HTTP 200 without a picture, bytes that nobody can decode and a black frame are a provider's
failure: they are told in the trace, judged by nobody and charged to nobody.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace

from sentinel.checking import said
from sentinel.contracts import Brief, Candidate, ReferencePicture
from sentinel.errors import PictureError, SentinelError
from sentinel.imaging import Limits, Picture, read
from sentinel.loop.making import Made, Maker, through

BLACK = 8
"""Levels of 255 up to which every pixel of a black frame stays: JPEG leaves a few of noise."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One candidate: its picture, or why there is none."""

    picture: Picture | None
    image: bytes = b""
    seed: int | None = None
    cost: float = 0.0
    flaw: str = ""
    notes: tuple[str, ...] = ()
    maker: str = ""
    """Who painted it, where that is somebody behind the maker that was asked."""


def look(made: Made, sent: Brief, limits: Limits) -> list[Seen]:
    """Each candidate decoded, up to the count that was asked for; what is missing is a flaw."""
    told = _miscounted(len(made.candidates), sent.count)
    notes = (*made.notes, *((told,) if told else ()))
    kept = made.candidates[: sent.count]
    known = made.pictures if len(made.pictures) == len(made.candidates) else (None,) * len(kept)
    seen = [
        _seen(each, notes, limits) if picture is None else _shown(each, picture, notes)
        for each, picture in zip(kept, known, strict=False)
    ]
    if len(kept) < sent.count:
        seen.append(Seen(None, flaw=told, notes=made.notes))
    return [replace(each, maker=made.generator) for each in _priced(seen, made.cost)]


async def paint(maker: Maker, sent: Brief, limits: Limits) -> list[Seen]:
    """Ask a maker and look at what comes; a cancellation does not lose what was paid for."""
    made = await maker.make(sent)
    if len(made.pictures) == len(made.candidates):
        return look(made, sent, limits)  # nothing is left to decode
    return await through(asyncio.to_thread(look, made, sent, limits))


def outcome(painting: asyncio.Task[list[Seen]], seconds: float) -> list[Seen] | Exception:
    """What painting came to by now; one that is not done is given up, and told as late."""
    if not painting.done():
        painting.cancel()
        painting.add_done_callback(lambda late: late.cancelled() or late.exception())
        return [Seen(None, flaw=f"no picture came within the {seconds:g} s that were allowed")]
    if painting.cancelled():
        return [Seen(None, flaw="it was called off before a picture came")]
    error = painting.exception()
    if error is None:
        return painting.result()
    if isinstance(error, Exception):
        return error
    raise error


def flaw_of(error: BaseException) -> Seen:
    """What a maker raised, as a candidate that is none, with the tries that led to it."""
    tries = getattr(error, "tries", ())
    notes = tuple(said(f"{each.provider}: {each.outcome} {each.reason}".strip()) for each in tries)
    if isinstance(error, SentinelError | TimeoutError):
        return Seen(None, flaw=said(str(error)) or "no picture came in time", notes=notes)
    return Seen(None, flaw=said(f"{type(error).__name__}: {error}"), notes=notes)


def references_of(brief: Brief, limits: Limits) -> tuple[ReferencePicture, ...]:
    """The references, decoded once for all attempts."""
    return tuple(
        ReferencePicture(each.kind, read(each.image, limits, field=f"references[{index}]").pixels)
        for index, each in enumerate(brief.references)
    )


def _miscounted(came: int, asked: int) -> str:
    if came == asked:
        return ""
    return f"{came or 'no'} pictures came where {asked} were asked for"


def _seen(candidate: object, notes: tuple[str, ...], limits: Limits) -> Seen:
    if not isinstance(candidate, Candidate):
        return Seen(None, flaw=f"a {type(candidate).__name__} came where a Candidate belongs")
    try:
        picture = read(candidate.image, limits)
    except PictureError as error:
        return Seen(None, flaw=f"what came is no picture: {said(str(error))}", notes=notes)
    if int(picture.pixels.max()) <= BLACK:
        return Seen(None, flaw="the picture that came is black all over", notes=notes)
    return _shown(candidate, picture, notes)


def _shown(candidate: Candidate, picture: Picture, notes: tuple[str, ...]) -> Seen:
    cost, told = _amount(candidate.cost)
    return Seen(picture, candidate.image, candidate.seed, cost, notes=(*notes, *told))


def _amount(cost: float) -> tuple[float, tuple[str, ...]]:
    if math.isfinite(cost) and cost >= 0:
        return cost, ()
    return 0.0, (f"its cost came as {cost}, which is no amount; counted as 0",)


def _priced(seen: list[Seen], total: float) -> list[Seen]:
    """The total in equal shares where no candidate named a cost of its own."""
    good = [each for each in seen if each.picture is not None]
    if not good or any(each.cost for each in good) or not _amount(total)[0]:
        return seen
    share = total / len(good)
    return [each if each.picture is None else replace(each, cost=share) for each in seen]
