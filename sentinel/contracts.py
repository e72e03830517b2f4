"""Every value that crosses a boundary, then the three roles. Read this file first.

A *brief* says what is wanted, a *sample* is a picture that answers it. A gate returns a
`Finding`, a judge a `Reading` (or `Declined`); the engine stamps them with who, when and against
which threshold, and they become `GateResult` and `Score | Abstention | Fault`. The verdict is
made of those. All values are frozen; all but `Sample` survive JSON.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Protocol,
    TypeVar,
    runtime_checkable,
)

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue

T = TypeVar("T")

Pixels = NDArray[np.uint8]
"""H×W×3, uint8, sRGB, C-contiguous, read-only: the one way a picture looks in here."""

Unit = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
"""0 to 1, where 1 is good. Always."""

Action = Literal["pass", "score", "regenerate", "reject"]
Standing = Literal["passed", "failed", "refused", "undecided"]
ReferenceKind = Literal["face", "style", "product"]
Mode = Literal["guard", "score", "off"]


class Value(BaseModel):
    """A frozen value; unknown fields are refused, sequences are tuples."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )


# ── what is wanted ────────────────────────────────────────────────────────────────────────────


class Reference(Value):
    """A picture the result is compared with, as encoded bytes."""

    kind: ReferenceKind = "face"
    image: bytes = Field(repr=False)


class Brief(Value):
    """What is wanted.

    `prompt` is None where a picture is scored without one; a blank prompt is a mistake and the
    request gate says so. Sizes are pixels. `palette` holds CSS hex ("#c8102e") or colour names.
    """

    prompt: str | None = None
    negative_prompt: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    count: int = 1
    output_format: Literal["png", "jpeg", "webp"] = "png"
    references: tuple[Reference, ...] = ()
    expected_text: tuple[str, ...] = ()
    palette: tuple[str, ...] = ()
    category: str | None = None
    client: dict[str, str] = Field(default_factory=dict)


# ── what gates and judges see ─────────────────────────────────────────────────────────────────


class Once:
    """Values derived from one picture, computed once however many judges ask.

    Face detection costs more than most judges; the face gate, fidelity and likeness share it
    through this. Keys are names such as "faces"; a computation that raises is not kept.
    """

    def __init__(self) -> None:
        """Start with nothing computed."""
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._values: dict[str, Any] = {}

    def __reduce__(self) -> tuple[type[Once], tuple[()]]:
        """Begin anew in another process: locks cannot travel, and values may be large."""
        return Once, ()

    def __call__(self, key: str, make: Callable[[], T]) -> T:
        """Return the value under `key`, making it if nobody has yet. Thread-safe."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._values:
                self._values[key] = make()
            found: T = self._values[key]
            return found


@dataclass(frozen=True, slots=True, eq=False)
class ReferencePicture:
    """A reference, decoded."""

    kind: ReferenceKind
    pixels: Pixels
    once: Once = field(default_factory=Once)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A picture, decoded once, with the brief it answers and who made it.

    `pixels` may be up to the pixel cap (40 megapixels by default): judges that need floats work
    on a reduced copy (`sentinel.imaging.fit`), never on the whole. `earlier` holds fingerprints
    (`sentinel.imaging.fingerprint`) of pictures this one must not repeat. `notes` say what
    decoding had to do ("animated: the first frame of 5 is judged").
    """

    pixels: Pixels
    brief: Brief = field(default_factory=Brief)
    maker: str = "unknown"
    references: tuple[ReferencePicture, ...] = ()
    earlier: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    once: Once = field(default_factory=Once)

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.pixels.shape[0])

    def references_of(self, kind: ReferenceKind) -> tuple[ReferencePicture, ...]:
        """The references of one kind, in the order they were given."""
        return tuple(reference for reference in self.references if reference.kind == kind)


# ── what gates and judges return ──────────────────────────────────────────────────────────────


class Box(NamedTuple):
    """A rectangle in pixels of the decoded picture: left, top, right, bottom (as Pillow's)."""

    left: int
    top: int
    right: int
    bottom: int


class Evidence(Value):
    """A claim a person can check, and where to look; no box means the whole picture."""

    claim: str
    box: Box | None = None


class FailureMode(Value):
    """What is wrong, in words that feedback can act on.

    `category` is the quality ("text", "face", "alignment", "color", "artifact", "background",
    "style", "safety"), `subcategory` the kind ("misspelled", "missing_object", "blur").
    """

    category: str
    subcategory: str
    detail: str


class Reading(Value):
    """What a judge measured in one sample. The judge measures; the policy decides."""

    value: Unit
    reason: str
    measurements: dict[str, JsonValue] = Field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    issues: tuple[FailureMode, ...] = ()


class Declined(Value):
    """A judge's word that there is nothing to judge here ("no text asked for")."""

    reason: str
    measurements: dict[str, JsonValue] = Field(default_factory=dict)


class Finding(Value):
    """What a gate found. `mendable`: could another picture for the same brief pass?"""

    passed: bool
    reason: str
    mendable: bool = True
    measurements: dict[str, JsonValue] = Field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    issues: tuple[FailureMode, ...] = ()


# ── what the engine stamps ────────────────────────────────────────────────────────────────────


class GateResult(Finding):
    """A finding with the gate's name. `passed` is what the gate said."""

    kind: Literal["result"] = "result"
    gate: str
    version: str
    seconds: float = 0.0


class GateFault(Value):
    """A gate that could not give an answer: it neither passed nor refused."""

    kind: Literal["fault"] = "fault"
    gate: str
    version: str
    reason: str
    required: bool = True
    seconds: float = 0.0


class Stamp(Value):
    """Who judged, under which rule; `threshold` None means advisory."""

    judge: str
    version: str
    threshold: Unit | None = None
    weight: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    required: bool = False
    seconds: float = 0.0


class Score(Stamp):
    """A reading, stamped."""

    kind: Literal["score"] = "score"
    value: Unit
    reason: str
    measurements: dict[str, JsonValue] = Field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    issues: tuple[FailureMode, ...] = ()

    @property
    def passed(self) -> bool | None:
        """Whether the threshold was reached; None for an advisory judge."""
        return None if self.threshold is None else self.value >= self.threshold


class Abstention(Stamp):
    """Nothing to judge here; changes nothing in the verdict."""

    kind: Literal["abstention"] = "abstention"
    reason: str
    measurements: dict[str, JsonValue] = Field(default_factory=dict)


class Fault(Stamp):
    """The judge did not run to an end.

    `cause` is error (it raised), timeout, contract (it returned nonsense) or missing (its extra
    or weights are not installed).
    """

    kind: Literal["fault"] = "fault"
    cause: Literal["error", "timeout", "contract", "missing"]
    reason: str


Outcome = Annotated[Score | Abstention | Fault, Field(discriminator="kind")]
GateOutcome = Annotated[GateResult | GateFault, Field(discriminator="kind")]


class Verdict(Value):
    """The decision over one picture. `standing` is what it is; `action` what to do with it."""

    action: Action
    standing: Standing
    score: Unit | None
    gates: tuple[GateOutcome, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    top_issues: tuple[str, ...] = ()
    top_strengths: tuple[str, ...] = ()
    reason: str

    @property
    def passed(self) -> bool | None:
        """True if everything with a threshold passed, None while undecided."""
        return None if self.standing == "undecided" else self.standing == "passed"


class Change(Value):
    """One change to the next brief, and why."""

    category: str
    change: str
    reason: str


class Feedback(Value):
    """What the next attempt is told."""

    issues: tuple[FailureMode, ...]
    changes: tuple[Change, ...]
    brief: Brief


class Attempt(Value):
    """One picture made (or handed in), judged; or a generation that gave none, with its error.

    `round` counts generations: candidates of one batch share it, each with a number of its own;
    0 where nobody counted. `lever` says what made this attempt different from the one before.
    `made_in` are the seconds that generating took, out of `seconds`.
    """

    number: int = Field(ge=1)
    brief: Brief
    generator: str
    verdict: Verdict
    seed: int | None = None
    cost: float = 0.0
    seconds: float = 0.0
    picture: str | None = None
    """sha256 of the picture's bytes as they came; None where there is none."""
    fingerprint: str | None = None
    width: int = 0
    height: int = 0
    notes: tuple[str, ...] = ()
    feedback: Feedback | None = None
    error: str | None = None
    """Why there is no picture; such an attempt costs nothing and is no evaluation."""
    judged: bool = True
    """False where no panel looked: no picture came, the time was up, or nobody asked for it."""
    round: int = Field(default=0, ge=0)
    lever: str | None = None
    made_in: float = 0.0


StoppedBecause = Literal["passed", "budget", "deadline", "plateau", "undecided", "rejected"]


class Trace(Value):
    """One id over the input check, every attempt, every outcome and the decision."""

    id: str
    created_ms: int
    """Milliseconds since 1970-01-01 UTC."""
    policy: str
    policy_fingerprint: str
    mode: Mode
    brief: Brief
    attempts: tuple[Attempt, ...]
    delivered: int | None
    """Number of the attempt that was delivered; None where nothing was."""
    stopped_because: StoppedBecause | None = None
    """None while it runs, where the caller hung up, and where nothing was enforced."""
    best: int | None = None
    """Number of the best attempt, delivered or not; None where nobody compared."""
    screened: tuple[GateOutcome, ...] = ()
    """What the gates said of the brief alone, before anything was spent."""
    reason: str = ""
    """Why it ended so, in a sentence."""
    notes: tuple[str, ...] = ()
    """What was asked and could not be had ("max_attempts is 9: the policy allows 3")."""
    model: str | None = None
    project: str = "default"
    seconds: float = 0.0

    @property
    def last(self) -> Attempt:
        """The delivered attempt; where nothing was, the best, or the last of uncompared ones."""
        wanted = self.delivered or self.best or self.attempts[-1].number
        return next(attempt for attempt in self.attempts if attempt.number == wanted)

    @property
    def cost(self) -> float:
        """US dollars for every picture that came, delivered or not."""
        return sum(attempt.cost for attempt in self.attempts)

    @property
    def owed(self) -> float:
        """US dollars for the delivered picture alone; 0 where nothing was delivered."""
        return self.last.cost if self.delivered else 0.0

    @property
    def verdict(self) -> Verdict:
        """That attempt's verdict; without attempts, the one over the brief alone."""
        if self.attempts:
            return self.last.verdict
        refused = any(isinstance(gate, GateResult) and not gate.passed for gate in self.screened)
        return Verdict(
            action="reject",
            standing="refused" if refused else "undecided",
            score=None,
            gates=self.screened,
            reason=self.reason or "nothing was made",
        )


# ── what a generator returns ──────────────────────────────────────────────────────────────────


class Candidate(Value):
    """One picture as the generator returned it, with the seed and cost (in US dollars)."""

    image: bytes = Field(repr=False)
    seed: int | None = None
    cost: float = 0.0
    measurements: dict[str, JsonValue] = Field(default_factory=dict)


class Capabilities(Value):
    """What a generator understands; what it does not is said, never swallowed."""

    negative_prompt: bool = False
    seed: bool = True
    references: tuple[ReferenceKind, ...] = ()
    smallest: int = 64
    largest: int = 2048
    multiple_of: int = 1
    max_steps: int | None = None
    context_tokens: int | None = None


# ── what plugins need ─────────────────────────────────────────────────────────────────────────


class ModelCard(Value):
    """A model a plugin uses: what it is, how big, under which licence, where it comes from.

    `files` maps a file's path under the model's folder to its sha256 (None where the publisher
    gives none). `source` is "wheel" (ships in an installed package), "pip:NAME==VERSION",
    "hf:OWNER/NAME" or an https address.
    """

    name: str
    title: str
    licence: str
    commercial: bool
    megabytes: float
    source: str
    files: dict[str, str | None] = Field(default_factory=dict)
    extra: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the engine grants a plugin at `load`: threads for its model, device, model folder."""

    threads: int = 1
    device: str = "cpu"
    models: Path = Path("models")


# ── the three roles ───────────────────────────────────────────────────────────────────────────


@runtime_checkable
class Gate(Protocol):
    """Refuses what must never ship. Plain blocking code, one sample at a time."""

    version: ClassVar[str]

    def check(self, sample: Sample) -> Finding:
        """Look at one picture."""
        ...


@runtime_checkable
class InputGate(Protocol):
    """Refuses a brief before anything is spent; sees no picture."""

    version: ClassVar[str]

    def screen(self, brief: Brief) -> Finding:
        """Look at the brief alone."""
        ...


@runtime_checkable
class Judge(Protocol):
    """Measures one quality. Plain blocking code; the engine owns threads and batches."""

    version: ClassVar[str]

    def judge(self, samples: Sequence[Sample]) -> Sequence[Reading | Declined]:
        """Return one answer per sample, in order."""
        ...


@runtime_checkable
class Generator(Protocol):
    """Makes pictures for a brief."""

    version: ClassVar[str]

    @property
    def capabilities(self) -> Capabilities:
        """What it understands; known once it is loaded."""
        ...

    def generate(self, brief: Brief) -> Sequence[Candidate]:
        """Return `brief.count` pictures."""
        ...


@runtime_checkable
class Loads(Protocol):
    """Optional: load weights before the first picture; raise MissingRequirement if absent."""

    def load(self, runtime: Runtime) -> None:
        """Make ready. Called once, before the first call, in the plugin's own thread."""
        ...


@runtime_checkable
class Closes(Protocol):
    """Optional: let go of what load took."""

    def close(self) -> None:
        """Release models. Called once, at the end."""
        ...


@runtime_checkable
class Cancels(Protocol):
    """Optional: a generator that can stop in the middle of a picture that costs nothing yet."""

    def cancel(self, brief: Brief) -> None:
        """Called from another thread with the very brief that `generate` was given.

        `generate` then raises Cancelled as soon as it can. A brief that it is not painting (it may
        have ended a moment ago) is none of its business: nothing happens.
        """
        ...


Options = Mapping[str, JsonValue]
"""The `options` table of a policy rule, passed to the plugin's constructor as keywords."""
