"""The small CLIP's folder in, two ONNX files beside its weights out: what onnxruntime needs.

`image.onnx` turns normalised pictures into unit vectors, `text.onnx` token ids. Both hold the graph
alone and read the folder's safetensors (sharing.py). What else a reader must know (scale, size,
normalisation, context) stands in their metadata, and in the configuration which words and things
this model knows, and what it was measured here to tell: nothing else may be asked of it.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import open_clip
import torch

from sentinel.contracts import Runtime
from sentinel.detectors.clip_folders import find
from sentinel.detectors.clip_onnx import OnnxClip
from training.captions import NUMBERS, part
from training.clip import CONTEXT, SIDE
from training.painting import paint
from training.sharing import share
from training.tokens import vocabulary
from training.world import SHAPES, imagine, with_one_wrong

OPSET = 17
CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"

KINDS = {
    "object": ("shape",),
    "colour": ("colour", "background"),
    "count": ("count",),
    "position": ("position",),
}
"""What the judge `alignment` asks about, and the attributes of a poster that are it."""

TELLS = 0.9
"""Share of posters of which a model must prefer the right phrase to a wrong one; a judge that asks
about what its model merely guesses finds fault with every picture."""

FIRST_SEED = 6 * 10**8
MEASURED = 150
"""Held-out posters that are shown for it."""


class _Image(torch.nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.network.encode_image(pixels, normalize=True)
        return made


class _Text(torch.nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.network.encode_text(ids, normalize=True)
        return made


def export(folder: Path) -> None:
    """Write image.onnx and text.onnx into a folder that clip.save has filled."""
    network, _ = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    network = network.float().eval()
    seen = network.visual.preprocess_cfg
    if seen["resize_mode"] != "squash" or seen["interpolation"] != "bicubic":
        raise ValueError(f"{folder} resizes pictures by {seen}; only squash, bicubic is exported")
    pixels = torch.zeros(2, 3, SIDE, SIDE)
    looks = {"image_size": SIDE, "mean": list(seen["mean"]), "std": list(seen["std"])}
    _write(_Image(network), pixels, folder / "image.onnx", looks)
    bias = getattr(network, "logit_bias", None)
    reads = {
        "context_length": CONTEXT,
        "logit_scale": network.logit_scale.exp().item(),
        "logit_bias": None if bias is None else bias.item(),
    }
    _write(_Text(network), torch.ones(2, CONTEXT).long(), folder / "text.onnx", reads)
    _limit(folder)


def _write(
    network: _Image | _Text, example: torch.Tensor, path: Path, facts: dict[str, Any]
) -> None:
    (name,) = ("pixels",) if isinstance(network, _Image) else ("ids",)
    # Shapes that do not change look like choices to the tracer, which warns of each.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.eval(), (example,), path, dynamo=False, opset_version=OPSET,
            # In EVAL the exporter folds batch norms into convolutions: weights that no file has.
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False, input_names=[name], output_names=["vectors"],
            dynamic_axes={name: {0: "count"}, "vectors": {0: "count"}},
        )  # fmt: skip
    model = onnx.load(path)
    told = {key: json.dumps(value) for key, value in facts.items() if value is not None}
    onnx.helper.set_model_props(model, told)
    onnx.save(model, path)
    share(path, {"network.": path.parent / WEIGHTS})


def _limit(folder: Path) -> None:
    """Say in the configuration what the model knows and what it tells right."""
    config = folder / CONFIG
    told = json.loads(config.read_text(encoding="utf-8"))
    known = [word for word in vocabulary() if word.isalpha()]
    digits = [str(number) for number in NUMBERS if number > 1]
    network = OnnxClip(find(f"local-dir:{folder}", Runtime()), Runtime())
    right = {name: preferred(network, name) for names in KINDS.values() for name in names}
    tells = [kind for kind, names in KINDS.items() if min(right[name] for name in names) >= TELLS]
    told["world"] = {
        "words": " ".join(dict.fromkeys([*digits, *known, "an"])),
        "things": " ".join(SHAPES),
        "tells": " ".join(tells),
        "measured": {name: round(share, 3) for name, share in right.items()},
    }
    config.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def preferred(network: OnnxClip, attribute: str) -> float:
    """The share of held-out posters whose right phrase is nearer than one with this one wrong."""
    wins = []
    for seed in range(FIRST_SEED, FIRST_SEED + MEASURED):
        spec = imagine(seed, held_out=True)
        wrong = with_one_wrong(spec, attribute, np.random.default_rng(seed))
        if wrong is None:
            continue
        said = [part(each, attribute, np.random.default_rng(seed)) for each in (spec, wrong)]
        one, other = network.texts(said) @ network.pictures([paint(spec, seed)])[0]
        wins.append(one > other)
    return float(np.mean(wins))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write image.onnx and text.onnx into a folder.")
    parser.add_argument("folder", type=Path, help="open_clip's folder, such as out/clip/saved")
    export(parser.parse_args().folder)
