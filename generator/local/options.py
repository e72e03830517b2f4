"""What an operator may say of a local pipeline in, the same checked out. Nothing is opened."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, get_args

from sentinel.errors import ConfigError

WHO = "generator local"

Dtype = Literal["float32", "bfloat16", "float16"]
Offload = Literal["none", "model", "sequential"]
Compiled = Literal["none", "blocks", "full"]
Attention = Literal["sdpa", "math", "flash", "cudnn", "flash3", "sage", "xformers"]
Kind = Literal["auto", "schnell", "dev", "turbo", "sdxl", "sd", "other"]

MOST_TOKENS = 512
"""Prompt tokens that a FLUX was trained on at most."""

WORDS: dict[str, tuple[str, ...]] = {
    "family": get_args(Kind),
    "dtype": get_args(Dtype),
    "offload": get_args(Offload),
    "compile": get_args(Compiled),
    "attention": get_args(Attention),
}
"""Options that are one of a few words."""

BOUNDS: dict[str, tuple[int, int]] = {
    "batch": (1, 64),
    "steps": (1, 1000),
    "max_steps": (1, 1000),
    "size": (8, 8192),
    "largest": (8, 8192),
    "prompt_tokens": (1, MOST_TOKENS),
}
"""Options that are whole numbers; the schedulers' times are 1000."""

RANGES: dict[str, tuple[float, float]] = {"guidance": (0.0, 30.0), "redux_strength": (0.0, 2.0)}
"""Options that are numbers."""


@dataclass(kw_only=True, eq=False)
class Options:
    """None means: what the model's family is meant for."""

    folder: str = ""
    """Holds model_index.json."""
    family: Kind = "auto"
    dtype: Dtype = "bfloat16"
    variant: str = ""
    """Names the weight files, where a folder holds several kinds ("fp16")."""
    offload: Offload = "none"
    """What waits in main memory: nothing, whole models, or single layers."""
    compile: Compiled = "none"
    attention: Attention = "sdpa"
    batch: int = 1
    """Pictures in one pass at most; in company a seed's picture is another to the byte."""
    steps: int | None = None
    max_steps: int | None = None
    guidance: float | None = None
    size: int | None = None
    """Pixels a side where the brief names none."""
    largest: int = 2048
    prompt_tokens: int | None = None
    redux: str = ""
    """Folder of the FLUX Redux prior, through which references of style and product go."""
    redux_strength: float = 1.0

    def __post_init__(self) -> None:
        """ConfigError names the option, its value and what may stand there."""
        for name, words in WORDS.items():
            if getattr(self, name) not in words:
                self._refuse(name, f"use {', '.join(words[:-1])} or {words[-1]}")
        optional = {each.name for each in fields(self) if each.default is None}
        for name, (least, most) in (BOUNDS | RANGES).items():
            value = getattr(self, name)
            if value is None and name in optional:
                continue
            kinds = (int,) if name in BOUNDS else (int, float)
            number = isinstance(value, kinds) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or not least <= value <= most:
                kind = "a whole number" if name in BOUNDS else "a number"
                self._refuse(name, f"use {kind} from {least:g} to {most:g}")
        if self.compile != "none" and self.offload == "sequential":
            self._refuse("compile", "layers that are moved one by one cannot be compiled; use none")
        if self.steps is not None and self.max_steps is not None and self.steps > self.max_steps:
            self._refuse("steps", f"max_steps is {self.max_steps}")

    def _refuse(self, name: str, way_out: str) -> None:
        raise ConfigError(f"{WHO}: {name} is {getattr(self, name)!r}; {way_out}")
