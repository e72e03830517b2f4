"""Attempts so far in, what is changed for the next round out: four levers, pulled in this order.

| lever | what changes | while |
|---|---|---|
| `feedback` | what the judges said goes into the brief | it has something new to say |
| `seeds` | the best brief so far, with seeds from another stream | always |
| `strength` | that brief with more steps, or another size | the generator has room for more |
| `generator` | the next generator, with the brief as it was asked | there is one |

Every round has a new seed anyway. A lever stays while scores rise, and a rise, by whichever lever,
brings `feedback` back, since a better picture fails in other ways. After `patience` rounds that
brought nothing better, or where a lever has nothing left, the next one is pulled; where none is
left, the scores have reached their plateau. A new generator begins with `feedback` again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sentinel.contracts import Attempt, Brief, Capabilities, Change, Feedback, Verdict
from sentinel.loop.making import Maker
from sentinel.loop.ranking import best_of, better

LEVERS = ("feedback", "seeds", "strength", "generator")

EMPTY = {
    "feedback": "feedback has nothing new to say",
    "strength": "there is no room for more steps or another size",
}
"""Why a lever that changes nothing is passed over."""


class Advise(Protocol):
    """What a verdict means for the next brief.

    `sentinel.feedback.advise` with its rule, or `sentinel.rewriting.rewrite`, which asks a
    language model and has to be waited for.
    """

    def __call__(
        self, verdict: Verdict, sent: Brief, *, asked: Brief, capabilities: Capabilities,
        told: Sequence[Feedback] = (),
    ) -> Feedback | Awaitable[Feedback]:  # fmt: skip
        """Feedback on `sent`; `told` was said before in this trace, to this generator."""
        ...


class Strengthen(Protocol):
    """More steps or another size (`sentinel.feedback.strengthen`)."""

    def __call__(
        self, sent: Brief, *, capabilities: Capabilities, default_steps: int | None = None
    ) -> Feedback:
        """Feedback without changes where there is no room."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """The next round: who is asked, with what, and why."""

    brief: Brief
    maker: int = 0
    stream: int = 0
    lever: str | None = None
    feedback: Feedback | None = None


class Ladder:
    """Which lever is in hand, how long it has brought nothing, and what was told already."""

    def __init__(
        self, asked: Brief, makers: Sequence[Maker], patience: int,
        advise: Advise, strengthen: Strengthen,
    ) -> None:  # fmt: skip
        """Nothing is pulled yet."""
        self._asked = asked
        self._makers = makers
        self._patience = patience
        self._advise = advise
        self._strengthen = strengthen
        self._rung = 0
        self._misses = 0
        self._maker = 0
        self._stream = 0
        self._told: list[Feedback] = []
        self._why = ""

    async def climb(self, attempts: Sequence[Attempt]) -> Step | None:
        """The next round's step; None where no lever is left."""
        latest, earlier = _parted(attempts)
        if better(latest, best_of(earlier)):
            self._rung = self._misses = 0
        else:
            self._misses += 1
        if self._misses >= self._patience:
            rounds = "round" if self._misses == 1 else f"{self._misses} rounds"
            self._move_on(f"the last {rounds} brought nothing better")
        while self._rung < len(LEVERS):
            step = await self._pull(LEVERS[self._rung], latest, best_of(attempts) or latest)
            if step is not None:
                return step
            self._move_on(EMPTY.get(LEVERS[self._rung], self._why))
        return None

    def _move_on(self, why: str) -> None:
        self._why = why
        self._rung += 1
        self._misses = 0

    async def _pull(self, lever: str, latest: Attempt, best: Attempt) -> Step | None:
        match lever:
            case "feedback":
                return await self._feed(latest)
            case "seeds":
                return self._reseed(best)
            case "strength":
                return self._force(best)
            case _:
                return self._hand_over(latest)

    async def _feed(self, latest: Attempt) -> Step | None:
        if not latest.judged:  # nobody said anything about a picture that never came
            told = _change("retry", "the same brief with a new seed", f"{latest.error}")
            feedback = Feedback(issues=(), changes=(told,), brief=latest.brief)
        else:
            said = self._advise(
                latest.verdict, latest.brief, asked=self._asked,
                capabilities=self._makers[self._maker].capabilities, told=tuple(self._told),
            )  # fmt: skip
            feedback = said if isinstance(said, Feedback) else await said
            if not feedback.changes:
                return None
            self._told.append(feedback)
        return self._step("feedback", feedback)

    def _reseed(self, best: Attempt) -> Step:
        self._stream += 1
        told = _change("seed", f"the brief of attempt {best.number}, seeds from another stream",
                       self._why)  # fmt: skip
        return self._step("seeds", Feedback(issues=(), changes=(told,), brief=best.brief))

    def _force(self, best: Attempt) -> Step | None:
        maker = self._makers[self._maker]
        feedback = self._strengthen(
            best.brief, capabilities=maker.capabilities, default_steps=maker.default_steps
        )
        return self._step("strength", feedback) if feedback.changes else None

    def _hand_over(self, latest: Attempt) -> Step | None:
        if self._maker + 1 >= len(self._makers):
            return None
        self._maker += 1
        self._rung = self._misses = 0
        self._told.clear()  # the next one has heard nothing yet
        name = self._makers[self._maker].name
        told = _change("generator", f"{name} paints instead of {latest.generator}",
                       self._why)  # fmt: skip
        return self._step("generator", Feedback(issues=(), changes=(told,), brief=self._asked))

    def _step(self, lever: str, feedback: Feedback) -> Step:
        return Step(feedback.brief, self._maker, self._stream, lever, feedback)


def _parted(attempts: Sequence[Attempt]) -> tuple[Attempt, list[Attempt]]:
    """The best of the latest round, and every attempt of the rounds before."""
    current = attempts[-1].round
    latest = best_of(each for each in attempts if each.round == current)
    if latest is None:
        raise ValueError("there is no attempt to climb from")
    return latest, [each for each in attempts if each.round < current]


def _change(category: str, change: str, reason: str) -> Change:
    return Change(category=category, change=change, reason=reason)
