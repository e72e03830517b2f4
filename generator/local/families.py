"""An opened pipeline in, what its family of models is meant for out: steps, guidance, sizes."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import Any

from generator.local.options import WHO, Options
from sentinel.contracts import Capabilities
from sentinel.errors import ConfigError

FLUX = "FluxPipeline"
UNETS = {"StableDiffusionXLPipeline": "sdxl", "StableDiffusionPipeline": "sd"}

SIDE = 1024
"""Pixels a side where neither the brief, the options nor the folder names any."""

EIGHT = 8
"""What both U-Net pipelines want sides to be a multiple of, whatever their VAE does."""


@dataclass(frozen=True, slots=True)
class Family:
    """Steps and guidance as the models' cards name them; None is the pipeline's own default."""

    steps: int | None
    most: int
    guidance: float | None
    guided: bool = True
    """Whether guidance changes anything."""
    tokens: int | None = None
    """Prompt tokens, where that is a choice."""


FAMILIES: dict[str, Family] = {
    "schnell": Family(steps=4, most=4, guidance=0.0, guided=False, tokens=256),
    "dev": Family(steps=None, most=50, guidance=None, tokens=512),
    "turbo": Family(steps=1, most=4, guidance=0.0),
    "sdxl": Family(steps=None, most=100, guidance=None),
    "sd": Family(steps=None, most=100, guidance=None),
    "other": Family(steps=None, most=100, guidance=None),
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How this pipeline is called, with the options heeded."""

    family: str
    takes: frozenset[str]
    """Keywords of its call."""
    steps: int
    guidance: float | None
    guided: bool
    size: int
    tokens: int | None
    capabilities: Capabilities

    @property
    def flux(self) -> bool:
        """Whether it is one of the FLUX models."""
        return self.family in ("schnell", "dev")


def manner_of(pipeline: Any, options: Options) -> Manner:
    """ConfigError where the folder paints from something else than a prompt."""
    parameters = inspect.signature(pipeline.__call__).parameters
    needs = [
        name for name, each in parameters.items()
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
    ]  # fmt: skip
    if "prompt" not in parameters or set(needs) - {"prompt"}:
        told = f"is a {type(pipeline).__name__}, which paints from more than a prompt"
        raise ConfigError(f"{WHO}: folder {told}; use a text-to-image pipeline")
    name = _recognised(pipeline) if options.family == "auto" else options.family
    _agrees(name, pipeline)
    known = FAMILIES[name]
    steps = options.steps or known.steps or _default(parameters, "num_inference_steps", 50)
    guidance = known.guidance if options.guidance is None else options.guidance
    if guidance is None:
        guidance = _default(parameters, "guidance_scale", None)
    most = options.max_steps or max(known.most, steps)
    if steps > most:
        told = f"max_steps is {most}, and {name} takes {steps} steps; set the option steps too"
        raise ConfigError(f"{WHO}: {told}")
    multiple, tokens = _multiple(pipeline), _tokens(pipeline, name, options)
    rules = Capabilities(
        negative_prompt=name in ("sd", "sdxl", "other") and "negative_prompt" in parameters
        and guidance is not None and guidance > 1,
        references=("style", "product") if options.redux else (),
        smallest=multiple if name in ("schnell", "dev") else 8 * multiple,
        largest=options.largest - options.largest % multiple,
        multiple_of=multiple,
        max_steps=most,
        context_tokens=tokens or _clip_tokens(pipeline),
    )  # fmt: skip
    takes = frozenset(parameters)
    size = _size(pipeline, options, rules)
    return Manner(name, takes, steps, guidance, known.guided, size, tokens, rules)


def _recognised(pipeline: Any) -> str:
    """The family by what stands in the folder, never by the folder's name.

    Distilled U-Nets (SDXL-Turbo, SD-Turbo, Lightning) come with an Euler scheduler whose times
    trail; the models they were distilled from do not.
    """
    kind = type(pipeline).__name__
    if kind == FLUX:
        return "dev" if pipeline.transformer.config.guidance_embeds else "schnell"
    if kind not in UNETS:
        return "other"
    scheduler = pipeline.scheduler
    trails = scheduler.config.get("timestep_spacing") == "trailing"
    return "turbo" if trails and type(scheduler).__name__.startswith("Euler") else UNETS[kind]


def _agrees(family: str, pipeline: Any) -> None:
    """ConfigError where the option family names what the folder cannot be."""
    kind = type(pipeline).__name__
    flux, unet = kind == FLUX, kind in UNETS
    fits = {"schnell": flux, "dev": flux, "turbo": unet, "sdxl": unet, "sd": unet, "other": True}
    if not fits[family]:
        told = f"family is {family!r}, and the folder holds a {kind}; leave family out"
        raise ConfigError(f"{WHO}: {told}")


def _default(parameters: Any, name: str, otherwise: Any) -> Any:
    """What the pipeline itself takes for an argument."""
    default = parameters[name].default if name in parameters else None
    return otherwise if default in (None, inspect.Parameter.empty) else default


def _multiple(pipeline: Any) -> int:
    """Sides are a multiple of the VAE's factor, with a transformer twice that: 2 × 2 patches."""
    factor = int(getattr(pipeline, "vae_scale_factor", EIGHT))
    if type(pipeline).__name__ in UNETS:
        return math.lcm(EIGHT, factor)
    return factor * 2 if hasattr(pipeline, "transformer") else factor


def _tokens(pipeline: Any, family: str, options: Options) -> int | None:
    """Prompt tokens to ask for, of itself no more than the second tokenizer says it takes."""
    known = FAMILIES[family].tokens
    if known is None:
        return options.prompt_tokens if family == "other" else None
    if options.prompt_tokens is not None:
        return options.prompt_tokens
    return min(known, int(getattr(pipeline.tokenizer_2, "model_max_length", known)))


def _clip_tokens(pipeline: Any) -> int | None:
    """What the CLIP of a U-Net pipeline reads; what stands behind it is not painted."""
    length = getattr(getattr(pipeline, "tokenizer", None), "model_max_length", None)
    return int(length) if length is not None and length < 10**6 else None


def _size(pipeline: Any, options: Options, rules: Capabilities) -> int:
    """Pixels a side: the option, or what the U-Net, else the VAE was trained at."""
    if options.size is not None:
        if options.size % rules.multiple_of or not rules.smallest <= options.size <= rules.largest:
            told = f"size is {options.size}; use {size_rule(rules)}"
            raise ConfigError(f"{WHO}: {told}")
        return options.size
    unet = getattr(pipeline, "unet", None)
    part, factor = (unet, pipeline.vae_scale_factor) if unet is not None else (pipeline.vae, 1)
    trained = getattr(part.config, "sample_size", None)
    side = int(trained) * factor if isinstance(trained, int) else SIDE
    within = min(max(side, rules.smallest), rules.largest)
    return within - within % rules.multiple_of


def size_rule(rules: Capabilities) -> str:
    """The rule of sizes in words."""
    return f"a multiple of {rules.multiple_of}, {rules.smallest} to {rules.largest}"
