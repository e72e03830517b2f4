# ruff: noqa: RUF001 - quotation marks are what is tested
"""What text a brief asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.text.expectation import LETTERS, PHRASES, expect, plain, quotes
from sentinel.contracts import Brief


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        pytest.param('a sign that says "OPEN"', ("OPEN",), id="straight"),
        pytest.param("a sign that says “Fresh Bread”", ("Fresh Bread",), id="curly"),
        pytest.param("ein Schild mit „Guten Tag“ darauf", ("Guten Tag",), id="low-high"),
        pytest.param("une affiche « Bon appétit »", (" Bon appétit ",), id="guillemets"),
        pytest.param("ein Plakat »Kino«", ("Kino",), id="reversed guillemets"),
        pytest.param("une note ‹ été ›", (" été ",), id="single guillemets"),
        pytest.param("en skylt med ”Öppet”", ("Öppet",), id="Swedish"),
        pytest.param("東京「大売り出し」の看板", ("大売り出し",), id="corner brackets"),
        pytest.param("『吾輩は猫』という本", ("吾輩は猫",), id="white corner brackets"),
        pytest.param('一个写着"深度学习"的牌子', ("深度学习",), id="straight between Chinese"),
        pytest.param("a mug with 'Good Morning' on it", ("Good Morning",), id="single straight"),
        pytest.param("a mug with ‘Good Morning’ on it", ("Good Morning",), id="single curly"),
        pytest.param("a sign 'Don't Walk' at night", ("Don't Walk",), id="apostrophe inside"),
        pytest.param("'the dogs' bowl' on a plate", ("the dogs' bowl",), id="plural inside"),
        pytest.param("'SALE' and the dogs' bowl", ("SALE",), id="plural outside"),
        pytest.param('"SALE" and "50% OFF"', ("SALE", "50% OFF"), id="two"),
        pytest.param('"the \'best\' coffee"', ("the 'best' coffee",), id="nested"),
        pytest.param("don't paint the dog's bowl", (), id="contractions"),
        pytest.param("'tis the season, rock 'n' roll", (), id="elisions"),
        pytest.param("the dogs' and the cats' bowls", (), id="plurals"),
        pytest.param("’tis a cat’s life", (), id="curly apostrophes"),
        pytest.param('a 5" by 7" print', (), id="inches"),
        pytest.param('an unclosed "quote', (), id="unclosed"),
        pytest.param('nothing in ""', (), id="empty"),
        pytest.param("in the '90s, Chris' car", (), id="decade"),
    ],
)  # fmt: skip
def test_quotes_are_found_and_apostrophes_are_not(prompt, found):
    assert quotes(prompt) == found


def test_the_briefs_expected_text_wins_over_the_prompts_quotes():
    brief = Brief(prompt='a sign "OPEN"', expected_text=("CLOSED",))

    assert expect(brief).phrases == ("CLOSED",)


def test_a_brief_without_quotes_expects_nothing():
    assert expect(Brief(prompt="a red disc")).phrases == ()


def test_blank_and_repeated_phrases_are_dropped():
    brief = Brief(expected_text=(" ", "SALE", "SALE ", "\u200b"))

    assert expect(brief).phrases == ("SALE",)


def test_control_and_direction_characters_are_stripped():
    assert plain("SA\u202eLE\x00\n now\u200b") == "SALE now"


def test_too_many_and_too_long_phrases_are_cut_and_said():
    brief = Brief(expected_text=tuple(f"{'x' * 2 * LETTERS}{n}" for n in range(3 * PHRASES)))
    asked = expect(brief)

    assert len(asked.phrases) <= PHRASES
    assert all(len(phrase) <= LETTERS for phrase in asked.phrases)
    assert asked.notes


def test_a_quote_does_not_span_half_the_prompt():
    assert quotes(f'an inch " and {"x" * 400} "') == ()


@given(st.text(max_size=400))
def test_any_prompt_yields_bounded_phrases(prompt):
    asked = expect(Brief(prompt=prompt))

    assert len(asked.phrases) <= PHRASES
    assert all(phrase == plain(phrase) for phrase in asked.phrases)


def test_a_prompt_of_quotation_marks_takes_no_time():
    assert len(expect(Brief(prompt="'\" " * 100_000)).phrases) <= PHRASES
