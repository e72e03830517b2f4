"""What is saved is loaded; a trace saved again is replaced exactly."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from sentinel.contracts import (
    Abstention,
    Attempt,
    Box,
    Brief,
    Change,
    Evidence,
    FailureMode,
    Fault,
    Feedback,
    GateFault,
    GateResult,
    Reference,
    Score,
    Trace,
    Verdict,
)
from sentinel.errors import NotFound
from sentinel.store import Store
from sentinel.store.tables import OutcomeRow, TraceRow, table_of

Make = Callable[..., Trace]

words = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(
    ["\x00", "a\x00b", "\ud800 lone", "\u202eleft", "東京", "x" * 3000]
)
whole = st.integers(0, 2**31 - 1)
real = st.floats(allow_nan=False)
unit = st.floats(0, 1)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | real | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=5,
)
measurements = st.dictionaries(words, plain, max_size=2)


def some(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(strategy, max_size=2).map(tuple)


references = st.builds(
    Reference, kind=st.sampled_from(["face", "style"]), image=st.binary(max_size=40)
)
briefs = st.builds(
    Brief, prompt=st.none() | words, guidance=st.none() | real, seed=st.none() | st.integers(),
    references=some(references), expected_text=some(words), category=st.none() | words,
    client=st.dictionaries(words, words, max_size=2),
)  # fmt: skip
evidence = st.builds(Evidence, claim=words, box=st.none() | st.builds(Box, *[whole] * 4))
issues = st.builds(FailureMode, category=words, subcategory=words, detail=words)
stamp = {
    "judge": words, "version": words, "threshold": st.none() | unit, "weight": st.floats(0, 1e6),
    "required": st.booleans(), "seconds": real, "reason": words,
}  # fmt: skip
found = {"measurements": measurements, "evidence": some(evidence), "issues": some(issues)}
outcomes = (
    st.builds(Score, value=unit, **found, **stamp)
    | st.builds(Abstention, measurements=measurements, **stamp)
    | st.builds(Fault, cause=st.sampled_from(["error", "timeout", "missing"]), **stamp)
)
gates = st.builds(
    GateResult, gate=words, version=words, seconds=real, reason=words, passed=st.booleans(), **found
) | st.builds(GateFault, gate=words, version=words, seconds=real, reason=words)
verdicts = st.builds(
    Verdict, action=st.sampled_from(["pass", "score", "regenerate", "reject"]),
    standing=st.sampled_from(["passed", "failed", "refused", "undecided"]),
    score=st.none() | unit, gates=some(gates), outcomes=some(outcomes), reason=words,
    top_issues=some(words),
)  # fmt: skip
changes = st.builds(Change, category=words, change=words, reason=words)
feedback = st.builds(Feedback, issues=some(issues), changes=some(changes), brief=briefs)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    brief = draw(briefs)
    attempts = tuple(
        draw(st.builds(
            Attempt, number=st.just(number), brief=st.just(brief) | briefs, generator=words,
            verdict=verdicts, seed=st.none() | st.integers(), cost=real, seconds=real,
            picture=st.none() | words, fingerprint=st.none() | words, width=whole, height=whole,
            notes=some(words), feedback=st.none() | feedback,
        ))
        for number in range(1, draw(st.integers(0, 3)) + 1)
    )  # fmt: skip
    return draw(st.builds(
        Trace, id=st.uuids().map(str), created_ms=st.integers(0, 2**53), policy=words,
        policy_fingerprint=words, mode=st.sampled_from(["guard", "score"]), brief=st.just(brief),
        attempts=st.just(attempts), model=st.none() | words, project=words, seconds=real,
        delivered=st.sampled_from([None, *(attempt.number for attempt in attempts)]),
        stopped_because=st.sampled_from([None, "passed", "budget"]),
    ))  # fmt: skip


def count(store: Store, table: type) -> int:
    with store.engines.read.begin() as connection:
        return connection.execute(select(func.count()).select_from(table_of(table))).scalar_one()


def test_a_trace_is_loaded_as_it_was_saved(store: Store, make: Make) -> None:
    trace = make("failed", "refused", "undecided", "passed")

    store.traces.save(trace)

    assert store.traces.load(trace.id) == trace


@settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(trace=traces())
def test_whatever_a_trace_holds_comes_back(store: Store, trace: Trace) -> None:
    store.traces.save(trace)

    assert store.traces.load(trace.id) == trace


def test_a_trace_without_attempts_is_kept(store: Store, make: Make) -> None:
    trace = make().model_copy(update={"attempts": (), "delivered": None})

    store.traces.save(trace)

    assert store.traces.load(trace.id) == trace


def test_a_cost_that_is_no_number_loses_no_trace(store: Store, make: Make) -> None:
    attempt = make().attempts[0].model_copy(update={"cost": float("nan")})
    trace = make().model_copy(update={"attempts": (attempt,)})

    store.traces.save(trace)
    loaded = store.traces.load(trace.id)

    assert str(loaded.attempts[0].cost) == "nan"
    assert store.queries.overview().counts.cost == 0


def test_a_prompt_of_five_megabytes_comes_back(store: Store, make: Make) -> None:
    trace = make().model_copy(update={"brief": Brief(prompt="東\x00京🙂 " * 700_000)})

    store.traces.save(trace)

    assert store.traces.load(trace.id).brief.prompt == trace.brief.prompt


def test_a_trace_saved_again_is_replaced_with_all_its_rows(store: Store, make: Make) -> None:
    first = make("failed", "failed", "passed")
    store.traces.save(first)
    second = make("undecided", id=first.id)

    store.traces.save(second)

    assert store.traces.load(first.id) == second
    assert count(store, TraceRow) == 1
    assert count(store, OutcomeRow) == len(second.attempts[0].verdict.outcomes)


def test_reference_pictures_live_in_media_and_not_in_rows(store: Store, make: Make) -> None:
    image = bytes(range(256)) * 4000
    brief = Brief(prompt="x", references=(Reference(image=image),) * 4)
    trace = make().model_copy(update={"brief": brief})
    store.traces.save(trace)

    with store.engines.read.begin() as connection:
        stored = connection.execute(select(table_of(TraceRow).c.brief)).scalar_one()

    assert len(stored) < 1000
    assert store.traces.load(trace.id).brief.references[3].image == image


def test_an_unknown_trace_is_not_found(store: Store) -> None:
    for wanted in ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "", "a\x00b", "'; DROP TABLE trace; --", "\ud800"):
        with pytest.raises(NotFound, match="no trace"):
            store.traces.load(wanted)


def test_attempts_out_of_order_are_refused(store: Store, make: Make) -> None:
    trace = make("failed", "passed")
    backwards = trace.model_copy(update={"attempts": trace.attempts[::-1]})

    with pytest.raises(ValueError, match="rising order"):
        store.traces.save(backwards)
