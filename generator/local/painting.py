"""An order and its seeds in, pixels out: batch by batch, in smaller ones where memory runs out.

Each picture of a batch has a generator of its own, on the CPU, so that a seed is the same picture
alone, in company and on every device; what differs is how a batch's sums are rounded
(docs/generators/local.md has the figures).
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from generator.local.families import Manner
from sentinel.contracts import Pixels
from sentinel.errors import Cancelled, NoPicture, ProviderFailed, SafetyRefused

NAME = "local"

CPU_MEMORY = "can't allocate memory"
"""What torch says where main memory runs out: a bare RuntimeError."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is painted: the brief with nothing left open."""

    prompt: str
    negative: str | None
    width: int
    height: int
    steps: int
    guidance: float | None
    referring: Callable[[], dict[str, Any]] | None = None
    """Makes what stands for the prompt where references are heeded."""


@dataclass(frozen=True, slots=True)
class Painted:
    """The pictures in the order of their seeds, and how many went through in one pass."""

    pixels: tuple[Pixels, ...]
    batch: int


class Painter:
    """A pipeline that is asked by one thread at a time."""

    def __init__(self, pipeline: Any, manner: Manner, torch: Any) -> None:
        """The pipeline stands where it is to run."""
        self._pipeline = pipeline
        self._manner = manner
        self._torch = torch

    def paint(
        self, order: Order, seeds: Sequence[int], batch: int, stop: threading.Event
    ) -> Painted:
        """ProviderFailed where half a batch is too much too; Cancelled soon after `stop`."""
        fits = batch if "num_images_per_prompt" in self._manner.takes else 1
        size, halved = min(fits, len(seeds)), False
        done: list[Pixels] = []
        while len(done) < len(seeds):
            part = seeds[len(done) : len(done) + size]
            made = self._tried(order, part, stop)
            if not isinstance(made, str):
                done += made
                continue
            self._free()
            if halved or len(part) == 1:
                raise ProviderFailed(NAME, _too_much(order, len(part), made), submitted=False)
            size, halved = len(part) // 2, True
        return Painted(tuple(done), size)

    def _tried(
        self, order: Order, seeds: Sequence[int], stop: threading.Event
    ) -> list[Pixels] | str:
        """The pictures, or what torch says of memory; its error is gone, and what that held."""
        try:
            return self._passed(order, seeds, stop)
        except RuntimeError as error:
            if isinstance(error, self._torch.OutOfMemoryError) or CPU_MEMORY in str(error):
                return str(error)
            raise

    def _passed(self, order: Order, seeds: Sequence[int], stop: threading.Event) -> list[Pixels]:
        """One call of the pipeline."""
        if stop.is_set():
            raise Cancelled(NAME, "was called off before it began", submitted=False)

        def between(_: Any, step: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            # raising ends it here; pipeline._interrupt would still decode a picture for nobody
            if stop.is_set():
                told = f"was called off after step {step + 1} of {order.steps}"
                raise Cancelled(NAME, told, submitted=False)
            return tensors

        try:
            with self._torch.no_grad():
                given = self._given(order, seeds) | self._taken({"callback_on_step_end": between})
                result = self._pipeline(**given)
        except Exception:
            self._pipeline.maybe_free_model_hooks()  # what offload moved; else it does so itself
            raise
        return _looked_at(result)

    def _given(self, order: Order, seeds: Sequence[int]) -> dict[str, Any]:
        """Arguments of the call; what this pipeline does not take is left out."""
        many = len(seeds)
        said: dict[str, Any] = {"prompt": order.prompt, "num_images_per_prompt": many}
        if order.referring is not None:
            both = order.referring()
            said = {key: each.repeat_interleave(many, dim=0) for key, each in both.items()}
        draws = [self._torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        wanted = {
            "negative_prompt": order.negative,
            "width": order.width,
            "height": order.height,
            "num_inference_steps": order.steps,
            "guidance_scale": order.guidance,
            "max_sequence_length": self._manner.tokens,
            "generator": draws,
            "output_type": "np",
        }
        return self._taken(said | {key: each for key, each in wanted.items() if each is not None})

    def _taken(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {key: each for key, each in arguments.items() if key in self._manner.takes}

    def _free(self) -> None:
        """Give back what torch keeps for later."""
        gc.collect()
        if self._torch.cuda.is_available():
            self._torch.cuda.empty_cache()


def _looked_at(result: Any) -> list[Pixels]:
    """Pictures as bytes; what is no picture is told, and never handed out as a black one."""
    if any(getattr(result, "nsfw_content_detected", None) or ()):
        raise SafetyRefused(NAME, "painted it, and its own safety checker holds it back")
    images = np.asarray(result.images)
    if not np.isfinite(images).all():
        told = "painted numbers that are none (NaN); set the option dtype to bfloat16 or float32"
        raise NoPicture(NAME, told, flaw="undecodable")
    return list((images * 255).round().clip(0, 255).astype(np.uint8))


def _too_much(order: Order, many: int, told: str) -> str:
    pictures = "1 picture" if many == 1 else f"{many} pictures at once"
    way_out = "ask for a smaller one, or set the option offload to model or sequential"
    first = told.splitlines()[0] if told else "out of memory"
    return f"ran out of memory with {pictures} of {order.width}x{order.height}: {way_out} ({first})"
