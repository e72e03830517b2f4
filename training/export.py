"""A pipeline's folder in, three ONNX files beside its weights out: what paints without torch.

`reading.onnx` turns token ids into what the transformer reads, `step.onnx` is the transformer,
`picture.onnx` the decoder. Any of the native sizes goes through the same files. They hold the
graphs alone and read the folder's safetensors (sharing.py). torch's TorchScript exporter is used:
the newer one needs a package (onnxscript) that nothing else here does.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from diffusers import AutoencoderKL

from training.flow import Painter, packed, places
from training.generator import LATENTS, opened
from training.sharing import share
from training.tokens import encode

OPSET = 17
EPSILON = torch.finfo(torch.float32).eps
"""What torch's rms_norm takes where none is given."""

MADE = {"reading": ["pooled", "words"], "step": ["flow"], "picture": ["picture"]}
"""What comes out of each file."""

WEIGHTS = {
    "painter.clip.": "text_encoder/model.safetensors",
    "painter.t5.": "text_encoder_2/model.safetensors",
    "painter.transformer.": "transformer/diffusion_pytorch_model.safetensors",
    "vae.": "vae/diffusion_pytorch_model.safetensors",
}
"""Where a weight of the traced modules lies in a pipeline's folder, by the start of its name."""


class _Reading(torch.nn.Module):
    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter = painter

    def forward(self, clip: torch.Tensor, t5: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.painter.reading((clip, t5))


class _Step(torch.nn.Module):
    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter = painter

    def forward(self, x: Any, level: Any, pooled: Any, words: Any, spots: Any) -> torch.Tensor:
        made: torch.Tensor = self.painter(x, level, (pooled, words), spots)
        return made


class _Picture(torch.nn.Module):
    """Latents as the transformer makes them in, picture in 0 to 1 out."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        own = latents / self.vae.config.scaling_factor + self.vae.config.shift_factor
        made: torch.Tensor = self.vae.decode(own, return_dict=False)[0]
        return (made / 2 + 0.5).clamp(0, 1)


def export(folder: Path) -> None:
    """Write the three files into the folder of a saved pipeline."""
    pipeline = opened(folder)
    painter = Painter(pipeline).eval()
    clip, t5 = (torch.from_numpy(ids).long() for ids in encode(["two red cups"]))
    with torch.inference_mode():
        pooled, words = painter.reading((clip, t5))
    pooled, words = pooled.clone(), words.clone()
    latents = torch.randn(1, LATENTS, 12, 20)
    step = packed(latents), torch.tensor([1.0]), pooled, words, places(latents)
    reading = {"clip": {}, "t5": {}}
    tokens = {"x": {1: "tokens"}, "level": {}, "pooled": {}, "words": {}, "spots": {0: "tokens"}}
    sides = {"latents": {2: "height", 3: "width"}}
    _write(_Reading(painter), (clip, t5), folder / "reading.onnx", reading)
    _write(_Step(painter), step, folder / "step.onnx", tokens)
    _write(_Picture(pipeline.vae), (latents,), folder / "picture.onnx", sides)
    weights = {prefix: folder / name for prefix, name in WEIGHTS.items()}
    for graph in MADE:
        share(folder / f"{graph}.onnx", weights)


def paint_with(vae: Path, folder: Path) -> None:
    """Put that VAE, whose decoder went on alone, into a pipeline's folder, in half precision."""
    network = AutoencoderKL.from_pretrained(vae).half()
    network.register_to_config(_name_or_path="poster-flux")  # else the path it was read from
    network.save_pretrained(folder / "vae")


def _write(module: torch.nn.Module, example: Any, path: Path, axes: dict[str, Any]) -> None:
    norm = patch("torch.nn.functional.rms_norm", _rms_norm)
    turn = patch("diffusers.models.transformers.transformer_flux.apply_rotary_emb", _turned)
    # Shapes that do not change look like choices to the tracer, which warns of each.
    with norm, turn, warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            module.eval(), example, path, dynamo=False, opset_version=OPSET, input_names=list(axes),
            output_names=MADE[path.stem], do_constant_folding=False,
            dynamic_axes={name: moving for name, moving in axes.items() if moving},
        )  # fmt: skip


def _rms_norm(
    x: torch.Tensor, _shape: Any, weight: torch.Tensor | None = None, eps: float | None = None
) -> torch.Tensor:
    """The rms_norm of torch in operations that opset 17 has."""
    least = EPSILON if eps is None else eps
    even = x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + least)
    return even if weight is None else even * weight


def _turned(x: torch.Tensor, angles: Any, sequence_dim: int) -> torch.Tensor:
    """FLUX's rotary embedding without the reshape that fixes the number of tokens when traced."""
    axis = 2 if sequence_dim == 1 else 1
    cosine, sine = (each.unsqueeze(0).unsqueeze(axis) for each in angles)
    swapped = torch.stack([-x[..., 1::2], x[..., 0::2]], dim=-1).flatten(3)
    return x * cosine + swapped * sine


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the three ONNX files into a folder.")
    parser.add_argument("folder", type=Path, help="such as out/training/generator/pipeline")
    export(parser.parse_args().folder)
