"""What judges and gates said is read back as it was said, the newest first, without its payload."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sentinel import policy, verdict
from sentinel.contracts import Score, Trace
from sentinel.store import Store
from sentinel.store.evaluations import Feedback
from sentinel.store.queries import READINGS_CAP, Filters
from sentinel.store.rollups import HOUR_MS
from sentinel.supposing import suppose, under

Make = Callable[..., Trace]
NOON = 1_750_075_200_000

OTHER = policy.parse(
    'name = "other"\npass_mark = 0.3\n[gates.integrity]\n[gates.safety]\nrequired = false\n'
    "[judges.text]\nthreshold = 0.3\n[judges.style]\n[judges.color]\nthreshold = 0.5\n",
    "test",
)


@pytest.fixture
def traces(store: Store, make: Make) -> list[Trace]:
    made = [
        make("failed", "passed", created_ms=NOON, model="a"),
        make("undecided", created_ms=NOON + HOUR_MS, model="b"),
        make("refused", "failed", created_ms=NOON + 2 * HOUR_MS, model="a"),
    ]
    for trace in made:
        store.traces.save(trace)
    return made


def test_readings_are_those_of_the_trace_newest_first(store, traces):
    found = store.queries.readings(Filters())
    keys = [(each.trace_id, each.number) for each in found]
    expected = [(t.id, a.number) for t in reversed(traces) for a in reversed(t.attempts)]
    stored = {(t.id, a.number): a.verdict for t in traces for a in t.attempts}

    assert keys == expected
    for each in found:
        known = stored[each.trace_id, each.number]
        assert [(o.judge, o.kind, o.threshold, o.weight, o.required, o.reason) for o in each.outcomes] == [
            (o.judge, o.kind, o.threshold, o.weight, o.required, o.reason) for o in known.outcomes
        ]  # fmt: skip
        assert [o.value for o in each.outcomes if isinstance(o, Score)] == [
            o.value for o in known.outcomes if isinstance(o, Score)
        ]
        assert [(g.gate, g.kind) for g in each.gates] == [(g.gate, g.kind) for g in known.gates]


def test_a_decision_over_what_is_read_is_the_one_over_the_whole_trace(store, traces):
    stored = {(t.id, a.number): a.verdict for t in traces for a in t.attempts}

    for each in store.queries.readings(Filters()):
        whole = suppose(stored[each.trace_id, each.number], OTHER)
        gates, outcomes = under(each.gates, each.outcomes, OTHER)
        read = verdict.decide(gates, outcomes, OTHER, enforce=True)

        assert (read.standing, read.score, read.reason) == (
            whole.standing,
            whole.score,
            whole.reason,
        )


def test_filters_and_the_limit_choose_the_newest_that_fit(store, traces):
    assert {each.model for each in store.queries.readings(Filters(model="b"))} == {"b"}
    assert [each.number for each in store.queries.readings(Filters(model="a"), 3)] == [2, 1, 2]
    assert len(store.queries.readings(Filters(), 10 * READINGS_CAP)) == 5
    assert store.queries.readings(Filters(model="nobody")) == ()


def test_of_each_range_the_newest_are_read(store, traces):
    ranges = [
        Filters(since_ms=NOON + at * HOUR_MS, until_ms=NOON + (at + 1) * HOUR_MS) for at in range(4)
    ]
    found = store.queries.readings_over(ranges, 1)

    assert [each.trace_id for each in found] == [trace.id for trace in traces]


def test_what_people_said_comes_with_the_picture(store, traces):
    store.evaluations.say(traces[0].id, 1, Feedback(False, "no", 1))
    store.evaluations.say(traces[1].id, 1, Feedback(None, "unsure", 1))
    spoken = store.queries.readings_said(Filters())

    assert [(each.trace_id, each.number, each.said) for each in spoken] == [
        (traces[0].id, 1, False)
    ]
    assert [each.said for each in store.queries.readings(Filters())].count(None) == 4
