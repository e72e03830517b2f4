"""An order in, its trace out: round after round until it passed or nothing is left to spend."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from sentinel import gating, imaging, verdict
from sentinel.contracts import (
    Attempt,
    GateOutcome,
    Mode,
    ReferencePicture,
    Sample,
    StoppedBecause,
    Trace,
    Verdict,
)
from sentinel.errors import BriefError, Busy, ConfigError, SafetyRefused
from sentinel.loop import closing
from sentinel.loop.budget import allowed, batch, last_round, stop
from sentinel.loop.events import Ended, Fed, Generated, Judged, Listener, Screened, Started, tell
from sentinel.loop.levers import Ladder, Step
from sentinel.loop.looking import Seen, flaw_of, outcome, paint, references_of
from sentinel.loop.making import fitted
from sentinel.loop.order import Order, Staff
from sentinel.loop.ranking import best_of
from sentinel.loop.rounds import Round, attempts_of
from sentinel.loop.seeds import draw, seed_of

AT_ONCE = "delivered at once; the judges have not looked yet"
NOBODY = "delivered as it came: nothing is judged in mode off"
TOO_LATE = "the time was up before it was judged"

STANDS: dict[str, StoppedBecause] = {
    "passed": "passed", "refused": "rejected", "undecided": "undecided",
}  # fmt: skip
"""How a picture that was delivered at once turned out; a failed one stopped nothing."""

Why = tuple[StoppedBecause, str]


class Run:
    """One request's way through the loop. `pictures` holds the bytes by number of attempt.

    `go` returns the trace. In score mode it returns when there is a picture, and `finish` judges
    that. Where either is cancelled, `abort` ends what is under way and returns the trace of what
    was paid for.
    """

    def __init__(
        self, order: Order, staff: Staff, listener: Listener | None = None,
        *, drawn: Callable[[], int] = draw,
    ) -> None:  # fmt: skip
        """BriefError for what is known to be wrong before anybody is asked."""
        order.check()
        self.order = order
        self.listener = listener
        self.attempts: list[Attempt] = []
        self.pictures: dict[int, bytes] = {}
        self._staff = staff
        self._policy = staff.panel.policy
        self.mode: Mode = order.mode or self._policy.mode
        self._spent = allowed(self._policy.budget, order.wish)
        self._base = drawn() if order.brief.seed is None else order.brief.seed
        self._created_ms = time.time_ns() // 1_000_000
        self._began = time.perf_counter()
        self._screened: tuple[GateOutcome, ...] = ()
        self._references: tuple[ReferencePicture, ...] = ()
        self._round: Round | None = None
        self._painting: asyncio.Task[list[Seen]] | None = None
        self._decoded: dict[int, imaging.Picture] = {}
        self._refusal = ""
        self._shown: int | None = None

    @property
    def behind(self) -> bool:
        """Whether a picture was delivered that `finish` is to judge."""
        return self.mode == "score" and bool(self._decoded)

    async def go(self) -> Trace:
        """Until there is an answer; the trace of how it was found."""
        ended = await self._screen()
        step: Step | None = Step(self.order.brief)
        ladder = Ladder(
            self.order.brief, self._staff.makers, self._policy.budget.patience,
            self._staff.advise, self._staff.strengthen,
        )  # fmt: skip
        while step is not None:
            ended = ended or self._stop(step)
            if ended is not None:
                return self._end(*ended)
            await self._paint(step)
            if self.mode != "guard" and self._decoded:
                return self._at_once()
            await self._judge(enforce=True)
            ended = self._stop(step)
            if ended is None:
                try:
                    step = await asyncio.wait_for(ladder.climb(self.attempts), self._left)
                except TimeoutError:
                    return self._end("deadline", "the time was up before feedback had words")
                self._feed(step)
        last = self.attempts[-1].number
        return self._end("plateau", f"no lever is left after attempt {last} brought nothing better")

    async def finish(self) -> Trace:
        """Judge what was delivered at once; the trace with its verdict."""
        await self._judge(enforce=False)
        shown = self.attempts[-1]
        stopped = STANDS.get(shown.verdict.standing)
        reason = f"delivered at once, judged behind: {shown.verdict.reason}"
        return self._told(stopped, reason, shown.number)

    async def abort(self, reason: str = "the caller hung up") -> Trace:
        """End what is under way; the trace of what was paid for until then."""
        if self._painting is not None:
            self._painting.cancel()
            await asyncio.wait({self._painting})
            with contextlib.suppress(BriefError, Busy, ConfigError):
                self._take_in()
        return self._told(None, reason, self._shown)

    # ── before anything is spent ──────────────────────────────────────────────────────────────

    async def _screen(self) -> Why | None:
        """Decode the references and ask the gates about the brief alone."""
        brief = self.order.brief
        if brief.references:
            limits = self._staff.limits
            self._references = await asyncio.to_thread(references_of, brief, limits)
        if self.mode == "off":
            return None
        self._screened = await self._staff.panel.screen(brief)
        tell(self.listener, Screened(self._screened))
        found = verdict.decide(self._screened, (), self._policy, enforce=self.mode == "guard")
        if gating.refused(self._screened):
            return "rejected", f"{found.reason}; nothing was spent"
        if found.action == "reject":
            return "undecided", f"the brief {found.reason}; nothing was spent"
        return None

    # ── a round ───────────────────────────────────────────────────────────────────────────────

    async def _paint(self, step: Step) -> None:
        """Ask for pictures, and wait for them as long as the budget allows."""
        maker = self._staff.makers[step.maker]
        number = self.attempts[-1].round + 1 if self.attempts else 1
        wanted = self.order.candidates if self.mode == "guard" else 1
        told = {
            "count": batch(self.attempts, self._spent, maker.price, wanted),
            "seed": seed_of(self._base, number - 1, step.stream),
        }
        sent, notes = fitted(step.brief.model_copy(update=told), maker.capabilities, maker.name)
        notes += self._staff.panel.unread(self.order.brief) if self.mode != "off" else ()
        self._round = Round(number, step, sent, maker.name, notes, time.perf_counter())
        tell(self.listener, Started(number, sent, maker.name, step.lever))
        self._painting = asyncio.create_task(paint(maker, sent, self._staff.limits))
        await asyncio.wait({self._painting}, timeout=self._left)
        self._take_in()

    def _take_in(self) -> None:
        """What came, or why nothing did, as attempts that nobody has judged yet."""
        current, painting = self._round, self._painting
        if current is None or painting is None:
            return
        self._painting = None
        came = outcome(painting, self._spent.seconds)
        seen = self._flawed(came) if isinstance(came, Exception) else came
        fresh = attempts_of(current, seen, self.attempts)
        for attempt, each in zip(fresh, seen, strict=True):
            self.attempts.append(attempt)
            if each.picture is not None:
                self.pictures[attempt.number] = each.image
                self._decoded[attempt.number] = each.picture
        tell(self.listener, Generated(fresh, {n.number: self.pictures.get(n.number, b"")
                                              for n in fresh if n.picture}))  # fmt: skip

    def _flawed(self, error: Exception) -> list[Seen]:
        """What a maker raised, as an attempt; or raised on, where it is no attempt's."""
        if not self.attempts and isinstance(error, BriefError | Busy | ConfigError):
            raise error  # the caller's or the operator's, and nothing is spent
        if isinstance(error, SafetyRefused) and not any(each.judged for each in self.attempts):
            self._refusal = str(error)
        return [flaw_of(error)]

    async def _judge(self, *, enforce: bool) -> None:
        """The panel's word on what came in this round, all candidates side by side."""
        fresh = [each for each in last_round(self.attempts) if each.number in self._decoded]
        tasks = [asyncio.create_task(self._judge_one(each, enforce=enforce)) for each in fresh]
        if not tasks:
            return
        try:
            done, late = await asyncio.wait(tasks, timeout=self._left if enforce else None)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
        self._decoded.clear()
        for attempt in fresh if late else ():
            self._replace(attempt, verdict=closing.unjudged(TOO_LATE), unless_judged=True)

    async def _judge_one(self, attempt: Attempt, *, enforce: bool) -> None:
        picture = self._decoded[attempt.number]
        sample = Sample(
            pixels=picture.pixels, brief=self.order.brief, maker=attempt.generator,
            references=self._references, notes=picture.notes,
        )  # fmt: skip
        found, fingerprint = await asyncio.gather(
            self._evaluated(sample, enforce=enforce),
            asyncio.to_thread(imaging.fingerprint, picture.pixels),
        )
        begun = self._round.begun if self._round else self._began
        judged = self._replace(
            attempt, verdict=found, fingerprint=fingerprint, judged=True,
            seconds=time.perf_counter() - begun,
        )  # fmt: skip
        tell(self.listener, Judged(judged))

    async def _evaluated(self, sample: Sample, *, enforce: bool) -> Verdict:
        """The verdict; where the judges' queues are full, their turn is waited for."""
        while True:
            try:
                return await self._staff.panel.evaluate(sample, enforce=enforce, retries_left=True)
            except Busy as error:
                await asyncio.sleep(error.retry_after / 4)

    # ── between rounds, and the end ───────────────────────────────────────────────────────────

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._began

    @property
    def _left(self) -> float:
        return max(0.0, self._spent.seconds - self._seconds)

    def _stop(self, step: Step) -> Why | None:
        if self._refusal:
            return "rejected", self._refusal
        price = self._staff.makers[step.maker].price
        return stop(self.attempts, self._spent, self._seconds, price)

    def _feed(self, step: Step | None) -> None:
        """Write what the next round is told to the attempt that it was drawn from."""
        latest = best_of(last_round(self.attempts))
        if step is None or step.feedback is None or step.lever is None or latest is None:
            return
        self._replace(latest, feedback=step.feedback)
        tell(self.listener, Fed(latest.number, step.lever, step.feedback))

    def _replace(
        self, attempt: Attempt, *, unless_judged: bool = False, **changed: object
    ) -> Attempt:
        """Put what became known of an attempt into its place."""
        index = attempt.number - 1
        if not (unless_judged and self.attempts[index].judged):
            self.attempts[index] = self.attempts[index].model_copy(update=changed)
        return self.attempts[index]

    def _at_once(self) -> Trace:
        reason = AT_ONCE if self.mode == "score" else NOBODY
        shown = self._replace(self.attempts[-1], verdict=closing.unjudged(reason, delivered=True))
        self._shown = shown.number
        return self._told(None, reason, self._shown)

    def _end(self, stopped: StoppedBecause, reason: str) -> Trace:
        chosen = closing.delivered(self.attempts, stopped, self._policy)
        self.attempts[:] = closing.settled(self.attempts, chosen, self._policy)
        return self._told(stopped, reason, chosen)

    def _told(self, stopped: StoppedBecause | None, reason: str, chosen: int | None) -> Trace:
        """The trace as it stands now."""
        best = best_of(self.attempts)
        trace = Trace(
            id=self.order.id,
            created_ms=self._created_ms,
            policy=self._policy.name,
            policy_fingerprint=self._policy.fingerprint,
            mode=self.mode,
            brief=self.order.brief,
            attempts=tuple(self.attempts),
            delivered=chosen,
            stopped_because=stopped,
            best=best.number if best else None,
            screened=self._screened,
            reason=reason,
            notes=self._spent.notes,
            model=best.generator if best else self._staff.makers[0].name,
            project=self.order.project,
            seconds=self._seconds,
        )
        tell(self.listener, Ended(trace))
        return trace
