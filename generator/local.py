"""Brief in, pictures out of a diffusers folder on this machine.

FLUX.1-schnell, SDXL-Turbo or any other text-to-image pipeline that `DiffusionPipeline` opens
from a local folder; nothing is downloaded. Needs the extra "diffusers".
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from sentinel.contracts import Brief, Candidate, Capabilities, Runtime
from sentinel.errors import BriefError, ConfigError, MissingRequirement
from sentinel.imaging import encode

SIZE = 1024
"""Pixels a side where the brief names no size: FLUX.1-schnell's native size."""

STEPS = 4
"""Steps where the brief names none: FLUX.1-schnell is distilled for four."""

PROMPT_TOKENS = 256
"""FLUX.1-schnell's published limit; the pipeline's default of 512 costs 7 % more work."""

Dtype = Literal["float32", "bfloat16", "float16"]


class Local:
    """A diffusers pipeline from a folder; the same seed and brief give the same picture.

    Options: `folder` (holds model_index.json), `dtype`, `steps`, `size`, `prompt_tokens`.
    """

    version: ClassVar[str] = "1"
    price: ClassVar[float] = 0.0

    def __init__(
        self, *, folder: str = "", dtype: Dtype = "bfloat16", steps: int = STEPS, size: int = SIZE,
        prompt_tokens: int = PROMPT_TOKENS,
    ) -> None:  # fmt: skip
        """Nothing is read before `load`."""
        if dtype not in ("float32", "bfloat16", "float16"):
            raise ConfigError(f"dtype is {dtype!r}; use float32, bfloat16 or float16")
        self._folder = Path(folder) if folder else None
        self._dtype = dtype
        self._steps = self.default_steps = steps
        self._size = size
        self._prompt_tokens = prompt_tokens
        self._pipeline: Any = None
        self.capabilities = Capabilities()

    def load(self, runtime: Runtime) -> None:
        """Open the folder; MissingRequirement names the extra or the folder that is missing."""
        if self._folder is None or not (self._folder / "model_index.json").is_file():
            told = f"a folder with model_index.json, not {str(self._folder)!r}"
            remedy = "set the option folder to a diffusers pipeline saved on this machine"
            raise MissingRequirement("generator local", told, remedy)
        try:
            import torch  # noqa: PLC0415 - heavy, in an extra
            from diffusers import DiffusionPipeline  # noqa: PLC0415 - heavy, in an extra
        except ImportError as error:
            remedy = "pip install 'sentinel-gatekeeper[diffusers]'"
            raise MissingRequirement("generator local", "diffusers", remedy) from error
        torch.set_num_threads(runtime.threads)
        opened = DiffusionPipeline.from_pretrained(
            str(self._folder), dtype=getattr(torch, self._dtype), local_files_only=True
        )
        self._pipeline = opened.to(runtime.device)
        self._pipeline.set_progress_bar_config(disable=True)
        self.capabilities = self._understood()

    def generate(self, brief: Brief) -> list[Candidate]:
        """`brief.count` pictures; BriefError for a size the model cannot paint."""
        import torch  # noqa: PLC0415 - heavy, in an extra

        if self._pipeline is None:
            raise MissingRequirement("generator local", "its pipeline", "call load() first")
        width, height = self._sized("width", brief.width), self._sized("height", brief.height)
        seed = brief.seed if brief.seed is not None else torch.seed() % 2**31
        made = []
        for offset in range(brief.count):
            random = torch.Generator("cpu").manual_seed(seed + offset)
            with torch.inference_mode():
                result = self._pipeline(
                    prompt=brief.prompt or "",
                    width=width,
                    height=height,
                    num_inference_steps=brief.steps or self._steps,
                    generator=random,
                    output_type="np",
                    **self._extras(brief),
                )
            pixels = (result.images[0] * 255).round().clip(0, 255).astype(np.uint8)
            made.append(Candidate(image=encode(pixels), seed=seed + offset))
        return made

    def close(self) -> None:
        """Let go of the weights."""
        self._pipeline = None

    def _extras(self, brief: Brief) -> dict[str, Any]:
        """Arguments that only some pipelines take."""
        takes = inspect.signature(self._pipeline.__call__).parameters
        wanted: dict[str, Any] = {
            "guidance_scale": brief.guidance if brief.guidance is not None else 0.0,
            "max_sequence_length": self._prompt_tokens,
            "negative_prompt": brief.negative_prompt if self.capabilities.negative_prompt else None,
        }
        return {key: value for key, value in wanted.items() if key in takes and value is not None}

    def _understood(self) -> Capabilities:
        """FLUX takes a negative prompt only with true guidance, which schnell has not."""
        takes = inspect.signature(self._pipeline.__call__).parameters
        flux = type(self._pipeline).__name__.startswith("Flux")
        multiple = int(getattr(self._pipeline, "vae_scale_factor", 8)) * (2 if flux else 1)
        negative = "negative_prompt" in takes and not flux
        return Capabilities(negative_prompt=negative, multiple_of=multiple, smallest=multiple)

    def _sized(self, field: str, asked: int | None) -> int:
        pixels = self._size if asked is None else asked
        rules = self.capabilities
        if pixels % rules.multiple_of or not rules.smallest <= pixels <= rules.largest:
            told = f"use a multiple of {rules.multiple_of}, {rules.smallest} to {rules.largest}"
            raise BriefError(field, pixels, told)
        return pixels
