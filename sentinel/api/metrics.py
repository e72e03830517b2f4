"""What goes on in a house in, GET /metrics out, as Prometheus reads it.

Counts are this process's since it started; what waits is asked of the database when somebody
asks, so that several processes tell the same of it. Labels are names that the operator chose
(policies, judges, gates, surfaces), never anything out of a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from sentinel.api.routes import house_of
from sentinel.contracts import Attempt, Fault, GateFault, Score, Trace
from sentinel.errors import SentinelError
from sentinel.loop import Ended, Event, Generated, Judged
from sentinel.observing import is_early
from sentinel.wiring import Sentinel

router = APIRouter()

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody here asks for

QUICK = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Upper bounds in seconds for what a judge or gate takes."""

LONG = (0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)
"""Upper bounds in seconds for a whole request."""

TRIES = (1, 2, 3, 4, 5, 8, 12, 20, 50)
UNITS = tuple(step / 10 for step in range(1, 11))


class Metrics:
    """The counts of one house; `hear` watches it (`sentinel.observing`)."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.registry = CollectorRegistry()
        self._of_requests()
        self._of_panels()
        self._of_now()

    def _of_requests(self) -> None:
        counter, histogram = self._counter, self._histogram
        self.evaluations = counter(
            "evaluations", "Pictures judged, by what they came to.", "policy", "standing"
        )
        self.verdicts = counter(
            "verdicts", "Requests decided, by what was done.", "policy", "mode", "action"
        )
        self.attempts = histogram("attempts", "Attempts of a guarded request.", TRIES, "policy")
        self.seconds = histogram(
            "request_seconds", "Seconds of a whole request.", LONG, "policy", "mode"
        )
        self.pictures = counter("pictures_painted", "Pictures that generators gave.", "generator")
        self.failures = counter("generations_failed", "Attempts that gave no picture.", "generator")
        self.cost = counter(
            "cost_dollars", "US dollars for pictures, thrown away or not.", "generator"
        )

    def _of_panels(self) -> None:
        counter, histogram = self._counter, self._histogram
        self.refusals = counter("gate_failures", "Pictures or briefs that a gate refused.", "gate")
        self.gate_faults = counter("gate_faults", "Gates that gave no answer.", "gate")
        self.judge_seconds = histogram(
            "judge_seconds", "Seconds of a judge's own calls.", QUICK, "judge"
        )
        self.judge_values = histogram("judge_value", "Values of judges, 0 to 1.", UNITS, "judge")
        self.judge_failures = counter("judge_failures", "Readings below their threshold.", "judge")
        self.judge_faults = counter(
            "judge_faults", "Judges that gave no answer, by cause.", "judge", "cause"
        )

    def _of_now(self) -> None:
        self.inside = self._gauge("pictures_in_house", "Pictures in this process now.")
        self.room = self._gauge("pictures_in_house_limit", "How many there may be.")
        self.ready = self._gauge("ready", "1 when every model is loaded.")
        self.jobs = self._gauge("jobs", "Jobs kept, by state.", "state")
        self.webhooks = self._gauge("webhooks", "Deliveries kept, by state.", "state")

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"sentinel_{name}", told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"sentinel_{name}", told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"sentinel_{name}", told, labels, registry=self.registry, buckets=buckets)

    def hear(self, _trace_id: str, event: Event) -> None:
        """Count one event."""
        match event:
            case Generated(attempts):
                for attempt in attempts:
                    self._painted(attempt)
            case Judged(attempt):
                self._judged(attempt)
            case Ended(trace):
                self._ended(trace)

    def _painted(self, attempt: Attempt) -> None:
        if attempt.error is not None:
            self.failures.labels(attempt.generator).inc()
            return
        self.pictures.labels(attempt.generator).inc()
        if attempt.cost > 0:
            self.cost.labels(attempt.generator).inc(attempt.cost)

    def _judged(self, attempt: Attempt) -> None:
        for gate in attempt.verdict.gates:
            if isinstance(gate, GateFault):
                self.gate_faults.labels(gate.gate).inc()
            elif not gate.passed:
                self.refusals.labels(gate.gate).inc()
        for outcome in attempt.verdict.outcomes:
            if isinstance(outcome, Fault):
                self.judge_faults.labels(outcome.judge, outcome.cause).inc()
                continue
            self.judge_seconds.labels(outcome.judge).observe(outcome.seconds)
            if isinstance(outcome, Score):
                self.judge_values.labels(outcome.judge).observe(outcome.value)
                if outcome.passed is False:
                    self.judge_failures.labels(outcome.judge).inc()

    def _ended(self, trace: Trace) -> None:
        if is_early(trace):
            return
        for attempt in trace.attempts:
            if not attempt.judged:
                continue
            self.evaluations.labels(trace.policy, attempt.verdict.standing).inc()
        for gate in trace.screened:
            if gate.kind == "result" and not gate.passed:
                self.refusals.labels(gate.gate).inc()
        self.verdicts.labels(trace.policy, trace.mode, trace.verdict.action).inc()
        self.seconds.labels(trace.policy, trace.mode).observe(trace.seconds)
        if trace.mode == "guard":
            self.attempts.labels(trace.policy).observe(len(trace.attempts))


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Counts and gauges, in Prometheus' text."""
    found: Metrics = request.app.state.metrics
    await _look(found, house_of(request))
    text = await asyncio.to_thread(generate_latest, found.registry)
    return Response(text, headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE_LATEST)


async def _look(found: Metrics, house: Sentinel) -> None:
    """Ask how things stand now."""
    pictures, most = house.inside
    found.inside.set(pictures)
    found.room.set(most)
    try:
        found.ready.set(int(await house.ready()))
    except SentinelError:  # what keeps it from opening stops the server, and is told there
        found.ready.set(0)
    _set(found.jobs, await house.jobs.counts())
    _set(found.webhooks, await asyncio.to_thread(house.store.deliveries.counts))


def _set(gauge: Gauge, counts: Mapping[Any, int]) -> None:
    for state, count in counts.items():
        gauge.labels(state).set(count)
