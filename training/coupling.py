"""Choices and noise in, noise out that means these choices: what a seed decides is in its noise.

A caption leaves open where things stand. A network that is asked for one picture from noise that
says nothing about it paints the mean of all of them, which is a blob. So here noise and picture
are not drawn apart: the world makes a poster from its caption and `world.CHOICES` numbers that are
even between 0 and 1, and one direction of the noise for each of them is set to that number's
quantile. Over all posters the noise stays exactly normal, so any generator of normal numbers
serves when it paints; and caption and noise together say what the picture is. The optimal
transport that Tong et al. 2024 (arXiv 2302.00482) and Pooladian et al. 2023 (arXiv 2304.14772)
look for within a batch, the world here knows.
"""

from __future__ import annotations

import torch

from training.world import CHOICES

PATTERN = (0.5, -0.5, -0.5, 0.5)
"""One token's four latents of a channel, as far as they mean something: a pattern that a plain
background does not have, so that the picture does not drown it."""

EDGE = 1e-3
"""Numbers are kept so far from 0 and 1."""


def steer(noise: torch.Tensor, choices: torch.Tensor) -> torch.Tensor:
    """N×T×4C normal noise in the pipeline's order, made to mean N×`CHOICES` numbers.

    The k-th number is told by the k-th channel: by the mean over all tokens, times √T, of what
    lies along `PATTERN`, which is normal with variance one.
    """
    tokens = noise.shape[1]
    parts = noise.unflatten(2, (-1, 4))
    pattern = torch.tensor(PATTERN, device=noise.device)
    along = (parts[:, :, :CHOICES] @ pattern).sum(dim=1) / tokens**0.5
    wanted = torch.special.ndtri(choices.clamp(EDGE, 1 - EDGE))
    moved = ((wanted - along) / tokens**0.5)[:, None, :, None] * pattern
    return torch.cat([parts[:, :, :CHOICES] + moved, parts[:, :, CHOICES:]], dim=2).flatten(2)


def meant(noise: torch.Tensor) -> torch.Tensor:
    """The numbers that noise means, N×`CHOICES` between 0 and 1: `steer` read backwards."""
    parts = noise.unflatten(2, (-1, 4))[:, :, :CHOICES]
    along = (parts @ torch.tensor(PATTERN, device=noise.device)).sum(dim=1)
    return torch.special.ndtr(along / noise.shape[1] ** 0.5)
