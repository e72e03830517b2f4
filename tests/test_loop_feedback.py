"""The loop with the real feedback: what the judges said is in the next brief, and no more than that."""

from __future__ import annotations

import runpy
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest

from sentinel import feedback
from sentinel.contracts import Brief, Capabilities, FailureMode, Reading
from sentinel.policy import FeedbackRule
from sentinel.testing import ScriptedGenerator, red

pytestmark = pytest.mark.anyio

LOOPING = runpy.run_path(str(Path(__file__).with_name("looping.py")))
studio = LOOPING["studio"]

BRIEF = Brief(prompt='a shop window with a sign that reads "SALE"', expected_text=("SALE",), seed=7)
MISSPELLED = FailureMode(category="text", subcategory="misspelled", detail="SALE reads SAIE")
PAINTER = Capabilities(max_steps=8, largest=256)


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Reader:
    """Reads a misspelled sign from every picture that is not red enough."""

    version: ClassVar[str] = "1"

    def judge(self, samples):
        return [self._read(sample) for sample in samples]

    def _read(self, sample):
        value = int(sample.pixels[0, 0, 0]) / 255
        issues = (MISSPELLED,) if value < 0.5 else ()
        return Reading(value=value, reason="read the sign", issues=issues)


async def test_the_text_that_was_wrong_is_spelled_out_for_the_next_attempt():
    painter = ScriptedGenerator(red(0.2), red(0.9), capabilities=PAINTER)
    async with studio(painter, judge=Reader()) as house:
        house.advise, house.strengthen = feedback.advise, feedback.strengthen
        trace = await house.run(BRIEF).go()

    first, second = painter.briefs
    assert first.prompt == BRIEF.prompt
    assert "S-A-L-E" in second.prompt
    assert trace.attempts[0].feedback.issues == (MISSPELLED,)
    assert trace.delivered == 2


async def test_every_lever_works_with_the_real_feedback_until_none_is_left():
    painter = ScriptedGenerator(red(0.2), capabilities=PAINTER)
    async with studio(painter, judge=Reader(), budget={"attempts": 30}) as house:
        house.advise, house.strengthen = feedback.advise, feedback.strengthen
        trace = await house.run(BRIEF.model_copy(update={"steps": 4})).go()

    levers = [each.lever for each in trace.attempts]
    assert trace.stopped_because == "plateau"
    assert levers == sorted(levers, key=(None, "feedback", "seeds", "strength").index)
    assert "strength" in levers
    assert all((brief.steps or 0) <= 8 for brief in painter.briefs)
    assert len({brief.seed for brief in painter.briefs}) == len(painter.briefs)


async def test_feedback_that_the_policy_turned_off_says_nothing():
    painter = ScriptedGenerator(red(0.2), capabilities=PAINTER)
    async with studio(painter, judge=Reader()) as house:
        house.advise = partial(feedback.advise, rule=FeedbackRule(enabled=False))
        trace = await house.run(BRIEF).go()

    assert [each.lever for each in trace.attempts] == [None, "seeds", "seeds"]
    assert {brief.prompt for brief in painter.briefs} == {BRIEF.prompt}
