"""The poster world: what its specs, pictures and captions promise."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from training import captions, words
from training.labels import label
from training.painting import draw, paint
from training.pool import Pool
from training.scene import GRID, arrange
from training.world import (
    ATTRIBUTES,
    COLOURS,
    MOST,
    SHAPES,
    SIZES,
    WORD_PLACES,
    choices,
    distance,
    held_out_pairs,
    imagine,
    is_trained,
    with_one_wrong,
)

SEEDS = range(400)
NUMBERS = {1: ("a ", "an ", "one "), 2: ("two ", "2 "), 3: ("three ", "3 "), 4: ("four ", "4 ")}


def random(seed=0):
    return np.random.default_rng(seed)


def test_ten_colours_lie_well_apart_and_there_are_at_least_eight_shapes():
    closest = min(distance(one, other) for one, other in itertools.combinations(COLOURS, 2))

    assert len(COLOURS) == 10
    assert len(SHAPES) >= 8
    assert closest >= 25


def test_the_same_seed_gives_the_same_spec_picture_and_caption():
    spec = imagine(7)

    assert spec == imagine(7)
    assert np.array_equal(paint(spec, 3), paint(spec, 3))
    assert captions.vary(spec, random(1)) == captions.vary(spec, random(1))


def test_another_seed_draws_most_specs_visibly_otherwise():
    moved = []
    for seed in range(100):
        spec = imagine(seed)
        one, other = (paint(spec, each).astype(int) for each in (seed + 1000, seed + 2000))
        moved.append((np.abs(one - other).max(axis=2) > 40).mean())

    assert np.mean(np.array(moved) > 0.005) > 0.85


def test_pictures_have_the_size_they_say_and_all_three_sizes_occur():
    sizes = set()
    for seed in range(40):
        spec = imagine(seed)
        sizes.add((spec.width, spec.height))

        assert paint(spec, 0).shape == (spec.height, spec.width, 3)
    assert sizes == set(SIZES)


def test_training_never_shows_what_is_held_out():
    assert all(is_trained(imagine(seed)) for seed in range(3000))


def test_a_held_out_spec_has_a_held_out_pair_and_a_held_out_word():
    pairs = set(held_out_pairs())
    for seed in SEEDS:
        spec = imagine(seed, held_out=True)

        assert (spec.groups[0].colour, spec.groups[0].shape) in pairs
        assert not spec.word or words.is_held_out(spec.word)


def test_every_colour_and_every_shape_is_trained_on_though_some_pairs_are_not():
    trained = set(itertools.product(COLOURS, SHAPES)) - set(held_out_pairs())

    assert 5 <= len(held_out_pairs()) <= 25
    assert {colour for colour, _ in trained} == set(COLOURS)
    assert {shape for _, shape in trained} == set(SHAPES)


def test_words_have_three_to_six_letters_and_most_are_no_words():
    drawn = [words.draw(random(seed)) for seed in SEEDS]

    assert all(3 <= len(word) <= 6 and word.isupper() for word in drawn)
    assert 0.4 < sum(word not in words.REAL for word in drawn) / len(drawn) < 0.8
    assert not any(words.is_held_out(word) for word in drawn)


def test_a_poster_has_one_to_three_kinds_and_at_most_four_objects():
    kinds, counts = set(), set()
    for seed in SEEDS:
        groups = imagine(seed).groups
        kinds.add(len(groups))
        counts.update(group.count for group in groups)

        assert sum(group.count for group in groups) <= MOST
    assert kinds == {1, 2, 3}
    assert counts == {1, 2, 3, 4}


def test_objects_touch_neither_each_other_nor_the_word_nor_the_edge():
    for seed in SEEDS:
        scene = arrange(imagine(seed), seed)
        spec = scene.spec
        for at, one in enumerate(scene.objects):
            for other in scene.objects[:at]:
                apart = ((one.x - other.x) ** 2 + (one.y - other.y) ** 2) ** 0.5
                assert apart > one.radius + other.radius + 2
            assert one.radius < one.x < spec.width - one.radius
            assert one.radius < one.y < spec.height - one.radius
            if scene.word_box is not None:
                left, top, right, bottom = scene.word_box
                nearest = np.clip(one.x, left, right), np.clip(one.y, top, bottom)
                assert np.hypot(one.x - nearest[0], one.y - nearest[1]) > one.radius


def test_arrangements_hold_in_the_picture():
    told = set()
    for seed in SEEDS:
        scene = arrange(imagine(seed), seed)
        spec, first, last = scene.spec, scene.objects[0], scene.objects[-1]
        told.add(spec.arrangement)
        holds = {
            "left": first.x < 0.45 * spec.width,
            "right": first.x > 0.55 * spec.width,
            "top": first.y < 0.45 * spec.height,
            "bottom": first.y > 0.55 * spec.height,
            "beside": first.x < last.x,
            "stacked": first.y < last.y,
            "row": abs(first.y - last.y) < 1,
        }

        assert holds.get(spec.arrangement, True)
    assert told >= {"left", "right", "top", "bottom", "centre", "beside", "stacked", "row", ""}


def test_the_picture_holds_the_colours_of_its_spec():
    for seed in range(60):
        spec = imagine(seed)
        seen = {tuple(int(v) for v in pixel) for pixel in paint(spec, seed).reshape(-1, 3)}
        asked = {spec.background, *(group.colour for group in spec.groups)}

        assert {COLOURS[name] for name in asked} <= seen


def test_letters_are_drawn_where_the_scene_says():
    spec = next(imagine(seed) for seed in SEEDS if imagine(seed).word)
    scene = arrange(spec, 0)
    left, top, right, bottom = (round(edge) for edge in scene.word_box)
    inside = draw(scene)[top:bottom, left:right]

    assert (inside == COLOURS[spec.ink]).all(axis=2).mean() > 0.1


@pytest.mark.parametrize("told", [captions.full, captions.vary, captions.reworded])
def test_a_caption_tells_every_object_with_its_count_and_colour_and_the_word(told):
    for seed in SEEDS:
        spec = imagine(seed)
        caption = told(spec, random(seed)).lower()

        for group in spec.groups:
            assert any(
                f"{number}{kind}{group.colour} {group.shape}" in caption
                for number in NUMBERS[group.count]
                for kind in ("", "single ")
            )
        assert spec.word.lower() in caption


def test_a_full_caption_names_the_background_and_a_varied_one_unless_the_spec_leaves_it_open():
    specs = [imagine(seed) for seed in SEEDS]
    named = [
        spec.background in captions.vary(spec, random(at)).lower() for at, spec in enumerate(specs)
    ]

    assert all(spec.background in captions.full(spec, random(3)) for spec in specs)
    assert named == ["background" not in spec.open for spec in specs]
    assert 0.85 < sum(named) / len(named) < 1


def test_a_caption_that_does_not_say_where_objects_stand_names_them_as_they_stand():
    for seed in SEEDS:
        spec = imagine(seed)
        if spec.arrangement:
            continue
        scene, caption = arrange(spec, seed), captions.vary(spec, random(seed)).lower()
        stand = [(each.y, each.x) for each in scene.objects]
        told = [caption.rindex(f"{group.colour} {group.shape}") for group in spec.groups]

        assert stand == sorted(stand)
        assert told == sorted(told)


def test_caption_and_choices_together_decide_the_picture():
    for seed in SEEDS:
        spec = imagine(seed)
        again = replace(spec, open=frozenset())

        assert np.array_equal(paint(spec, seed), paint(again, seed))
        if spec.word and "word place" in spec.open:
            assert spec.word_place == WORD_PLACES[int(choices(seed)[0] * 3)]


def test_captions_of_one_spec_are_many():
    spec = imagine(3)

    assert len({captions.vary(spec, random(seed)) for seed in range(100)}) > 80


def test_feedback_spells_the_word_and_names_the_palette_by_hex():
    spec = next(imagine(seed) for seed in SEEDS if imagine(seed).word)
    spec = replace(spec, open=frozenset())
    said = [captions.reworded(spec, random(seed)) for seed in range(60)]

    assert any("-".join(spec.word) in caption for caption in said)
    assert any("#" + bytes(COLOURS[spec.background]).hex() in caption for caption in said)
    assert any(f"plain {spec.background} background" in caption for caption in said)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_a_spec_with_one_attribute_wrong_differs_in_its_caption(attribute):
    changed = 0
    for seed in SEEDS:
        spec = imagine(seed)
        wrong = with_one_wrong(spec, attribute, random(seed))
        if wrong is None:
            continue
        changed += 1
        right, other = (captions.full(each, random(seed)) for each in (spec, wrong))

        assert right != other
    assert changed > 100


def test_labels_say_which_letter_shape_and_colour_stands_at_each_latent():
    for seed in range(60):
        scene = arrange(imagine(seed), seed)
        spec, pixels = scene.spec, draw(scene)
        letters, shapes, colours = label(scene, 8)

        assert letters.shape == (spec.height // 8, spec.width // 8)
        assert {words.LETTERS[at - 1] for at in np.unique(letters) if at} == set(spec.word)
        assert {SHAPES[at - 1] for at in np.unique(shapes) if at} == {g.shape for g in spec.groups}
        plain = (letters == 0) & (shapes == 0)
        said = np.array(list(COLOURS.values()))[colours[plain]]
        assert np.array_equal(pixels[3::8, 3::8][plain][:5], said[:5])


def test_every_letter_stands_in_a_column_of_the_grid():
    for seed in SEEDS:
        scene = arrange(imagine(seed), seed)
        if scene.word_box is None:
            continue
        left, _, right, _ = scene.word_box

        assert left % GRID == 0 < left
        assert right - left == GRID * len(scene.spec.word)
        assert right < scene.spec.width


def test_a_pool_keeps_what_was_painted_and_draws_pictures_of_one_size_where_asked():
    pool = Pool(0, 0)
    pool.grow(4)
    drawn = pool.draw(0, 8, alike=True)

    assert len({poster.pixels.shape for poster in drawn}) == 1
    assert len({poster.seed for poster in drawn}) == 8
    assert all(np.array_equal(p.pixels, paint(imagine(p.seed), p.seed)) for p in drawn[:2])
