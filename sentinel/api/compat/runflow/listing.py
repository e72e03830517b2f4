"""Filters in, a page of evaluations out, the newest first."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from sentinel.api.compat.runflow import answers, examples
from sentinel.api.compat.runflow.evaluations import embedded, json_answer, permitted, shown
from sentinel.api.compat.runflow.telling import tell
from sentinel.api.compat.surface import telling
from sentinel.api.errors import Problem
from sentinel.api.intake import LINE, invalid
from sentinel.api.published import places
from sentinel.api.routes import house_of
from sentinel.store.evaluation_pages import Place, Sought, page

router = APIRouter(route_class=telling(tell))

MOST = 100
"""Evaluations that one page holds."""

AFTER = re.compile(r"([0-9]{1,15})\.([0-9A-Za-z_-]{1,80})")
"""Where a page begins: after the evaluation of that time and id."""

Line = Annotated[str, Query(max_length=LINE)]


class Listed(BaseModel):
    """The query of GET /v1/evaluations."""

    model_config = ConfigDict(frozen=True)

    status_code: Literal["pending", "running", "completed", "failed"] | None = None
    overall_passed: bool | None = None
    task_type: Line | None = None
    run_id: Line | None = None
    client_ref: Line | None = None
    created_after: datetime | None = None
    """Inclusive, as is `created_before`; without a zone it is UTC."""
    created_before: datetime | None = None
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20
    after: Annotated[str | None, Query(max_length=100)] = None
    embed: list[str] | None = None


@router.get("/v1/evaluations", responses=examples.LIST_RESPONSES)
async def evaluations(request: Request, asked: Annotated[Listed, Query()]) -> Response:
    """Every evaluation there is, asked for or made with a picture; `next_url` is the next page."""
    embeds = embedded(asked.embed)
    house = house_of(request)
    sought = Sought(
        state=asked.status_code, passed=asked.overall_passed, task_type=asked.task_type,
        run_id=asked.run_id, client_ref=asked.client_ref, since_ms=_ms(asked.created_after),
        until_ms=_ms(asked.created_before), project=permitted(request),
    )  # fmt: skip
    after = None if asked.after is None else _place(asked.after)
    engines = house.store.engines
    found = await asyncio.to_thread(page, engines, sought, asked.limit + 1, after)
    here = found[: asked.limit]
    named = [_named(each) for each in here]
    where = places(request)
    told = await asyncio.to_thread(answers.evaluations, house.store, named, where)
    onward = None
    if len(found) > asked.limit:
        onward = _onward(request.query_params, f"{here[-1].created_ms}.{named[-1]}")
    answer: dict[str, Any] = {
        "evaluations": [shown(each, embeds) for each in told], "next_url": onward
    }  # fmt: skip
    return json_answer(answer)


def _named(place: Place) -> str:
    return f"{place.id}-{place.number}" if place.number else place.id


def _place(after: str) -> Place:
    found = AFTER.fullmatch(after)
    if found is None:
        told = "is no place in the list; follow next_url"
        raise invalid([Problem(field="after", message=told, value=after[:80])])
    attempt = None if answers.UUID.fullmatch(found[2]) else answers.ATTEMPT.fullmatch(found[2])
    if attempt is None:
        return Place(int(found[1]), found[2], 0)
    return Place(int(found[1]), attempt[1], int(attempt[2]))


def _onward(asked: Mapping[str, str], after: str) -> str:
    kept = {name: value for name, value in asked.items() if name != "after"}
    return f"/v1/evaluations?{urlencode({**kept, 'after': after})}"


def _ms(when: datetime | None) -> int | None:
    if when is None:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
