"""Jobs on the wire: accepted, where they stand, their results, the list, and an end to one.

A job is a POST /v1/generate with `async`; its id is its trace's id.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from sentinel.api import examples, generation_examples
from sentinel.api.delivering import answered, response_of
from sentinel.api.errors import Refusal
from sentinel.api.generated import GenerateAnswer
from sentinel.api.painting import refuse_failure
from sentinel.api.published import places
from sentinel.api.routes import house_of, reply
from sentinel.api.wire import Wire, trace_url
from sentinel.jobs import MOST, Job, NotDone, State, Step

router = APIRouter()

JobId = Annotated[str, Path(max_length=64, pattern="^[0-9A-Za-z_-]+$", examples=[examples.ID])]
"""A job's id as it may look."""

After = Annotated[str | None, Query(max_length=64, pattern="^[0-9A-Za-z_-]+$")]

SOON = "1"
"""Seconds after which a job that is not done is worth another look."""


class AcceptedAnswer(Wire):
    """A job, and where to ask for it."""

    id: str
    trace_id: str
    status: State
    status_url: str
    result_url: str


class AcceptedRequest(AcceptedAnswer):
    """The answer of POST /v1/generate with `async`, status 202: the first picture's job."""

    others: tuple[AcceptedAnswer, ...] = ()
    """The other pictures' jobs, where several were asked for."""


class JobError(Wire):
    """Why a job failed."""

    code: str
    message: str


class JobAnswer(AcceptedAnswer):
    """Where a job stands."""

    attempt: int
    """The picture that is being worked at; 0 before the first."""
    step: Step
    prompt: str
    """Its first 200 characters."""
    created: str
    """ISO 8601, UTC."""
    updated: str
    taken: int
    """How often the work was begun; more than once where a process ended meanwhile."""
    error: JobError | None
    trace_url: str
    """There once something was kept."""

    @classmethod
    def of(cls, job: Job) -> Self:
        """The wire form of a job."""
        failed = JobError(code=job.code or "", message=job.error or "")
        return cls(
            **_addresses(job),
            attempt=job.attempt,
            step=job.step,
            prompt=job.prompt,
            created=_written(job.created_ms),
            updated=_written(job.updated_ms),
            taken=job.taken,
            error=failed if job.state == "failed" else None,
            trace_url=trace_url(job.id),
        )


class JobsAnswer(Wire):
    """One page of jobs, the newest first."""

    jobs: tuple[JobAnswer, ...]
    next_url: str | None
    """The next page; null on the last one."""


@router.get("/v1/jobs", response_model=JobsAnswer, responses=generation_examples.JOBS_RESPONSES)
async def jobs(
    request: Request,
    status: State | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
    after: After = None,
) -> Response:
    """Every job that is known, the newest first; `status` picks some of them."""
    page = await house_of(request).jobs.list(state=status, limit=limit, after=after)
    onward = None
    if page.after is not None:
        chosen = f"&status={status}" if status else ""
        onward = f"/v1/jobs?limit={limit}&after={page.after}{chosen}"
    return reply(JobsAnswer(jobs=tuple(JobAnswer.of(job) for job in page.jobs), next_url=onward))


@router.get(
    "/v1/jobs/{job_id}", response_model=JobAnswer, responses=generation_examples.JOB_RESPONSES
)
async def job(request: Request, job_id: JobId) -> Response:
    """Where a job stands: queued, running with its attempt and step, done, failed, cancelled."""
    found = await house_of(request).jobs.status(job_id)
    waiting = {"Retry-After": SOON} if found.state in ("queued", "running") else {}
    return reply(JobAnswer.of(found), headers=waiting)


@router.get(
    "/v1/jobs/{job_id}/result",
    response_model=GenerateAnswer,
    responses=generation_examples.RESULT_RESPONSES,
)
async def result(request: Request, job_id: JobId) -> Response:
    """What POST /v1/generate would have answered; 409 where the job has no result."""
    house = house_of(request)
    try:
        made = await house.jobs.delivered(job_id)
    except NotDone as error:
        waiting = {"Retry-After": SOON} if error.code == "job_not_done" else {}
        raise Refusal(409, error.code, str(error), headers=waiting) from None
    refuse_failure(made.trace, {"X-Sentinel-Trace-Id": made.trace.id})
    where = places(request)
    answer = await asyncio.to_thread(answered, house, where, made.trace, made.picture)
    return response_of(answer)


@router.delete(
    "/v1/jobs/{job_id}", response_model=JobAnswer, responses=generation_examples.JOB_RESPONSES
)
async def cancel(request: Request, job_id: JobId) -> Response:
    """Stop a job between two steps; what is paid for is kept. One that has ended stays as it is."""
    return reply(JobAnswer.of(await house_of(request).jobs.cancel(job_id)))


def accepted(job: Job, *others: Job) -> Response:
    """The answer to who asked with `async`: the job of each picture."""
    rest = tuple(AcceptedAnswer(**_addresses(each)) for each in others)
    answer = AcceptedRequest(**_addresses(job), others=rest)
    return Response(
        answer.model_dump_json(), 202, media_type="application/json",
        headers={"Location": answer.status_url, "X-Sentinel-Trace-Id": job.id},
    )  # fmt: skip


def _addresses(job: Job) -> dict[str, str]:
    here = f"/v1/jobs/{job.id}"
    return {"id": job.id, "trace_id": job.id, "status": job.state, "status_url": here,
            "result_url": f"{here}/result"}  # fmt: skip


def _written(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
