"""The estimate of tokens errs upwards, and our sentences use words that the small posters' model reads."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from advising import (
    ASKED,
    CLUTTER,
    COLOUR,
    COUNT,
    GROUND,
    MISSPELLED,
    PALETTE,
    PLACE,
    PLAIN,
    failing,
)  # fmt: skip

from sentinel import feedback
from sentinel.feedback.colours import nearest
from sentinel.feedback.tokens import estimate
from training import captions
from training.world import COLOURS, imagine

ROOT = Path(__file__).parent.parent
READER = Tokenizer.from_file(
    str(ROOT / "sentinel" / "detectors" / "poster_clip" / "tokenizer.json")
)
"""The vocabulary of the small posters' text encoders."""


def prompts():
    random = np.random.default_rng(0)
    return [captions.vary(imagine(seed), random) for seed in range(300)]


def test_hardly_a_caption_of_the_poster_world_has_more_tokens_than_estimated():
    counts = [(len(READER.encode(text).ids), estimate(text)) for text in prompts()]
    over = [real / guess for real, guess in counts if real > guess]

    assert len(over) <= 0.01 * len(counts)
    assert max(over, default=1.0) < 1.15
    assert sum(real for real, _ in counts) > 0.7 * sum(guess for _, guess in counts)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 2), ("a red cup", 5), ("OPEN", 6), ("#d62630", 9), ("東京", 8), ("strawberries", 5)],
    ids=["nothing", "short words", "capitals", "a hex", "another script", "a long word"],
)
def test_the_estimate_counts_pieces(text, tokens):
    assert estimate(text) == tokens


@pytest.mark.parametrize(
    "mode",
    [MISSPELLED, COUNT, COLOUR, GROUND, PLACE, PALETTE, CLUTTER],
    ids=lambda mode: mode.subcategory,
)
def test_what_is_said_of_posters_is_in_words_that_their_generator_read(mode):
    told, sent = [], ASKED
    for _ in range(2):
        told.append(
            feedback.advise(failing(mode), sent, asked=ASKED, capabilities=PLAIN, told=told)
        )
        sent = told[-1].brief
        quoted = re.sub(r'"OPEN"|O-P-E-N', " ", sent.prompt)
        pieces = [
            piece
            for word in re.findall(r"[A-Za-z]{2,}|#[0-9a-f]{6}", quoted)
            for piece in READER.encode(word).tokens[:-1]
        ]

        assert [
            piece for piece in pieces if len(piece.strip("▁")) < 2 and piece not in ("▁a", "▁A")
        ] == []


def test_the_worlds_colours_are_named_as_its_captions_name_them():
    assert [nearest(rgb) for rgb in COLOURS.values()] == list(COLOURS)
