"""References in, what FLUX reads instead of a prompt alone out: the words, then the pictures.

FLUX Redux is a SigLIP that looks at a picture and a small projection that says it in the tokens
of FLUX's T5. diffusers' own FluxPriorReduxPipeline drops the prompt unless a second T5 is loaded
with it; here the words come from the T5 that is there, and the picture's tokens stand behind them.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from generator.local.opening import folder_of, libraries, opening, place, read
from generator.local.options import WHO, Options
from sentinel.contracts import Reference, Runtime
from sentinel.errors import ConfigError, MissingRequirement
from sentinel.imaging import fit
from sentinel.imaging import read as decoded

VISION = "pip install torchvision"

SIDE = 1024
"""Pixels a side that a reference is reduced to: SigLIP looks at 384."""


class Redux:
    """An opened prior."""

    def __init__(self, options: Options, pipeline: Any, runtime: Runtime) -> None:
        """ConfigError where it does not belong to this FLUX."""
        what = "FLUX.1-Redux saved on this machine"
        folder = folder_of(options.redux, "redux", what)
        transformer = getattr(pipeline, "transformer", None)
        if type(pipeline).__name__ != "FluxPipeline" or transformer is None:
            told = f"redux is for FLUX, and the folder holds a {type(pipeline).__name__}"
            raise ConfigError(f"{WHO}: {told}; leave it out")
        if importlib.util.find_spec("torchvision") is None:
            raise MissingRequirement(WHO, "torchvision, which shows SigLIP its pictures", VISION)
        torch, diffusers = libraries()
        with opening(options.redux, runtime.device, torch):
            self._prior = read(diffusers.FluxPriorReduxPipeline, folder, options.dtype, torch)
            place(self._prior, options, runtime.device)
        speaks = self._prior.image_embedder.config.txt_in_features
        hears = transformer.config.joint_attention_dim
        if speaks != hears:
            told = f"redux speaks in {speaks} numbers a token, this FLUX in {hears}"
            raise ConfigError(f"{WHO}: {told}; use the prior that belongs to it")
        self._torch = torch
        self._pipeline = pipeline
        self._strength = options.redux_strength

    def said(
        self, prompt: str, references: tuple[Reference, ...], tokens: int | None
    ) -> dict[str, Any]:
        """What stands for the prompt; PictureError for a reference that cannot be read."""
        pictures = [
            fit(decoded(each.image, field=f"references[{index}]").pixels, SIDE)
            for index, each in enumerate(references)
        ]
        device = self._pipeline._execution_device  # noqa: SLF001 - as diffusers' own priors do
        words, pooled, _ = self._pipeline.encode_prompt(
            prompt=prompt, prompt_2=None, device=device, max_sequence_length=tokens or 512
        )
        looked = self._prior.encode_image(pictures, self._prior._execution_device, 1)  # noqa: SLF001 - the same
        seen = self._prior.image_embedder(looked).image_embeds
        self._prior.maybe_free_model_hooks()
        mean = seen.mean(dim=0, keepdim=True).to(device=device, dtype=words.dtype)
        both = self._torch.cat([words, mean * self._strength], dim=1)
        return {"prompt_embeds": both, "pooled_prompt_embeds": pooled}
