"""What a job and a batch are, and what may be asked of whoever keeps them.

A job is a guarded request that was accepted and goes on whether or not its caller waits. Its id is
its trace's id. A batch is several jobs that were accepted together: one request of a foreign API,
for one or several pictures. Nothing in here knows how jobs are kept: `sentinel.jobs.desk` is one
way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, Self

from pydantic import Field, JsonValue

from sentinel.contracts import Brief, Mode, Trace, Value
from sentinel.errors import SentinelError
from sentinel.guarding import Wanted
from sentinel.loop import Wish

State = Literal["queued", "running", "done", "failed", "cancelled"]

Step = Literal["waiting", "screening", "generating", "judging", "feedback", "ended"]

OPEN: tuple[State, ...] = ("queued", "running")
"""States that another one follows."""

UNDELIVERED = "undelivered"
"""The code of a job that is done and has no picture to deliver: its trace says why."""

MOST = 100
"""Jobs that one page of a list holds."""


class Task(Value):
    """What was asked: all that it takes to begin the work, or to begin it again."""

    brief: Brief
    policy: str
    mode: Mode | None = None
    generator: str | None = None
    candidates: int = 1
    wish: Wish = Field(default_factory=Wish)
    project: str = "default"
    payer: str | None = None
    price: float | None = None

    @classmethod
    def of(cls, brief: Brief, wanted: Wanted, policy: str) -> Self:
        """The task of a request whose seed and policy are settled."""
        return cls(
            brief=brief, policy=policy, mode=wanted.mode, generator=wanted.generator,
            candidates=wanted.candidates, wish=wanted.wish, project=wanted.project,
            payer=wanted.payer, price=wanted.price,
        )  # fmt: skip

    @property
    def wanted(self) -> Wanted:
        """How it is to be served."""
        return Wanted(
            self.policy, self.mode, self.generator, self.candidates, self.wish,
            self.project, self.payer, self.price,
        )  # fmt: skip


class Job(Value):
    """Where a job stands.

    `attempt` is the picture that is being worked at, 0 before the first. `taken` counts how often
    the work was begun: more than once where a process died or was stopped meanwhile. `owner` is
    the process that works at it, or did last.
    """

    id: str
    state: State
    attempt: int = 0
    step: Step = "waiting"
    created_ms: int
    updated_ms: int
    prompt: str = ""
    taken: int = 0
    owner: str | None = None
    code: str | None = None
    """Why it failed; of one that is done, `UNDELIVERED` where it has no picture."""
    error: str | None = None
    """Why it failed, in a sentence."""


class Page(Value):
    """Jobs, the newest first, and the id after which the next page begins; None at the end."""

    jobs: tuple[Job, ...]
    after: str | None = None


class Batch(Value):
    """Several jobs that were accepted together, in the order of their pictures.

    `asked` is what the surface wants to know again; `position` counts the jobs that wait before
    the first of these that waits: 0 where it is next, or none waits.
    """

    id: str
    surface: str
    project: str = "default"
    jobs: tuple[Job, ...]
    asked: dict[str, JsonValue] = Field(default_factory=dict)
    created_ms: int
    position: int = 0

    @property
    def state(self) -> State:
        """Failed or cancelled where any job is, done where all are; running from the first on."""
        states = {job.state for job in self.jobs}
        for ended in ("failed", "cancelled"):
            if ended in states:
                return ended
        if states == {"queued"}:
            return "queued"
        return "done" if states == {"done"} else "running"


class Counts(Value):
    """How many of a project's batches of one surface are in each state.

    Among those that are done, some delivered less than was asked (`undelivered`); any of them may
    have been begun more than once (`retaken`).
    """

    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    undelivered: int = 0
    retaken: int = 0


class NotDone(SentinelError):  # noqa: N818 - a state, not a mistake
    """A job that has no result: not yet, or never. `code` says which."""

    def __init__(self, job: Job) -> None:
        """Tell where the job stands."""
        self.job = job
        self.code = "job_not_done" if job.state in OPEN else f"job_{job.state}"
        where = f"attempt {job.attempt}, {job.step}" if job.state == "running" else job.state
        told = f": {job.error}" if job.error else ""
        super().__init__(f"job {job.id} has no result ({where}){told}")


class Jobs(Protocol):
    """Keeps jobs. What it accepted it does not lose, and what is finished it does not do again."""

    async def submit(self, brief: Brief, wanted: Wanted | None = None) -> Job:
        """Accept a request; whatever is wrong with it is raised now. Busy where too many wait."""
        ...

    async def status(self, job_id: str) -> Job:
        """Where it stands; NotFound if there is none."""
        ...

    async def result(self, job_id: str) -> Trace:
        """Its trace; NotFound, or NotDone."""
        ...

    async def cancel(self, job_id: str) -> Job:
        """Stop between two steps and keep what is paid for; one that has ended stays as it is."""
        ...

    async def list(
        self, *, state: State | None = None, limit: int = 20, after: str | None = None
    ) -> Page:
        """Jobs, the newest first."""
        ...

    async def submit_batch(  # noqa: PLR0913 - what a batch is, each by its name
        self, briefs: Sequence[Brief], wanted: Wanted | None = None, *, surface: str,
        asked: dict[str, JsonValue] | None = None, batch_id: str | None = None,
        now: bool = False,
    ) -> Batch:  # fmt: skip
        """Accept several requests, all or none; Busy. With `now` they begin beside the queue."""
        ...

    async def batch(self, batch_id: str) -> Batch:
        """Where it stands; NotFound if there is none."""
        ...

    async def wait_batch(self, batch_id: str, seconds: float) -> Batch:
        """The batch at its end, or as it is after so many seconds."""
        ...

    async def cancel_batch(self, batch_id: str) -> Batch:
        """Cancel every job of it that has not ended."""
        ...

    async def hand_out(self, batch_id: str, what: str) -> bool:
        """Whether this is the first time that it is handed out of a batch; NotFound."""
        ...

    async def cancel_batches(self, surface: str, project: str, states: Sequence[State]) -> int:
        """Cancel a project's batches of a surface in these states; how many there were."""
        ...

    async def batches(
        self, *, surface: str, states: Sequence[State] | None = None, limit: int = MOST
    ) -> tuple[Batch, ...]:
        """A surface's batches, the newest first."""
        ...

    async def batch_counts(self, surface: str, project: str) -> Counts:
        """How many of a project's batches of a surface are in each state."""
        ...
