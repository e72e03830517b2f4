"""A model of a small world is asked in its own words, about what it tells, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from judges.alignment.counterfactuals import asked_for, contrasts, decoys, knows
from judges.alignment.phrases import phrases
from judges.alignment.plan import Limits, plan
from sentinel.detectors.clip_folders import KINDS, World
from training import captions
from training.world import COLOURS, SHAPES, imagine

READ = """a an the on one two three four background plain clean single poster with of above below
    under left right to at top bottom in and is text"""
PLURALS = [f"{shape}es" if shape == "cross" else f"{shape}s" for shape in SHAPES]
WORLD = World(
    frozenset([*READ.split(), *COLOURS, *SHAPES, *PLURALS, "2", "3", "4"]),
    tuple(SHAPES),
    frozenset(KINDS.split()),
)


def planned(prompt, world=WORLD):
    return plan(prompt, lambda text: len(text.split()), Limits(48, 16, 16, world))


def contrast(kind, prompt):
    (phrase,) = phrases(prompt).phrases
    found = {each.kind: each for each in contrasts(phrase, asked_for(prompt), WORLD)}
    return found[kind]


def test_a_thing_is_held_against_the_things_of_that_world():
    found = contrast("object", "two red cups")

    assert found.true == "two red cups"
    assert set(found.others) == {f"two red {shape}" for shape in PLURALS if shape != "cups"}


def test_an_article_follows_the_other_thing():
    assert "an orange moon" in contrast("object", "an orange cup").others


def test_colours_and_counts_that_it_never_read_are_not_held_against_a_phrase():
    assert not any("grey" in other for other in contrast("colour", "a red cup").others)
    assert contrast("count", "four red cups").others == ("three red cups", "two red cups")


def test_decoys_are_the_things_of_that_world_that_the_clause_does_not_name():
    found = decoys("two red cups on a blue background", WORLD)

    assert len(found) == len(SHAPES) - 1
    assert all(knows(WORLD, decoy) and "cup" not in decoy for decoy in found)


def test_a_phrase_with_a_word_that_it_never_read_is_named_and_not_judged():
    made = planned("a red cup and a blue giraffe")

    assert {check.phrase for check in made.checks} == {"a red cup"}
    assert made.left_out["unknown"] == ["a blue giraffe"]


def test_a_prompt_of_another_world_leaves_nothing_to_judge():
    made = planned("a giraffe beside a lighthouse")

    assert made.judged == made.checks == ()


@pytest.mark.parametrize("seed", range(60))
def test_a_caption_of_a_poster_is_read_whole_and_asked_in_known_words(seed):
    spec = imagine(seed)
    made = planned(captions.full(spec, np.random.default_rng(seed)))
    coloured = " ".join(check.phrase for check in made.checks if check.kind == "colour")

    assert all(colour in coloured for colour in (spec.background, *(g.colour for g in spec.groups)))
    assert all(knows(WORLD, text) for each in made.checks for text in (each.true, *each.others))


def test_what_a_model_does_not_tell_is_named_and_not_asked():
    blind = WORLD._replace(tells=frozenset({"colour"}))
    made = planned("two red cups above a blue star", blind)

    assert {check.kind for check in made.checks} == {"colour"}
    assert made.left_out["kinds"] == ["object", "count", "position"]


def test_a_model_shown_everything_is_asked_as_ever():
    made = planned("two red cups", None)

    assert any("giraffes" in check.others for check in made.checks)
    assert made.left_out["unknown"] == made.left_out["kinds"] == []
