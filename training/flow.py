"""Cached latents in, a trained pipeline out: flow matching, transformer and both text encoders.

The network predicts noise minus latents at a point on the straight line between them, as FLUX
does. Times are drawn from a logit-normal (Stable Diffusion 3's choice) and moved towards noise by
the scheduler's own shift, where the four sampled steps lie.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, FluxPipeline
from torch.nn.functional import mse_loss

from training.generator import SHIFT, save, untrained
from training.latents import Cached, epochs, load
from training.runs import Average, Run, device, set_rate

BATCH = 32
"""Posters a step on a CPU; a GPU takes `GPU_BATCH`, which its memory bandwidth prefers."""

GPU_BATCH = 512
PEAK = 1e-3
"""Learning rate at its highest, for a transformer 192 wide."""

GPU_PEAK = 2e-3
"""With 16 times the batch; less than the square root's 4e-3, which was not tried."""


class Painter(torch.nn.Module):
    """The parts that are trained, called as the pipeline calls them."""

    def __init__(self, pipeline: Any) -> None:
        """Share the pipeline's modules."""
        super().__init__()
        self.transformer = pipeline.transformer
        self.clip = pipeline.text_encoder
        self.t5 = pipeline.text_encoder_2

    def forward(
        self, packed: torch.Tensor, times: torch.Tensor, read: Any, spots: torch.Tensor
    ) -> torch.Tensor:
        """Velocity at packed latents; `read` comes from `reading`, `spots` from `places`."""
        pooled, words = read
        flow: torch.Tensor = self.transformer(
            hidden_states=packed,
            timestep=times,
            pooled_projections=pooled,
            encoder_hidden_states=words,
            txt_ids=torch.zeros(words.shape[1], 3, device=packed.device),
            img_ids=spots,
            return_dict=False,
        )[0]
        return flow

    def reading(self, ids: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """What both encoders make of token ids."""
        clip, t5 = ids
        return self.clip(clip).pooler_output, self.t5(t5)[0]


def packed(latents: torch.Tensor) -> torch.Tensor:
    """N×C×h×w as N×(h/2·w/2)×4C, the pipeline's order."""
    count, channels, height, width = latents.shape
    made: torch.Tensor = FluxPipeline._pack_latents(latents, count, channels, height, width)  # noqa: SLF001 - its order, not a copy of it
    return made


def places(latents: torch.Tensor) -> torch.Tensor:
    """Row and column of every token."""
    height, width = latents.shape[2] // 2, latents.shape[3] // 2
    made: torch.Tensor = FluxPipeline._prepare_latent_image_ids(  # noqa: SLF001 - as above
        1, height, width, latents.device, torch.float32
    )
    return made


def times(count: int, where: torch.device) -> torch.Tensor:
    """Logit-normal times in 0 to 1, moved towards noise as the scheduler moves its steps."""
    even = torch.sigmoid(torch.randn(count, device=where))
    return SHIFT * even / (1 + (SHIFT - 1) * even)


def train(folder: Path, hours: float) -> None:
    """Train, or go on training, in `folder`/generator; ends with the pipeline in `pipeline`."""
    torch.manual_seed(0)
    where = device()
    vae = AutoencoderKL.from_pretrained(folder / "vae" / "saved")
    pipeline = untrained(vae)
    painter = Painter(pipeline).to(where).train()
    gpu = where.type == "cuda"
    size, peak = (GPU_BATCH, GPU_PEAK) if gpu else (BATCH, PEAK)
    optimiser = torch.optim.AdamW(
        painter.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    average = Average(painter)
    parts = {"painter": painter, "optimiser": optimiser, "average": average}
    run = Run(folder / "generator", hours, keep=parts)
    stream = epochs(load(folder), size, run.step)
    for _, batch in zip(run.steps(), stream, strict=False):
        set_rate(optimiser, run.rate(peak))
        loss = _loss(painter, batch, where)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(painter.parameters(), 1.0)
        optimiser.step()
        average.update(painter)
        run.note(loss.item())
    average.copy_to(painter)
    save(pipeline.to("cpu"), folder / "generator" / "pipeline")


def _loss(painter: Painter, batch: Cached, where: torch.device) -> torch.Tensor:
    clean = packed(batch.latents.to(where))
    noise = torch.randn_like(clean)
    at = times(len(clean), clean.device)
    mixed = torch.lerp(clean, noise, at[:, None, None])
    ids = batch.clip.to(where), batch.t5.to(where)
    with torch.autocast(where.type, dtype=torch.bfloat16):
        flow = painter(mixed, at, painter.reading(ids), places(batch.latents).to(where))
    return mse_loss(flow.float(), noise - clean)


def steps(count: int) -> list[float]:
    """The noise levels of `count` steps and the final 0, as the pipeline's scheduler has them."""
    even = np.linspace(1, 1 / count, count)
    return [*(SHIFT * even / (1 + (SHIFT - 1) * even)), 0.0]


@torch.inference_mode()
def path(
    painter: Painter, noise: torch.Tensor, read: Any, spots: torch.Tensor, levels: list[float]
) -> list[torch.Tensor]:
    """The states of a sampling from noise along these levels, the noise itself first."""
    states = [noise]
    for high, low in itertools.pairwise(levels):
        at = torch.full((len(noise),), high, device=noise.device)
        with torch.autocast(noise.device.type, dtype=torch.bfloat16):
            flow = painter(states[-1], at, read, spots)
        states.append(states[-1] + (low - high) * flow.float())
    return states
