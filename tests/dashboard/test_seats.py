"""A judge's health is what it said: faults, times, quantiles over time, and people's thumbs."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dashboards.pages.judges import in_words, steps
from dashboards.pages.seats import ENOUGH, agreement, band, healths, quantile
from sentinel.contracts import Abstention, Fault, Score
from sentinel.faces import Seat
from sentinel.store.queries import Filters
from tests.dashboard.test_lab import judged

HOUR = 3_600_000


def said(passed: bool, standing: str, thumb: bool):
    value = 0.9 if passed else 0.1
    score = Score(judge="text", version="1", threshold=0.5, value=value, reason="r")
    return judged(0, 0, standing, said=thumb, outcomes=(score,))


def test_kappa_is_cohens_own_value_for_a_table_of_two_by_two():
    # 20 both pass, 5 judge alone, 10 people alone, 15 both fail: 0.7 observed, 0.5 by chance
    table = [
        *[said(True, "passed", True)] * 20, *[said(True, "passed", False)] * 5,
        *[said(False, "failed", False)] * 10, *[said(False, "failed", True)] * 15,
    ]  # fmt: skip
    found = agreement("text", table)

    assert (found.same, found.total) == (35, 50)
    assert found.kappa == pytest.approx(0.4)


def test_few_thumbs_are_told_as_few_and_one_sided_ones_have_no_kappa():
    found = agreement("text", [said(True, "passed", True)] * (ENOUGH - 1))

    assert not found.is_enough
    assert found.kappa is None
    assert agreement("text", []).total == 0


def test_a_judge_that_broke_declined_or_is_gone_is_told_as_that():
    fault = Fault(judge="text", version="1", cause="timeout", reason="too late", seconds=60)
    silent = Abstention(judge="text", version="1", reason="no text", seconds=0.5)
    every = [judged(0, 0, outcomes=(each,)) for each in (fault, silent)] + [judged(0.9, 0.5)]
    seats = (Seat("text", "1", "", (), "benched", "hangs"),)
    found = {each.seat.name: each for each in healths(seats, every, [], [0])}
    text = found["text"]

    assert (text.asked, text.scored, text.abstained, text.faulty) == (3, 1, 1, 1)
    assert (text.faults, text.last_fault) == ((("timeout", 1),), "too late")
    assert (text.p50, text.p95) == (0.0, 0.5)
    assert found["alignment"].seat.state == "gone"


@pytest.mark.parametrize(("part", "value"), [(0.1, 1.0), (0.5, 5.0), (0.9, 9.0), (1.0, 10.0)])
def test_a_quantile_is_the_least_value_that_so_many_do_not_exceed(part, value):
    assert quantile([float(n) for n in range(1, 11)], part) == value
    assert quantile([], part) is None


def test_a_band_has_every_step_and_draws_no_line_over_a_gap():
    found = band([(0, 0.2), (1, 0.4), (HOUR, 0.5), (3 * HOUR, 0.9)], [0, HOUR, 2 * HOUR, 3 * HOUR])

    assert [step.count for step in found.steps] == [2, 1, 0, 1]
    assert found.median.count("M") == 1
    assert len(found.dots) == 1


@pytest.mark.parametrize("days", [1, 7, 30, 90, 365])
def test_steps_cover_the_range_whole_without_overlap(days):
    until = 500 * 24 * HOUR
    found = steps(Filters(since_ms=until - days * 24 * HOUR, until_ms=until, model="m"))

    assert found[0].since_ms == until - days * 24 * HOUR
    assert found[-1].until_ms == until
    assert all(a.until_ms == b.since_ms for a, b in pairwise(found))
    assert len(found) <= 30
    assert {each.model for each in found} == {"m"}


def test_a_step_is_said_as_hours_or_days():
    assert [in_words(HOUR), in_words(6 * HOUR), in_words(24 * HOUR), in_words(72 * HOUR)] == [
        "hour", "6 hours", "day", "3 days",
    ]  # fmt: skip
