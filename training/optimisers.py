"""Modules in, their optimiser out: Muon for the matrices between layers, AdamW for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from training.runs import set_rate

BOLDER = 3.0
"""Muon's learning rate to AdamW's: orthogonal steps bear more (Jordan's own are six times as large
as `match_rms_adamw` makes them)."""


class Steps:
    """Two optimisers as one: Muon for the matrices inside the blocks, AdamW for everything else.

    Muon (Jordan 2024, torch's own since 2.9) turns each matrix's step into an orthogonal one.
    """

    def __init__(self, modules: Sequence[torch.nn.Module], peak: float) -> None:
        """Share out the modules' parameters."""
        named = [each for module in modules for each in module.named_parameters()]
        inner = {name for name, value in named if _inside(name, value)}
        self.parts = {
            "muon": torch.optim.Muon(
                [p for n, p in named if n in inner], lr=peak, weight_decay=0.01,
                adjust_lr_fn="match_rms_adamw",
            ),
            "adam": torch.optim.AdamW(
                [p for n, p in named if n not in inner], lr=peak, betas=(0.9, 0.98),
                weight_decay=0.01, fused=True,
            ),
        }  # fmt: skip

    def step(self, rate: float) -> None:
        """One step of both, Muon's `BOLDER`, then forget the gradients."""
        for name, part in self.parts.items():
            set_rate(part, rate * (BOLDER if name == "muon" else 1))
            part.step()
            part.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Both states."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from saved states."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])


def _inside(name: str, value: torch.Tensor) -> bool:
    """Whether it is a matrix between two layers: no embedding, no modulation, no output."""
    apart = ".norm" in name or "relative_attention_bias" in name
    return value.dim() == 2 and ("block" in name) and not apart  # noqa: PLR2004 - a matrix
