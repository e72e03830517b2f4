"""A house in, pages out: what a face for people is handed, and who offers one.

A face is an entry point of the group `sentinel.faces`: a factory that is handed a `Window` and
returns an ASGI application, which is served under `/NAME`. Who may look is settled before the face
is asked (`sentinel.api.visitors`): it finds its `Visitor` in the request's state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, Protocol

from sentinel.contracts import Standing, Trace, Verdict
from sentinel.errors import ConfigError
from sentinel.store.evaluations import Feedback
from sentinel.store.queries import Judged, Queries

GROUP = "sentinel.faces"

App = Callable[[Any, Any, Any], Any]
"""An ASGI application; the engine needs no more of it."""


@dataclass(frozen=True, slots=True)
class Supposed:
    """An attempt's verdict under another policy, and the judges of that which said nothing then."""

    number: int
    verdict: Verdict
    unmeasured: tuple[str, ...]


State = Literal["seated", "partly", "benched", "missing", "idle", "gone"]
"""partly: seated for some policies, its model for others is missing; benched: too many calls hang;
idle: no policy has asked for it yet; gone: not installed."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A judge on offer: whether it would answer, and if not, why and the way out."""

    name: str
    version: str
    measures: str
    policies: tuple[str, ...]
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt while it is made; `state` is painting, judging, judged or failed."""

    number: int
    generator: str
    lever: str | None
    state: str
    standing: Standing | None = None
    score: float | None = None
    picture: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Doing:
    """One request that runs, waits or has just ended; `outcome` is None until it has.

    `elsewhere` names the process that works at it, where that is not this one; until it has ended
    only the `number` of its attempt and the step are known.
    """

    id: str
    began_ms: int
    prompt: str = ""
    step: str = "waiting"
    tries: tuple[Try, ...] = ()
    policy: str = ""
    outcome: Standing | None = None
    delivered: int | None = None
    seconds: float = 0.0
    elsewhere: str = ""
    number: int = 0


class Live(Protocol):
    """What goes on in a house; used from the event loop."""

    @property
    def version(self) -> int:
        """Changes with whatever happens."""
        ...

    @property
    def leaving(self) -> Callable[[], bool]:
        """Says whether the server is about to stop, so that streams end."""
        ...

    async def now(self) -> tuple[Doing, ...]:
        """What runs and what has just ended, newest first."""
        ...

    async def changed(self, since: int, seconds: float) -> int:
        """The version, as soon as it is another than `since`, or after so many seconds."""
        ...

    def looking(self) -> AbstractContextManager[None]:
        """Be one of those who look at a stream; Busy where there are too many."""
        ...


@dataclass(frozen=True, slots=True)
class JudgeLine:
    """How a policy uses a judge; without a threshold it fails nobody."""

    name: str
    threshold: float | None
    weight: float
    required: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """What can be moved in a policy. `gates` says of each whether its fault leaves undecided."""

    name: str
    description: str
    fingerprint: str
    pass_mark: float
    attempts: int
    judges: tuple[JudgeLine, ...]
    gates: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Tuning:
    """Changes to a policy, by judge or gate; what is not named (or None) stays.

    A threshold of None takes the threshold away: the judge weighs in and fails nobody.
    """

    policy: str
    name: str | None = None
    pass_mark: float | None = None
    attempts: int | None = None
    thresholds: Mapping[str, float | None] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    required: Mapping[str, bool] = field(default_factory=dict)
    gates: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decided:
    """A verdict in short."""

    standing: Standing
    score: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """A picture under the policy as it stands and as it is changed; who was not measured then."""

    judged: Judged
    before: Decided
    after: Decided
    unmeasured: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """What a face may see and do. Everything but `enter` blocks: call it in a thread."""

    version: str
    queries: Queries
    load: Callable[[str], Trace]
    """A trace by its id; NotFound."""
    picture: Callable[[str], str | None]
    """The address of a picture on this host by its sha256; None where it is not kept."""
    thumbnail: Callable[[str], bytes | None]
    """A picture made small, as WebP; None where it is not kept, or is none."""
    said: Callable[[Collection[str]], Mapping[tuple[str, int], Feedback]]
    """What people said of the verdicts of these traces' attempts."""
    say: Callable[[str, int, Feedback], None]
    """Keep what a person says of a verdict; the last word counts."""
    policies: tuple[str, ...]
    """Policies that can be supposed."""
    suppose: Callable[[Trace, str], tuple[Supposed, ...]]
    """Every judged attempt of a trace under another policy; no model runs. NotFound."""
    live: Live
    """What goes on now."""
    seats: Callable[[], tuple[Seat, ...]]
    """Every judge on offer, as it is now."""
    rules: Callable[[Tuning], tuple[Rules, Rules]]
    """A policy as it stands, and as it is with these changes. NotFound, PolicyError."""
    weigh: Callable[[Tuning, Sequence[Judged]], tuple[Weighed, ...]]
    """Pictures under both; no model runs. NotFound, PolicyError."""
    write: Callable[[Tuning], str]
    """The changed policy as TOML, read back and found the same. NotFound, PolicyError."""
    enter: Callable[[Any, str], Any]
    """A request and a key's secret in, the response's cookie out; awaited. Refusal says why not."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks: `name` is a key's, "" where none is asked for. Every write sends `csrf` back."""

    name: str
    csrf: str


class Face(Protocol):
    """What an entry point of the group names."""

    def __call__(self, window: Window) -> App:
        """The pages, as an ASGI application that knows not where it is mounted."""
        ...


@cache
def offered() -> Mapping[str, EntryPoint]:
    """The faces that are installed, by name; ConfigError where two packages offer one name."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            told = f"face {point.name!r} is offered twice: {other.value} and {point.value}"
            raise ConfigError(f"{told}; uninstall one of them")
    return found


def load(name: str) -> Face:
    """The factory of a face; ConfigError where it cannot be imported."""
    point = offered()[name]
    try:
        face: Face = point.load()
    except ImportError as error:
        raise ConfigError(f"face {name!r} ({point.value}) cannot be imported: {error}") from error
    return face
