"""A batch and its trace in, a run as Runflow answers it out, and what happened in order.

A run is a batch of durable jobs, one for each picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from sentinel.api.compat.fal.logs import lines_of
from sentinel.api.compat.runflow.callbacks import SURFACE, envelope
from sentinel.api.delivering import answered
from sentinel.api.evaluated import written
from sentinel.api.generated import GenerateAnswer, together
from sentinel.api.published import Places
from sentinel.contracts import Trace
from sentinel.jobs import Batch, Job
from sentinel.webhooks import Body
from sentinel.wiring import Sentinel

ENDED = ("succeeded", "failed", "cancelled")

STAGES = {"screening": "screening", "judging": "evaluation"}
"""What Runflow calls the step that a job failed at; painting else."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of a run: its trace, and the delivered picture where its bytes are at hand."""

    trace: Trace
    picture: bytes | None = None


def run_of(
    house: Sentinel, places: Places, batch: Batch, endings: Sequence[Ending] = ()
) -> dict[str, Any]:
    """The run as it is answered; `endings` are its pictures', once all are done. Blocking code."""
    job, asked = _shown(batch.jobs), batch.asked
    answers = [answered(house, places, each.trace, each.picture) for each in endings]
    told = together(answers) if answers else None
    status = status_of(batch, told)
    failure = _failure(job, endings, told) if status == "failed" else {}
    named = told.evaluation.id if told and told.evaluation else None
    updated_ms = max(each.updated_ms for each in batch.jobs)
    return {
        "id": batch.id,
        "status_code": status,
        "model_id": asked.get("model"),
        "input": asked.get("input"),
        "output": _output(told) if status == "succeeded" and told else None,
        "metadata": asked.get("metadata") or {},
        "client_ref": asked.get("client_ref"),
        "callback_url": asked.get("callback_url"),
        "duration_ms": updated_ms - batch.created_ms if status in ENDED else None,
        "cost": "0" if told is None else f"{told.cost:.9f}",
        "failure_code": failure.get("code"),
        "failure_message": failure.get("message"),
        "failure_stage_code": failure.get("stage"),
        "evaluation_id": named,
        "trace_id": batch.jobs[0].id,
        "created_at": written(batch.created_ms),
        "updated_at": written(updated_ms),
        "completed_at": written(updated_ms) if status in ENDED else None,
        "notes": [*_notes(asked.get("notes")), *(told.notes if told else ())],
        "links": _links(batch.id, batch.jobs[0].id),
    }


def status_of(batch: Batch, told: GenerateAnswer | None) -> str:
    """Runflow's word for where it stands; a run that delivers nothing has failed."""
    match batch.state:
        case "done":
            return "succeeded" if told is not None and told.images else "failed"
        case "running":
            waiting = all(job.step == "waiting" for job in batch.jobs)
            return "dispatching" if waiting else "running"
        case other:
            return other


def shape(house: Sentinel, batch: Batch, traces: tuple[Trace, ...]) -> tuple[str, Body]:
    """The event and the body of a run's callback."""
    endings = [Ending(each) for each in traces] if batch.state == "done" else []
    places = Places(house.store, str(batch.asked["origin"]))
    run = run_of(house, places, batch, endings)
    event = f"run.{run['status_code']}"
    times = (batch.created_ms, max(each.updated_ms for each in batch.jobs))
    return event, {
        **envelope(event, run["status_code"], run["output"], times),
        "run_id": batch.id, "evaluation_id": run["evaluation_id"],
        "client_ref": run["client_ref"], "metadata": run["metadata"], "cost": run["cost"],
        "failure_code": run["failure_code"], "failure_message": run["failure_message"],
    }  # fmt: skip


def logs_of(batch: Batch, traces: Mapping[str, Trace]) -> list[dict[str, Any]]:
    """What happened, in order."""
    return [
        {**line, "level": line["level"].lower(), "source": "sentinel"}
        for line in lines_of(batch.jobs, traces)
    ]


def _shown(jobs: Sequence[Job]) -> Job:
    """The job that a failure is told of."""
    return next((job for job in jobs if job.state == "failed"), jobs[0])


def _notes(kept: JsonValue) -> list[str]:
    return [str(each) for each in kept] if isinstance(kept, list) else []


def _output(told: GenerateAnswer) -> dict[str, Any]:
    return told.model_dump(mode="json", include={"images", "seed", "evaluation"})


def _failure(job: Job, endings: Sequence[Ending], told: GenerateAnswer | None) -> dict[str, str]:
    if not endings or told is None:
        stage = STAGES.get(job.step, "generation")
        return {"code": job.code or "internal", "message": job.error or "", "stage": stage}
    trace = endings[0].trace
    painted = any(each.picture for each in trace.attempts)
    stage = "evaluation" if painted else "generation" if trace.attempts else "screening"
    code = trace.stopped_because or "failed"
    return {"code": code, "message": told.reason, "stage": stage}


def _links(run_id: str, trace_id: str) -> dict[str, str]:
    here = f"/v1/runs/{run_id}"
    return {"self": here, "logs": f"{here}/logs", "callback": f"{here}/callback",
            "cancel": f"{here}/cancel", "trace": f"/v1/traces/{trace_id}"}  # fmt: skip


__all__ = ["ENDED", "SURFACE", "Ending", "logs_of", "run_of", "shape", "status_of"]
