"""A trained VAE and a number of posters in, a folder of latents out, one file per shard.

Encoding a poster once saves a third of every later step. Each is kept with several captions,
tokenised, so that a GPU does not wait for words.
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

from training import captions
from training.posters import batches
from training.runs import device
from training.tokens import Ids, encode
from training.vae import BATCH, tensor
from training.world import imagine

SHARD = 2048
"""Posters per file: 13 MB each."""

TOLD = 8
"""Captions per poster; epochs take them by chance."""


@dataclass(frozen=True, slots=True)
class Cached:
    """Latents of one size with the captions of their posters."""

    latents: torch.Tensor
    """N×C×h×w, float16, normalised."""

    clip: torch.Tensor
    t5: torch.Tensor
    """Token ids, N×TOLD×length."""


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
        last = min(first + SHARD, count)
        for batch in batches(first, BATCH, workers=workers, last=last, tell=tell):
            latents = encoded(vae, tensor(batch.pixels, where)).half().cpu()
            size = f"{latents.shape[3]}x{latents.shape[2]}"
            clip, t5 = (torch.from_numpy(np.stack(ids)) for ids in zip(*batch.told, strict=True))
            for name, value in (("latents", latents), ("clip", clip), ("t5", t5)):
                found.setdefault(f"{name} {size}", []).append(value)
        save_file({name: torch.cat(parts) for name, parts in found.items()}, path)


def tell(seed: int) -> Ids:
    """`TOLD` captions of that poster, tokenised."""
    random = np.random.default_rng((seed, 3))
    spec = imagine(seed)
    return encode([captions.vary(spec, random) for _ in range(TOLD)])


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
    sizes = sorted(name.removeprefix("t5 ") for name in parts if name.startswith("t5 "))
    kinds = "latents", "clip", "t5"
    return [Cached(*(torch.cat(parts[f"{kind} {size}"]) for kind in kinds)) for size in sizes]


def epochs(cached: list[Cached], size: int, seed: int) -> Iterator[Cached]:
    """Batches of one size, endless, each epoch in another order and with other captions.

    Incomplete batches are left out of an epoch.
    """
    random = np.random.default_rng((seed, 7))
    while True:
        chosen = []
        for at, each in enumerate(cached):
            order = random.permutation(len(each.latents))
            chosen += [(at, order[i : i + size]) for i in range(0, len(order) - size + 1, size)]
        for turn in random.permutation(len(chosen)):
            at, places = chosen[turn]
            rows, which = (
                torch.from_numpy(places),
                torch.from_numpy(random.integers(TOLD, size=size)),
            )
            of = cached[at]
            ids = of.clip[rows, which].long(), of.t5[rows, which].long()
            yield Cached(of.latents[rows].float(), *ids)
