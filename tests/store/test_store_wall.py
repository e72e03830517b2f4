"""Pictures one by one, what was in force, and the same counts whichever table they come from."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from sentinel.contracts import Trace
from sentinel.store import Store
from sentinel.store.evaluations import Feedback
from sentinel.store.queries import Filters, Wanted
from sentinel.store.rollups import DAY_MS, HOUR_MS

Make = Callable[..., Trace]
NOON = 1_750_075_200_000


@pytest.fixture
def filled(store: Store, make: Make) -> Store:
    rng = random.Random(11)  # noqa: S311 - the same draw every time
    for at in range(30):
        store.traces.save(make(
            *rng.choices(("passed", "failed", "refused", "undecided"), k=rng.randint(1, 3)),
            created_ms=NOON + at * HOUR_MS, model=rng.choice(["a", "b"]), project=rng.choice(["x", "y"]),
        ))  # fmt: skip
    return store


def walk(store: Store, wanted: Wanted) -> list:
    found, after = [], None
    while True:
        page = store.queries.pictures(wanted, after, 7)
        found += page.pictures
        if (after := page.next) is None:
            return found


@pytest.mark.parametrize("order", ["worst", "newest"])
def test_page_after_page_shows_every_picture_once_in_order(filled, order):
    found = walk(filled, Wanted(order=order))
    keys = [each.place for each in found]

    assert len(keys) == len(set(keys)) == filled.queries.overview().counts.evaluations
    assert (
        keys == sorted(keys)
        if order == "worst"
        else [k[1:] for k in keys] == sorted((k[1:] for k in keys), reverse=True)
    )
    assert found == list(filled.queries.all_pictures(Wanted(order=order), 1000))


def test_pictures_are_found_by_standing_failure_mode_and_what_was_said(filled):
    failed = walk(filled, Wanted(standing="failed"))
    filled.evaluations.say(failed[0].trace_id, failed[0].number, Feedback(False, "no", 1))

    assert {each.standing for each in failed} == {"failed"}
    assert walk(filled, Wanted(quality="text", kind="misspelled"))[0].failures == (
        "text.misspelled",
    )
    assert walk(filled, Wanted(quality="text", kind="nothing")) == []
    assert [each.trace_id for each in walk(filled, Wanted(said="bad"))] == [failed[0].trace_id]
    assert walk(filled, Wanted(said="good")) == []


def test_an_export_stops_at_the_most_it_may_hold(filled):
    assert len(list(filled.queries.all_pictures(Wanted(), 9))) == 9


@pytest.mark.parametrize("days", [1, 30], ids=["by the hour", "by the day"])
def test_names_one_by_one_count_what_they_count_together(filled, days):
    ask, span = filled.queries, {"since_ms": NOON - DAY_MS, "until_ms": NOON + days * DAY_MS}
    one = {model: ask.counts(Filters(model=model, **span)) for model in "ab"}
    two = [
        ask.counts(Filters(model=model, project=project, **span))
        for model in "ab"
        for project in "xy"
    ]
    whole = ask.counts(Filters(**span))

    for measure in (
        "evaluations",
        "passed",
        "failed",
        "refused",
        "undecided",
        "delivered",
        "retried",
    ):
        total = getattr(whole, measure)
        assert sum(getattr(each, measure) for each in one.values()) == total
        assert sum(getattr(each, measure) for each in two) == total
    assert {group.name: group.evaluations for group in ask.by("model", Filters(**span))} == {
        model: counts.evaluations for model, counts in one.items()
    }
    modes = [
        ask.failure_modes(Filters(model=model, project=project, **span))
        for model in "ab"
        for project in "xy"
    ]
    assert sum(mode.evaluations for each in modes for mode in each) == sum(
        mode.evaluations for mode in ask.failure_modes(Filters(**span))
    )


def test_groups_under_a_filter_are_counted_under_it(filled):
    span = {"since_ms": NOON - DAY_MS, "until_ms": NOON + 3 * DAY_MS}
    groups = filled.queries.by("project", Filters(model="a", **span))

    assert (
        sum(group.passed for group in groups)
        == filled.queries.counts(Filters(model="a", **span)).passed
    )


def test_what_was_delivered_after_a_retry_and_what_guarding_added_is_counted(store, make):
    trace = make("failed", "passed", seconds=5.0)
    attempts = tuple(
        each.model_copy(update={"round": each.number, "made_in": 1.0}) for each in trace.attempts
    )
    store.traces.save(trace.model_copy(update={"attempts": attempts}))
    store.traces.save(make("passed", seconds=2.0))
    store.traces.save(make("passed", mode="score"))
    counts = store.queries.counts(Filters())

    assert (counts.delivered, counts.retried, counts.guarded) == (2, 1, 2)
    assert counts.added_seconds == pytest.approx((4.0 + 2.0) / 2)
    assert counts.cost_per_delivered == pytest.approx(4 * 0.0005 / 2)


def test_a_policy_and_a_model_that_changed_are_told_with_their_hour(store, make):
    store.traces.save(make(created_ms=NOON, policy_fingerprint="one", model="old"))
    store.traces.save(make(created_ms=NOON + 2 * HOUR_MS, policy_fingerprint="two", model="old"))
    store.traces.save(make(created_ms=NOON + 3 * HOUR_MS, policy_fingerprint="two", model="new"))
    found = store.queries.turns(Filters(since_ms=NOON - DAY_MS))

    assert [(turn.start_ms, turn.what, turn.name) for turn in found] == [
        (NOON + 2 * HOUR_MS, "policy", "two"), (NOON + 3 * HOUR_MS, "model", "new"),
    ]  # fmt: skip


def test_a_trace_that_is_saved_again_elsewhere_leaves_no_turn_behind(store, make):
    late = make(created_ms=NOON + HOUR_MS, policy_fingerprint="two")
    store.traces.save(make(created_ms=NOON, policy_fingerprint="one"))
    store.traces.save(late)
    store.traces.save(late.model_copy(update={"policy_fingerprint": "one"}))

    assert store.queries.turns(Filters()) == ()


def test_names_are_those_that_have_evaluations(filled):
    names = filled.queries.names()

    assert (names.model, names.project, names.mode) == (("a", "b"), ("x", "y"), ("guard",))
