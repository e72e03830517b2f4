"""Prompts become phrases, and phrases contrasts; no model is needed."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.alignment.counterfactuals import (
    asked_for,
    contrast_of_place,
    contrasts,
    decoys,
    plural,
    singular,
    with_article,
)
from judges.alignment.decoys import DECOYS
from judges.alignment.phrases import phrases
from judges.alignment.plan import Limits, clean, plan


def texts(prompt):
    return [phrase.text for phrase in phrases(prompt).phrases]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a photo of a bench", ["a bench"]),
        ("a photo of four hot dogs", ["four hot dogs"]),
        ("a photo of a red car and an orange potted plant", ["a red car", "an orange potted plant"]),
        ("a white wine glass and a traffic light", ["a white wine glass", "a traffic light"]),
        ("a horse chasing a cat", ["a horse", "a cat"]),
        ("a rocking chair next to the net", ["a rocking chair", "the net"]),
        ("The dog runs over a grassy field", ["the dog", "a grassy field"]),
        ("the car is red", ["the red car"]),
        ("a cup of coffee on the table", ["a cup of coffee", "the table"]),
        ("a black and white cat", ["a black and white cat"]),
        ("two cups on black", ["two cups", "a black background"]),
        ("a star against orange", ["a star", "an orange background"]),
        ("a star, the background is brown", ["a star", "the brown background"]),
        ("a star on a plain white background", ["a star", "a plain white background"]),
        ("a dog on a plain", ["a dog", "a plain"]),
        ("a row of three green circles", ["three green circles"]),
        ("four white cups side by side", ["four white cups"]),
        ("from left to right one red cup and a star", ["one red cup", "a star"]),
        ("a red cup blue background", ["a red cup", "blue background"]),
        ("in the centre four red squares", ["four red squares"]),
        ("The painting was hung above the sofa", ["the painting", "the sofa"]),
        ("an oil painting of an orange", ["an orange"]),
        ('a sign that says "two red cups"', ["a sign"]),
        ("a <lora:cup:1> (red cup:1.3) --ar 16:9", ["red cup"]),
    ],
)  # fmt: skip
def test_the_things_asked_for_are_found(prompt, expected):
    assert texts(prompt) == expected


@pytest.mark.parametrize(
    "prompt",
    ['a "SALE" sign', "a “SALE” sign", "a «SALE» sign", "a 'SALE' sign", "a 「SALE」 sign"],
)
def test_quoted_text_is_left_to_the_text_judge(prompt):
    assert texts(prompt) == ["a sign"]


def test_an_apostrophe_is_no_quote():
    assert texts("a dog's bowl and the cat's toy") == ["a dog's bowl", "the cat's toy"]


def test_style_words_are_no_things():
    found = phrases("a red car, 8k, highly detailed, trending on artstation, in the style of Monet")

    assert [phrase.text for phrase in found.phrases] == ["a red car"]
    assert found.style == [
        "8k", "highly detailed", "trending on artstation", "in the style of monet"
    ]  # fmt: skip


def test_what_must_not_be_seen_is_set_apart():
    found = phrases("an empty street, no people, without a single car")

    assert [phrase.text for phrase in found.phrases] == ["an empty street"]
    assert found.negated == ["people", "a single car"]


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ("a laptop left of a cow", "a laptop left of a cow"),
        ("a horse on the right of a car", "a horse right of a car"),
        ("a bee on the top of a backpack", "a bee on top of a backpack"),
        ("a blue bird on the left", "a blue bird on the left"),
        ("a pig hidden by a chair", "a pig behind a chair"),
    ],
)
def test_places_are_found(prompt, place):
    assert [found.text for found in phrases(prompt).places] == [place]


def test_nothing_stands_beside_a_background():
    assert phrases("two cups over a clean white background").places == []


def test_prompts_in_other_scripts_have_no_phrases():
    assert texts("一只浣熊站在黑板前 logo") == []


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(prompt):
    found = phrases(prompt)

    assert all(phrase.words and phrase.noun for phrase in found.phrases)


@pytest.mark.parametrize("prompt", ["a " * 10_000, "red " * 5000, "'a " * 6000, "<" * 20_000])
def test_long_nonsense_is_read_quickly(prompt):
    start = time.perf_counter()
    phrases(prompt)

    assert time.perf_counter() - start < 5


def held(prompt, kind):
    asked = asked_for(prompt)
    made = [c for phrase in phrases(prompt).phrases for c in contrasts(phrase, asked)]
    return next((contrast.others for contrast in made if contrast.kind == kind), ())


def test_a_colour_is_held_against_other_colours():
    others = held("a red car", "colour")

    assert "a blue car" in others
    assert "a red car" not in others


def test_a_colour_asked_for_elsewhere_is_not_held_against_a_phrase():
    assert "a blue car" not in held("a red car and a blue house", "colour")


def test_a_shade_is_not_held_against_its_neighbours():
    assert not {"a yellow lamp", "a brown lamp"} & set(held("an amber lamp", "colour"))


def test_an_article_follows_the_word_after_it():
    assert with_article(["orange", "car"]) == "an orange car"
    assert held("an orange car", "colour")[0] == "a red car"


def test_a_count_is_held_against_its_neighbours():
    assert held("two red cups", "count") == ("one red cup", "three red cups", "four red cups")


def test_counts_beyond_what_a_model_counts_are_not_held():
    assert held("twelve eggs", "count") == ()


def test_a_thing_is_held_against_what_it_is_taken_for():
    assert held("a dog", "object")[:3] == ("a cat", "a rabbit", "a fox")


def test_things_that_the_prompt_asks_for_are_not_held_against_each_other():
    assert "a cat" not in held("a dog and two cats", "object")


def test_no_giraffe_is_held_against_an_animal():
    assert "a giraffe" not in held("an animal", "object")


def test_a_place_is_held_against_its_opposite_and_the_exchange():
    (place,) = phrases("a laptop left of a cow").places

    assert contrast_of_place(place).others == ("a laptop right of a cow", "a cow left of a laptop")


def test_decoys_share_no_word_with_the_clause():
    held_back = set(DECOYS) - set(decoys("a kitten in a library"))

    assert held_back == {
        "a kitten playing with a ball of yarn", "a library with tall wooden shelves"
    }  # fmt: skip


@given(st.sampled_from(["cup", "box", "berry", "bus", "child", "sheep", "glass", "bench", "toy"]))
def test_plurals_and_singulars_undo_each_other(word):
    assert singular(plural(word)) == word


def count(text):
    return len(text.split()) + 2


def test_tokens_used_are_tokens_total_when_nothing_is_left_out():
    made = plan("a red cup. a blue bowl.", count, Limits(context=16, phrases=9, clauses=9))

    assert made.tokens_used == made.tokens_total == 10


def test_what_is_left_out_is_said():
    made = plan("a cup. a bowl. a dog.", count, Limits(context=16, phrases=2, clauses=1))

    assert made.tokens_used < made.tokens_total
    assert made.left_out["phrases"] == ["a dog"]
    assert made.left_out["clauses_left_out"] == 2


@given(st.text(max_size=200))
def test_a_cleaned_prompt_holds_no_control_characters(prompt):
    assert not any(unicodedata.category(character)[0] == "C" for character in clean(prompt))


@pytest.mark.parametrize("prompt", [None, "", "  \n", "\u202e\u0000", "!!! ..."])
def test_a_prompt_without_anything_to_see_is_blank(prompt):
    assert clean(prompt) == ""
