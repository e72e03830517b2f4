"""A trained VAE and a number of posters in, a folder of latents out, one file per shard.

Encoding a poster once saves a third of every later step. Each is kept with several captions,
tokenised, so that a GPU does not wait for words.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from rich.progress import track
from safetensors.torch import load_file, save_file

from training import captions
from training.generator import DOWN
from training.labels import label
from training.posters import batches
from training.runs import device, mixed
from training.scene import arrange
from training.tokens import TOKENS, encode
from training.vae import BATCH, tensor
from training.world import choices, imagine

SHARD = 2048
"""Posters per file: 15 MB each."""

TOLD = 8
"""Captions per poster; epochs take them by chance."""

KINDS = ("latents", "clip", "t5", "labels", "choices")

SHORT = 32
"""Tokens that three of four captions fit in; a step over these costs two thirds of another."""

PADDED = 0.15
"""Share of short captions that are read with all `TOKENS` all the same, as the pipeline does."""


@dataclass(frozen=True, slots=True)
class Cached:
    """Latents of one size with the captions of their posters."""

    latents: torch.Tensor
    """N×C×h×w, float16, normalised."""

    clip: torch.Tensor
    t5: torch.Tensor
    """Token ids, N×TOLD×length."""

    labels: torch.Tensor
    """What stands at each latent, N×3×h×w, uint8 (labels.py)."""

    choices: torch.Tensor
    """What decided all that captions leave open, N×`world.CHOICES`, float32."""


class Told(NamedTuple):
    """What is remembered beside a poster's latents."""

    clip: NDArray[np.int16]
    t5: NDArray[np.int16]
    labels: NDArray[np.uint8]
    choices: NDArray[np.float32]


def fill(folder: Path, count: int, workers: int, hours: float) -> None:
    """Encode the posters of seeds 0 to `count`; shards that exist are left as they are.

    No shard is begun once the hours are spent, but the first always is: fewer posters are shown
    more often.
    """
    where, began = device(), time.monotonic()
    vae = AutoencoderKL.from_pretrained(folder / "vae" / "saved").to(where).eval()
    vae = vae.to(memory_format=torch.channels_last)
    place = folder / "latents"
    place.mkdir(parents=True, exist_ok=True)
    for first in track(range(0, count, SHARD), "latents"):
        path = place / f"{first:08d}.safetensors"
        late = time.monotonic() - began > hours * 3600
        if path.is_file() or (first and late):
            continue
        found: dict[str, list[torch.Tensor]] = {}
        last = min(first + SHARD, count)
        for batch in batches(first, BATCH, workers=workers, last=last, tell=tell):
            latents = encoded(vae, tensor(batch.pixels, where)).half().cpu().contiguous()
            size = f"{latents.shape[3]}x{latents.shape[2]}"
            told = (torch.from_numpy(np.stack(each)) for each in zip(*batch.told, strict=True))
            for name, value in zip(KINDS, (latents, *told), strict=True):
                found.setdefault(f"{name} {size}", []).append(value)
        save_file({name: torch.cat(parts) for name, parts in found.items()}, path)


def tell(seed: int) -> Told:
    """`TOLD` captions of that poster, tokenised, and what stands where."""
    random = np.random.default_rng((seed, 3))
    spec = imagine(seed)
    ids = encode([captions.vary(spec, random) for _ in range(TOLD)])
    chosen = np.array(choices(seed), dtype=np.float32)
    return Told(ids.clip, ids.t5, label(arrange(spec, seed), DOWN), chosen)


@torch.inference_mode()
def encoded(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """Normalised latents, as the transformer sees them."""
    with mixed(pictures.device):
        latents = vae.encode(pictures).latent_dist.mode().float()
    return (latents - vae.config.shift_factor) * vae.config.scaling_factor


def load(folder: Path) -> list[Cached]:
    """All that is cached, one entry per size."""
    parts: dict[str, list[torch.Tensor]] = {}
    for path in sorted((folder / "latents").glob("*.safetensors")):
        for name, values in load_file(path).items():
            parts.setdefault(name, []).append(values)
    if not parts:
        raise SystemExit(f"no latents in {folder}; run: python training/train.py latents")
    sizes = sorted(name.removeprefix("t5 ") for name in parts if name.startswith("t5 "))
    return [Cached(*(torch.cat(parts[f"{kind} {size}"]) for kind in KINDS)) for size in sizes]


def epochs(cached: list[Cached], size: int, seed: int) -> Iterator[Cached]:
    """Batches of one size, endless, each epoch in another order and with other captions.

    Incomplete batches are left out of an epoch.
    """
    random = np.random.default_rng((seed, 7))
    while True:
        chosen = []
        for of in cached:
            which = random.integers(TOLD, size=len(of.latents))
            told = of.t5[torch.arange(len(which)), torch.from_numpy(which)]
            fits = (told[:, SHORT:] == 0).all(dim=1).numpy()
            short = fits & (random.random(len(which)) > PADDED)
            for places, length in ((short.nonzero()[0], SHORT), ((~short).nonzero()[0], TOKENS)):
                order = random.permutation(places)
                chosen += [
                    (of, order[i : i + size], which[order[i : i + size]], length)
                    for i in range(0, len(order) - size + 1, size)
                ]
        for turn in random.permutation(len(chosen)):
            yield _batch(*chosen[turn])


def _batch(of: Cached, places: NDArray[np.int64], which: NDArray[np.int64], length: int) -> Cached:
    """Those rows, each with one caption, cut to the longest (CLIP) and to `length` (T5)."""
    rows, told = torch.from_numpy(places), torch.from_numpy(which)
    clip, t5 = of.clip[rows, told].long(), of.t5[rows, told].long()
    ends = int((clip == clip[0, -1]).int().argmax(1).max()) + 1
    latents = of.latents[rows].float()
    return Cached(latents, clip[:, :ends], t5[:, :length], of.labels[rows], of.choices[rows])
