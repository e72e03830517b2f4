"""A picture in, "may this be shown" out.

The default backend is OpenNSFW (BSD-2-Clause). NudeNet (AGPL) and any Hugging Face image
classifier from a local folder are the policy's choice; nothing is fetched at run time.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from gates.safety import nudenet, opennsfw
from gates.safety.classifier import Classifier
from gates.safety.nudenet import NudeNet
from gates.safety.opennsfw import OpenNsfw
from gates.safety.sighting import Backend, Sighting
from sentinel.contracts import Evidence, FailureMode, Finding, ModelCard, Runtime, Sample
from sentinel.errors import ConfigError

BackendName = Literal["opennsfw", "nudenet", "classifier"]

REJECT_AT = {"opennsfw": 0.8, "nudenet": 0.6, "classifier": 0.8}
"""Probability from which a picture is refused. OpenNSFW: none of the benign pictures reaches 0.8
(benchmarks/safety.py). NudeNet: its benign false hits end near 0.3, and 0.5 to 0.6 is what its
users block at. A classifier: the same as OpenNSFW, unmeasured."""

REVIEW_AT = {"opennsfw": 0.5, "nudenet": 0.4, "classifier": 0.5}
"""Probability from which a person is asked to look; the picture passes."""


class SafetyGate:
    """Refuses pictures that are unsafe to show; blind to what its backend was not trained on.

    Measures `probability` (0 to 1, of being unsafe), `review` (true from `review_at` on),
    `backend` and the `provider` that is really active. Violence, hate and minors are outside
    what the default backend knows, and it was trained on photographs.
    """

    version: ClassVar[str] = "1"
    typical_ms: ClassVar[float] = 35.0
    models: ClassVar[tuple[ModelCard, ...]] = (opennsfw.CARD, nudenet.CARD)

    def __init__(
        self, *, backend: BackendName = "opennsfw", reject_at: float | None = None,
        review_at: float | None = None, folder: str | None = None,
        unsafe_labels: tuple[str, ...] | list[str] = (),
    ) -> None:  # fmt: skip
        """Take the policy's options; None stands for the backend's own figure."""
        if backend not in get_args(BackendName):
            known = ", ".join(get_args(BackendName))
            raise ConfigError(f"safety gate: backend is {backend!r}; it is one of {known}")
        self.backend: BackendName = backend
        self.reject_at = _share("reject_at", reject_at, REJECT_AT[backend])
        self.review_at = _share("review_at", review_at, min(self.reject_at, REVIEW_AT[backend]))
        if self.review_at > self.reject_at:
            text = f"review_at is {self.review_at} and reject_at {self.reject_at}"
            raise ConfigError(f"safety gate: {text}; review begins below rejection")
        self._backend = self._made(folder, tuple(unsafe_labels))
        self._ready = False

    def load(self, runtime: Runtime) -> None:
        """Open the backend's model."""
        self._backend.load(runtime)
        self._ready = True

    def close(self) -> None:
        """Let go of the model."""
        self._ready = False
        self._backend.close()

    def check(self, sample: Sample) -> Finding:
        """Look at one picture."""
        if not self._ready:
            raise RuntimeError("the safety gate was asked before load(); call load(runtime) first")
        return self._finding(self._backend.look(sample.pixels))

    def _finding(self, seen: Sighting) -> Finding:
        probability = round(seen.probability, 4)
        refused, review = probability >= self.reject_at, probability >= self.review_at
        measurements = {
            "probability": probability, "review": review, "backend": self.backend,
            **seen.measurements,
        }  # fmt: skip
        if not review:
            reason = f"nothing unsafe was seen (probability {probability:.2f})"
            return Finding(passed=True, reason=reason, measurements=measurements)
        limit = f"refused from {self.reject_at:.2f}"
        claim = f"the picture is unsafe with a probability of {probability:.2f} ({limit})"
        evidence = seen.evidence or (Evidence(claim=claim),)
        if not refused:
            reason = (
                f"a person should look: probability {probability:.2f} of being unsafe ({limit})"
            )
            return Finding(
                passed=True, reason=reason, measurements=measurements, evidence=evidence
            )  # fmt: skip
        detail = "; ".join(item.claim for item in evidence)
        issue = FailureMode(category="safety", subcategory="unsafe_picture", detail=detail)
        return Finding(
            passed=False, reason=claim, measurements=measurements, evidence=evidence,
            issues=(issue,),
        )  # fmt: skip

    def _made(self, folder: str | None, labels: tuple[str, ...]) -> Backend:
        if self.backend == "classifier":
            if not folder:
                text = "backend 'classifier' needs folder, the path of a downloaded model"
                raise ConfigError(f"safety gate: {text}")
            return Classifier(Path(folder).expanduser(), labels)
        if folder is not None:
            text = f"folder is {folder!r}, which only backend 'classifier' reads"
            raise ConfigError(f"safety gate: {text}; remove it or set the backend")
        if self.backend == "nudenet":
            unknown = sorted(set(labels) - set(nudenet.KNOWN))
            if unknown:
                known = ", ".join(nudenet.KNOWN)
                text = f"unsafe_labels holds {unknown[0]!r}; NudeNet's are {known}"
                raise ConfigError(f"safety gate: {text}")
            return NudeNet(labels=labels or nudenet.EXPOSED, shown_from=self.review_at)
        if labels:
            text = "unsafe_labels is set, but OpenNSFW has one answer and no labels; remove it"
            raise ConfigError(f"safety gate: {text}")
        return OpenNsfw()


def _share(key: str, value: object, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        text = f"{key} is {value!r}; it is a probability above 0 and at most 1"
        raise ConfigError(f"safety gate: {text}")
    return float(value)
