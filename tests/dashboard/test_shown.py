"""Numbers, words and shapes of the pages, without a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import asking, figures
from dashboards.differences import letters, words
from dashboards.drawing import HIGH, sparkline
from dashboards.exporting import defused
from dashboards.pages import wall
from dashboards.pages.overview import DAY_MS, HOUR_MS, merged
from dashboards.rendering import block
from sentinel.store.queries import Counts, Filters, Span, together, wilson

text = st.text(alphabet="ab .,:\n", max_size=40)


@pytest.mark.parametrize(("value", "told"), [
    (2924, "2 924"), (0, "0"), (123_456, "123 k"), (1_250_000, "1.25 M"), (None, "–"),
])  # fmt: skip
def test_counts_are_told_in_three_digits_or_all(value, told):
    assert figures.count(value) == told.replace(" ", "\u202f")


@pytest.mark.parametrize(("value", "told"), [
    (0.012, "12 ms"), (3.44, "3.4 s"), (125, "2 min 5 s"), (None, "–"),
])  # fmt: skip
def test_durations_have_the_unit_that_fits(value, told):
    assert figures.seconds(value).replace("\u202f", " ") == told


@pytest.mark.parametrize(
    ("value", "told"), [(0.0, "$0"), (0.0005, "$0.0005"), (12.5, "$12.50"), (1234.0, "$1,234.00")]
)
def test_small_sums_keep_their_digits(value, told):
    assert figures.dollars(value) == told


@given(text, text)
def test_a_difference_holds_both_texts_whole(before, after):
    pieces = words(before, after)

    assert "".join(piece.text for piece in pieces if piece.kind != "come") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after


def test_the_text_judge_s_difference_is_read():
    found = [(piece.kind, piece.text) for piece in letters("J[-A-][+U+]ZZ")]

    assert found == [("kept", "J"), ("gone", "A"), ("come", "U"), ("kept", "ZZ")]


@given(st.lists(st.none() | st.floats(0, 1e9), max_size=40))
def test_a_sparkline_stays_in_its_place(values):
    line = sparkline(values).line
    heights = [float(spot.split()[1]) for spot in line.removeprefix("M").split(" L") if spot]

    assert all(0 <= height <= HIGH for height in heights)


@pytest.mark.parametrize(
    ("passed", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (9, 10, 0.5958, 0.9821), (2618, 2924, 0.8838, 0.9059)],
)
def test_the_interval_is_wilson_s(passed, of, low, high):
    assert wilson(passed, of) == pytest.approx((low, high), abs=2e-4)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(cell):
    assert defused(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["plain", 0.5, -1, None, True])
def test_another_cell_stays_as_it_is(cell):
    assert defused(cell) == cell


@given(st.text(max_size=60))
def test_no_text_closes_the_element_that_its_json_stands_in(words_of_others):
    assert "<" not in block({"name": words_of_others})


@given(
    st.floats(-1, 1),
    st.integers(0, 2**53),
    st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True),
    st.integers(1, 99),
)
def test_a_place_on_the_wall_survives_its_address(rank, ms, trace_id, number):
    assert wall.place(wall.told((rank, ms, trace_id, number))) == (rank, ms, trace_id, number)


def test_an_address_tells_no_name_from_any_name():
    asked = asking.read({"category": "(none)", "range": "30d"})

    assert asked.category == ""
    assert (
        asking.read(
            dict(
                pair.split("=")
                for pair in asked.query()[1:].replace("%28", "(").replace("%29", ")").split("&")
            )
        )
        == asked
    )


def counts(n: int) -> Counts:
    return Counts(n, n, 0, 0, 0, n, n, 0, 0.5 if n else None, 1.0 if n else None, 0.0, scored=n)


def test_a_line_takes_steps_that_hold_enough_pictures():
    week = Filters(since_ms=0, until_ms=7 * DAY_MS)
    few = [Span(hour * HOUR_MS, counts(1)) for hour in range(0, 168, 4)]
    many = [Span(hour * HOUR_MS, counts(50)) for hour in range(168)]

    assert len(merged(few, week)) == 7
    assert len(merged(many, week)) == 168
    assert sum(span.counts.evaluations for span in merged(few, week)) == len(few)


def test_counts_put_together_are_the_counts_of_all():
    both = together([counts(3), counts(0), counts(5)])

    assert (both.evaluations, both.scored, both.mean_score) == (8, 8, 0.5)


@pytest.mark.parametrize(
    ("value", "beside", "shown"),
    [(0.75, 0.75, "0.75"), (0.7496, 0.75, "0.7496"), (0.75, 0.7496, "0.7500"), (0.4, 0.9, "0.40"),
     (0.75, None, "0.75")],
)  # fmt: skip
def test_a_score_never_looks_like_the_threshold_that_it_misses(value, beside, shown):
    assert figures.unit(value, beside) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(1.0, "100.0"), (0.0, "0.0"), (0.9999, "99.99"), (0.0002, "0.02"), (0.594, "59.4")],
)
def test_a_share_looks_like_all_or_nothing_only_where_it_is(share, shown):
    assert figures.percent(share) == f"{shown}\u202f%"
