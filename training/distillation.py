"""A trained pipeline in, one that needs four steps out: the student learns its teacher's jumps.

The teacher walks from noise to latents in many small steps, guided: it goes further in the
direction in which the caption changes its mind. The student, which starts as its copy, learns at
each of the four sampled noise levels the straight jump to where the teacher was at the next. The
targets are no means over what might be, so four unguided steps do what many guided ones did.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import mse_loss

from training import captions
from training.flow import BATCH, GPU_BATCH, Guide, Painter, path, places, steps
from training.generator import DOWN, LATENTS, STEPS, opened, save
from training.runs import Average, Run, device, set_rate
from training.tokens import encode
from training.world import SIZES, imagine, pick

FINER = 3
"""Steps of the teacher per step of the student."""

GUIDANCE = 2.0
"""How far the teacher goes in the caption's direction; 1 is no guidance."""

PEAK = 2e-4
"""Learning rate at its highest: a fifth of the teacher's, the student is nearly there."""

FIRST_SEED = 3 * 10**7
"""Specs of these captions: none that the teacher was trained on, and none of the figures'."""


def train(folder: Path, hours: float) -> None:
    """Distil `folder`/generator/pipeline into `folder`/distilled/pipeline."""
    torch.manual_seed(1)
    where = device()
    pipeline = opened(folder / "generator" / "pipeline")
    student = Painter(pipeline).to(where).train()
    teacher = copy.deepcopy(student).eval().requires_grad_(requires_grad=False)
    optimiser = torch.optim.AdamW(student.parameters(), lr=PEAK, betas=(0.9, 0.98), fused=True)
    average = Average(student)
    parts = {"student": student, "optimiser": optimiser, "average": average}
    run = Run(folder / "distilled", hours, keep=parts)
    size = GPU_BATCH if where.type == "cuda" else BATCH
    for step in run.steps():
        set_rate(optimiser, run.rate(PEAK))
        sheet = _sheet(step, size).to(where)
        loss = _loss(student, teacher, _captions(step, size), sheet)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        average.update(student)
        run.note(loss.item())
    average.copy_to(student)
    save(pipeline.to("cpu"), folder / "distilled" / "pipeline")


def _captions(step: int, size: int) -> list[str]:
    random = np.random.default_rng((step, 5))
    first = FIRST_SEED + step * size
    return [captions.vary(imagine(seed), random) for seed in range(first, first + size)]


def _sheet(step: int, size: int) -> torch.Tensor:
    """Empty latents of one of the sizes."""
    width, height = pick(np.random.default_rng((step, 6)), SIZES)
    return torch.zeros(size, LATENTS, height // DOWN, width // DOWN)


def _loss(student: Painter, teacher: Painter, told: list[str], sheet: torch.Tensor) -> torch.Tensor:
    """All four jumps of one batch: the teacher's walk is dear, so every part of it is used."""
    where = sheet.device
    spots = places(sheet)
    noise = torch.randn(len(told), len(spots), 4 * LATENTS, device=where)
    ids = tuple(torch.from_numpy(each).long().to(where) for each in encode(told))
    fine, coarse = steps(STEPS * FINER), steps(STEPS)
    with torch.autocast(where.type, dtype=torch.bfloat16):
        with torch.no_grad():
            guide = Guide(teacher, ids, GUIDANCE)
        walked = path(guide, noise, spots, fine)[::FINER]
        starts, ends = torch.cat(walked[:-1]), torch.cat(walked[1:])
        high = torch.tensor(coarse[:-1], device=where).repeat_interleave(len(told))
        low = torch.tensor(coarse[1:], device=where).repeat_interleave(len(told))
        mine = tuple(part.repeat(STEPS, *[1] * (part.dim() - 1)) for part in student.reading(ids))
        flow = student(starts.clone(), high.float(), mine, spots)
    jumps = (ends - starts) / (low - high)[:, None, None]
    return mse_loss(flow.float(), jumps.float())
