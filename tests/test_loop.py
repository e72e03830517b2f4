"""The loop, with doubles for generators and judges: what is tried, why it ends, what is delivered."""

from __future__ import annotations

import asyncio
import runpy
import time
from pathlib import Path

import pytest

from sentinel.contracts import Brief, Candidate, Capabilities, Finding, Reference
from sentinel.errors import BriefError, Busy, MissingRequirement, SafetyRefused
from sentinel.imaging import encode
from sentinel.loop import Ended, Fed, Generated, Judged, Screened, Started, follow
from sentinel.policy import JudgeRule
from sentinel.testing import (
    FixedGate,
    HangingJudge,
    RaisingJudge,
    RedJudge,
    ScriptedGenerator,
    flat,
    red,
)

pytestmark = pytest.mark.anyio

LOOPING = runpy.run_path(str(Path(__file__).with_name("looping.py")))
attempt, silent, studio = (LOOPING[name] for name in ("attempt", "silent", "studio"))

BRIEF = Brief(prompt="a red square", seed=7)
BLACK = encode(flat(32, 32, (0, 0, 0)))


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Screen:
    """An input gate that passes, refuses or breaks."""

    version = "1"

    def __init__(self, passed: bool = True, broken: bool = False) -> None:
        self.passed, self.broken = passed, broken

    def screen(self, brief: Brief) -> Finding:
        if self.broken:
            raise RuntimeError("the word list is gone")
        return Finding(passed=self.passed, reason="blank prompt", mendable=False)


# ── how it ends ───────────────────────────────────────────────────────────────────────────────


async def test_a_first_picture_that_passes_ends_it():
    painter = ScriptedGenerator(red(0.9))
    async with studio(painter) as house:
        trace = await house.run().go()

    assert (trace.stopped_because, trace.delivered, len(trace.attempts)) == ("passed", 1, 1)
    assert trace.verdict.action == "pass"


async def test_a_failed_attempt_is_fed_back_and_the_next_one_passes():
    painter = ScriptedGenerator(red(0.2), red(0.8))
    async with studio(painter) as house:
        run = house.run()
        trace = await run.go()

    first, second = trace.attempts
    assert (trace.stopped_because, trace.delivered) == ("passed", 2)
    assert first.verdict.action == "regenerate"
    assert first.feedback.changes[0].change == "said louder"
    assert (second.lever, second.brief.prompt) == ("feedback", "a red square!")
    assert run.pictures[2] == red(0.8)


async def test_with_the_budget_spent_the_best_is_delivered_and_not_the_last():
    painter = ScriptedGenerator(red(0.2), red(0.4), red(0.1))
    async with studio(painter) as house:
        trace = await house.run().go()

    assert (trace.stopped_because, trace.delivered, trace.best) == ("budget", 2, 2)
    assert [each.verdict.action for each in trace.attempts] == ["regenerate", "score", "reject"]
    assert trace.verdict.passed is False


async def test_with_on_exhausted_reject_nothing_is_delivered_and_the_best_is_still_named():
    painter = ScriptedGenerator(red(0.2), red(0.4), red(0.1))
    async with studio(painter, on_exhausted="reject") as house:
        trace = await house.run().go()

    assert (trace.delivered, trace.best) == (None, 2)
    assert trace.attempts[1].verdict.action == "regenerate"
    assert trace.attempts[2].verdict.action == "reject"


async def test_a_judge_that_cannot_run_burns_no_second_generation():
    painter = ScriptedGenerator(red(0.9))
    async with studio(painter, judge=RaisingJudge()) as house:
        trace = await house.run().go()

    assert (trace.stopped_because, trace.delivered) == ("undecided", None)
    assert len(painter.briefs) == 1
    assert trace.attempts[0].verdict.action == "reject"


async def test_fail_open_delivers_what_could_not_be_decided():
    async with studio(
        ScriptedGenerator(red(0.9)), judge=RaisingJudge(), on_undecided="fail_open"
    ) as house:
        trace = await house.run().go()

    assert (trace.stopped_because, trace.delivered) == ("undecided", 1)
    assert (trace.verdict.action, trace.verdict.passed) == ("score", None)


async def test_an_input_that_a_gate_refuses_costs_nothing():
    painter = ScriptedGenerator(red(0.9))
    async with studio(painter, gates=[Screen(passed=False)]) as house:
        trace = await house.run().go()

    assert (trace.stopped_because, trace.attempts, painter.briefs) == ("rejected", (), [])
    assert (trace.verdict.action, trace.verdict.standing) == ("reject", "refused")
    assert "nothing was spent" in trace.reason


async def test_an_input_gate_that_is_broken_spends_nothing_either():
    painter = ScriptedGenerator(red(0.9))
    async with studio(painter, gates=[Screen(broken=True)]) as house:
        trace = await house.run().go()

    assert (trace.stopped_because, painter.briefs) == ("undecided", [])


async def test_a_mendable_refusal_is_tried_again_and_never_delivered():
    painter = ScriptedGenerator(red(0.9))
    async with studio(painter, gates=[FixedGate(passed=False)]) as house:
        trace = await house.run().go()

    assert (trace.stopped_because, trace.delivered, len(trace.attempts)) == ("budget", None, 3)


async def test_a_refusal_that_no_picture_can_mend_ends_it():
    painter = ScriptedGenerator(red(0.9))
    async with studio(painter, gates=[FixedGate(passed=False, mendable=False)]) as house:
        trace = await house.run().go()

    assert (trace.stopped_because, trace.delivered, len(trace.attempts)) == ("rejected", None, 1)


async def test_a_providers_safety_refusal_is_not_asked_twice():
    painter = ScriptedGenerator(SafetyRefused("fal", "will not paint this"))
    async with studio(painter) as house:
        trace = await house.run().go()

    assert (trace.stopped_because, len(trace.attempts)) == ("rejected", 1)
    assert "will not paint this" in trace.reason


# ── the budget ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wish", "stopped"),
    [
        pytest.param({"attempts": 0}, "budget", id="no attempts"),
        pytest.param({"seconds": 0}, "deadline", id="no seconds"),
    ],
)
async def test_a_budget_of_nothing_spends_nothing(wish, stopped):
    painter = ScriptedGenerator(red(0.9))
    async with studio(painter) as house:
        trace = await house.run(**wish).go()

    assert (trace.stopped_because, trace.attempts, painter.briefs) == (stopped, (), [])


async def test_no_money_still_buys_what_is_free():
    async with studio(ScriptedGenerator(red(0.9))) as house:
        trace = await house.run(cost=0).go()

    assert trace.stopped_because == "passed"


@pytest.mark.parametrize("price", [0.01, None], ids=["dear", "unknown"])
async def test_no_money_buys_nothing_dear_or_of_unknown_price(price):
    painter = ScriptedGenerator(red(0.9), price=price, cost=0.01)
    async with studio(painter) as house:
        trace = await house.run(cost=0).go()

    assert (trace.stopped_because, painter.briefs) == ("budget", [])


async def test_money_ends_it_before_it_is_overspent():
    painter = ScriptedGenerator(red(0.1), price=None, cost=0.01)
    async with studio(painter, budget={"attempts": 9}) as house:
        trace = await house.run(cost=0.025).go()

    assert (trace.stopped_because, len(trace.attempts)) == ("budget", 2)
    assert trace.cost == pytest.approx(0.02)


async def test_a_request_cannot_raise_what_its_policy_allows():
    painter = ScriptedGenerator(red(0.1))
    async with studio(painter, budget={"attempts": 2}) as house:
        trace = await house.run(attempts=9).go()

    assert len(trace.attempts) == 2
    assert trace.notes == ("max_attempts is 9: the policy allows 2, which is used",)


async def test_a_deadline_shorter_than_one_attempt_gives_up_in_time():
    painter = ScriptedGenerator(red(0.9), seconds=0.6)
    async with studio(painter) as house:
        started = time.perf_counter()
        trace = await house.run(seconds=0.1).go()
        took = time.perf_counter() - started

    [only] = trace.attempts
    assert (trace.stopped_because, trace.delivered) == ("deadline", None)
    assert took < 0.4
    assert only.error == "no picture came within the 0.1 s that were allowed"


async def test_a_picture_that_is_not_judged_in_time_is_kept_and_not_delivered():
    painter = ScriptedGenerator(red(0.9))
    async with studio(painter, judge=HangingJudge(0.6)) as house:
        run = house.run(seconds=0.2)
        trace = await run.go()

    assert (trace.stopped_because, trace.delivered) == ("deadline", None)
    assert not trace.attempts[0].judged
    assert run.pictures[1] == red(0.9)


async def test_no_retry_is_begun_that_could_not_end_in_time():
    painter = ScriptedGenerator(red(0.1), seconds=0.2)
    async with studio(painter) as house:
        trace = await house.run(seconds=0.35).go()

    assert (trace.stopped_because, len(painter.briefs), trace.delivered) == ("deadline", 1, 1)


# ── bad generators ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param(RuntimeError("out of paint"), "RuntimeError: out of paint", id="raises"),
        pytest.param(b"streamed garbage", "what came is no picture", id="garbage"),
        pytest.param(b"", "what came is no picture", id="empty bytes"),
        pytest.param(BLACK, "black all over", id="black"),
        pytest.param([], "no pictures came where 1 were asked for", id="none"),
        pytest.param(["words"], "a str came", id="no candidate"),
    ],
)
async def test_a_faulty_generation_is_an_attempt_that_costs_nothing(answer, told):
    painter = ScriptedGenerator(answer, red(0.9), cost=0.01)
    async with studio(painter) as house:
        trace = await house.run().go()

    faulty, good = trace.attempts
    assert told in faulty.error
    assert (faulty.cost, faulty.judged, faulty.picture) == (0, False, None)
    assert (trace.stopped_because, trace.delivered, trace.cost) == ("passed", 2, 0.01)
    assert good.brief.prompt == faulty.brief.prompt
    assert good.brief.seed != faulty.brief.seed


async def test_a_generator_that_always_breaks_ends_with_the_budget():
    painter = ScriptedGenerator(RuntimeError("out of paint"))
    async with studio(painter) as house:
        trace = await house.run().go()

    assert (trace.stopped_because, trace.delivered, len(trace.attempts)) == ("budget", None, 3)
    assert trace.verdict.standing == "undecided"


async def test_a_generator_that_hangs_is_left_and_asked_again():
    def slow(brief):
        time.sleep(0.5)
        return []

    painter = ScriptedGenerator(slow, red(0.9))
    async with studio(painter, seconds=0.1) as house:
        trace = await house.run().go()

    assert "no answer within 0.1 s" in trace.attempts[0].error
    assert trace.delivered == 2


async def test_more_pictures_than_asked_for_are_told_and_left():
    extra = [Candidate(image=red(value)) for value in (0.9, 0.1)]
    async with studio(ScriptedGenerator(extra)) as house:
        trace = await house.run().go()

    assert len(trace.attempts) == 1
    assert "2 pictures came where 1 were asked for" in trace.attempts[0].notes


async def test_fewer_pictures_than_asked_for_are_used_and_the_lack_is_an_attempt():
    short = [Candidate(image=red(0.9), cost=0.01)]
    async with studio(ScriptedGenerator(short), budget={"attempts": 4}) as house:
        trace = await house.run(candidates=3).go()

    assert (trace.stopped_because, trace.delivered, len(trace.attempts)) == ("passed", 1, 2)
    assert trace.attempts[1].error == "1 pictures came where 3 were asked for"


async def test_a_cost_that_is_no_amount_never_loses_the_picture():
    odd = [Candidate(image=red(0.9), cost=float("nan"))]
    async with studio(ScriptedGenerator(odd)) as house:
        trace = await house.run().go()

    assert (trace.delivered, trace.cost) == (1, 0)
    assert "counted as 0" in trace.attempts[0].notes[0]


async def test_a_brief_that_the_generator_cannot_paint_goes_back_to_the_caller():
    painter = ScriptedGenerator(BriefError("width", 9, "use 64 to 2048 pixels"))
    async with studio(painter) as house:
        with pytest.raises(BriefError, match="width is 9"):
            await house.run().go()


async def test_missing_weights_go_to_the_operator():
    async with studio(ScriptedGenerator(MissingRequirement("local", "torch", "pip"))) as house:
        with pytest.raises(MissingRequirement):
            await house.run().go()


@pytest.mark.parametrize(
    ("brief", "candidates", "told"),
    [
        pytest.param(Brief(), 1, "prompt is None", id="no prompt"),
        pytest.param(Brief(prompt="x", count=2), 1, "count is 2", id="several pictures"),
        pytest.param(Brief(prompt="x"), 0, "candidates is 0", id="no candidates"),
        pytest.param(Brief(prompt="x"), 99, "candidates is 99", id="too many candidates"),
        pytest.param(Brief(prompt="x", seed=-1), 1, "seed is -1", id="a seed below zero"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_by_field(brief, candidates, told):
    async with studio(ScriptedGenerator(red(0.9))) as house:
        with pytest.raises(BriefError, match=told):
            house.run(brief, candidates=candidates)


@pytest.mark.parametrize("wish", [{"attempts": -1}, {"seconds": float("nan")}, {"cost": -0.1}])
async def test_a_budget_that_is_no_amount_is_refused_by_field(wish):
    async with studio(ScriptedGenerator(red(0.9))) as house:
        with pytest.raises(BriefError, match=f"max_{next(iter(wish))}"):
            house.run(**wish)


# ── what is sent ──────────────────────────────────────────────────────────────────────────────


async def test_what_the_generator_does_not_understand_is_said_and_not_sent():
    painter = ScriptedGenerator(red(0.9), capabilities=Capabilities(seed=False))
    brief = Brief(prompt="x", negative_prompt="green", seed=5, references=(
        Reference(kind="style", image=red(0.5)),))  # fmt: skip
    async with studio(painter) as house:
        trace = await house.run(brief).go()

    [sent], notes = painter.briefs, " ".join(trace.attempts[0].notes)
    assert (sent.negative_prompt, sent.seed, sent.references) == (None, None, ())
    assert "takes no negative prompt: 'green' was not sent" in notes
    assert "takes no seed" in notes
    assert "takes no reference of kind style" in notes
    assert trace.brief == brief


async def test_judges_see_the_brief_as_it_was_asked_and_not_as_it_was_sent():
    seen = []

    class Watching(RedJudge):
        def judge(self, samples):
            seen.extend(sample for sample in samples)
            return super().judge(samples)

    async with studio(ScriptedGenerator(red(0.2), red(0.9)), judge=Watching()) as house:
        await house.run().go()

    assert [sample.brief for sample in seen] == [BRIEF, BRIEF]
    assert [sample.earlier for sample in seen] == [(), ()]


async def test_seeds_come_from_the_callers_and_are_the_same_every_time():
    sent = []
    for _ in range(2):
        painter = ScriptedGenerator(red(0.2))
        async with studio(painter) as house:
            await house.run().go()
        sent.append([brief.seed for brief in painter.briefs])

    assert sent[0] == sent[1]
    assert sent[0][0] == BRIEF.seed
    assert len(set(sent[0])) == 3


async def test_without_a_seed_one_is_drawn_and_told():
    painter = ScriptedGenerator(red(0.9))
    async with studio(painter) as house:
        trace = await house.run(Brief(prompt="x")).go()

    assert trace.brief.seed is None
    assert trace.attempts[0].brief.seed == painter.briefs[0].seed is not None


async def test_a_picture_that_came_before_is_told_as_such():
    async with studio(ScriptedGenerator(red(0.2))) as house:
        trace = await house.run(attempts=2).go()

    assert trace.attempts[0].notes == ()
    assert trace.attempts[1].notes == (
        "the very picture of attempt 1: the generator heeds no seed",
    )


# ── candidates ────────────────────────────────────────────────────────────────────────────────


def batch(*values):
    """A script's entry: one candidate for each value."""
    return lambda brief: [
        Candidate(image=red(value), seed=(brief.seed or 0) + index, cost=0.01)
        for index, value in enumerate(values)
    ]


async def test_the_best_of_several_candidates_is_delivered():
    painter = ScriptedGenerator(batch(0.6, 0.9, 0.2))
    async with studio(painter) as house:
        trace = await house.run(candidates=3).go()

    assert [brief.count for brief in painter.briefs] == [3]
    assert (trace.stopped_because, trace.delivered) == ("passed", 2)
    assert [each.verdict.action for each in trace.attempts] == ["pass", "pass", "reject"]
    assert {each.round for each in trace.attempts} == {1}


async def test_candidates_spend_the_budget_of_attempts():
    painter = ScriptedGenerator(batch(0.1, 0.2), batch(0.3))
    async with studio(painter) as house:
        trace = await house.run(candidates=2).go()

    assert [brief.count for brief in painter.briefs] == [2, 1]
    assert (len(trace.attempts), trace.stopped_because, trace.delivered) == (3, "budget", 3)
    assert trace.attempts[1].feedback is not None


async def test_candidates_of_one_batch_are_judged_together():
    calls = []

    class Counting(RedJudge):
        def judge(self, samples):
            calls.append(len(samples))
            return super().judge(samples)

    async with studio(ScriptedGenerator(batch(0.9, 0.8, 0.7)), judge=Counting()) as house:
        await house.run(candidates=3).go()

    assert calls == [3]


# ── levers ────────────────────────────────────────────────────────────────────────────────────


async def test_levers_are_pulled_in_order_and_end_in_a_plateau():
    one, other = ScriptedGenerator(red(0.2)), ScriptedGenerator(red(0.2))
    async with studio(one, other, budget={"attempts": 50, "patience": 1}) as house:
        trace = await house.run().go()

    assert trace.stopped_because == "plateau"
    assert [each.lever for each in trace.attempts] == [
        None, "feedback", "seeds", "strength", "generator", "seeds", "strength",
    ]  # fmt: skip
    assert [each.generator for each in trace.attempts] == ["painter"] * 4 + ["painter1"] * 3
    assert trace.delivered == 1
    assert trace.attempts[1].feedback.changes[0].reason == "the last round brought nothing better"


async def test_a_rise_brings_feedback_back():
    painter = ScriptedGenerator(red(0.1), red(0.1), red(0.3), red(0.35))
    async with studio(painter, budget={"attempts": 4, "patience": 1}) as house:
        trace = await house.run().go()

    assert [each.lever for each in trace.attempts] == [None, "feedback", "seeds", "feedback"]


async def test_a_lever_with_nothing_to_say_is_passed_over():
    painter = ScriptedGenerator(red(0.1))
    async with studio(painter) as house:
        house.advise = silent
        trace = await house.run().go()

    assert [each.lever for each in trace.attempts] == [None, "seeds", "seeds"]
    assert trace.attempts[0].feedback.changes[0].reason == "feedback has nothing new to say"


async def test_feedback_may_have_to_be_waited_for():
    async def slowly(verdict, sent, **given):
        await asyncio.sleep(0.01)
        return LOOPING["advise"](verdict, sent, **given)

    painter = ScriptedGenerator(red(0.1), red(0.9))
    async with studio(painter) as house:
        house.advise = slowly
        trace = await house.run().go()

    assert (trace.delivered, painter.briefs[1].prompt) == (2, "a red square!")


async def test_feedback_that_is_not_in_time_ends_it_with_what_there_is():
    async def never(verdict, sent, **given):
        await asyncio.sleep(60)

    async with studio(ScriptedGenerator(red(0.1))) as house:
        house.advise = never
        trace = await house.run(seconds=0.4).go()

    assert (trace.stopped_because, trace.delivered) == ("deadline", 1)


async def test_another_generator_has_been_told_nothing_yet():
    told_before = []

    def counting(verdict, sent, *, asked, capabilities, told=()):
        told_before.append(len(told))
        return LOOPING["advise"](verdict, sent, asked=asked, capabilities=capabilities, told=told)

    one, other = ScriptedGenerator(red(0.2)), ScriptedGenerator(red(0.2), red(0.3))
    async with studio(one, other, budget={"attempts": 7, "patience": 1}) as house:
        house.advise = counting
        trace = await house.run().go()

    assert trace.attempts[4].lever == "generator"
    assert told_before[:2] == [0, 0]


async def test_strength_builds_on_the_best_brief():
    painter = ScriptedGenerator(red(0.1), red(0.3), red(0.1))
    async with studio(painter, budget={"attempts": 6, "patience": 1}) as house:
        trace = await house.run().go()

    strong = next(each for each in trace.attempts if each.lever == "strength")
    assert strong.brief.steps == 4
    assert strong.brief.prompt == "a red square!"


# ── modes ─────────────────────────────────────────────────────────────────────────────────────


async def test_score_mode_delivers_before_the_judges_have_looked():
    async with studio(ScriptedGenerator(red(0.2)), judge=RedJudge(0.3)) as house:
        started = time.perf_counter()
        run = house.run(mode="score")
        early = await run.go()
        took = time.perf_counter() - started
        behind = run.behind
        late = await run.finish()

    assert took < 0.2
    assert behind
    assert (early.delivered, early.verdict.action, early.attempts[0].judged) == (1, "score", False)
    assert (late.delivered, late.verdict.action, late.verdict.standing) == (1, "score", "failed")
    assert late.id == early.id


async def test_score_mode_makes_one_picture_and_tries_again_only_where_none_came():
    painter = ScriptedGenerator(RuntimeError("out of paint"), red(0.2))
    async with studio(painter) as house:
        trace = await house.run(mode="score", candidates=4).go()

    assert [brief.count for brief in painter.briefs] == [1, 1]
    assert trace.delivered == 2


async def test_mode_off_asks_no_judge_and_no_gate():
    async with studio(
        ScriptedGenerator(red(0.2)), judge=RaisingJudge(), gates=[Screen(passed=False)]
    ) as house:
        run = house.run(mode="off")
        trace = await run.go()

    assert (trace.delivered, trace.screened, run.behind) == (1, (), False)
    assert not trace.attempts[0].judged


# ── the caller hangs up, and who listens ──────────────────────────────────────────────────────


async def _cancelled(run, after):
    going = asyncio.create_task(run.go())
    await asyncio.sleep(after)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    return await run.abort()


async def test_a_caller_who_hangs_up_while_it_paints_stops_the_work_and_keeps_the_picture():
    painter = ScriptedGenerator(red(0.2), seconds=0.2, cost=0.01)
    async with studio(painter) as house:
        run = house.run()
        trace = await _cancelled(run, 0.1)

    [only] = trace.attempts
    assert (len(painter.briefs), trace.delivered, trace.stopped_because) == (1, None, None)
    assert (only.judged, only.cost, run.pictures[1]) == (False, 0.01, red(0.2))
    assert trace.reason == "the caller hung up"


async def test_a_caller_who_hangs_up_while_it_waits_costs_nothing():
    painter = ScriptedGenerator(red(0.9), seconds=0.3)
    async with studio(painter) as house:
        first = asyncio.create_task(house.run().go())
        await asyncio.sleep(0.05)
        trace = await _cancelled(house.run(), 0.05)
        await first

    assert len(painter.briefs) == 1
    assert trace.cost == 0


async def test_a_caller_who_hangs_up_while_it_is_judged_keeps_what_was_made():
    painter = ScriptedGenerator(red(0.2))
    async with studio(painter, judge=RedJudge(0.3)) as house:
        trace = await _cancelled(house.run(), 0.15)

    assert [each.judged for each in trace.attempts] == [False]
    assert len(painter.briefs) == 1


async def test_what_happens_is_told_in_order():
    told = []
    async with studio(ScriptedGenerator(red(0.2), red(0.9)), gates=[Screen()]) as house:
        await house.run(listener=told.append).go()

    round_ = [Started, Generated, Judged]
    assert [type(event) for event in told] == [Screened, *round_, Fed, *round_, Ended]
    assert told[2].pictures == {1: red(0.2)}


async def test_a_run_can_be_followed():
    async with studio(ScriptedGenerator(red(0.9))) as house:
        events = [event async for event in follow(house.run())]

    assert isinstance(events[-1], Ended)
    assert events[-1].trace.delivered == 1


async def test_a_listener_that_raises_hurts_nobody():
    def stumble(event):
        raise RuntimeError(type(event).__name__)

    async with studio(ScriptedGenerator(red(0.9))) as house:
        trace = await house.run(listener=stumble).go()

    assert trace.delivered == 1


async def test_whoever_stops_following_stops_the_work():
    painter = ScriptedGenerator(red(0.1), seconds=0.05)
    async with studio(painter, budget={"attempts": 50}) as house:
        events = follow(house.run())
        async for event in events:
            if isinstance(event, Judged):
                break
        await events.aclose()
        await asyncio.sleep(0.2)

    assert len(painter.briefs) <= 2


async def test_a_full_queue_of_judges_is_waited_for_and_the_picture_kept():
    async with studio(ScriptedGenerator(red(0.9))) as house:
        panel, asked = house.panel, []
        evaluate = type(panel).evaluate

        class Full:
            policy = panel.policy
            unread, screen = panel.unread, panel.screen

            async def evaluate(self, sample, **given):
                asked.append(sample)
                if len(asked) == 1:
                    raise Busy("the queue of judge red", 0.04)
                return await evaluate(panel, sample, **given)

        house.panel = Full()
        trace = await house.run().go()

    assert (len(asked), trace.delivered) == (2, 1)


async def test_one_request_is_painted_while_another_is_judged():
    painter = ScriptedGenerator(red(0.9), seconds=0.15)
    async with studio(painter, judge=RedJudge(0.15)) as house:
        started = time.perf_counter()
        for _ in range(2):
            await house.run().go()
        alone = time.perf_counter() - started
        started = time.perf_counter()
        await asyncio.gather(*(house.run().go() for _ in range(2)))
        together = time.perf_counter() - started

    assert together < alone * 0.9


async def test_an_advisory_panel_lets_everything_pass():
    async with studio(ScriptedGenerator(red(0.6)), rule=JudgeRule()) as house:
        trace = await house.run().go()

    assert trace.stopped_because == "passed"


def test_attempts_of_the_tests_are_values():
    assert attempt().model_validate_json(attempt().model_dump_json()) == attempt()
