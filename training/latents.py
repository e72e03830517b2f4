"""A trained VAE and a number of posters in, a folder of latents out, one file per shard.

Encoding a poster once saves a third of every later step. The captions are not kept: a seed brings
back its spec, and every epoch tells it in other words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from rich.progress import track
from safetensors.torch import load_file, save_file

from training.posters import batches
from training.runs import device
from training.vae import BATCH, tensor

SHARD = 2048
"""Posters per file: 8 MB each."""


@dataclass(frozen=True, slots=True)
class Cached:
    """Latents of one size with the seeds of their posters."""

    seeds: list[int]
    latents: torch.Tensor
    """N×C×h×w, float16, normalised."""


def fill(folder: Path, count: int, workers: int) -> None:
    """Encode the posters of seeds 0 to `count`; shards that exist are left as they are."""
    where = device()
    vae = AutoencoderKL.from_pretrained(folder / "vae" / "saved").to(where).eval()
    place = folder / "latents"
    place.mkdir(parents=True, exist_ok=True)
    for first in track(range(0, count, SHARD), "latents"):
        path = place / f"{first:08d}.safetensors"
        if path.is_file():
            continue
        found: dict[str, list[torch.Tensor]] = {}
        for batch in batches(first, BATCH, workers=workers, last=min(first + SHARD, count)):
            latents = encoded(vae, tensor(batch.pixels, where))
            height, width = latents.shape[2:]
            found.setdefault(f"latents {width}x{height}", []).append(latents.half().cpu())
            found.setdefault(f"seeds {width}x{height}", []).append(torch.tensor(batch.seeds))
        save_file({name: torch.cat(parts) for name, parts in found.items()}, path)


@torch.inference_mode()
def encoded(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """Normalised latents, as the transformer sees them."""
    latents = vae.encode(pictures).latent_dist.mode()
    return (latents - vae.config.shift_factor) * vae.config.scaling_factor


def load(folder: Path) -> list[Cached]:
    """All that is cached, one entry per size."""
    parts: dict[str, list[torch.Tensor]] = {}
    for path in sorted((folder / "latents").glob("*.safetensors")):
        for name, values in load_file(path).items():
            parts.setdefault(name, []).append(values)
    if not parts:
        raise SystemExit(f"no latents in {folder}; run: python training/train.py latents")
    sizes = sorted(name.removeprefix("seeds ") for name in parts if name.startswith("seeds "))
    return [
        Cached(torch.cat(parts[f"seeds {size}"]).tolist(), torch.cat(parts[f"latents {size}"]))
        for size in sizes
    ]


def epochs(cached: list[Cached], size: int, seed: int) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Batches of one size, endless, each time in another order; incomplete ones are left out."""
    random = np.random.default_rng((seed, 7))
    while True:
        chosen = []
        for at, each in enumerate(cached):
            order = random.permutation(len(each.seeds))
            chosen += [(at, order[i : i + size]) for i in range(0, len(order) - size + 1, size)]
        for turn in random.permutation(len(chosen)):
            at, places = chosen[turn]
            rows = torch.from_numpy(places)
            yield [cached[at].seeds[place] for place in places], cached[at].latents[rows].float()
