"""Prompts become clauses; nothing is lost."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.alignment.clauses import clauses


def within(tokens):
    return lambda text: len(text.split()) + len(text) // 8 <= tokens


def squeezed(text):
    return "".join(text.split())


@given(st.text(max_size=400), st.integers(min_value=3, max_value=40))
def test_nothing_of_a_prompt_is_dropped_or_doubled(prompt, tokens):
    made = clauses(prompt, within(tokens))

    assert squeezed("".join(made)) == squeezed(prompt)


@given(st.text(max_size=400), st.integers(min_value=3, max_value=40))
def test_every_clause_fits_the_context(prompt, tokens):
    fits = within(tokens)

    assert all(fits(clause) for clause in clauses(prompt, fits))


@given(st.lists(st.sampled_from(["a", "red", "cup,", "and", "stands.", "tall!"]), max_size=60))
def test_every_word_of_a_prompt_lies_in_some_clause(said):
    made = clauses(" ".join(said), within(9))

    assert " ".join(made).split() == said


def test_sentences_that_fit_stay_whole():
    made = clauses("A dog sleeps, curled up. A cat watches; it rains.", within(30))

    assert made == ("A dog sleeps, curled up.", "A cat watches;", "it rains.")


def test_a_sentence_that_does_not_fit_is_split_at_its_commas_and_conjunctions():
    made = clauses("a red cup on a shelf, a blue bowl below it and a cat", within(10))

    assert made == ("a red cup on a shelf,", "a blue bowl below it", "and a cat")


def test_sentences_of_scripts_without_spaces_are_told_apart():
    made = clauses("一只浣熊站在黑板前。一个蛋糕!", within(30))

    assert made == ("一只浣熊站在黑板前。", "一个蛋糕!")


@pytest.mark.parametrize(
    "prompt",
    [
        "word " * 4000,
        "x" * 20_000,
        ", " * 10_000,
        "a, " * 7000,
        " " * 20_000,
        '"' * 20_000,
        "東" * 20_000,
    ],
    ids=["words", "one word", "commas", "fragments", "spaces", "quotes", "no spaces"],
)
def test_a_prompt_of_twenty_thousand_characters_takes_no_time(prompt):
    start = time.perf_counter()
    made = clauses(prompt, within(60))
    seconds = time.perf_counter() - start

    assert squeezed("".join(made)) == squeezed(prompt)
    assert seconds < 5
