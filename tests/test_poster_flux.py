"""The generator that ships paints what held-out briefs ask for, seen by checkers of our own."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from generator.embedded import SHIPPED, Embedded
from sentinel.contracts import Brief, Runtime
from sentinel.imaging import read
from training import captions
from training.checkers import compare, look
from training.world import held_out_pairs, imagine, words

FIRST = 3 * 10**8
"""Seeds of briefs that neither training nor the printed figures used."""

BRIEFS = 24


@pytest.fixture(scope="module")
def generator():
    made = Embedded()
    made.load(Runtime())
    yield made
    made.close()


def painted(generator, spec, seed):
    told = captions.full(spec, np.random.default_rng(seed))
    brief = Brief(prompt=told, width=spec.width, height=spec.height, seed=seed)
    return read(generator.generate(brief)[0].image).pixels


@pytest.fixture(scope="module")
def marks(generator):
    """Right or wrong of each attribute, brief by brief."""
    found = {}
    for seed in range(FIRST, FIRST + BRIEFS):
        spec = imagine(seed, held_out=True)
        for name, right in asdict(compare(look(painted(generator, spec, seed)), spec)).items():
            if right is not None:
                found.setdefault(name, []).append(right)
    return found


def test_the_briefs_are_of_words_and_pairs_that_training_never_showed():
    specs = [imagine(seed, held_out=True) for seed in range(FIRST, FIRST + BRIEFS)]
    pairs = set(held_out_pairs())

    assert all((spec.groups[0].colour, spec.groups[0].shape) in pairs for spec in specs)
    assert all(words.is_held_out(spec.word) for spec in specs if spec.word)


@pytest.mark.parametrize(
    ("attribute", "share"),
    [("background", 0.95), ("colour", 0.7), ("shape", 0.6), ("count", 0.75), ("word", 0.6)],
)
def test_most_held_out_briefs_are_painted_right(marks, attribute, share):
    assert np.mean(marks[attribute]) >= share


def test_another_seed_gives_a_visibly_different_picture(generator):
    moved = []
    for seed in range(FIRST, FIRST + 10):
        spec = imagine(seed, held_out=True)
        told = captions.full(spec, np.random.default_rng(seed))
        one, other = (
            read(generator.generate(Brief(prompt=told, seed=seed + more))[0].image).pixels
            for more in (0, 1)
        )
        moved.append((np.abs(one.astype(int) - other).max(axis=2) > 32).mean())

    assert np.median(moved) > 0.01


def test_a_brief_outside_its_world_is_painted_too(generator):
    [made] = generator.generate(Brief(prompt="a photo of a cat in the rain", seed=1))

    assert read(made.image).pixels.std() > 5


def test_both_shipped_models_weigh_at_most_40_megabytes():
    clip = Path(__file__).parent.parent / "sentinel" / "detectors" / "poster_clip"
    files = [path for folder in (SHIPPED, clip) for path in folder.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) <= 40e6
