"""What was asked and what was judged in, an evaluation as it is answered out.

Plain blocking code: traces, pictures' addresses and people's words are looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sentinel.api.compat.runflow.asked import Kept
from sentinel.api.evaluated import Said, evaluable, evaluation_of, links_of, written
from sentinel.api.evaluation import EvaluationAnswer
from sentinel.api.published import Places
from sentinel.contracts import Attempt, Trace
from sentinel.errors import NotFound
from sentinel.store import Store
from sentinel.store.evaluations import Feedback, Known

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""How the id of an evaluation looks that was asked for."""

ATTEMPT = re.compile(r"(.+)-([1-9][0-9]{0,5})")
"""How that of an attempt looks: its trace's id and its number."""


def evaluation(store: Store, named: str, places: Places) -> EvaluationAnswer:
    """The evaluation of that id; NotFound where there is none."""
    return evaluations(store, (named,), places)[0]


def evaluations(store: Store, named: Sequence[str], places: Places) -> list[EvaluationAnswer]:
    """Several, in that order; NotFound names the first that is none."""
    asked = {each: store.evaluations.request(each) for each in named if UUID.fullmatch(each)}
    attempts = {each: _attempt(each) for each in named if each not in asked}
    traces = {trace for trace, _ in attempts.values()}
    by_trace = store.evaluations.of_traces(traces) if traces else {}
    by_trace |= {each.trace_id: each for each in asked.values()}
    said = store.evaluations.said({*traces, *by_trace})
    loaded = {each: _trace(store, each) for each in {*traces, *_judged(asked.values())}}
    found = []
    for each in named:
        trace_id, number = attempts.get(each) or (asked[each].trace_id, 1)
        known = by_trace.get(trace_id)
        if trace_id not in loaded:
            found.append(_unjudged(asked[each], places))
        else:
            word = said.get((trace_id, number))
            found.append(_judgement(loaded[trace_id], number, places, _said(known, word, places)))
    return found


def trace_of(store: Store, named: str) -> tuple[str, int]:
    """The trace and the attempt that an evaluation is about; NotFound."""
    if UUID.fullmatch(named):
        return store.evaluations.request(named).trace_id, 1
    return _attempt(named)


def _attempt(named: str) -> tuple[str, int]:
    found = ATTEMPT.fullmatch(named)
    if found is None:
        raise NotFound(f"there is no evaluation {named[:80]!r}")
    return found[1], int(found[2])


def _trace(store: Store, trace_id: str) -> Trace:
    try:
        return store.traces.load(trace_id)
    except NotFound:
        raise NotFound(f"there is no evaluation of trace {trace_id[:80]!r}") from None


def _judged(known: Iterable[Known]) -> set[str]:
    return {each.trace_id for each in known if each.state == "completed"}


def _judgement(trace: Trace, number: int, places: Places, said: Said) -> EvaluationAnswer:
    attempt: Attempt | None = next((a for a in trace.attempts if a.number == number), None)
    if attempt is None or not evaluable(trace, attempt):
        raise NotFound(f"trace {trace.id} has no picture {number} that was evaluated")
    return evaluation_of(trace, attempt, places.address, said)


def _said(known: Known | None, word: Feedback | None, places: Places) -> Said:
    """What is told beside the trace."""
    said = Said() if known is None else _asked(known, places)
    if word is None:
        return said
    return replace(
        said, is_positive=word.is_positive, reason=word.reason, feedback_ms=word.updated_ms
    )


def _asked(known: Known, places: Places) -> Said:
    kept = Kept.model_validate_json(known.asked)
    references = tuple(
        each.model_copy(update={"url": each.url or places.address(sha256)})
        for each, sha256 in zip(kept.reference_images, kept.pictures, strict=True)
    )
    return Said(
        id=known.id,
        task_type=known.task_type,
        task_description=kept.task_description,
        generated_image_url=kept.generated_image_url,
        input_attributes=kept.input_attributes,
        evaluation_instructions=kept.evaluation_instructions,
        reference_images=references,
        run_id=known.run_id,
        client_ref=known.client_ref,
        callback_url=known.callback_url,
        created_ms=known.created_ms,
        completed_ms=known.completed_ms,
    )


def _unjudged(known: Known, places: Places) -> EvaluationAnswer:
    """One that waits, is being judged, or could not be."""
    kept, said = Kept.model_validate_json(known.asked), _asked(known, places)
    created = written(known.created_ms)
    links = links_of(known.id, known.trace_id, 1)
    return EvaluationAnswer(
        id=known.id,
        org_id=known.project,
        run_id=known.run_id,
        task_type=known.task_type,
        task_description=said.task_description,
        generation_prompt=kept.generation_prompt,
        generated_image_url=said.generated_image_url or places.address(kept.sha256),
        input_attributes=dict(said.input_attributes),
        evaluation_instructions=said.evaluation_instructions,
        reference_images=said.reference_images or (),
        status_code=known.state,
        failure_code=known.code,
        failure_message=known.error,
        created_at=created,
        submitted_at=created,
        updated_at=written(known.updated_ms),
        completed_at=None if known.completed_ms is None else written(known.completed_ms),
        client_ref=known.client_ref,
        callback_url=known.callback_url,
        trace_id=known.trace_id,
        links={"self": links["self"]},
    )
