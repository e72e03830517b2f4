"""Traces of the loop: what no panel saw is kept with the trace and counted as no evaluation."""

import json
from collections.abc import Callable

from sqlalchemy import select, update

from sentinel.contracts import Attempt, Brief, Feedback, GateResult, Reference, Trace, Verdict
from sentinel.store import Store
from sentinel.store.queries import Filters, Queries
from sentinel.store.tables import EvaluationRow, TraceRow, table_of

Make = Callable[..., Trace]

NEW = {
    "error", "judged", "round", "lever", "made_in", "best", "screened", "reason", "notes",
}  # fmt: skip
"""What the loop added to attempts and traces (an attempt's notes have a default too)."""

PENDING = Verdict(action="reject", standing="undecided", score=None, reason="no picture")


def looped(make: Make) -> Trace:
    """Four attempts in three rounds: one that gave nothing, two candidates, and a pass."""
    trace = make("failed", "failed", "passed")
    one, two, three = trace.attempts
    faulty = Attempt(
        number=1, round=1, brief=trace.brief, generator="fal", verdict=PENDING,
        error="HTTP 200 without a picture", judged=False,
        feedback=Feedback(issues=(), changes=(), brief=trace.brief),
    )  # fmt: skip
    return trace.model_copy(
        update={
            "attempts": (
                faulty,
                one.model_copy(update={"number": 2, "round": 2, "lever": "feedback"}),
                two.model_copy(update={"number": 3, "round": 2, "lever": "feedback"}),
                three.model_copy(update={"number": 4, "round": 3, "lever": "seeds"}),
            ),
            "delivered": 4,
            "best": 4,
            "notes": ("max_attempts is 9: the policy allows 4, which is used",),
            "reason": "attempt 4 passed",
        }
    )


def test_a_trace_with_an_attempt_without_a_picture_comes_back_as_it_was(store: Store, make: Make):
    trace = looped(make)
    store.traces.save(trace)

    assert store.traces.load(trace.id) == trace


def test_an_attempt_that_nobody_judged_is_no_evaluation(store: Store, make: Make):
    store.traces.save(looped(make))
    counts = Queries(store.engines.read).overview(Filters()).counts

    assert (counts.evaluations, counts.failed, counts.passed, counts.undecided) == (3, 2, 1, 0)
    assert (counts.traces, counts.first_passed) == (1, 0)


def test_candidates_of_a_round_are_superseded_by_the_next_round_and_not_by_each_other(
    store: Store, make: Make
):
    store.traces.save(looped(make))
    columns = table_of(EvaluationRow).c
    wanted = select(columns.number, columns.superseded_by).order_by(columns.number)
    with store.engines.read.begin() as connection:
        found = [tuple(row) for row in connection.execute(wanted)]

    assert found == [(2, 4), (3, 4), (4, None)]


def test_a_trace_that_ended_before_anything_was_spent_is_kept_with_its_standing(
    store: Store, make: Make
):
    gate = GateResult(gate="request", version="1", passed=False, reason="blank", mendable=False)
    trace = make().model_copy(
        update={
            "attempts": (), "delivered": None, "stopped_because": "rejected", "screened": (gate,),
            "reason": "request refused: blank; nothing was spent",
        }
    )  # fmt: skip
    store.traces.save(trace)
    columns = table_of(TraceRow).c
    with store.engines.read.begin() as connection:
        row = connection.execute(select(columns.action, columns.standing)).one()

    assert store.traces.load(trace.id) == trace
    assert tuple(row) == ("reject", "refused")


def test_references_of_an_attempt_that_nobody_judged_come_back(store: Store, make: Make):
    trace = looped(make)
    own = Brief(prompt="louder", references=(Reference(image=b"\x89PNG\r\n another"),))
    faulty = trace.attempts[0].model_copy(update={"brief": own})
    trace = trace.model_copy(update={"attempts": (faulty, *trace.attempts[1:])})
    store.traces.save(trace)

    assert store.traces.load(trace.id).attempts[0].brief == own


def test_a_trace_written_before_there_was_a_loop_still_loads(store: Store, make: Make):
    trace = make("failed", "passed")
    store.traces.save(trace)
    with store.engines.write.begin() as connection:
        for model, known in ((TraceRow, Trace), (EvaluationRow, Attempt)):
            table = table_of(model)
            for payload in connection.execute(select(table.c.payload)).scalars().all():
                old = {key: value for key, value in json.loads(payload).items() if key not in NEW}
                assert len(old) < len(known.model_fields)
                changed = update(table).where(table.c.payload == payload)
                connection.execute(changed.values(payload=json.dumps(old)))

    assert store.traces.load(trace.id) == trace
