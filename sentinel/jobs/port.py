"""What a job is, and the five things that may be asked of whoever keeps them.

A job is a guarded request that was accepted and goes on whether or not its caller waits. Its id is
its trace's id. Nothing in here knows how jobs are kept: `sentinel.jobs.desk` is one way.
"""

from __future__ import annotations

from typing import Literal, Protocol, Self

from pydantic import Field

from sentinel.contracts import Brief, Mode, Trace, Value
from sentinel.errors import SentinelError
from sentinel.guarding import Wanted
from sentinel.loop import Wish

State = Literal["queued", "running", "done", "failed", "cancelled"]

Step = Literal["waiting", "screening", "generating", "judging", "feedback", "ended"]

OPEN: tuple[State, ...] = ("queued", "running")
"""States that another one follows."""

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
    the work was begun: more than once where a process died or was stopped meanwhile.
    """

    id: str
    state: State
    attempt: int = 0
    step: Step = "waiting"
    created_ms: int
    updated_ms: int
    prompt: str = ""
    taken: int = 0
    code: str | None = None
    error: str | None = None
    """Why it failed, in a sentence."""


class Page(Value):
    """Jobs, the newest first, and the id after which the next page begins; None at the end."""

    jobs: tuple[Job, ...]
    after: str | None = None


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
