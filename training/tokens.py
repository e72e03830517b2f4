"""Captions in, token ids for both text encoders out; and the tokenizers themselves.

The T5's knows the world's words whole and everything else letter by letter, so a word in quotes
reaches the transformer spelled. The small CLIP reads with it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from transformers import CLIPTokenizer, T5Tokenizer

from training import captions
from training.world import COLOURS, imagine

TOKENS = 80
"""Tokens of a caption that the transformer sees; 99 of 100 training captions have at most 70."""

CLIP_TOKENS = 77
"""What FLUX's first text encoder takes; longer captions are cut there, the T5 sees all."""

CAPTIONS_READ = 3000
"""Captions whose words make the vocabulary: every phrase occurs in so many."""

QUOTES = ('"', "'", "“")
"""Opening quotes, each one token with the space before it."""


class Ids(NamedTuple):
    """Token ids of captions, cut and padded as the pipeline does it."""

    clip: NDArray[np.int16]
    t5: NDArray[np.int16]


@cache
def vocabulary() -> tuple[str, ...]:
    """The lower-case words of the captions (not the words on posters), and the hex colours."""
    random = np.random.default_rng(0)
    found: set[str] = set()
    for seed in range(CAPTIONS_READ):
        spec = imagine(seed)
        told = captions.vary(spec, random)
        for mark in ('"', "'", "“", "”"):
            told = told.replace(mark, '"')
        outside = told.split('"')[::2]
        for word in " ".join(outside).replace(",", " ").replace(".", " ").split():
            bare = word.strip("():")
            if bare.isalpha() and not bare.isupper():
                found.add(bare.lower())
    return (*sorted(found), *(f"#{bytes(colour).hex()}" for colour in COLOURS.values()))


def tokenizers() -> tuple[CLIPTokenizer, T5Tokenizer]:
    """Byte pairs that join each word of the vocabulary; unigrams that prefer whole words."""
    signs = [chr(code) for code in range(33, 127)] + ["“", "”"]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(sign, -3.0) for sign in signs]
    known = [*vocabulary(), *(word.capitalize() for word in vocabulary() if word.isalpha())]
    pieces += [(f"▁{word}", -1.0) for word in dict.fromkeys([*known, *QUOTES])]
    names = dict.fromkeys([*signs, *(f"{sign}</w>" for sign in signs)])
    merges: dict[tuple[str, str], None] = {}
    for word in (word for word in vocabulary() if word.isalpha() and len(word) > 1):
        left = word[0]
        for at, letter in enumerate(word[1:], start=2):
            right = letter + ("</w>" if at == len(word) else "")
            merges[left, right] = None
            left += right
            names[left] = None
    tokens = {name: at for at, name in enumerate([*names, "<|startoftext|>", "<|endoftext|>"])}
    clip = CLIPTokenizer(vocab=tokens, merges=list(merges), model_max_length=77)
    return clip, T5Tokenizer(vocab=pieces, extra_ids=0)


def encode(texts: Sequence[str]) -> Ids:
    """Ids of several captions, one row each."""
    clip, t5 = _ours()
    return Ids(_rows(clip, texts, CLIP_TOKENS), _rows(t5, texts, TOKENS))


def encode_t5(texts: Sequence[str], length: int) -> NDArray[np.int16]:
    """Ids of the T5's tokenizer alone, so many a row; open_clip straightens quotes before it."""
    straight = [text.replace("“", '"').replace("”", '"') for text in texts]
    return _rows(_ours()[1], straight, length)


@cache
def _ours() -> tuple[CLIPTokenizer, T5Tokenizer]:
    return tokenizers()


def _rows(
    tokenizer: CLIPTokenizer | T5Tokenizer, texts: Sequence[str], length: int
) -> NDArray[np.int16]:
    found = tokenizer(list(texts), padding="max_length", max_length=length, truncation=True)
    return np.asarray(found.input_ids, dtype=np.int16)
