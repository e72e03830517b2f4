"""Picture and palette in, reading out: are the colours that were asked for there, and few others?

Distances are CIEDE2000 in CIELAB (scikit-image), names are Pillow's CSS names.

Blind spots: where a colour is (the right red on the wrong object counts), metallic and
transparent materials, and coloured light. No model, no weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import JsonValue

from judges.color.palette import Colour, Mask, Pigments, nearest_name, parse, pigments
from sentinel.contracts import Box, Declined, Evidence, FailureMode, Reading, Sample
from sentinel.errors import ConfigError

FADES = 2.0
"""Tolerances at which a colour that is not quite there earns nothing."""
STRAYS = 1.5
"""Tolerances from every colour of the palette beyond which a pixel has strayed from it: light,
shade and the mixture along an outline lie within."""


@dataclass(frozen=True, slots=True)
class Match:
    """What became of one colour of the palette."""

    colour: Colour
    tolerance: float
    share: float
    distance: float
    near: Mask
    box: Box | None

    @property
    def present(self) -> bool:
        """Enough pixels lie within the tolerance."""
        return self.distance <= self.tolerance

    @property
    def credit(self) -> float:
        """1 within the tolerance, falling to 0 at FADES times that."""
        over = (self.distance - self.tolerance) / ((FADES - 1) * self.tolerance)
        return min(1.0, max(0.0, 1 - over))


@dataclass(frozen=True, slots=True)
class Drift:
    """What lies far from every colour of the palette."""

    share: float
    box: Box | None
    main: tuple[int, int, int] | None


class Color:
    """Palette of the brief against the picture; value 1 when all of it is there and little else.

    value = (mean credit + least credit) / 2 × min(1, (1 − drift) / (1 − drift_allowed)).
    A colour's distance is the ΔE00 within which `least_share` of the picture lies, so an accent
    of half a percent counts; its credit is 1 up to the tolerance and 0 at twice that.
    The least credit weighs half so that one missing colour of ten is not outvoted.
    """

    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ("palette",)

    def __init__(
        self,
        *,
        tolerance: float = 12.0,
        tolerance_named: float = 20.0,
        least_share: float = 0.005,
        drift_allowed: float = 0.5,
        neutrals: bool = True,
    ) -> None:
        """Tolerances in ΔE00: `tolerance` for hex, `tolerance_named` for words such as "red"."""
        self.tolerance = _within("tolerance", tolerance, 100)
        self.tolerance_named = _within("tolerance_named", tolerance_named, 100)
        self.least_share = _within("least_share", least_share, 1)
        self.drift_allowed = _within("drift_allowed", drift_allowed, 1)
        if not isinstance(neutrals, bool):
            raise ConfigError(f"color: neutrals is {neutrals!r}; give true or false")
        self.neutrals = neutrals

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """One reading per sample; Declined where no palette is asked for."""
        return [self._judge(sample) for sample in samples]

    def _judge(self, sample: Sample) -> Reading | Declined:
        if not sample.brief.palette:
            return Declined(reason="no palette asked for")
        colours = {colour.rgb: colour for colour in map(parse, sample.brief.palette)}
        found = pigments(sample.pixels)
        matches = [self._match(found, colour) for colour in colours.values()]
        drift = self._drift(found, matches)
        earned = [match.credit for match in matches]
        kept = 1.0
        if drift.share > self.drift_allowed:
            kept = (1 - drift.share) / (1 - self.drift_allowed)
        value = (sum(earned) / len(earned) + min(earned)) / 2 * kept
        return Reading(
            value=min(1.0, max(0.0, value)),
            reason=self._reason(matches, drift),
            measurements=_measurements(found, matches, drift),
            evidence=self._evidence(matches, drift),
            issues=self._issues(found, matches, drift),
        )

    def _match(self, found: Pigments, colour: Colour) -> Match:
        tolerance = self.tolerance_named if colour.named else self.tolerance
        distances = found.distances(colour)
        reached = found.reached(distances, self.least_share)
        near = distances <= max(tolerance, min(reached, STRAYS * tolerance))
        share = found.share(distances <= tolerance)
        return Match(colour, tolerance, share, reached, near, found.box(near))

    def _drift(self, found: Pigments, matches: list[Match]) -> Drift:
        far = np.ones(len(found.shares), bool)
        for match in matches:
            far &= found.distances(match.colour) > STRAYS * match.tolerance
        if self.neutrals:
            far &= ~found.neutral()
        share = found.share(far)
        if share <= self.drift_allowed:
            return Drift(share, None, None)
        strays = Pigments(found.lab[far], found.shares[far], found.bins, found.scale, found.size)
        main = strays.dominant(1)
        return Drift(share, found.box(far), main[0][0] if main else None)

    def _reason(self, matches: list[Match], drift: Drift) -> str:
        missing = [match.colour.title for match in matches if not match.present]
        if missing:
            return f"{len(missing)} of {len(matches)} colours missing: {', '.join(missing)}"
        if drift.share > self.drift_allowed:
            return f"all colours are there, but {drift.share:.0%} of the picture is in others"
        return (
            f"all {len(matches)} colours are there; {drift.share:.0%} of the picture is in others"
        )

    def _evidence(self, matches: list[Match], drift: Drift) -> tuple[Evidence, ...]:
        found = [
            Evidence(claim=f"{m.colour.title} covers {m.share:.1%}", box=m.box)
            for m in matches
            if m.present
        ]
        if drift.share > self.drift_allowed:
            claim = f"{drift.share:.0%} of the picture is far from every colour asked for"
            found.append(Evidence(claim=claim, box=drift.box))
        return tuple(found)

    def _issues(
        self, found: Pigments, matches: list[Match], drift: Drift
    ) -> tuple[FailureMode, ...]:
        named = []
        for match in matches:
            if match.present:
                continue
            colour, distance = _nearest(found, match.colour)
            detail = f"{match.colour.title} is missing; the nearest colour is {colour}"
            detail += f", ΔE {distance:.0f} away"
            issue = FailureMode(category="color", subcategory="missing_colour", detail=detail)
            named.append(issue)
        if drift.share > self.drift_allowed:
            stray = f", mostly {_title(drift.main)}" if drift.main else ""
            detail = f"{drift.share:.0%} of the picture is in colours not asked for{stray}"
            named.append(FailureMode(category="color", subcategory="drift", detail=detail))
        return tuple(named)


def _measurements(found: Pigments, matches: list[Match], drift: Drift) -> dict[str, JsonValue]:
    colours: dict[str, JsonValue] = {}
    for match in matches:
        nearest, distance = _nearest(found, match.colour)
        colours[match.colour.hex] = {
            "asked": match.colour.text,
            "present": match.present,
            "share": round(match.share, 4),
            "distance": round(match.distance, 2),
            "credit": round(match.credit, 4),
            "nearest_dominant": nearest,
            "nearest_distance": round(distance, 2),
        }
    dominant: list[JsonValue] = [
        {"colour": _title(rgb), "share": round(s, 4)} for rgb, s in found.dominant()
    ]
    return {"colours": colours, "drift": round(drift.share, 4), "dominant": dominant}


def _nearest(found: Pigments, colour: Colour) -> tuple[str, float]:
    """Title and ΔE00 of the dominant colour nearest to the one asked for."""
    measured = [(colour.away(rgb), rgb) for rgb, _ in found.dominant()]
    if not measured:
        return "none", 100.0
    distance, rgb = min(measured)
    return _title(rgb), distance


def _title(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb) + f" ({nearest_name(rgb)})"


def _within(key: str, value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ConfigError(f"color: {key} is {value!r}; give a number from 0 to {most:g}")
    return float(value)
