"""Requests in, answers out: scoring, traces, what is on offer, and whether all is well."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.responses import Response

from sentinel import __version__
from sentinel.api import examples, intake
from sentinel.api.errors import Problem, Refusal
from sentinel.api.offer import (
    PluginsAnswer,
    PoliciesAnswer,
    PolicyAnswer,
    ReadyAnswer,
    plugins_answer,
    policies_answer,
    policy_answer,
    waiting,
)
from sentinel.api.traced import TraceAnswer
from sentinel.api.wire import ScoreAnswer
from sentinel.contracts import Trace
from sentinel.errors import NotFound, SentinelError
from sentinel.registry import nearest
from sentinel.wiring import Scored, Sentinel

router = APIRouter()

TraceId = Annotated[str, Path(max_length=64, pattern="^[0-9A-Za-z_-]+$", examples=[examples.ID])]
"""A trace's id as it may look; anything else is told apart before the store is asked."""

SOON = {"Retry-After": "1"}


@router.post(
    "/v1/score",
    response_model=ScoreAnswer,
    responses=examples.SCORE_RESPONSES,
    openapi_extra=examples.SCORE_BODY,
    summary="Score one picture",
)
async def score(request: Request) -> Response:
    """Gates, judges and the decision over one picture; kept as a trace."""
    house = await ready_house(request)
    asked = await intake.read(request, house.settings)
    try:
        scored = await house.score(
            asked.data, asked.brief, policy=asked.policy, model=asked.model,
            project=request.state.caller.project,
        )  # fmt: skip
    except NotFound as error:
        problem = Problem(field="policy", message=str(error), value=asked.policy)
        raise Refusal(404, error.code, str(error), problems=(problem,)) from None
    request.scope["state"]["stages"] = _stages(scored)
    answer = ScoreAnswer.of(scored.trace, judges_of(house, scored.trace))
    return reply(answer, headers={"X-Sentinel-Trace-Id": scored.trace.id})


@router.get(
    "/v1/traces/{trace_id}",
    response_model=TraceAnswer,
    responses=examples.TRACE_RESPONSES,
    summary="A trace: the answer, the brief and every attempt",
)
async def trace(request: Request, trace_id: TraceId) -> Response:
    """The answer that was given, with the brief (without image bytes) and every attempt."""
    house = house_of(request)
    found = await load_trace(house, trace_id)
    return reply(TraceAnswer.of(found, judges_of(house, found)))


@router.get("/v1/judges", response_model=PluginsAnswer, responses=examples.JUDGES_RESPONSES)
async def judges(request: Request) -> Response:
    """Every judge and gate on offer: which policies use it, whether it runs, and if not why."""
    house = house_of(request)
    return reply(plugins_answer(await asyncio.to_thread(house.statuses)))


@router.get("/v1/policies", response_model=PoliciesAnswer, responses=examples.POLICIES_RESPONSES)
async def policies(request: Request) -> Response:
    """The policies that pictures can be judged by."""
    house = house_of(request)
    return reply(policies_answer(house.policies, house.settings.policy))


@router.get("/v1/policies/{name}", response_model=PolicyAnswer, responses=examples.POLICY_RESPONSES)
async def one_policy(request: Request, name: str) -> Response:
    """One policy with every gate, judge, threshold, weight and option."""
    known = house_of(request).policies
    if name not in known:
        raise NotFound(f"there is no policy {name[:80]!r}; {nearest(name[:80], tuple(known))}")
    return reply(policy_answer(known[name]))


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", responses=examples.HEALTH_RESPONSES)
async def healthz() -> dict[str, str]:
    """Whether the process answers; says nothing of the models."""
    return {"status": "ok", "version": __version__}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", response_model=ReadyAnswer, responses=examples.READY_RESPONSES)
async def readyz(request: Request) -> Response:
    """Whether every model is loaded; 503 with what is awaited, or with what failed."""
    house = await ready_house(request)
    statuses = await asyncio.to_thread(house.statuses)
    absent = tuple(each.name for each in statuses if each.policies and not each.ready)
    return reply(ReadyAnswer(ready=True, policies=tuple(house.policies), not_run=absent))


def house_of(request: Request) -> Sentinel:
    """The running house."""
    house: Sentinel = request.app.state.house
    return house


async def ready_house(request: Request) -> Sentinel:
    """The running house with its models loaded; Refusal 503 until then."""
    house = house_of(request)
    try:
        ready = await house.ready()
    except SentinelError as error:
        raise Refusal(503, "start_failed", str(error)) from None
    except Exception as error:  # noqa: BLE001 - whatever a plugin's load raised, we are not ready
        told = f"a model could not be loaded ({type(error).__name__}); the log has the trace"
        raise Refusal(503, "start_failed", told) from None
    if ready:
        return house
    problems = waiting(await asyncio.to_thread(house.statuses))
    raise Refusal(503, "not_ready", "models are being loaded", problems=problems, headers=SOON)


async def load_trace(house: Sentinel, trace_id: str) -> Trace:
    """A trace from the store, also where it is only just being kept; NotFound if there is none."""
    await house.guarding.kept(trace_id)
    return await asyncio.to_thread(house.store.traces.load, trace_id)


def judges_of(house: Sentinel, found: Trace) -> tuple[str, ...]:
    """The judges of the trace's policy, if that has not changed since."""
    chosen = house.policies.get(found.policy)
    if chosen is None or chosen.fingerprint != found.policy_fingerprint:
        return ()
    return tuple(chosen.judges)


def reply(answer: BaseModel, headers: Mapping[str, str] | None = None) -> Response:
    """An answer as JSON."""
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


def _stages(scored: Scored) -> dict[str, float]:
    """Seconds by stage for Server-Timing: decode, panel, each gate and judge, store."""
    verdict = scored.trace.last.verdict
    stages: dict[str, float] = dict(scored.timings)
    stages |= {f"gate-{gate.gate}": gate.seconds for gate in verdict.gates}
    stages |= {f"judge-{outcome.judge}": outcome.seconds for outcome in verdict.outcomes}
    return stages
