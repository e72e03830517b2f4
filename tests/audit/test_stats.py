"""Counts and values in, what they can and cannot tell out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.audit import stats
from sentinel.audit.likenesses import near_duplicates
from sentinel.imaging import fingerprint_distance

COUNTS = st.integers(0, 400)
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=60)
MANY = st.lists(st.floats(0, 1), min_size=10, max_size=40)


# values of statsmodels 0.15 (proportion_confint, method="wilson")
@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (8, 10, 0.4901625, 0.9433178), (0, 10, 0.0, 0.2775328), (10, 10, 0.7224672, 1.0),
        (950, 1000, 0.9346862, 0.9618697), (1, 3, 0.0614919, 0.7923404),
    ],
)  # fmt: skip
def test_a_pass_rate_has_wilsons_interval(hits: int, of: int, low: float, high: float) -> None:
    found = stats.rate(hits, of)

    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-6)


@given(COUNTS, COUNTS)
def test_a_rate_lies_in_its_interval_and_the_interval_in_0_to_1(hits: int, missed: int) -> None:
    found = stats.rate(hits, hits + missed)

    if hits + missed == 0:
        assert found is None
    else:
        assert found is not None
        assert 0 <= found.low <= found.value <= found.high <= 1


@given(COUNTS, st.integers(1, 400))
def test_more_pictures_of_the_same_rate_narrow_the_interval(hits: int, missed: int) -> None:
    few, many = stats.rate(hits, hits + missed), stats.rate(4 * hits, 4 * (hits + missed))

    assert few is not None
    assert many is not None
    assert many.high - many.low < few.high - few.low


# values of statsmodels 0.15 (mcnemar, exact=True)
@pytest.mark.parametrize(
    ("lost", "won", "p"), [(59, 33, 0.0087809), (8, 1, 0.0390625), (0, 0, 1.0), (5, 5, 1.0)]
)
def test_mcnemars_exact_p_is_the_books(lost: int, won: int, p: float) -> None:
    assert stats.mcnemar(lost, won) == pytest.approx(p, abs=1e-6)


@given(COUNTS, COUNTS)
def test_mcnemar_does_not_care_which_audit_came_first(lost: int, won: int) -> None:
    assert stats.mcnemar(lost, won) == pytest.approx(stats.mcnemar(won, lost))
    assert 0 <= stats.mcnemar(lost, won) <= 1


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_paired_difference_lies_in_its_interval_and_turns_round_with_the_audits(
    both: int, lost: int, won: int, neither: int
) -> None:
    found = stats.paired(both, lost, won, neither)
    turned = stats.paired(both, won, lost, neither)

    if both + lost + won + neither == 0:
        assert found is turned is None
        return
    assert found is not None
    assert turned is not None
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert turned.value == -found.value
    assert turned.p == pytest.approx(found.p)


def test_the_paired_interval_is_the_normal_one_for_many_pairs() -> None:
    found = stats.paired(both=8000, lost=600, won=400, neither=1000)

    assert found is not None
    spread = 1.96 * math.sqrt((600 + 400) / 10_000 - 0.02**2) / math.sqrt(10_000)
    assert (found.low, found.high) == pytest.approx((-0.02 - spread, -0.02 + spread), abs=3e-4)


# Newcombe (1998), table II, method 10: 56/70 against 48/80; the second of statsmodels 0.15
@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090)],
)
def test_the_difference_of_two_audits_over_different_pictures_is_newcombes(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    found = stats.unpaired(*counts)

    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


# values of statsmodels 0.15 (multipletests, method="fdr_bh")
def test_many_looks_are_corrected_as_benjamini_and_hochberg_do() -> None:
    raised = stats.of_many((0.01, 0.04, 0.03, 0.005, 0.5))

    assert raised == pytest.approx((0.025, 0.05, 0.05, 0.025, 0.5))
    assert stats.of_many(()) == ()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=50))
def test_judges_correlate_the_same_both_ways_and_wholly_with_themselves(
    pairs: list[tuple[float, float]],
) -> None:
    one, other = np.array(pairs).T

    there, back = stats.spearman(one, other), stats.spearman(other, one)
    if there is None or back is None:
        assert there is back is None
        assert 0 in (np.ptp(one), np.ptp(other))
        return
    assert there == pytest.approx(back)
    assert -1 - 1e-9 <= there <= 1 + 1e-9
    assert stats.spearman(one, one) == pytest.approx(1)
    assert stats.spearman(one, -one) == pytest.approx(-1)


def test_ranks_correlate_not_values() -> None:
    assert stats.spearman([0.1, 0.2, 0.3, 0.4], [0.01, 0.5, 0.51, 0.99]) == pytest.approx(1)
    # Spearman's formula without ties: 1 − 6·Σd²/(n·(n² − 1)) = 1 − 6·4/60
    assert stats.spearman([1, 2, 3, 4], [2, 1, 4, 3]) == pytest.approx(0.6)


@given(MANY)
def test_values_do_not_drift_from_themselves(values: list[float]) -> None:
    found = stats.drift(values, values)

    assert found is not None
    assert found.index == pytest.approx(0, abs=1e-12)
    assert (found.distance, found.p) == (0, 1)


@given(MANY, MANY)
def test_drift_is_never_negative(before: list[float], after: list[float]) -> None:
    found = stats.drift(before, after)

    assert found is not None
    assert found.index >= 0
    assert 0 <= found.distance <= 1
    assert 0 <= found.p <= 1


def test_of_fewer_than_ten_values_nothing_is_said() -> None:
    assert stats.drift([0.5] * 9, [0.5] * 100) is None


def test_a_shifted_judge_is_a_shift_and_a_redrawn_one_is_steady() -> None:
    draw = np.random.default_rng(1)
    before, again = draw.beta(8, 2, 4000), draw.beta(8, 2, 4000)

    steady, shifted = stats.drift(before, again), stats.drift(before, again * 0.8)

    assert steady is not None
    assert steady.index < 0.1
    assert shifted is not None
    assert shifted.index > 0.25
    assert shifted.p < 1e-6


@given(SHARES)
def test_a_histogram_counts_every_value_once(values: list[float]) -> None:
    assert sum(stats.histogram(values)) == len(values)


def test_a_histogram_has_1_in_its_last_class_and_0_in_its_first() -> None:
    assert stats.histogram([0.0, 1.0, 1.0], bins=4) == (1, 0, 0, 2)


def test_cohens_kappa_is_the_books() -> None:
    found = stats.kappa(20, 5, 10, 15)

    assert found is not None
    assert found.value == pytest.approx(0.4)
    # statsmodels 0.15 (cohens_kappa): 0.4 between 0.1511 and 0.6489, by the normal approximation
    assert (found.low, found.high) == pytest.approx((0.1511, 0.6489), abs=0.03)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_kappa_is_the_same_for_both_raters_and_within_its_interval(
    both: int, one: int, other: int, neither: int
) -> None:
    found, turned = stats.kappa(both, one, other, neither), stats.kappa(both, other, one, neither)

    if found is None:
        assert turned is None
        return
    assert turned is not None
    assert found.value == pytest.approx(turned.value)
    assert -1 - 1e-9 <= found.low <= found.high <= 1 + 1e-9


HALF = 0x5A5A_A5A5_0F0F_F0F0

HASHES = st.lists(
    st.one_of(
        st.none(),
        st.integers(0, 2**64 - 1).filter(lambda bits: 8 <= bits.bit_count() <= 56),
        st.sampled_from([HALF ^ bits for bits in (0, 1, 3, 7, 15, 31, 2**63)]),
    ),
    max_size=40,
)


@settings(deadline=None)  # the first call loads SciPy
@given(HASHES, st.integers(0, 8))
def test_near_duplicates_hang_together_exactly_as_the_distances_say(
    hashes: list[int | None], near: int
) -> None:
    prints = [None if known is None else f"{known:016x}" for known in hashes]

    found = near_duplicates(prints, near)

    reached = _reached(prints, near)
    for at, number in enumerate(found):
        together = {other for other, known in enumerate(found) if number and known == number}
        assert together == (reached[at] if len(reached[at]) > 1 else set())
    numbers = [number for number in found if number is not None]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(set(numbers)) + 1))


def test_flat_pictures_are_not_alike_for_being_flat() -> None:
    flat = "8000000000000000"

    assert near_duplicates([flat, flat, f"{HALF:016x}", f"{HALF:016x}"]) == (None, None, 1, 1)


def test_thousands_of_fingerprints_are_compared_strip_by_strip() -> None:
    draw = np.random.default_rng(3).integers(0, 2**63, 3000)
    prints = [f"{known:016x}" for known in draw]
    prints[2900] = f"{int(draw[5]) ^ 3:016x}"

    found = near_duplicates(prints)

    assert [at for at, number in enumerate(found) if number] == [5, 2900]


def test_thousands_of_equal_fingerprints_are_one_group_and_no_million_pairs() -> None:
    prints = ["00000000000000ff"] * 20_000

    assert set(near_duplicates(prints)) == {1}


def _reached(prints: list[str | None], near: int) -> list[set[int]]:
    """Who hangs together with each, by walking."""
    reached = []
    for start, known in enumerate(prints):
        seen, waiting = set(), [start] if known is not None else []
        while waiting:
            at = waiting.pop()
            seen.add(at)
            own = prints[at]
            assert own is not None
            waiting += [
                other
                for other, its in enumerate(prints)
                if other not in seen and its is not None and fingerprint_distance(own, its) <= near
            ]
        reached.append(seen)
    return reached
