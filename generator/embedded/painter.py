"""A pipeline's folder in, pictures out: FluxPipeline's arithmetic over three ONNX graphs.

Everything that the folder says is read from it: the scheduler's shift, the latents' channels, how
many tokens are read. diffusers' names for the parts: `reading` is encode_prompt, `levels` the
scheduler's sigmas, `packed` _pack_latents, `places` _prepare_latent_image_ids.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from generator.embedded.noise import noise
from sentinel.contracts import Pixels, Runtime
from sentinel.detectors.sessions import open_session
from sentinel.errors import ConfigError

WHO = "generator embedded"
GRAPHS = ("reading", "step", "picture")
FILES = (
    *(f"{graph}.onnx" for graph in GRAPHS),
    "scheduler/scheduler_config.json", "vae/config.json",
    *(f"{part}/{name}" for part in ("tokenizer", "tokenizer_2")
      for name in ("tokenizer.json", "tokenizer_config.json")),
    *(f"{part}/model.safetensors" for part in ("text_encoder", "text_encoder_2")),
    *(f"{part}/diffusion_pytorch_model.safetensors" for part in ("transformer", "vae")),
)  # fmt: skip
"""What is read of a folder; diffusers reads some more."""

UNKNOWN = ("use_dynamic_shifting", "shift_terminal", "use_karras_sigmas", "use_exponential_sigmas",
           "use_beta_sigmas", "invert_sigmas", "stochastic_sampling")  # fmt: skip
"""What a scheduler may be set to and this one does not do."""

Floats = NDArray[np.float32]


class Read(NamedTuple):
    """A prompt as the transformer takes it."""

    pooled: Floats
    words: Floats


class Painter:
    """An opened folder."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        """All `FILES` must be there; ConfigError where one is none that can be used."""
        self._shift = _shift(folder)
        vae = _told(folder / "vae" / "config.json")
        self._channels = int(vae["latent_channels"])
        self._down = 2 ** (len(vae["block_out_channels"]) - 1)
        self._reading, self._step, self._picture = (
            open_session(folder / f"{graph}.onnx", runtime, who=WHO) for graph in GRAPHS
        )
        lengths = {each.name: each.shape[1] for each in self._reading.get_inputs()}
        self.context = int(lengths["t5"])
        self._clip = _tokenizer(folder / "tokenizer", int(lengths["clip"]))
        self._t5 = _tokenizer(folder / "tokenizer_2", self.context)

    def ids(self, prompt: str) -> dict[str, NDArray[np.int64]]:
        """Token ids for both text encoders, cut and padded as FluxPipeline does it."""
        text = prompt.encode("utf-8", "replace").decode("utf-8")  # lone surrogates stop tokenizers
        both = {"clip": self._clip, "t5": self._t5}
        return {name: np.array([each.encode(text).ids]) for name, each in both.items()}

    def read(self, prompt: str) -> Read:
        """What the text encoders make of a prompt."""
        return Read(*self._reading.run(["pooled", "words"], self.ids(prompt)))

    def paint(self, read: Read, size: tuple[int, int], *, seed: int, steps: int) -> Pixels:
        """One picture of this width and height."""
        width, height = (side // self._down for side in size)
        latents = noise((1, self._channels, height, width), seed)
        state, spots = packed(latents), places(height // 2, width // 2)
        for high, low in itertools.pairwise(levels(steps, self._shift)):
            given = {"x": state, "level": np.array([high]), "spots": spots, **read._asdict()}
            (flow,) = self._step.run(["flow"], given)
            state = state + (low - high) * flow
        whole = unpacked(state, height, width)
        (made,) = self._picture.run(["picture"], {"latents": whole})
        pixels: Pixels = (made[0].transpose(1, 2, 0) * 255).round().clip(0, 255).astype(np.uint8)
        return np.ascontiguousarray(pixels)


def levels(steps: int, shift: float) -> Floats:
    """Noise levels from 1 down to the final 0, moved as FlowMatchEulerDiscreteScheduler does."""
    even = np.linspace(1, 1 / steps, steps).astype(np.float32)
    moved = np.float32(shift) * even / (1 + np.float32(shift - 1) * even)
    return np.append(moved, np.float32(0))


def packed(latents: Floats) -> Floats:
    """1×C×h×w as 1×(h/2·w/2)×4C."""
    _, channels, height, width = latents.shape
    parts = latents.reshape(channels, height // 2, 2, width // 2, 2)
    return np.ascontiguousarray(parts.transpose(1, 3, 0, 2, 4)).reshape(1, -1, 4 * channels)


def unpacked(tokens: Floats, height: int, width: int) -> Floats:
    """The way back."""
    parts = tokens.reshape(height // 2, width // 2, -1, 2, 2)
    return np.ascontiguousarray(parts.transpose(2, 0, 3, 1, 4)).reshape(1, -1, height, width)


def places(rows: int, columns: int) -> Floats:
    """Row and column of every token, behind a 0."""
    down, across = np.divmod(np.arange(rows * columns), columns)
    return np.stack([np.zeros_like(down), down, across], axis=1).astype(np.float32)


def _shift(folder: Path) -> float:
    """The scheduler's static shift; ConfigError where it is set to anything else."""
    scheduler = _told(folder / "scheduler" / "scheduler_config.json")
    name = scheduler.get("_class_name")
    odd = [key for key in UNKNOWN if scheduler.get(key)]
    if name != "FlowMatchEulerDiscreteScheduler" or odd:
        told = f"the scheduler {name} with {', '.join(odd) or 'its own settings'}"
        way_out = "use FlowMatchEulerDiscreteScheduler with a static shift, or the generator local"
        raise ConfigError(f"{WHO} does not know {told}; {way_out}")
    return float(scheduler["shift"])


def _tokenizer(folder: Path, length: int) -> Any:
    """A tokenizer that cuts and pads to this length."""
    opened = Tokenizer.from_file(str(folder / "tokenizer.json"))
    padding = _told(folder / "tokenizer_config.json")["pad_token"]
    opened.enable_truncation(length)
    opened.enable_padding(length=length, pad_id=opened.token_to_id(padding), pad_token=padding)
    return opened


def _told(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told
