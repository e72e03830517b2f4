"""A request for an evaluation in, what is to be judged out: every picture at hand, and checked."""

from __future__ import annotations

import asyncio
import hashlib
import uuid

from fastapi import Request
from ulid import ULID

from sentinel.api.compat.asking import wanted_of
from sentinel.api.compat.runflow.asked import EvaluationRequest, Kept, evaluation_request, words_of
from sentinel.api.compat.runflow.pictured import picture_of
from sentinel.api.evaluation import ReferenceLine
from sentinel.api.intake import json_of
from sentinel.api.painting import explained
from sentinel.api.published import origin
from sentinel.contracts import Brief
from sentinel.outbound import admit
from sentinel.store.evaluations import Asked
from sentinel.wiring import Sentinel

DATA = "data:"


async def submitted(request: Request, house: Sentinel) -> Asked:
    """What a request asks for; whatever is wrong with it is raised now, by field."""
    body = json_of(await request.body(), needed="generated_image_url")
    asked = await asyncio.to_thread(evaluation_request, body)
    wanted = wanted_of(request)
    with explained(wanted):
        house.policy_of(wanted.policy, Brief(category=asked.task_type))
    if asked.callback_url is not None:
        await admit(asked.callback_url, field="callback_url", limits=house.outbound)
    pictures = await _pictures(house, asked)
    kept = _kept(request, asked, wanted.policy, pictures)
    return Asked(
        id=str(uuid.uuid4()),
        trace_id=str(ULID()),
        asked=kept.model_dump_json(),
        pictures=pictures,
        task_type=asked.task_type,
        project=request.state.caller.project,
        run_id=asked.run_id,
        client_ref=asked.client_ref,
        callback_url=asked.callback_url,
    )


async def _pictures(house: Sentinel, asked: EvaluationRequest) -> tuple[bytes, ...]:
    """The picture and its references; one that is fetched now cannot change before it is judged."""
    named = [("generated_image_url", asked.generated_image_url)]
    named += [
        (f"reference_images[{at}].url", each.url) for at, each in enumerate(asked.reference_images)
    ]
    return tuple(await asyncio.gather(*(picture_of(house, url, field) for field, url in named)))


def _kept(
    request: Request, asked: EvaluationRequest, policy: str | None, pictures: tuple[bytes, ...]
) -> Kept:
    first, *others = (hashlib.sha256(each).hexdigest() for each in pictures)
    texts = request.headers.getlist("x-sentinel-expected-text")
    return Kept(
        origin=origin(request),
        policy=policy,
        sha256=first,
        generated_image_url=_repeated(asked.generated_image_url),
        task_description=asked.task_description,
        generation_prompt=asked.generation_prompt,
        evaluation_instructions=asked.evaluation_instructions,
        input_attributes=asked.input_attributes,
        job_class=asked.job_class,
        reference_images=tuple(
            ReferenceLine(url=_repeated(each.url), kind=each.kind, description=each.description)
            for each in asked.reference_images
        ),
        pictures=tuple(others),
        expected_text=tuple(texts) or _words(asked, "expected_text"),
        palette=_words(asked, "palette"),
    )


def _words(asked: EvaluationRequest, name: str) -> tuple[str, ...]:
    return tuple(str(each) for each in words_of(asked.input_attributes.get(name)))


def _repeated(url: str) -> str | None:
    """An address as it is told back; None for a data URI, which is the picture itself."""
    return None if url[: len(DATA)].lower() == DATA else url
