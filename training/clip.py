"""Posters in, a small CLIP that knows this world out: a folder that open_clip opens as local-dir.

Beside the other captions of a batch, each picture sees captions of its own with one attribute
wrong, said in the same words: in a batch alone colours would be enough to tell pictures apart, and
shape, count and position would never be learned.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, interpolate

from training import captions
from training.generator import DOWN
from training.labels import label
from training.optimisers import Steps
from training.painting import Pixels
from training.pool import Pool, Poster
from training.runs import Average, Run, device, mixed
from training.saying import Sayer
from training.scene import arrange
from training.tokens import encode_t5, tokenizers
from training.world import Spec, imagine, is_trained, with_one_wrong

SIDE = 128
CONTEXT = 48
CONFIG = {
    "embed_dim": 128,
    "custom_text": True,
    "vision_cfg": {
        "image_size": SIDE, "layers": [1, 1, 1, 1], "width": 24,
    },
    "text_cfg": {
        "context_length": CONTEXT, "width": 128, "heads": 4, "layers": 3, "pad_id": 0,
        "no_causal_mask": True, "pool_type": "last", "hf_tokenizer_name": "of/this-folder",
    },
}  # fmt: skip
"""A small ResNet of OpenAI's kind. A vision transformer with patches of 16 pixels knew colours
after 1,900 steps and of shapes nothing, and saying what stands where did not help it."""

PLACED = 1.0
"""Spread of the last attention's embedding of places, as large as what it sees there. With
open_clip's own, a thirtieth of that, a straight line through the picture's embedding told left from
right in 0.59 of posters after 5,000 steps; with this in 0.97."""

BATCH = 32
GPU_BATCH = 256
PEAK = 1e-3
WRONG = 3
"""Captions with one attribute wrong per picture."""

SAYING = 3.0
"""Weight of saying what stands where, of the third stage of the vision tower."""

COMPARING_FROM = 0.3
"""Share of the run after which captions are compared. Before it the vision tower alone learns to
say what stands where: 340 steps of that told it three shapes of four, 1,000 of both none."""

SAID_WIDTH = 16 * CONFIG["vision_cfg"]["width"]  # type: ignore[index]
"""Channels there: OpenAI's ResNet has four times as many as its third stage is wide."""

SETTLED = 40
"""Batches over which the batch norms are measured at the end."""

WHOLE = 0.5
"""How often these tell the whole poster; else only the phrase in question, as judges ask."""

FRESH = 8
"""Posters painted anew each step."""

WORST_BLUR = 1.3
"""Pixels (sigma) by which some posters are blurred: what a generator paints is not as sharp."""

TAUGHT = {"background": 1, "colour": 2, "shape": 2, "count": 3, "position": 4}
"""Mistakes it learns to see, and how often: what is learned late, more. Spelling is for OCR."""

OF_A_GROUP = ("colour", "shape", "count")
ALONE = 0.5
"""How often a phrase about objects tells one group alone, as judges ask; else it lists all."""

FIRST_SEED = 5 * 10**7
"""Posters of its own: not those the generator is trained on."""

MEAN = (0.48145466, 0.4578275, 0.40821073)
SPREAD = (0.26862954, 0.26130258, 0.27577711)
"""OpenAI's normalisation, open_clip's default."""


def untrained(folder: Path) -> tuple[Any, Callable[[list[str]], torch.Tensor]]:
    """Write the folder's configuration and tokenizer; return network and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    _, words = tokenizers()
    words.save_pretrained(folder)
    text = {**CONFIG["text_cfg"], "vocab_size": len(words)}  # type: ignore[dict-item]
    config = {
        "model_cfg": {**CONFIG, "text_cfg": text},
        "preprocess_cfg": {"resize_mode": "squash"},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1))
    logging.disable(logging.WARNING)  # open_clip says that the weights are random; they are to be
    network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    logging.disable(logging.NOTSET)
    torch.nn.init.normal_(network.visual.attnpool.positional_embedding, std=PLACED)
    return network, open_clip.get_tokenizer(f"local-dir:{folder}")


def train(folder: Path, hours: float, workers: int) -> None:
    """Train, or go on training, in `folder`/clip; ends with a folder for open_clip in `saved`."""
    torch.manual_seed(0)
    where = device()
    network, _ = untrained(folder / "clip" / "saved")
    network = network.to(where, memory_format=torch.channels_last).train()
    sayer = Sayer(SAID_WIDTH, network.visual.layer3).to(where)
    optimiser = Steps((network, sayer), PEAK)
    average = Average(network)
    parts = {"network": network, "sayer": sayer, "optimiser": optimiser, "average": average}
    run = Run(folder / "clip", hours, keep=parts)
    size = GPU_BATCH if where.type == "cuda" else BATCH
    pool = Pool(FIRST_SEED + run.step * FRESH, workers)
    for step in run.steps():
        pool.grow(FRESH)
        drawn = pool.draw(step, size, alike=True)
        loss, saying = _losses(network, sayer, drawn, step, comparing=run.share >= COMPARING_FROM)
        (loss + SAYING * saying).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step(run.rate(PEAK))
        network.logit_scale.data.clamp_(0, np.log(100))
        average.update(network)
        run.note(loss.item(), saying.item())
    average.copy_to(network)
    _settle(network, pool, size)
    save(network, folder / "clip" / "saved")


@torch.no_grad()
def _settle(network: Any, pool: Pool, size: int) -> None:
    """Measure the statistics of the batch norms anew: the averaged weights have others."""
    norms = [each for each in network.modules() if isinstance(each, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of what follows
    for step in range(SETTLED):
        seen = np.stack([worn(each, step) for each in pool.draw(step, size, alike=True)])
        network.encode_image(prepared(seen, device()))


def _losses(
    network: Any, sayer: Sayer, posters: list[Poster], step: int, *, comparing: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of preferring the right captions (0 before that begins), and of saying what stands where."""
    where = device()
    pictures = prepared(np.stack([worn(poster, step) for poster in posters]), where)
    stands = torch.from_numpy(np.stack([_labels(poster.seed) for poster in posters]))
    with mixed(where):
        if not comparing:
            network.encode_image(pictures)
            return torch.zeros((), device=where), sayer.loss(stands.long().to(where))
        told = torch.from_numpy(np.stack([tell(poster.seed, step) for poster in posters]))
        seen = network.encode_image(pictures, normalize=True)
        loss = preferring(network, seen, told.long().to(where))
        return loss, sayer.loss(stands.long().to(where))


def _labels(seed: int) -> NDArray[np.uint8]:
    """What stands where on the poster squashed to `SIDE`, 3×16×16."""
    found = label(arrange(imagine(seed), seed), DOWN)
    cells = SIDE // DOWN
    rows, columns = (
        ((np.arange(cells) + 0.5) * count / cells).astype(int) for count in found.shape[1:]
    )
    return found[:, rows[:, None], columns]


def worn(poster: Poster, step: int) -> Pixels:
    """The poster, every other time a little blurred and speckled."""
    random = np.random.default_rng((poster.seed, step, 9))
    if random.random() < 0.5:  # noqa: PLR2004 - a coin
        return poster.pixels
    blurred = cv2.GaussianBlur(poster.pixels, (0, 0), random.uniform(0.1, WORST_BLUR))
    noise = random.normal(0, random.uniform(0, 5), blurred.shape)
    return (blurred + noise).round().clip(0, 255).astype(np.uint8)


def prepared(pixels: Pixels, where: torch.device) -> torch.Tensor:
    """N×3×128×128, squashed and normalised as open_clip's transform of this folder does."""
    scaled = torch.from_numpy(pixels).to(where).permute(0, 3, 1, 2).float() / 255
    if scaled.shape[2:] != (SIDE, SIDE):
        scaled = interpolate(scaled, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
    mean, spread = (torch.tensor(each, device=where).view(3, 1, 1) for each in (MEAN, SPREAD))
    return (scaled - mean) / spread


def tell(seed: int, step: int, taught: Mapping[str, int] = TAUGHT) -> NDArray[np.int16]:
    """Token ids of a right caption, and of `1 + WRONG` others that begin with a right one."""
    random = np.random.default_rng((seed, step, 8))
    spec = imagine(seed)
    return encode_t5([captions.vary(spec, random), *_pair(spec, random, taught)], CONTEXT)


def _pair(spec: Spec, random: np.random.Generator, taught: Mapping[str, int]) -> list[str]:
    """A right caption, then the same words with one attribute wrong, each another mistake.

    No mistake names what is held out: said in wrong captions alone, a purple cross is a mistake.
    """
    usable = [name for name in taught if with_one_wrong(spec, name, random) is not None]
    often = np.array([taught[name] for name in usable]) / sum(taught[name] for name in usable)
    attribute = usable[int(random.choice(len(usable), p=often))]
    whole = random.random() < WHOLE
    alone = attribute in OF_A_GROUP and random.random() < ALONE
    at = int(random.integers(len(spec.groups)))
    words = int(random.integers(2**31))

    def tell(each: Spec) -> str:
        same = np.random.default_rng(words)
        if whole:
            return captions.full(each, same)
        if alone:
            each = replace(each, groups=each.groups[at : at + 1])
        return captions.part(each, attribute, same)

    found = [tell(spec)]
    while len(found) <= WRONG:
        mistake = usable[int(random.choice(len(usable), p=often))] if whole else attribute
        wrong = with_one_wrong(spec, mistake, random)
        if wrong is None or not is_trained(wrong):
            continue
        if whole or not alone or wrong.groups[at] != spec.groups[at]:
            found.append(tell(wrong))
    return found


def preferring(network: Any, seen: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
    """Loss of N embedded pictures: in both directions, and each among its own wrong captions.

    `told` are N×(2 + WRONG)×CONTEXT token ids.
    """
    count = len(told)
    read = network.encode_text(told.flatten(0, 1), normalize=True).view(count, 2 + WRONG, -1)
    scale = network.logit_scale.exp()
    batch = scale * seen @ read[:, 0].T
    hard = scale * torch.einsum("nd,nkd->nk", seen, read[:, 1:])
    same = torch.arange(count, device=told.device)
    within = (cross_entropy(batch, same) + cross_entropy(batch.T, same)) / 2
    loss: torch.Tensor = within + cross_entropy(hard, torch.zeros_like(same))
    return loss


def save(network: Any, folder: Path) -> None:
    """The weights in half precision, where open_clip looks for them."""
    weights = {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}
    halves = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in weights.items()
    }
    save_file(halves, folder / "open_clip_model.safetensors")
