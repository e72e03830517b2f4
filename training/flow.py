"""Cached latents in, a trained pipeline out: flow matching, transformer and both text encoders.

The network predicts noise minus latents at a point on the straight line between them, as FLUX
does, at the four times at which it will be asked. The noise tells what the caption leaves open
(coupling.py), so the two say all there is to know, and no guidance is needed. Beside the flow, a
middle layer learns to say what stands where (labels.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, FluxPipeline
from torch.nn.functional import mse_loss

from training.coupling import steer
from training.generator import SHIFT, STEPS, WIDTH, opened, save, untrained
from training.latents import Cached, epochs, load
from training.optimisers import Steps
from training.runs import Average, Run, device, mixed
from training.saying import Sayer

BATCH = 32
"""Posters a step on a CPU; a GPU takes `GPU_BATCH`, which its memory bandwidth prefers."""

GPU_BATCH = 512
PEAK = 1e-3
"""Learning rate at its highest, for a transformer 256 wide."""

FIRST = 0.4
"""Share of posters at time 1, nothing but noise, where all is decided; the other times of the
`STEPS` share the rest evenly."""

SAYING = 0.5
"""Weight of saying what stands where."""

SAID_AFTER = 0
"""The single block whose output says it: half of all layers are behind it."""

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
    """Times of the scheduler's steps, drawn at random."""
    even = 1 - torch.arange(STEPS, device=where) / STEPS
    asked = SHIFT * even / (1 + (SHIFT - 1) * even)
    often = torch.full((STEPS,), (1 - FIRST) / (STEPS - 1), device=where)
    often[0] = FIRST
    return asked[torch.multinomial(often, count, replacement=True)]


def train(folder: Path, hours: float, *, compiled: bool = True) -> None:
    """Train, or go on training, in `folder`/generator; ends with the pipeline in `pipeline`.

    `compiled` lets torch fuse what happens between the matrix products, which takes it a minute
    and saves a fifth of every step.
    """
    torch.manual_seed(0)
    where = device()
    pipeline = _begun(folder)
    painter = Painter(pipeline).to(where).train()
    middle = pipeline.transformer.single_transformer_blocks[SAID_AFTER]
    sayer = Sayer(WIDTH, middle).to(where)
    if compiled:
        pipeline.transformer.compile_repeated_blocks()
    size, peak = (GPU_BATCH, GPU_PEAK) if where.type == "cuda" else (BATCH, PEAK)
    optimiser = Steps((painter, sayer), peak)
    average = Average(painter)
    parts = {"painter": painter, "sayer": sayer, "optimiser": optimiser, "average": average}
    run = Run(folder / "generator", hours, keep=parts)
    stream = epochs(load(folder), size, run.step)
    for _, batch in zip(run.steps(), stream, strict=False):
        flow, saying = _losses(painter, sayer, batch)
        (flow + SAYING * saying).backward()
        torch.nn.utils.clip_grad_norm_(painter.parameters(), 1.0)
        optimiser.step(run.rate(peak))
        average.update(painter)
        run.note(flow.item(), saying.item())
    average.copy_to(painter)
    save(pipeline.to("cpu"), folder / "generator" / "pipeline")


def _begun(folder: Path) -> Any:
    """An untrained transformer beside the folder's VAE and text encoders that can read.

    A pipeline in `folder`/start, such as the shipped one, is gone on from instead.
    """
    if (folder / "start" / "model_index.json").is_file():
        return opened(folder / "start")
    encoders = folder / "reading" / "encoders.pt"
    if not encoders.is_file():
        raise SystemExit(f"no {encoders}; run: python training/train.py reading")
    pipeline = untrained(AutoencoderKL.from_pretrained(folder / "vae" / "saved"))
    read = torch.load(encoders, map_location="cpu", weights_only=True)
    Painter(pipeline).load_state_dict(read, strict=False)
    return pipeline


def _losses(painter: Painter, sayer: Sayer, batch: Cached) -> tuple[torch.Tensor, torch.Tensor]:
    where = device()
    clean = packed(batch.latents.to(where))
    noise = steer(torch.randn_like(clean), batch.choices.to(where))
    at = times(len(clean), where)
    between = torch.lerp(clean, noise, at[:, None, None])
    spots = places(batch.latents).to(where)
    with mixed(where):
        read = painter.reading((batch.clip.to(where), batch.t5.to(where)))
        flow = painter(between, at, read, spots)
        saying = sayer.loss(batch.labels.to(where).long())
    return mse_loss(flow.float(), noise - clean), saying
