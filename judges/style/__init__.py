"""A picture and style references in, how alike their manner is out.

Without weights by default: palette, contrast and texture (style_descriptors.py), combined by a
logistic regression over pairs of known style. With `model` the cosine of open_clip image
embeddings instead, which also sees what the picture shows. Blind spots: brush and line character,
composition, period; content mixes in either way (docs/judges/style.md has the figures).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import JsonValue

from judges.style.descriptors import (
    PARTS,
    SMALLEST,
    SMOOTH,
    Described,
    Distances,
    describe,
    distances,
)
from sentinel.contracts import (
    Declined,
    Evidence,
    FailureMode,
    ModelCard,
    Reading,
    ReferencePicture,
    Runtime,
    Sample,
)
from sentinel.detectors.clip import CARDS, ClipModel, open_model
from sentinel.errors import ConfigError

BIAS = 9.054
WEIGHTS = Distances(
    light=-0.597, colour=-0.745, coloured=-2.242, fine=-2.195, coarse=-1.299, directions=-2.094,
    edges=-0.686,
)  # fmt: skip
"""Logistic regression over square roots of distances: `python benchmarks/style.py --fit`."""
NEAR = Distances(
    light=12.6, colour=3.25, coloured=0.0, fine=0.156, coarse=0.16, directions=0.076, edges=0.344
)
"""Half of the pairs of one style lie nearer than this (same command). Nearer counts no more, so
that the same scene in grey does not make up for its missing colour by its equal texture."""
USUAL = Distances(
    light=34.8, colour=13.5, coloured=0.5, fine=0.308, coarse=0.308, directions=0.196, edges=0.792
)
"""Nine of ten pairs of one style lie nearer than this (same command)."""
DARKER, DULLER = 8.0, 6.0
"""CIELAB units of median lightness and chroma from which a difference is put into words."""


def resemblance(found: Distances) -> float:
    """0 to 1: how likely two pictures at these distances are of one style, at even odds before.

    Relative to the likelihood at `NEAR`, so that a picture is wholly of its own style.
    """
    floored = Distances(*map(max, zip(found, NEAR, strict=True)))
    return _likelihood(floored) / _likelihood(NEAR)


def _likelihood(found: Distances) -> float:
    logit = BIAS + sum(share(found, part) for part in PARTS)
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))


def share(found: Distances, part: str) -> float:
    """What palette, contrast or texture adds to the logit: 0 or less, least where most apart."""
    weights, parts = WEIGHTS._asdict(), found._asdict()
    return float(sum(weights[name] * math.sqrt(parts[name]) for name in PARTS[part]))


class Style:
    """Is the picture drawn in the manner of the style references?

    Options: `model`, None for the descriptors or a model's name (siglip2-b16-256,
    siglip2-so400m-384, local-dir:/path) for embeddings; `combine`, "best" (like any reference is
    enough) or "mean"; `issue_below`, the value under which an issue is named; `pickles`, to accept
    weights that are not safetensors.
    """

    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ("references:style",)
    batch_size: ClassVar[int] = 8
    models: ClassVar[tuple[ModelCard, ...]] = CARDS

    def __init__(
        self, *, model: str | None = None, combine: Literal["best", "mean"] = "best",
        issue_below: float = 0.5, pickles: bool = False,
    ) -> None:  # fmt: skip
        if combine not in ("best", "mean"):
            raise ConfigError(f"combine is {combine!r}: 'best' or 'mean'")
        if not 0 <= issue_below <= 1:
            raise ConfigError(f"issue_below is {issue_below}: between 0 and 1")
        self.name, self.combine = model, combine
        self.issue_below, self.pickles = issue_below, pickles
        self._model: ClipModel | None = None

    def load(self, runtime: Runtime) -> None:
        """Open the model where one is named; the descriptors need nothing."""
        if self.name:
            self._model = open_model(self.name, runtime, pickles=self.pickles)

    def close(self) -> None:
        """Let go of the model; another judge may still hold it."""
        self._model = None

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """One reading per sample; declined where there is no style reference."""
        if self.name and self._model is None:
            raise RuntimeError("judge() came before load(): style has no model yet")
        return [self._judge(sample) for sample in samples]

    def _judge(self, sample: Sample) -> Reading | Declined:
        references = sample.references_of("style")
        if not references:
            return Declined(reason="no style reference")
        if self._model is not None:
            return self._embedded(self._model, sample, references)
        own = _described(sample)
        known = [found for each in references if (found := _described(each)) is not None]
        if own is None or not known:
            small = "the picture" if own is None else "every style reference"
            return Declined(
                reason=f"{small} is under {SMALLEST} pixels a side: too small for style"
            )
        return self._compared(own, known)

    def _compared(self, own: Described, known: Sequence[Described]) -> Reading:
        found = [distances(own, each) for each in known]
        values = [resemblance(each) for each in found]
        best = values.index(max(values))
        value = self._combined(values)
        issues = _issues(own, known[best], found[best]) if value < self.issue_below else ()
        alike = {part: round(_alike(found[best], part), 4) for part in PARTS}
        return Reading(
            value=value,
            reason=_reason(value, len(values), issues),
            measurements={
                "method": "descriptors",
                "references": [round(each, 4) for each in values],
                "nearest_reference": best,
                **alike,
                "distances": {name: round(part, 4) for name, part in found[best]._asdict().items()},
            },
            evidence=tuple(Evidence(claim=issue.detail) for issue in issues),
            issues=issues,
        )

    def _embedded(
        self, model: ClipModel, sample: Sample, references: Sequence[ReferencePicture]
    ) -> Reading:
        picture, *known = model.look([sample, *references])
        cosines = [float(picture @ each) for each in known]
        value = self._combined([min(1.0, max(0.0, cosine)) for cosine in cosines])
        issues: tuple[FailureMode, ...] = ()
        if value < self.issue_below:
            detail = f"the picture's embedding lies at a cosine of {value:.2f} from the references"
            issues = (FailureMode(category="style", subcategory="other", detail=detail),)
        measurements: dict[str, JsonValue] = {
            "method": "embedding",
            "model": model.name,
            "fingerprint": model.fingerprint,
            "references": [round(cosine, 4) for cosine in cosines],
        }
        reason = _reason(value, len(cosines), issues)
        return Reading(value=value, reason=reason, measurements=measurements, issues=issues)

    def _combined(self, values: Sequence[float]) -> float:
        return max(values) if self.combine == "best" else sum(values) / len(values)


def _described(picture: Sample | ReferencePicture) -> Described | None:
    return picture.once("style", lambda: describe(picture.pixels))


def _alike(found: Distances, part: str) -> float:
    """1 at no distance, 0.5 at the usual one within a style; for people, not for the value."""
    return 1 / (1 + share(found, part) / share(USUAL, part))


def _issues(own: Described, other: Described, found: Distances) -> tuple[FailureMode, ...]:
    """What lies further off than is usual within one style; the furthest where nothing does."""
    excess = {part: share(found, part) / share(USUAL, part) for part in PARTS}
    named = [part for part in PARTS if excess[part] > 1] or [max(excess, key=lambda p: excess[p])]
    words = {"palette": _palette, "contrast": _contrast, "texture": _texture}
    return tuple(
        FailureMode(category="style", subcategory=part, detail=words[part](own, other))
        for part in sorted(named, key=lambda part: -excess[part])
    )


def _palette(own: Described, other: Described) -> str:
    lightness, chroma = (float((own.palette - other.palette)[row].mean()) for row in (0, 3))
    said = []
    if abs(lightness) > DARKER:
        said.append("lighter" if lightness > 0 else "darker")
    if abs(chroma) > DULLER:
        said.append("more colourful" if chroma > 0 else "less colourful")
    return f"the palette is {' and '.join(said) or 'of other hues'} than the reference's"


def _contrast(own: Described, other: Described) -> str:
    harder = float((own.edges - other.edges).mean()) > 0
    return f"edges are {'harder' if harder else 'softer'} than the reference's"


def _texture(own: Described, other: Described) -> str:
    flatter = own.patterns[0][SMOOTH] > other.patterns[0][SMOOTH]
    return f"the texture is {'smoother' if flatter else 'busier'} than the reference's"


def _reason(value: float, count: int, issues: Sequence[FailureMode]) -> str:
    against = "the style reference" if count == 1 else f"{count} style references"
    if not issues:
        return f"alike in style to {against} ({value:.2f})"
    return f"unlike {against} in {', '.join(issue.subcategory for issue in issues)} ({value:.2f})"
