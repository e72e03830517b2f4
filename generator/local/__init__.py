"""Brief in, pictures out of a diffusers folder on this machine.

FLUX.1-schnell and -dev (with Redux for references), SDXL and SDXL-Turbo, Stable Diffusion, the
small FLUX that ships, or another text-to-image pipeline. Nothing is downloaded. Needs the extra
"diffusers".
"""

from __future__ import annotations

import math
import secrets
import threading
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from pydantic import JsonValue

from generator.local.families import Manner, manner_of, size_rule
from generator.local.opening import libraries, opened
from generator.local.options import RANGES, WHO, Options
from generator.local.painting import Order, Painter
from generator.local.redux import Redux
from sentinel.contracts import Brief, Candidate, Capabilities, Reference, Runtime
from sentinel.errors import BriefError, MissingRequirement
from sentinel.imaging import encode

SEEDS = 2**31
"""Seeds that are drawn where the brief names none."""

LARGEST = 2**63
"""Seeds are below: what a database keeps as an integer."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder that is open."""

    manner: Manner
    painter: Painter
    redux: Redux | None


@dataclass(kw_only=True, eq=False)
class Local(Options):
    """A diffusers pipeline from a folder: FLUX, SDXL or Stable Diffusion, on this machine.

    The same seed and brief give the same bytes; with `batch` above 1 the same picture up to
    rounding (docs/generators/local.md). What `steps`, `guidance`, `size` and `prompt_tokens` are
    where nobody says so hangs on the family of models, which is told by what stands in the folder.
    """

    version: ClassVar[str] = "2"
    price: ClassVar[float] = 0.0

    _opened: Opened | None = field(default=None, init=False, repr=False)
    _asked: dict[int, threading.Event] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    """A call that took too long may still be at its last step when the next one comes."""

    @property
    def capabilities(self) -> Capabilities:
        """What the model understands; known once it is loaded."""
        return self._opened.manner.capabilities if self._opened else Capabilities()

    @property
    def default_steps(self) -> int | None:
        """Steps it takes where the brief names none; None before it is loaded."""
        return self._opened.manner.steps if self._opened else self.steps

    def load(self, runtime: Runtime) -> None:
        """Open the folder; MissingRequirement names the extra or the folder that is missing."""
        pipeline = opened(self, runtime)
        manner = manner_of(pipeline, self)
        redux = Redux(self, pipeline, runtime) if self.redux else None
        torch, _ = libraries()
        self._opened = Opened(manner, Painter(pipeline, manner, torch), redux)

    def generate(self, brief: Brief) -> list[Candidate]:
        """`brief.count` pictures; BriefError for what the model cannot paint."""
        if self._opened is None:
            raise MissingRequirement(WHO, "its pipeline", "call load() first")
        manner = self._opened.manner
        _check(brief, manner)
        first = secrets.randbelow(SEEDS) if brief.seed is None else brief.seed
        seeds = range(first, first + brief.count)
        stop = self._asked[id(brief)] = threading.Event()
        try:
            with self._lock:
                order = _referred(_ordered(brief, manner), brief, self._opened)
                painted = self._opened.painter.paint(order, seeds, self.batch, stop)
        finally:
            if self._asked.get(id(brief)) is stop:  # not that of a repeat
                del self._asked[id(brief)]
        told: dict[str, JsonValue] = {
            "model": Path(self.folder).resolve().name, "family": manner.family,
            "steps": order.steps, "batch": painted.batch,
        }  # fmt: skip
        if ignored := _ignored(brief, order, manner):
            told["ignored"] = ignored
        return [
            Candidate(image=encode(each, brief.output_format), seed=seed, measurements=dict(told))
            for each, seed in zip(painted.pixels, seeds, strict=True)
        ]

    def cancel(self, brief: Brief) -> None:
        """Stop painting this very brief after the step that runs; generate raises Cancelled."""
        if (stop := self._asked.get(id(brief))) is not None:
            stop.set()

    def close(self) -> None:
        """Let go of the weights."""
        self._opened = None


def _check(brief: Brief, manner: Manner) -> None:
    """BriefError names the field, the value and the rule."""
    rules = manner.capabilities
    for name in ("width", "height"):
        side = getattr(brief, name)
        if side is None:
            continue
        if side % rules.multiple_of or not rules.smallest <= side <= rules.largest:
            raise BriefError(name, side, f"use {size_rule(rules)}")
    most = rules.max_steps or 1
    if brief.steps is not None and not 1 <= brief.steps <= most:
        told = f"use 1 to {most}; the option max_steps of the generator raises that"
        raise BriefError("steps", brief.steps, told)
    low, high = RANGES["guidance"]
    if brief.guidance is not None and not low <= brief.guidance <= high:
        raise BriefError("guidance", brief.guidance, f"use {low:g} to {high:g}")
    if brief.seed is not None and not 0 <= brief.seed < LARGEST - brief.count:
        raise BriefError("seed", brief.seed, "use 0 or more, below 2**63")


def _ordered(brief: Brief, manner: Manner) -> Order:
    """The brief with nothing left open; a side that is not named is as long as the other."""
    guidance = manner.guidance
    if brief.guidance is not None and manner.guided:
        guidance = brief.guidance
    guided = guidance is not None and guidance > 1 and math.isfinite(guidance)
    understood = manner.capabilities.negative_prompt and guided
    return Order(
        prompt=_sound(brief.prompt or ""),
        negative=_sound(brief.negative_prompt or "") or None if understood else None,
        width=brief.width or brief.height or manner.size,
        height=brief.height or brief.width or manner.size,
        steps=brief.steps or manner.steps,
        guidance=guidance,
    )


def _referred(order: Order, brief: Brief, opened_: Opened) -> Order:
    """The order with its references, where there is somebody to look at them."""
    heeded = _heeded(brief, opened_.manner)
    if not heeded or opened_.redux is None:
        return order
    tokens = opened_.manner.tokens
    return replace(order, referring=partial(opened_.redux.said, order.prompt, heeded, tokens))


def _heeded(brief: Brief, manner: Manner) -> tuple[Reference, ...]:
    """The references of a kind that is understood."""
    kinds = manner.capabilities.references
    return tuple(each for each in brief.references if each.kind in kinds)


def _ignored(brief: Brief, order: Order, manner: Manner) -> list[JsonValue]:
    """Fields that the brief names and this model does not know."""
    named = {
        "negative_prompt": bool(brief.negative_prompt) and order.negative is None,
        "guidance": brief.guidance is not None and not manner.guided,
        "references": len(_heeded(brief, manner)) < len(brief.references),
    }
    return [name for name, ignored in named.items() if ignored]


def _sound(text: str) -> str:
    """Lone surrogates stop tokenizers."""
    return text.encode("utf-8", "replace").decode("utf-8")
