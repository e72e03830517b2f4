"""A plugin's answer in, the same answer within its contract out, or a PluginError that says why.

Plugins are foreign code: what they return is written as JSON and read again, so that nothing goes
on into a trace, a database or an answer that could not be written there.
"""

from __future__ import annotations

import warnings
from typing import TypeVar, cast

from pydantic import ValidationError

from sentinel.contracts import Box, Declined, Evidence, Finding, Reading, Sample
from sentinel.errors import PluginError

Answer = TypeVar("Answer", Reading, Declined, Finding)

SHAPES = (Reading, Declined, Finding)
"""What a plugin may answer."""

MOST = 1_000_000
"""Characters of JSON that one answer may take; the wordiest built-in judge needs 20,000."""

LONGEST = 2_000
"""Characters that are kept of what a plugin said when it broke."""


def checked(kind: str, name: str, answer: Answer, sample: Sample | None) -> Answer:
    """The answer, read again from its JSON, its boxes cut to the picture."""
    shape = cast("type[Answer]", next(each for each in SHAPES if isinstance(answer, each)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what was smuggled past the type is told below
            written = answer.model_dump_json(include=set(shape.model_fields))
        again = shape.model_validate_json(written)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        where = ".".join(map(str, found["loc"]))
        raise PluginError(kind, name, f"{where} of its answer: {said(found['msg'])}") from error
    except (ValueError, TypeError, RecursionError) as error:
        told = f"its answer cannot be written as JSON ({said(str(error))})"
        raise PluginError(kind, name, told) from error
    if len(written) > MOST:
        told = f"its answer takes {len(written):,} characters of JSON; at most {MOST:,}"
        raise PluginError(kind, name, told)
    if sample is None or isinstance(again, Declined):
        return again
    cut = tuple(_inside(item, sample) for item in again.evidence)
    return again.model_copy(update={"evidence": cut})


def said(text: str) -> str:
    """What a plugin said when it broke: shortened, and text that every encoding can take."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    return plain if len(plain) <= LONGEST else plain[:LONGEST] + "…"


def _inside(item: Evidence, sample: Sample) -> Evidence:
    """Evidence whose box is cut to the picture."""
    if item.box is None:
        return item
    left, right = (min(max(side, 0), sample.width) for side in (item.box.left, item.box.right))
    top, bottom = (min(max(side, 0), sample.height) for side in (item.box.top, item.box.bottom))
    return item.model_copy(update={"box": Box(left, top, max(left, right), max(top, bottom))})
