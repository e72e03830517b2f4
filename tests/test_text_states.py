"""The state of a phrase over several looks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.text.states import decided, settle, unsaid
from judges.text.windows import NOTHING, Window

RIGHT = Window("SALE", 1.0, 0.97)


def misspelled(confidence, similarity=0.9):
    return Window("SAIE", similarity, confidence, diff="SA[-L-][+I+]E")


def test_a_match_in_the_first_look_is_a_match():
    assert settle("SALE", [RIGHT]).state == "match"
    assert settle("SALE", [RIGHT]).value == 1.0


def test_other_letters_read_with_confidence_are_a_mismatch_that_names_both():
    judged = settle("SALE", [misspelled(0.95)])

    assert judged.state == "mismatch"
    assert judged.subcategory == "misspelled"
    assert "'SALE'" in judged.detail
    assert "'SAIE'" in judged.detail
    assert "SA[-L-][+I+]E" in judged.detail


def test_nothing_read_is_unreadable_and_missing():
    judged = settle("SALE", [NOTHING])

    assert (judged.state, judged.subcategory) == ("unreadable", "missing")


def test_other_letters_read_without_confidence_are_unreadable():
    assert settle("SALE", [misspelled(0.5)]).state == "unreadable"


def test_a_match_read_without_confidence_is_unreadable():
    assert settle("SALE", [Window("SALE", 1.0, 0.3)]).state == "unreadable"


def test_a_sure_retry_mends_what_the_first_look_missed():
    assert settle("SALE", [NOTHING, RIGHT]).state == "match"


def test_a_retry_surer_than_letters_too_many_does_not_count():
    doubled = Window("SSALE", 0.8, 0.95, diff="[+S+]SALE")

    assert settle("SALE", [doubled, RIGHT]).state == "mismatch"


def test_a_retry_surer_than_letters_too_few_counts():
    short = Window("SAE", 0.75, 0.95, diff="SA[-L-]E", short=True)

    assert settle("SALE", [short, RIGHT]).state == "match"


def test_a_retry_less_sure_than_the_misspelling_seen_does_not_count():
    assert settle("SALE", [misspelled(0.99), RIGHT]).state == "mismatch"


def test_a_look_that_missed_the_first_word_does_not_speak_against_a_match():
    cut_off = Window("ING", 0.6, 0.99, partial=True)

    assert settle("OPENING", [cut_off, Window("OPENING", 1.0, 0.95)]).state == "match"


def test_two_looks_that_read_the_same_other_letters_decide():
    assert decided([misspelled(0.95), misspelled(0.97)])
    assert not decided([misspelled(0.95)])
    assert not decided([misspelled(0.7), misspelled(0.7)])


def test_an_unsure_retry_does_not_count():
    assert settle("SALE", [NOTHING, Window("SALE", 1.0, 0.7)]).state != "match"


def test_a_letter_outside_the_alphabet_is_unreadable_and_says_so():
    judged = unsaid("Музей", "Музей", "rapidocr")

    assert judged.state == "unreadable"
    assert "Cyrillic" in judged.detail


@given(st.lists(st.floats(0, 0.99), min_size=2, max_size=8), st.floats(0, 1))
def test_no_mismatch_reaches_half_and_more_alike_is_never_worth_less(similarities, confidence):
    judged = [settle("SALE", [misspelled(confidence, alike)]) for alike in sorted(similarities)]

    assert all(found.value < 0.5 for found in judged)
    assert all(
        one.value <= other.value for one, other in pairwise(judged) if one.state == other.state
    )


@pytest.mark.parametrize("length", [4, 40, 400])
def test_one_wrong_letter_in_a_phrase_of_any_length_fails(length):
    assert settle("x" * length, [misspelled(0.99, 1 - 1 / length)]).value < 0.5
