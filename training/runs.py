"""A folder and hours in, a training run out: paced by the clock, resumable, with its loss curve.

The learning rate follows the share of the hours that is spent, so a run of any length ends
annealed. State is written every two minutes and at the end; the same command goes on from there.
"""

from __future__ import annotations

import csv
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

SAVED_EVERY = 120.0
"""Seconds between checkpoints: what an interruption can cost."""

LOGGED_EVERY = 25
"""Steps that one line of the loss curve averages."""

UNITS = ("amx_bf16", "avx512_bf16", "bf16")
"""What a CPU that multiplies bfloat16 itself has, as `torch.cpu.get_capabilities` names it."""

WARM_UP = 0.03
"""Share of the run in which the learning rate rises."""


class Run:
    """One stage of training in a folder: `for _ in run.steps(): ... run.note(loss)`."""

    def __init__(self, folder: Path, hours: float, *, keep: dict[str, Any]) -> None:
        """Go on where the folder's state ends; `keep` names what has a state_dict."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.step = 0
        self.spent = 0.0
        self._whole = hours * 3600
        self._keep = keep
        self._losses: list[tuple[float, ...]] = []
        state = folder / "state.pt"
        if state.is_file():
            found = torch.load(state, map_location="cpu", weights_only=True)
            self.step, self.spent = found["step"], found["spent"]
            for name, kept in keep.items():
                kept.load_state_dict(found[name])

    @property
    def share(self) -> float:
        """How much of the hours is spent, 0 to 1."""
        return min(1.0, self.spent / self._whole)

    def steps(self) -> Iterator[int]:
        """Step numbers until the hours are spent; saves on the way, and when interrupted.

        SystemExit where another process trains in the same folder.
        """
        columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
        with (self.folder / "lock").open("w") as lock, Progress(*columns) as bar:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SystemExit(
                    f"another process trains in {self.folder}; wait, or stop it"
                ) from None
            task = bar.add_task(self.folder.name, total=self._whole, completed=self.spent)
            saved = before = time.monotonic()
            try:
                while self.spent < self._whole:
                    yield self.step
                    self.step += 1
                    now = time.monotonic()
                    self.spent += now - before
                    before = now
                    bar.update(task, completed=self.spent, description=self._told())
                    if now - saved > SAVED_EVERY:
                        self.save()
                        saved = before = time.monotonic()
            finally:
                self.save()

    def note(self, *losses: float) -> None:
        """Remember the losses of this step; every 25 steps their means go to losses.csv."""
        self._losses.append(losses)
        if self.step % LOGGED_EVERY == LOGGED_EVERY - 1:
            recent = np.mean(self._losses[-LOGGED_EVERY:], axis=0)
            with (self.folder / "losses.csv").open("a", newline="") as file:
                shown = (f"{mean:.5f}" for mean in recent)
                csv.writer(file).writerow([self.step + 1, round(self.spent), *shown])

    def rate(self, peak: float) -> float:
        """The learning rate now: a short rise, then a half cosine down to a fiftieth."""
        if self.share < WARM_UP:
            return peak * max(0.02, self.share / WARM_UP)
        falling = (self.share - WARM_UP) / (1 - WARM_UP)
        return float(peak * (0.02 + 0.98 * (1 + np.cos(np.pi * falling)) / 2))

    def save(self) -> None:
        """Write the state; a half-written file never replaces a whole one."""
        state = {name: kept.state_dict() for name, kept in self._keep.items()}
        torch.save(state | {"step": self.step, "spent": self.spent}, self.folder / "state.new")
        (self.folder / "state.new").replace(self.folder / "state.pt")

    def _told(self) -> str:
        recent = self._losses[-LOGGED_EVERY:]
        mean = f"loss {np.mean(recent, axis=0)[0]:.4f}" if recent else ""
        return f"{self.folder.name} step {self.step} {mean}"


class Average(torch.nn.Module):
    """Exponential moving average of a module's weights, which is what is shipped."""

    def __init__(self, module: torch.nn.Module, decay: float = 0.999) -> None:
        """Start from the weights as they are."""
        super().__init__()
        self._decay = decay
        self.weights = {name: p.detach().clone() for name, p in module.named_parameters()}
        self.seen = 0

    @torch.no_grad()
    def update(self, module: torch.nn.Module) -> None:
        """Take one step towards the module's weights; early steps count more."""
        self.seen += 1
        decay = min(self._decay, (1 + self.seen) / (10 + self.seen))
        for name, parameter in module.named_parameters():
            self.weights[name].lerp_(parameter.detach(), 1 - decay)

    @torch.no_grad()
    def copy_to(self, module: torch.nn.Module) -> None:
        """Put the averaged weights into the module."""
        for name, parameter in module.named_parameters():
            parameter.copy_(self.weights[name])

    def state_dict(self) -> dict[str, Any]:  # type: ignore[override]
        """Weights and how many updates made them."""
        return {"weights": self.weights, "seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # type: ignore[override]
        """Go on from a saved average."""
        self.seen = state["seen"]
        for name, tensor in state["weights"].items():
            self.weights[name].copy_(tensor)


def prepare(threads: int) -> None:
    """Set up torch for training: threads, and the attention that is fast where it runs.

    On CPUs flash attention's backward pass took 40 % of a step in bfloat16 (torch 2.15, heads of
    32); plain matrix products use the CPU's own bfloat16 units and took a tenth of that.
    """
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("high")
    if not torch.cuda.is_available():
        torch.backends.cuda.enable_flash_sdp(enabled=False)  # the switch for CPUs too
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(enabled=True)


def device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def products(where: torch.device) -> torch.dtype:
    """The numbers that matrices are multiplied in there: bfloat16 only where a unit does it.

    A CPU without one emulates it: a step of the generator then took 22 s of two cores instead of
    2.6 (AVX2, torch 2.15).
    """
    if where.type == "cuda":
        return torch.bfloat16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if any(able.get(name) for name in UNITS) else torch.float32


def mixed(where: torch.device) -> torch.autocast:
    """Within it products are made in `products`; parameters and sums stay float32."""
    made = products(where)
    return torch.autocast(where.type, dtype=torch.bfloat16, enabled=made == torch.bfloat16)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Use this learning rate from now on."""
    for group in optimiser.param_groups:
        group["lr"] = rate
