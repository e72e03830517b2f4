"""Captions in, text encoders that know what they say out: read before anything is painted.

The big FLUX has text encoders that others trained on much text. Ours would have to learn reading
from how pictures come out, which is slow: after 45,000 posters the transformer hardly heeded its
captions. Here they learn to tell the spec from the caption, which takes minutes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from training import captions
from training.generator import untrained, untrained_vae
from training.latents import SHORT
from training.optimisers import Steps
from training.runs import Average, Run, device, mixed
from training.tokens import encode
from training.words import LETTERS, LONGEST
from training.world import COLOURS, MOST, SHAPES, WORD_PLACES, Spec, imagine

BATCH = 96
PEAK = 1e-3
FIRST_SEED = 6 * 10**7
"""Specs of these captions: none that the generator is trained on, and none of the figures'."""

IGNORED = -100
"""What cross_entropy leaves out: the colour of a group that is not there."""

ARRANGEMENTS = ("", "left", "right", "top", "bottom", "centre", "beside", "stacked", "row")
GROUPS = 3
QUERIES = LONGEST + GROUPS + 1
"""Questions to the T5: each letter of the word, each group as it stands, and all the rest."""

GROUP = (len(SHAPES) + 1, len(COLOURS), MOST)
"""Answers about a group: its shape or none, its colour, its count less one."""

WHOLE = (len(COLOURS) + 1, len(ARRANGEMENTS), len(WORD_PLACES) + 1, LONGEST + 1, len(COLOURS) + 1)
"""Answers about all: background, arrangement, place and length of the word, ink; 0 for untold."""


class Questions(torch.nn.Module):
    """Asks both encoders for the spec; for training only."""

    def __init__(self, width: int, pooled: int) -> None:
        """One attention over the T5's tokens, one matrix on the CLIP's vector."""
        super().__init__()
        self.asked = torch.nn.Parameter(torch.randn(QUERIES, width) / width**0.5)
        self.attention = torch.nn.MultiheadAttention(width, 4, batch_first=True)
        self.letter = torch.nn.Linear(width, len(LETTERS) + 1)
        self.group = torch.nn.Linear(width, sum(GROUP))
        self.whole = torch.nn.Linear(width, sum(WHOLE))
        self.pooled = torch.nn.Linear(pooled, GROUPS * sum(GROUP) + sum(WHOLE))

    def loss(self, pooled: Any, words: Any, specs: list[Spec]) -> torch.Tensor:
        """Mean cross-entropy over all questions."""
        right = torch.from_numpy(np.stack([_answers(spec) for spec in specs])).to(pooled.device)
        letters, things = right[:, :LONGEST], right[:, LONGEST:]
        queries = self.asked.expand(len(words), -1, -1)
        heard = self.attention(queries, words, words, need_weights=False)[0].float()
        said = self.letter(heard[:, :LONGEST])
        told = self.group(heard[:, LONGEST:-1]).flatten(1), self.whole(heard[:, -1])
        spelled = cross_entropy(said.flatten(0, 1), letters.flatten())
        return spelled + _mean(torch.cat(told, dim=1), things) + _mean(self.pooled(pooled), things)


def _mean(said: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the answers about groups and all."""
    parts = said.float().split(GROUP * GROUPS + WHOLE, dim=1)
    losses = [
        cross_entropy(part, right[:, at], ignore_index=IGNORED, reduction="sum")
        / (right[:, at] != IGNORED).sum().clamp(min=1)
        for at, part in enumerate(parts)
    ]
    return torch.stack(losses).mean()


def _answers(spec: Spec) -> NDArray[np.int64]:
    """Letters, then three numbers a group, then five about all."""
    names = list(COLOURS)
    found = [1 + LETTERS.index(each) for each in spec.word] + [0] * (LONGEST - len(spec.word))
    for group in spec.groups:
        found += [1 + SHAPES.index(group.shape), names.index(group.colour), group.count - 1]
    found += [0, IGNORED, IGNORED] * (GROUPS - len(spec.groups))
    told = {"background": 0, "word place": 0, "ink": 0}
    if "background" not in spec.open:
        told["background"] = 1 + names.index(spec.background)
    if spec.word and "word place" not in spec.open:
        told["word place"] = 1 + WORD_PLACES.index(spec.word_place)
    if spec.word and "ink" not in spec.open:
        told["ink"] = 1 + names.index(spec.ink)
    arrangement = ARRANGEMENTS.index(spec.arrangement)
    length = len(spec.word)
    return np.array(
        [*found, told["background"], arrangement, told["word place"], length, told["ink"]]
    )


def train(folder: Path, hours: float) -> None:
    """Train, or go on training, in `folder`/reading; ends with `encoders.pt`, clip and t5."""
    torch.manual_seed(3)
    where = device()
    pipeline = untrained(untrained_vae())
    clip, t5 = pipeline.text_encoder.to(where).train(), pipeline.text_encoder_2.to(where).train()
    both = torch.nn.ModuleDict({"clip": clip, "t5": t5})
    questions = Questions(t5.config.d_model, clip.config.hidden_size).to(where)
    optimiser = Steps((both, questions), PEAK)
    average = Average(both)
    parts = {"both": both, "questions": questions, "optimiser": optimiser, "average": average}
    run = Run(folder / "reading", hours, keep=parts)
    for step in run.steps():
        ids, specs = _captions(step)
        with mixed(where):
            pooled, words = clip(ids[0].to(where)).pooler_output, t5(ids[1].to(where))[0]
            loss = questions.loss(pooled, words, specs)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimiser.step(run.rate(PEAK))
        average.update(both)
        run.note(loss.item())
    average.copy_to(both)
    torch.save(both.state_dict(), folder / "reading" / "encoders.pt")


def _captions(step: int) -> tuple[list[torch.Tensor], list[Spec]]:
    """A step's captions as token ids; in three steps of four those that are short."""
    random = np.random.default_rng((step, 5))
    first = FIRST_SEED + step * BATCH
    specs = [imagine(seed) for seed in range(first, first + BATCH)]
    ids = encode([captions.vary(spec, random) for spec in specs])
    clip, t5 = torch.from_numpy(ids.clip).long(), torch.from_numpy(ids.t5).long()
    if step % 4:
        short = (t5[:, SHORT:] == 0).all(dim=1)
        specs = [spec for spec, fits in zip(specs, short.tolist(), strict=True) if fits]
        clip, t5 = clip[short], t5[short, :SHORT]
    return [clip, t5], specs
