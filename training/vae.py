"""Posters in, a trained VAE out: latents with an eighth of the picture's sides.

Absolute and squared error, plus the absolute error of the differences between neighbours (what an
edge or a thin letter is made of); the posterior's mean only, with a little noise on the way to the
decoder so that a latent slightly off still decodes cleanly. An earlier recipe sampled the
posterior and stayed 5 dB below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn.functional import l1_loss, mse_loss

from training.generator import DOWN, untrained_vae
from training.painting import Pixels
from training.pool import Pool
from training.posters import batches
from training.runs import Average, Run, device, mixed, set_rate

BATCH = 8
"""Posters a step on a CPU: colours need many steps, not large ones."""

GPU_BATCH = 64

CROP = 64
"""Sides of the cut-outs that most of the training sees: four times the steps for the same work."""

CROPPED = 0.7
"""Share of the run with cut-outs; the rest sees whole posters, as the norms will."""

PEAK = 2e-3
"""Learning rate at its highest; 4e-3 diverged in the first hundred steps."""

EDGES = 1.0
"""Weight of the differences between neighbours."""

SQUARES = 2.0
"""Weight of the squared error: whole backgrounds in the wrong colour are what is learned first, and
with the absolute error alone that took 1,000 steps."""

CALM = 1e-3
"""Weight of the latents' mean square: keeps them near one, where the noise below is small."""

JITTER = 0.15
"""Noise on the latents while training, in their own units: as far as a generator may be off."""

FRESH = 4
"""Posters painted anew each step: painting them takes a twentieth of its time."""

REFINING = 1e-3
"""Learning rate of the decoder alone, at its highest."""

REFINED = 4
"""Whole posters a step."""

REFINED_FROM = 7 * 10**7
"""Seeds that the decoder goes on with."""

WORST, WORST_SHARE = 0.1, 0.01
"""Weight, for the decoder alone, of the error of each poster's worst hundredth of pixels: the tail
of a Q is 80 of 16,384. By how much it helps is not known apart from more steps (docs/training.md).
"""

FIRST_TEST_SEED = 10**8
"""Seeds from here on are for testing; training begins at 0."""


def train(folder: Path, hours: float, workers: int) -> None:
    """Train, or go on training, in `folder`/vae; ends with `saved`, its averaged weights."""
    torch.manual_seed(0)
    vae = untrained_vae().to(device(), memory_format=torch.channels_last)
    size = GPU_BATCH if device().type == "cuda" else BATCH

    def draw(pool: Pool, run: Run) -> list[Pixels]:
        whole = run.share >= CROPPED
        drawn = [poster.pixels for poster in pool.draw(run.step, size, alike=whole)]
        return drawn if whole else _cuts(drawn, run.step)

    _fit(vae, vae, folder / "vae", hours, _Feed(0, workers, draw, PEAK))
    mean, spread = statistics(vae, 512)
    vae.register_to_config(scaling_factor=1 / spread, shift_factor=mean)
    vae.save_pretrained(folder / "vae" / "saved")


def refine(folder: Path, hours: float, workers: int) -> None:
    """Let the decoder of `folder`/vae/saved go on alone, on whole posters, in `folder`/decoder.

    A generator is trained on the encoder's latents, so the encoder must not move any more; how
    well they are painted can still get better.
    """
    torch.manual_seed(2)
    vae = AutoencoderKL.from_pretrained(folder / "vae" / "saved")
    vae = vae.to(device(), memory_format=torch.channels_last)
    vae.encoder.requires_grad_(requires_grad=False)

    def draw(pool: Pool, run: Run) -> list[Pixels]:
        return [poster.pixels for poster in pool.draw(run.step, REFINED, alike=True)]

    feed = _Feed(REFINED_FROM, workers, draw, REFINING, worst=WORST)
    _fit(vae, vae.decoder, folder / "decoder", hours, feed)
    vae.save_pretrained(folder / "decoder" / "saved")


@dataclass(frozen=True, slots=True)
class _Feed:
    """Which posters a fit sees, and how fast it learns."""

    first: int
    workers: int
    draw: Callable[[Pool, Run], list[Pixels]]
    peak: float
    worst: float = 0.0


def _fit(vae: Any, learner: torch.nn.Module, folder: Path, hours: float, feed: _Feed) -> None:
    """Teach the learner, all of the VAE or a part of it; it ends with its averaged weights."""
    where = device()
    optimiser = torch.optim.AdamW(
        learner.parameters(), lr=feed.peak, betas=(0.9, 0.99), weight_decay=1e-4
    )
    average = Average(learner)
    parts = {"learner": learner, "optimiser": optimiser, "average": average}
    run = Run(folder, hours, keep=parts)
    pool = Pool(feed.first + run.step * FRESH, feed.workers)
    for _ in run.steps():
        pool.grow(FRESH)
        set_rate(optimiser, run.rate(feed.peak))
        with mixed(where):
            loss = _loss(vae, tensor(np.stack(feed.draw(pool, run)), where), feed.worst)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimiser.step()
        average.update(learner)
        run.note(loss.item())
    average.copy_to(learner)


def _cuts(pictures: list[Pixels], step: int) -> list[Pixels]:
    """One cut-out of every picture, each at a place of its own, on the latents' grid."""
    random = np.random.default_rng((step, 6))
    found = []
    for picture in pictures:
        top, left = (
            int(random.integers((side - CROP) // DOWN + 1)) * DOWN for side in picture.shape[:2]
        )
        found.append(picture[top : top + CROP, left : left + CROP])
    return found


def _loss(vae: Any, pictures: torch.Tensor, worst: float) -> torch.Tensor:
    latents = vae.encode(pictures).latent_dist.mode()
    calm = latents.float().square().mean()
    made = vae.decode(latents + JITTER * torch.randn_like(latents)).sample.float()
    edges = sum(l1_loss(made.diff(dim=axis), pictures.diff(dim=axis)) for axis in (2, 3))
    level = l1_loss(made, pictures) + SQUARES * mse_loss(made, pictures)
    off = (made - pictures).abs().mean(dim=1).flatten(1)
    most = off.topk(int(WORST_SHARE * off.shape[1])).values.mean()
    return level + EDGES * edges + CALM * calm + worst * most


def tensor(pixels: Pixels, where: torch.device) -> torch.Tensor:
    """N×3×H×W in -1 to 1, as the VAE takes it."""
    scaled = torch.from_numpy(pixels).to(where).permute(0, 3, 1, 2).float() / 127.5 - 1
    return scaled.contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def statistics(vae: Any, count: int) -> tuple[float, float]:
    """Mean and standard deviation of the latents of so many posters."""
    where = next(vae.parameters()).device
    found = [
        vae.encode(tensor(batch.pixels, where)).latent_dist.mode().flatten()
        for batch in batches(FIRST_TEST_SEED, BATCH, last=FIRST_TEST_SEED + count)
    ]
    values = torch.cat(found)
    return values.mean().item(), values.std().item()


@torch.inference_mode()
def there_and_back(vae: Any, pixels: Pixels) -> Pixels:
    """Pictures encoded and decoded again."""
    where = next(vae.parameters()).device
    made = vae.decode(vae.encode(tensor(pixels, where)).latent_dist.mode()).sample
    levels = ((made + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).cpu().numpy()


def decibels(vae: Any, count: int = 128) -> float:
    """Peak signal-to-noise ratio over test posters, in dB."""
    stream = batches(FIRST_TEST_SEED, BATCH, last=FIRST_TEST_SEED + count)
    errors = [
        np.square(there_and_back(vae, batch.pixels).astype(float) - batch.pixels).mean((1, 2, 3))
        for batch in islice(stream, count)
    ]
    return float(10 * np.log10(255**2 / np.concatenate(errors).mean()))
