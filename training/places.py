"""A trained CLIP in, one that also tells places out: its last attention and its words go on alone.

After 5,000 steps a straight line through the picture's embedding tells left from right in 0.97 of
posters, but "on the left" and "on the right" have a cosine of 0.9995: neither side gains by moving
while the other does not. So the picture's tower is left as it is but for its last attention, its
features are computed once, and steps that cost a third go on with mistakes of place above all.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import open_clip
import torch
from rich.progress import track
from torch.nn.functional import normalize

from training.clip import preferring, prepared, save, tell, worn
from training.optimisers import Steps
from training.pool import Poster
from training.posters import batches
from training.runs import Average, Run, device, mixed

FIRST_SEED = 7 * 10**7
"""Posters of its own: not those the CLIP or the generator is trained on."""

POSTERS = 8_000
"""Whose features are kept: 200 MB."""

TOGETHER = 32
"""Posters whose features are computed at once."""

BATCH = 64
PEAK = 1e-3

TAUGHT = {"background": 1, "colour": 3, "shape": 2, "count": 3, "position": 9}
"""Mistakes it learns to see, and how often."""


class Seen(NamedTuple):
    """A poster's seed and what the tower's last stage makes of it, C×4×4, half precision."""

    seed: int
    features: torch.Tensor


def train(folder: Path, hours: float, workers: int) -> None:
    """Go on from `folder`/clip/saved, in `folder`/places; ends with a folder for open_clip."""
    torch.manual_seed(0)
    where = device()
    network, _ = open_clip.create_model_from_pretrained(f"local-dir:{folder / 'clip' / 'saved'}")
    network = network.to(where).eval()
    seen = _looked_at(network, POSTERS, workers)
    learning = torch.nn.ModuleList([network.visual.attnpool, network.text])
    optimiser, average = Steps((learning,), PEAK), Average(learning)
    keep = {"learning": learning, "optimiser": optimiser, "average": average}
    run = Run(folder / "places", hours, keep=keep)
    for step in run.steps():
        loss = _loss(network, seen, step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning.parameters(), 1.0)
        optimiser.step(run.rate(PEAK))
        average.update(learning)
        run.note(loss.item())
    average.copy_to(learning)
    save(network, folder / "clip" / "saved")


@torch.inference_mode()
def _looked_at(network: Any, count: int, workers: int) -> list[Seen]:
    """So many posters, some worn, as the last stage of the tower sees them."""
    found: list[Seen] = []
    network.visual.layer4.register_forward_hook(lambda _layer, _given, made: heard.append(made))
    heard: list[torch.Tensor] = []
    stream = islice(batches(FIRST_SEED, TOGETHER, workers=workers), count // TOGETHER)
    for batch in track(stream, "looking", total=count // TOGETHER):
        pairs = zip(batch.seeds, batch.pixels, strict=True)
        pixels = np.stack([worn(Poster(seed, each), 0) for seed, each in pairs])
        heard.clear()
        network.visual(prepared(pixels, device()))
        halves = heard[0].half().cpu()
        found += [Seen(*each) for each in zip(batch.seeds, halves, strict=True)]
    return found


def _loss(network: Any, seen: list[Seen], step: int) -> torch.Tensor:
    where = device()
    places = np.random.default_rng((step, 4)).choice(len(seen), BATCH, replace=False)
    features = torch.stack([seen[at].features for at in places]).float().to(where)
    told = torch.from_numpy(np.stack([tell(seen[at].seed, step, TAUGHT) for at in places]))
    with mixed(where):
        pooled = normalize(network.visual.attnpool(features), dim=-1)
        return preferring(network, pooled, told.long().to(where))
