"""Dashboards count from rollups, and rollups equal the raw rows."""

import math
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from sentinel.contracts import Trace
from sentinel.store import Store
from sentinel.store.queries import Filters, quantile
from sentinel.store.rollup_tables import (
    GlanceDay,
    GlanceFailureDay,
    GlanceFailureHour,
    GlanceHour,
    InForceHour,
)
from sentinel.store.rollups import DAY_MS, HOUR_MS, ROLLUPS, latency_bucket, rebuild, score_bucket
from sentinel.store.tables import (
    EvaluationRow,
    FailureHour,
    FailureRow,
    HistHour,
    RollupDay,
    RollupHour,
    Row,
    TraceRow,
    table_of,
)

Make = Callable[..., Trace]
NOON = 1_750_075_200_000
STANDINGS = ("passed", "failed", "refused", "undecided")


def rows(store: Store, table: type[Row]) -> list[dict[str, Any]]:
    with store.engines.read.begin() as connection:
        return [dict(row) for row in connection.execute(select(table_of(table))).mappings()]


def tally(rows: list[dict[str, Any]], measure: str, *key: str) -> Counter[tuple[Any, ...]]:
    """Sums of one measure by key, without the zeros."""
    counted: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        counted[tuple(row[column] for column in key)] += row[measure]
    return Counter({place: total for place, total in counted.items() if total})


PLACE = ("start_ms", "project", "model", "policy", "category", "mode")


def raw(store: Store, width: int) -> list[dict[str, Any]]:
    """Evaluations with what each adds to a rollup, worked out from its own columns."""
    return [
        row | {
            "start_ms": row["created_ms"] // width * width, "evaluations": 1,
            **{standing: row["standing"] == standing for standing in STANDINGS},
            "traces": row["first"], "first_passed": row["first"] and row["standing"] == "passed",
            "scored": row["score"] is not None,
            "score_millionths": round((row["score"] or 0) * 1e6),
            "microseconds": round(row["seconds"] * 1e6), "nanodollars": round(row["cost"] * 1e9),
            "added_microseconds": round(row["added"] * 1e6), "n": 1,
        }
        for row in rows(store, EvaluationRow)
    ]  # fmt: skip


def assert_rollups_equal_raw(store: Store) -> None:
    for table, width in ((RollupHour, HOUR_MS), (RollupDay, DAY_MS)):
        built, true = rows(store, table), raw(store, width)
        for measure in (column.name for column in table_of(table).c if not column.primary_key):
            assert tally(built, measure, *PLACE) == tally(true, measure, *PLACE), measure
    hours = {(row["trace_id"], row["number"]): row for row in raw(store, HOUR_MS)}
    modes = [hours[row["trace_id"], row["attempt"]] | row for row in rows(store, FailureRow)]
    place = (*PLACE, "quality", "subcategory")
    assert tally(rows(store, FailureHour), "n", *place) == tally(modes, "evaluations", *place)
    place = ("policy", "policy_fingerprint", "model", "start_ms")
    assert tally(rows(store, InForceHour), "n", *place) == tally(raw(store, HOUR_MS), "n", *place)
    place = (*PLACE, "metric", "k")
    buckets = [
        row | {"metric": "seconds", "k": latency_bucket(row["seconds"])}
        for row in raw(store, HOUR_MS)
    ]
    buckets += [
        row | {"metric": "score", "k": score_bucket(row["score"])}
        for row in raw(store, HOUR_MS)
        if row["scored"]
    ]
    assert tally(rows(store, HistHour), "n", *place) == tally(buckets, "evaluations", *place)


def assert_glances_equal_raw(store: Store) -> None:
    """Each evaluation counts once among all, and once under each of its names."""
    place = ("kind", "start_ms", "name")
    tables = ((GlanceHour, GlanceFailureHour, HOUR_MS), (GlanceDay, GlanceFailureDay, DAY_MS))
    for counts, failures, width in tables:
        true = [row | {"kind": kind, "name": row.get(kind, "")} for row in raw(store, width)
                for kind in ("", *PLACE[1:])]  # fmt: skip
        for measure in (column.name for column in table_of(counts).c if not column.primary_key):
            assert tally(rows(store, counts), measure, *place) == tally(true, measure, *place)
        own = {(row["trace_id"], row["number"]): row for row in raw(store, width)}
        modes = [own[row["trace_id"], row["attempt"]] | row for row in rows(store, FailureRow)]
        true = [row | {"kind": kind, "name": row.get(kind, "")} for row in modes
                for kind in ("", *PLACE[1:])]  # fmt: skip
        key = (*place, "quality", "subcategory")
        assert tally(rows(store, failures), "n", *key) == tally(true, "n", *key)


def scattered(make: Make, count: int, seed: int = 3) -> list[Trace]:
    """Traces over five days, two models and two projects, with one to three attempts each."""
    rng = random.Random(seed)  # noqa: S311 - the same draw every time
    return [
        make(
            *rng.choices(STANDINGS, k=rng.randint(1, 3)),
            created_ms=NOON + rng.randrange(5 * DAY_MS),
            model=rng.choice(["schnell", None]),
            project=rng.choice(["default", "shop\x00\ud800"]),
        )
        for _ in range(count)
    ]


def test_rollups_equal_the_raw_rows(store: Store, make: Make) -> None:
    for trace in scattered(make, 60):
        store.traces.save(trace)

    assert_rollups_equal_raw(store)
    assert_glances_equal_raw(store)


def test_rollups_equal_the_raw_rows_after_repeated_late_and_changed_saves(
    store: Store, make: Make
) -> None:
    traces = scattered(make, 20)
    for trace in traces:
        store.traces.save(trace)
    for trace, other in zip(traces, scattered(make, 20, seed=4), strict=True):
        store.traces.save(trace)
        late = {"id": trace.id, "created_ms": other.created_ms - 9 * DAY_MS}
        store.traces.save(other.model_copy(update=late))

    assert_rollups_equal_raw(store)
    assert_glances_equal_raw(store)
    assert len(rows(store, TraceRow)) == 20
    assert all(row["evaluations"] > 0 for row in rows(store, RollupHour))


def test_a_rebuild_arrives_where_the_saves_did(store: Store, make: Make) -> None:
    for trace in scattered(make, 30):
        store.traces.save(trace)
    before = {table: sorted(map(str, rows(store, table))) for table in ROLLUPS}

    assert rebuild(store) == len(rows(store, EvaluationRow))
    assert {table: sorted(map(str, rows(store, table))) for table in ROLLUPS} == before


def test_a_rebuild_mends_rollups_and_leaves_what_is_older(store: Store, make: Make) -> None:
    for trace in (make(created_ms=NOON), make(created_ms=NOON + 2 * DAY_MS)):
        store.traces.save(trace)
    with store.engines.write.begin() as connection:
        for table in (RollupDay, GlanceDay):
            connection.execute(update(table_of(table)).values(passed=70, evaluations=70))

    rebuild(store, NOON + 2 * DAY_MS)

    days = store.queries.by_day()
    assert [day.counts.passed for day in days] == [70, 1]


def test_the_four_standings_make_up_the_evaluations(store: Store, make: Make) -> None:
    for trace in scattered(make, 40):
        store.traces.save(trace)

    counts = store.queries.overview().counts

    assert counts.evaluations == len(rows(store, EvaluationRow))
    assert counts.passed + counts.failed + counts.refused + counts.undecided == counts.evaluations
    assert counts.traces == 40


def test_an_overview_says_what_happened(store: Store, make: Make) -> None:
    store.traces.save(make("failed", "passed"))
    store.traces.save(make("passed"))
    store.traces.save(make("refused"))

    overview = store.queries.overview()
    counts = overview.counts

    assert (counts.evaluations, counts.passed, counts.failed, counts.refused) == (4, 2, 1, 1)
    assert (counts.traces, counts.first_passed, counts.failed_judges) == (3, 1, 1)
    assert counts.pass_rate == 0.5
    assert counts.mean_score == pytest.approx((0.4 + 0.9 + 0.9) / 3)
    assert counts.mean_seconds == pytest.approx(1.25)
    assert counts.cost == pytest.approx(0.002)
    assert overview.median_seconds == pytest.approx(1.25, rel=0.1)


def test_an_empty_store_has_no_pass_rate(store: Store) -> None:
    overview = store.queries.overview()

    assert overview.counts.pass_rate is None
    assert overview.counts.mean_score is None
    assert overview.p95_seconds is None
    assert store.queries.by_day() == store.queries.failure_modes() == ()
    assert store.queries.recent().next is None


FILTERED = {
    "all": (Filters(), 3),
    "one model": (Filters(model="schnell"), 1),
    "no model": (Filters(model=""), 2),
    "an odd name": (Filters(project="shop\x00"), 1),
    "three at once": (Filters(category="poster", mode="guard", policy="default"), 3),
    "an injection": (Filters(policy="'; DROP TABLE trace; --"), 0),
    "from an hour on": (Filters(since_ms=NOON, until_ms=NOON + 2 * DAY_MS), 2),
    "up to an hour": (Filters(since_ms=NOON - 3 * DAY_MS, until_ms=NOON), 1),
    "inside an hour": (Filters(since_ms=NOON + 30 * 60_000, until_ms=NOON + HOUR_MS), 1),
    "up to inside a day": (Filters(until_ms=NOON), 2),
    "up to a day": (Filters(until_ms=NOON - DAY_MS // 2), 1),
}


def test_filters_choose_what_is_counted(store: Store, make: Make) -> None:
    store.traces.save(make())
    store.traces.save(make(model=None, created_ms=NOON + DAY_MS))
    store.traces.save(make(model=None, created_ms=NOON - DAY_MS, project="shop\x00"))

    counted = {
        case: store.queries.overview(filters).counts.evaluations
        for case, (filters, _) in FILTERED.items()
    }

    assert counted == {case: expected for case, (_, expected) in FILTERED.items()}


def test_hours_and_days_add_up_to_the_overview(store: Store, make: Make) -> None:
    for trace in scattered(make, 40):
        store.traces.save(trace)
    week = Filters(since_ms=NOON - HOUR_MS, until_ms=NOON + 6 * DAY_MS)

    hours, days = store.queries.by_hour(week), store.queries.by_day(week)

    total = store.queries.overview(week).counts.evaluations
    assert week.hourly
    assert sum(hour.counts.evaluations for hour in hours) == total
    assert sum(day.counts.evaluations for day in days) == total
    assert [hour.start_ms for hour in hours] == sorted({hour.start_ms for hour in hours})
    assert all(day.start_ms % DAY_MS == 0 for day in days)


RANGES = {
    "within a day": (-HOUR_MS, HOUR_MS),
    "over one midnight": (0, 13 * HOUR_MS),
    "a whole day": (-12 * HOUR_MS, 12 * HOUR_MS),
    "whole days and both ends": (-30 * HOUR_MS + 1, 31 * HOUR_MS + 1),
    "a week": (-3 * DAY_MS, 4 * DAY_MS),
}


@pytest.mark.parametrize("ends", RANGES.values(), ids=RANGES)
def test_groups_over_hours_are_the_same_whether_their_days_are_whole_or_not(
    store: Store, make: Make, ends: tuple[int, int]
) -> None:
    for hour in range(-48, 48, 3):
        project = "even" if hour % 2 else "odd"
        store.traces.save(make(created_ms=NOON + hour * HOUR_MS, project=project, model="m"))
    since, until = (NOON + end for end in ends)
    hours = Filters(since_ms=since, until_ms=until, model="m")

    groups = store.queries.by("project", hours)

    total = sum(hour.counts.evaluations for hour in store.queries.by_hour(hours))
    assert sum(group.evaluations for group in groups) == total > 0
    for group in groups:
        alone = store.queries.counts(
            Filters(since_ms=since, until_ms=until, model="m", project=group.name)
        )
        assert (group.evaluations, group.passed) == (alone.evaluations, alone.passed)


def test_groups_of_an_open_range_reach_until_now(store: Store, make: Make) -> None:
    now = time.time_ns() // 10**6
    for hours in range(0, 60, 6):
        store.traces.save(make(created_ms=now - hours * HOUR_MS, model="m", project="p"))

    open_range = Filters(since_ms=now - 2 * DAY_MS, model="m")

    [group] = store.queries.by("project", open_range)
    assert group.evaluations == store.queries.counts(open_range).evaluations


def test_failure_modes_count_evaluations_that_failed_by_them(store: Store, make: Make) -> None:
    store.traces.save(make("failed", "failed", "passed"))
    store.traces.save(make("refused"))

    modes = store.queries.failure_modes()

    named = [(mode.category, mode.subcategory, mode.evaluations) for mode in modes]
    assert named == [("text", "misspelled", 2), ("integrity", "blank", 1)]


def test_pages_list_every_trace_once_newest_first(store: Store, make: Make) -> None:
    saved = [make(created_ms=NOON + index // 3) for index in range(25)]
    for trace in saved:
        store.traces.save(trace)
    listed, before = [], None
    while page := store.queries.recent(before=before, limit=4):
        listed += [(trace.created_ms, trace.id) for trace in page.traces]
        if (before := page.next) is None:
            break

    assert listed == sorted(((trace.created_ms, trace.id) for trace in saved), reverse=True)


def test_a_list_can_be_narrowed_to_a_standing(store: Store, make: Make) -> None:
    for standings in (["passed"], ["failed", "passed"], ["failed"], ["refused"]):
        store.traces.save(make(*standings))

    page = store.queries.recent(Filters(since_ms=NOON, until_ms=NOON + 1), standing="passed")

    assert sorted(trace.attempts for trace in page.traces) == [1, 2]
    assert {trace.action for trace in page.traces} == {"pass"}


def test_an_attempt_knows_the_number_of_the_one_that_superseded_it(
    store: Store, make: Make
) -> None:
    store.traces.save(make("failed", "failed", "passed"))

    superseded = {row["number"]: row["superseded_by"] for row in rows(store, EvaluationRow)}

    assert superseded == {1: 2, 2: 3, 3: None}


def test_quantiles_from_buckets_are_within_a_tenth_of_the_exact_ones() -> None:
    rng = random.Random(5)  # noqa: S311 - the same draw every time
    seconds = sorted(rng.lognormvariate(0, 1) for _ in range(5000))
    buckets = sorted(Counter(map(latency_bucket, seconds)).items())

    for share in (0.05, 0.5, 0.95, 0.99):
        exact = seconds[math.ceil(share * len(seconds)) - 1]
        assert quantile(buckets, share) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0, 0), (-1, 0), (0.001, 0), (0.002, 4), (1.024, 40), (math.nan, 0), (math.inf, 119)],
)
def test_any_duration_has_a_bucket(seconds: float, bucket: int) -> None:
    assert latency_bucket(seconds) == bucket
