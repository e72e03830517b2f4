"""Modules in, their optimiser out: Muon for the matrices between layers, AdamW for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from training.runs import products, set_rate

BOLDER = 3.0
"""Muon's learning rate to AdamW's: orthogonal steps bear more (Jordan's own are six times as large
as `match_rms_adamw` makes them)."""


MOMENTUM = 0.95
DECAY = 0.01

SCHULZ = ((3.4445, -4.7750, 2.0315),) * 5
"""Jordan's coefficients of a quintic that brings singular values near 1, five times over."""

RMS = 0.2
"""What AdamW's steps measure; Muon's are made as large (Liu et al. 2025, arXiv 2502.16982)."""


class Muon(torch.optim.Optimizer):
    """Steps along the nearest orthogonal matrix to the momentum (Jordan 2024).

    Source: kellerjordan.github.io/posts/muon.

    torch's own does the same in bfloat16 only, which a CPU without such a unit emulates: 20 s of
    22 for a step of the generator. This one multiplies in what `runs.products` says.
    """

    def __init__(self, matrices: Sequence[torch.nn.Parameter], lr: float) -> None:
        """All must have two dimensions."""
        super().__init__(matrices, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One step of every matrix that has a gradient, with Nesterov's momentum."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if (grad := matrix.grad) is None:
                    continue
                state = self.state[matrix]
                moving = state.setdefault("momentum_buffer", torch.zeros_like(grad))
                moving.lerp_(grad, 1 - MOMENTUM)
                turned = orthogonal(grad.lerp(moving, MOMENTUM), products(grad.device))
                matrix.mul_(1 - group["lr"] * DECAY)
                matrix.add_(turned, alpha=-group["lr"] * RMS * max(matrix.shape) ** 0.5)


def orthogonal(matrix: torch.Tensor, kind: torch.dtype) -> torch.Tensor:
    """Nearly U·Vᵀ of the matrix's U·S·Vᵀ, singular values 0.7 to 1.2, computed in `kind`."""
    wide = matrix.shape[0] <= matrix.shape[1]
    found = (matrix if wide else matrix.T).to(kind)
    found = found / found.norm().clamp(min=1e-7)
    for one, three, five in SCHULZ:
        gram = found @ found.T
        found = torch.addmm(
            found, torch.addmm(gram, gram, gram, beta=three, alpha=five), found, beta=one
        )
    return (found if wide else found.T).to(matrix.dtype)


class Steps:
    """Two optimisers as one: Muon for the matrices inside the blocks, AdamW for everything else.

    Whatever is no matrix between two layers is AdamW's.
    """

    def __init__(self, modules: Sequence[torch.nn.Module], peak: float) -> None:
        """Share out the modules' parameters."""
        named = [each for module in modules for each in module.named_parameters()]
        inner = {name for name, value in named if _inside(name, value)}
        self.parts = {
            "muon": Muon([p for n, p in named if n in inner], lr=peak),
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
