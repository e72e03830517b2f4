"""Candidates and their brief in, decoded pictures out, or the flaw that makes one a failure."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.contracts import Brief, Candidate
from sentinel.errors import NoPicture, PictureError, PluginError
from sentinel.imaging import Limits, Picture, read

BLACK = 8
"""Levels of 255 up to which every pixel of a black frame stays: JPEG leaves a few of noise."""


def looked_at(
    made: object, brief: Brief, provider: str, limits: Limits
) -> list[tuple[Candidate, Picture]]:
    """Each candidate with its picture, decoded once; NoPicture names the first flaw."""
    if not isinstance(made, Sequence) or not all(isinstance(each, Candidate) for each in made):
        told = "generate() returned no list of candidates; return one Candidate per picture"
        raise PluginError("generator", provider, told)
    if not made:
        raise NoPicture(provider, "answered without a picture", flaw="empty")
    if len(made) != brief.count:
        told = f"generate() returned {len(made)} pictures for a count of {brief.count}"
        raise PluginError("generator", provider, told)
    return [(each, _seen(each, brief, provider, limits)) for each in made]


def _seen(made: Candidate, brief: Brief, provider: str, limits: Limits) -> Picture:
    try:
        picture = read(made.image, limits)
    except PictureError as error:
        flaw = "empty" if error.code == "picture_empty" else "undecodable"
        told = f"answered with bytes that are no picture ({error})"
        raise NoPicture(provider, told, flaw=flaw) from error
    height, width = picture.pixels.shape[:2]
    wanted = (brief.width or width, brief.height or height)
    if (width, height) != wanted:
        told = f"painted {width}x{height} pixels where {wanted[0]}x{wanted[1]} were asked for"
        raise NoPicture(provider, told, flaw="size")
    if int(picture.pixels.max()) <= BLACK:
        raise NoPicture(provider, "painted a black frame", flaw="black")
    return picture
