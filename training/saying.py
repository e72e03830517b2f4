"""Middle layers and labels in, a loss out: layers learn to say what stands where.

REPA aligns middle layers with another network's features (Yu et al. 2024, arXiv 2410.06940). Here
the world itself knows what each place means (labels.py). It is for training only: the head is
thrown away.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy

from training.labels import CLASSES

PLANE = 4
"""Dimensions of what a convolution makes."""


NOTHING = 0.1
"""Weight of a place without letter or shape: nine of ten have none, and say little."""


class Sayer(torch.nn.Module):
    """Says, of each 16×16 pixels' features, what stands in its four quarters."""

    def __init__(self, width: int, layer: torch.nn.Module) -> None:
        """Listen to a layer whose output (or its last part) is N×tokens×width or N×width×h×w."""
        super().__init__()
        self.head = torch.nn.Linear(width, 4 * sum(CLASSES))
        self._heard: torch.Tensor | None = None
        self._weights = [torch.ones(count) for count in CLASSES]
        for weights in self._weights[:2]:
            weights[0] = NOTHING
        layer.register_forward_hook(self._hear)

    def _hear(self, _layer: Any, _given: Any, made: Any) -> None:
        heard = made if isinstance(made, torch.Tensor) else made[-1]
        self._heard = heard.flatten(2).transpose(1, 2) if heard.dim() == PLANE else heard

    def loss(self, labels: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of letters, shapes and colours.

        `labels` are N×3×h×w; features beyond h/2·w/2 tokens (a class token before them) are left
        out.
        """
        if self._heard is None:
            raise RuntimeError("the layer has not run yet")
        asked = _quartered(labels)
        heard = self._heard[:, -asked.shape[1] :]
        said = self.head(heard).unflatten(2, (4, -1)).float().split(CLASSES, dim=3)
        losses = [
            cross_entropy(
                each.flatten(0, 2), asked[:, :, at].flatten(), self._weights[at].to(labels.device)
            )
            for at, each in enumerate(said)
        ]
        return torch.stack(losses).mean()


def _quartered(labels: torch.Tensor) -> torch.Tensor:
    """N×3×h×w as N×(h/2·w/2)×3×4."""
    count, kinds, height, width = labels.shape
    parts = labels.view(count, kinds, height // 2, 2, width // 2, 2)
    return parts.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, kinds, 4)
