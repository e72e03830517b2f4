"""Brief in, posters out of the small FLUX that ships with Sentinel: no torch, no download.

The folder is an ordinary diffusers FluxPipeline with three ONNX graphs beside its weights, so the
generator `local` paints the same pictures from it, seed by seed, where torch is installed.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import ClassVar

from generator.embedded.painter import FILES, WHO, Painter
from generator.embedded.sizes import nearest, resized
from sentinel.contracts import Brief, Candidate, Capabilities, ModelCard, Runtime
from sentinel.errors import BriefError, ConfigError, MissingRequirement
from sentinel.imaging import encode

SHIPPED = Path(__file__).parent.parent / "posters"
CARD = ModelCard(
    name="poster-flux",
    title="Poster FLUX, 128 px, four steps: knows only the poster world; for demos and tests",
    licence="Apache-2.0",
    commercial=True,
    megabytes=28.6,
    source="wheel",
)

REPAIR = "pip install --force-reinstall --no-deps sentinel-gatekeeper"
EXPORT = "python -m training.export FOLDER"
"""For a folder of one's own, in a checkout with the extra diffusers."""

SIDE = 128
"""Pixels a side where the brief names no size: a native size, so that nothing is enlarged."""

STEPS = 4
"""As FLUX.1-schnell. It is trained at the times of these four, so more of them help nothing; the
capabilities say so, though a brief may ask for up to `MOST_STEPS`."""

MOST_STEPS = 50
SMALLEST = 64
LARGEST = 2048
FRESH = 2**31
"""Seeds to draw from where the brief names none, as `local` does."""


class Embedded:
    """Paints the poster world: up to four flat shapes and a word on a plain ground.

    Any other prompt is painted too, as some poster. It paints one of three native sizes, the one
    nearest in its ratio, and stretches that to the size asked; `measurements` of each candidate say
    which. The same seed and brief give the same bytes. Options: `folder`, `steps`.
    """

    version: ClassVar[str] = "1"
    price: ClassVar[float] = 0.0
    models: ClassVar[tuple[ModelCard, ...]] = (CARD,)
    capabilities = Capabilities(smallest=SMALLEST, largest=LARGEST, max_steps=STEPS)

    def __init__(self, *, folder: str = "", steps: int = STEPS) -> None:
        """Nothing is read before `load`."""
        if type(steps) is not int or not 1 <= steps <= MOST_STEPS:
            raise ConfigError(f"steps is {steps!r}; use a whole number from 1 to {MOST_STEPS}")
        self._folder = Path(folder) if folder else SHIPPED
        self._model = self._folder.name if folder else CARD.name
        self._steps = self.default_steps = steps
        self._painter: Painter | None = None

    def load(self, runtime: Runtime) -> None:
        """Open the three graphs; MissingRequirement where a file of the folder is not there."""
        missing = [name for name in FILES if not (self._folder / name).is_file()]
        if missing:
            remedy = REPAIR if self._folder == SHIPPED else EXPORT
            raise MissingRequirement(WHO, f"{missing[0]} in {self._folder.name!r}", remedy)
        self._painter = Painter(self._folder, runtime)
        told = {"context_tokens": self._painter.context}
        self.capabilities = self.capabilities.model_copy(update=told)

    def generate(self, brief: Brief) -> list[Candidate]:
        """`brief.count` pictures; BriefError for a size or a number of steps beyond the limits."""
        if self._painter is None:
            raise MissingRequirement(WHO, "its model", "call load() first")
        width, height = _size(brief)
        steps = self._steps if brief.steps is None else brief.steps
        if not 1 <= steps <= MOST_STEPS:
            raise BriefError("steps", steps, f"use 1 to {MOST_STEPS}")
        native = nearest(width, height)
        facts = {"model": self._model, "native_size": f"{native[0]}x{native[1]}", "steps": steps}
        first = secrets.randbelow(FRESH) if brief.seed is None else brief.seed
        read = self._painter.read(brief.prompt or "")
        made = []
        for seed in range(first, first + brief.count):
            painted = self._painter.paint(read, native, seed=seed, steps=steps)
            image = encode(resized(painted, width, height), brief.output_format)
            made.append(Candidate(image=image, seed=seed, measurements=dict(facts)))
        return made

    def close(self) -> None:
        """Let go of the weights."""
        self._painter = None


def _size(brief: Brief) -> tuple[int, int]:
    """The size asked for; one side alone means a square, none the model's own."""
    for field, pixels in (("width", brief.width), ("height", brief.height)):
        if pixels is not None and not SMALLEST <= pixels <= LARGEST:
            raise BriefError(field, pixels, f"use {SMALLEST} to {LARGEST} pixels")
    named = [side for side in (brief.width, brief.height) if side is not None]
    other = named[0] if named else SIDE
    return brief.width or other, brief.height or other
