"""A staff in, the same staff out, whose work is recorded and never done twice.

Three things are steps: a generation (`generate N`), the panel's word on a picture (`judge SHA`) and
what feedback says (`advise N`). A step that is on record is read instead of done, and the run's
clock is wound to where it stood: whoever takes a job up again comes, within milliseconds, to where
the last one left it, with the same pictures, the same words and the same seconds spent.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sentinel.contracts import Brief, Capabilities, Feedback, Sample, Verdict
from sentinel.errors import BriefError, Busy, ConfigError, Unavailable
from sentinel.jobs.generations import Generation, failure_of, generation_of, made_of
from sentinel.jobs.records import Lost, Record, Records
from sentinel.loop import Advise, Made, Maker, Run, Staff
from sentinel.loop.making import through
from sentinel.panel import Panel

log = logging.getLogger(__name__)

T = TypeVar("T")

AGAIN = (
    "asked again after a restart: it was being painted when the process ended, "
    "and the first call may be on the bill as well"
)


class WoundRun(Run):
    """A run whose clock can be set, since part of it went by before."""

    @property
    def seconds(self) -> float:
        """Seconds that have gone by, in this process and in those before."""
        return self._seconds

    def wind(self, seconds: float) -> None:
        """Let so many seconds have gone by: what reading a record takes is nobody's budget."""
        ahead = seconds - self._seconds
        self._began -= ahead
        if self._round is not None:
            self._round = replace(self._round, begun=self._round.begun - ahead)


class Recorder:
    """The records of one job while it is worked at. `run` and `lose` are set before it begins.

    With `ended` nothing new is made: at the first generation that is not on record, `lose` is
    called to stop the run.
    """

    run: WoundRun
    lose: Callable[[], object]

    def __init__(self, records: Records, job_id: str, *, ended: bool = False) -> None:
        """Nothing is read yet."""
        self.ended = ended
        self._records = records
        self._job = job_id
        self._asked = 0
        self._advised = 0

    def staffed(self, staff: Staff) -> Staff:
        """The staff, recorded."""
        panel = staff.panel
        return replace(
            staff,
            panel=RecordedPanel(panel.policy, panel.gates, panel.judges, self),
            makers=[RecordedMaker(maker, self) for maker in staff.makers],
            advise=self._advising(staff.advise),
        )

    async def read(self, name: str) -> Record | None:
        """A step that is on record, and the clock wound to where it stood."""
        found = await self._insist(lambda: self._records.read(self._job, name))
        if found is not None:
            self.run.wind(found.seconds)
        return found

    async def write(self, name: str, payload: str, pictures: Sequence[bytes] = ()) -> None:
        """Put a step on record, whatever is cancelled meanwhile."""
        named = {hashlib.sha256(each).hexdigest(): each for each in pictures}
        record = Record(payload, self.run.seconds, named)
        try:
            await through(self._insist(lambda: self._records.write(self._job, name, record)))
        except Lost:
            self.lose()
            raise

    async def picture(self, sha256: str) -> bytes:
        """The bytes of a picture that is on record."""
        return await self._insist(lambda: self._records.picture(self._job, sha256))

    def next_generation(self) -> int:
        """The number of this call to a maker, from 1."""
        self._asked += 1
        return self._asked

    async def _insist(self, work: Callable[[], T]) -> T:
        """In a thread, until the database answers: what was paid for must get there."""
        while True:
            try:
                return await asyncio.to_thread(work)
            except Unavailable as error:
                log.warning("job %s waits: %s", self._job, error)
                await asyncio.sleep(error.retry_after / 4)

    def _advising(self, advise: Advise) -> Advise:
        async def recorded(
            verdict: Verdict, sent: Brief, *, asked: Brief, capabilities: Capabilities,
            told: Sequence[Feedback] = (),
        ) -> Feedback:  # fmt: skip
            self._advised += 1
            name = f"advise {self._advised}"
            found = await self.read(name)
            if found is None:
                said = advise(verdict, sent, asked=asked, capabilities=capabilities, told=told)
                feedback = await said if inspect.isawaitable(said) else said
                await self.write(name, _bare(feedback).model_dump_json())
                return feedback
            feedback = Feedback.model_validate_json(found.payload)
            brief = feedback.brief.model_copy(update={"references": sent.references})
            return feedback.model_copy(update={"brief": brief})

        return recorded


class RecordedMaker:
    """A maker that paints each generation of a job once."""

    def __init__(self, maker: Maker, recorder: Recorder) -> None:
        """Ask `maker` for what is not on record."""
        self._maker = maker
        self._recorder = recorder

    @property
    def name(self) -> str:
        """The maker's."""
        return self._maker.name

    @property
    def capabilities(self) -> Capabilities:
        """The maker's."""
        return self._maker.capabilities

    @property
    def price(self) -> float | None:
        """The maker's."""
        return self._maker.price

    @property
    def default_steps(self) -> int | None:
        """The maker's."""
        return self._maker.default_steps

    async def make(self, brief: Brief) -> Made:
        """The pictures from the record, or else painted and recorded before they count."""
        recorder = self._recorder
        number = recorder.next_generation()
        found = await recorder.read(f"generate {number}")
        if found is not None:
            told = Generation.model_validate_json(found.payload)
            return made_of(told, {p.sha256: await recorder.picture(p.sha256) for p in told.painted})
        if recorder.ended:
            recorder.lose()
            await asyncio.Event().wait()
        begun = await recorder.read(f"begin {number}")
        if begun is None:
            await recorder.write(f"begin {number}", "")
        made = await self._paint(brief, number)
        made = replace(made, notes=(*made.notes, AGAIN)) if begun is not None else made
        images = [each.image for each in made.candidates]
        payload = await asyncio.to_thread(lambda: generation_of(made).model_dump_json())
        await recorder.write(f"generate {number}", payload, images)
        return made

    async def _paint(self, brief: Brief, number: int) -> Made:
        """What the maker makes; its failure is on record, unless it was we who stopped it."""
        try:
            return await self._maker.make(brief)
        except (BriefError, Busy, ConfigError):
            raise  # the caller's, the operator's or a full queue: nothing was begun
        except Exception as error:
            if not _called_off():
                told = failure_of(self.name, error).model_dump_json()
                await self._recorder.write(f"generate {number}", told)
            raise


@dataclass(frozen=True, slots=True)
class RecordedPanel(Panel):
    """A panel that judges each picture of a job once."""

    recorder: Recorder

    async def evaluate(
        self, sample: Sample, *, enforce: bool = False, retries_left: bool = False
    ) -> Verdict:
        """The verdict from the record, or else given and recorded."""
        digest = await asyncio.to_thread(lambda: hashlib.sha256(sample.pixels.data).hexdigest())
        name = f"judge {digest}"
        found = await self.recorder.read(name)
        if found is not None:
            return Verdict.model_validate_json(found.payload)
        verdict = await Panel.evaluate(self, sample, enforce=enforce, retries_left=retries_left)
        await self.recorder.write(name, verdict.model_dump_json())
        return verdict


def _called_off() -> bool:
    """Whether somebody stopped us: what fails then has not failed, and may be asked again."""
    ours = asyncio.current_task()
    return ours is not None and ours.cancelling() > 0


def _bare(feedback: Feedback) -> Feedback:
    """Feedback without the bytes of references, which stand in the task already."""
    brief = feedback.brief.model_copy(update={"references": ()})
    return feedback.model_copy(update={"brief": brief})
