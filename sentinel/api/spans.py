"""What goes on in a house in, OpenTelemetry spans out: a request, its attempts, their judges.

Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set; the other OTEL_ variables (service name, headers,
sampling) are read by the SDK itself. Spans say who judged how long and how it came out, never a
word of a prompt. They are written when their end is known: an attempt when it was judged, with
the seconds that it took; a judge's span has its own call's seconds and ends with its attempt.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sentinel.contracts import Attempt, Outcome, Score, Trace
from sentinel.errors import ConfigError
from sentinel.loop import Ended, Event, Judged
from sentinel.observing import is_early

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

MOST = 1_000
"""Requests whose spans are open at once; the oldest is ended before there are more."""

SECOND = 1_000_000_000


@dataclass(slots=True)
class _Open:
    span: Any
    told: set[int] = field(default_factory=set)


class Spans:
    """Writes the spans of one house; `hear` watches it (`sentinel.observing`)."""

    def __init__(self, provider: Any) -> None:
        """`provider` is an SDK's TracerProvider; it is shut down by `close`."""
        self._provider = provider
        self._tracer = provider.get_tracer("sentinel")
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def hear(self, trace_id: str, event: Event) -> None:
        """Open a request's span at its first event, close it at its last."""
        now = time.time_ns()
        began = now - _ns(event.trace.seconds) if isinstance(event, Ended) else now
        if isinstance(event, Judged) and trace_id not in self._open:
            began = now - _ns(event.attempt.seconds)
        request = self._request(trace_id, began)
        if isinstance(event, Judged):
            self._attempt(request, event.attempt, now)
        elif isinstance(event, Ended) and not is_early(event.trace):
            self._ended(request, event.trace, now)
            del self._open[trace_id]

    def close(self) -> None:
        """End what is open and send what is left; blocking."""
        for each in self._open.values():
            each.span.end()
        self._open.clear()
        self._provider.shutdown()

    def _request(self, trace_id: str, began: int) -> _Open:
        if trace_id not in self._open:
            while len(self._open) >= MOST:
                self._open.popitem(last=False)[1].span.end()
            told = {"sentinel.trace_id": trace_id}
            span = self._tracer.start_span("sentinel.request", start_time=began, attributes=told)
            self._open[trace_id] = _Open(span)
        return self._open[trace_id]

    def _ended(self, request: _Open, trace: Trace, now: int) -> None:
        for attempt in trace.attempts:
            if attempt.number not in request.told:  # no picture came, or nobody judged it
                self._attempt(request, attempt, now)
        told = {
            "sentinel.policy": trace.policy, "sentinel.mode": trace.mode,
            "sentinel.project": trace.project, "sentinel.action": trace.verdict.action,
            "sentinel.standing": trace.verdict.standing, "sentinel.score": trace.verdict.score,
            "sentinel.attempts": len(trace.attempts), "sentinel.cost_usd": trace.cost,
            "sentinel.stopped_because": trace.stopped_because,
        }  # fmt: skip
        _say(request.span, told)
        request.span.end(now)

    def _attempt(self, request: _Open, attempt: Attempt, now: int) -> None:
        request.told.add(attempt.number)
        began = now - _ns(attempt.seconds)
        span = self._child(request.span, f"attempt {attempt.number}", began)
        told = {
            "sentinel.attempt": attempt.number, "sentinel.generator": attempt.generator,
            "sentinel.lever": attempt.lever, "sentinel.cost_usd": attempt.cost,
            "sentinel.made_in": attempt.made_in, "sentinel.standing": attempt.verdict.standing,
            "sentinel.score": attempt.verdict.score,
        }  # fmt: skip
        _say(span, told)
        if attempt.error is not None:
            _fail(span, "no picture came")
        for outcome in attempt.verdict.outcomes:
            self._judge(span, outcome, now)
        span.end(now)

    def _judge(self, attempt: Any, outcome: Outcome, now: int) -> None:
        span = self._child(attempt, f"judge {outcome.judge}", now - _ns(outcome.seconds))
        told: dict[str, Any] = {
            "sentinel.judge": outcome.judge, "sentinel.outcome": outcome.kind,
            "sentinel.threshold": outcome.threshold,
        }  # fmt: skip
        if isinstance(outcome, Score):
            told |= {"sentinel.value": outcome.value, "sentinel.passed": outcome.passed}
        _say(span, told)
        if outcome.kind == "fault":
            _fail(span, outcome.cause)
        span.end(now)

    def _child(self, parent: Any, name: str, began: int) -> Any:
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415 - an extra

        return self._tracer.start_span(name, context=set_span_in_context(parent), start_time=began)


def spans_of(environment: Mapping[str, str]) -> Spans | None:
    """Spans for the collector that the environment names; None where it names none.

    ConfigError where one is named and the extra is not installed: who asked for spans is told.
    """
    if not any(environment.get(name) for name in ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above
    except ImportError as error:
        told = f"{ENDPOINTS[0]} is set, but there is nothing here that speaks to it"
        way_out = "pip install 'sentinel-gatekeeper[otel]', or unset it"
        raise ConfigError(f"{told}; {way_out}") from error
    named = {} if environment.get("OTEL_SERVICE_NAME") else {"service.name": "sentinel"}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Spans(provider)


def _ns(seconds: float) -> int:
    return int(seconds * SECOND)


def _say(span: Any, told: Mapping[str, Any]) -> None:
    """Attributes; the SDK has no null, so what is unknown is left out."""
    span.set_attributes({key: value for key, value in told.items() if value is not None})


def _fail(span: Any, why: str) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

    span.set_status(Status(StatusCode.ERROR, why))
