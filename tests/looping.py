"""What the tests of the loop share: a panel that reads red, makers that paint it, feedback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from sentinel.contracts import Attempt, Brief, Change, Feedback, GateResult, Score, Verdict
from sentinel.gating import GateSeat
from sentinel.judging import JudgeSeat
from sentinel.loop import Order, PlainMaker, Run, Staff, Wish
from sentinel.loop.making import answering
from sentinel.panel import Panel
from sentinel.policy import Budget, GateRule, JudgeRule, Policy
from sentinel.testing import RedJudge
from sentinel.worker import Floor, Worker


def advise(verdict, sent, *, asked, capabilities, told=()):
    """Stands in for sentinel.feedback: adds one word a time, three at most."""
    if len(told) >= 3:
        return Feedback(issues=(), changes=(), brief=sent)
    change = Change(category="text", change="said louder", reason=verdict.reason)
    brief = sent.model_copy(update={"prompt": f"{sent.prompt}!"})
    return Feedback(issues=(), changes=(change,), brief=brief)


def strengthen(sent, *, capabilities, default_steps=None):
    """Stands in for sentinel.feedback: steps doubled up to 8."""
    steps = (sent.steps or default_steps or 2) * 2
    if steps > 8:
        return Feedback(issues=(), changes=(), brief=sent)
    change = Change(category="steps", change=f"{steps} steps", reason="more time to paint")
    return Feedback(issues=(), changes=(change,), brief=sent.model_copy(update={"steps": steps}))


def silent(verdict, sent, *, asked, capabilities, told=()):
    """Feedback that has nothing to say."""
    return Feedback(issues=(), changes=(), brief=sent)


class Studio:
    """A panel, makers, and the workers to close at the end."""

    def __init__(self, policy: Policy, judge=None, gates: Sequence[object] = (), rule=None) -> None:
        floor = Floor(2)
        judge = judge or RedJudge()
        seat = Worker("judge", "red", judge.judge, floor, batch=8)
        self.workers = [seat]
        self.makers: list[PlainMaker] = []
        self.advise, self.strengthen = advise, strengthen
        judges = (JudgeSeat("red", "1", rule or JudgeRule(threshold=0.5), seat),)
        self.panel = Panel(policy, tuple(self._gate(gate) for gate in gates), judges)

    def _gate(self, gate) -> GateSeat:
        sees = hasattr(gate, "check")
        ask = gate.check if sees else gate.screen
        worker = Worker("gate", "gate", lambda asked: [ask(each) for each in asked], Floor(1))
        self.workers.append(worker)
        return GateSeat("gate", "1", GateRule(), worker, sees_picture=sees, typical_ms=1)

    def maker(self, generator, name="painter", seconds=5.0) -> PlainMaker:
        worker = Worker("generator", name, answering(generator), Floor(1))
        self.workers.append(worker)
        made = PlainMaker(name, generator, worker, seconds=seconds)
        self.makers.append(made)
        return made

    @property
    def staff(self) -> Staff:
        return Staff(self.panel, self.makers, self.advise, self.strengthen)

    def run(self, brief=None, listener=None, *, mode=None, candidates=1, **wish) -> Run:
        order = Order(brief or Brief(prompt="a red square", seed=7), Wish(**wish), mode, candidates)
        return Run(order, self.staff, listener)


@contextlib.asynccontextmanager
async def studio(
    *generators, judge=None, gates=(), rule=None, seconds=5.0, **policy
) -> AsyncIterator[Studio]:
    """A studio whose generators are asked in this order."""
    budget = Budget(**policy.pop("budget", {}))
    made = Studio(Policy(name="test", budget=budget, **policy), judge, gates, rule)
    for index, generator in enumerate(generators):
        made.maker(generator, f"painter{index or ''}", seconds)
    try:
        yield made
    finally:
        await asyncio.gather(*(worker.close() for worker in made.workers))


def attempt(number=1, standing="failed", score: float | None = 0.4, **given) -> Attempt:
    """An attempt as the loop would have it."""
    gates = ()
    if standing == "refused":
        score = None
        gates = (
            GateResult(
                gate="g",
                version="1",
                passed=False,
                reason="no",
                mendable=given.pop("mendable", True),
            ),
        )
    outcomes = () if score is None else (
        Score(judge="red", version="1", value=score, threshold=0.5, reason="red"),
    )  # fmt: skip
    verdict = Verdict(
        action="regenerate",
        standing=standing,
        score=score,
        gates=gates,
        outcomes=outcomes,
        reason=standing,
    )
    known = {
        "brief": Brief(prompt="x"),
        "generator": "painter",
        "picture": "ab" * 32,
        "round": number,
    }
    return Attempt(**{"number": number, "verdict": verdict} | known | given)
