"""Gating, judging and the decision together, with doubles for plugins."""

from __future__ import annotations

import pytest

from sentinel.contracts import (
    Abstention,
    Brief,
    Declined,
    Evidence,
    Fault,
    Finding,
    GateFault,
    Reading,
    Sample,
    Score,
)  # fmt: skip
from sentinel.gating import GateSeat
from sentinel.judging import JudgeSeat, judge
from sentinel.panel import Panel
from sentinel.policy import GateRule, JudgeRule, Policy
from sentinel.testing import (
    DecliningJudge,
    FixedGate,
    FixedJudge,
    HangingJudge,
    NonsenseJudge,
    RaisingGate,
    RaisingJudge,
    scene,
)
from sentinel.worker import Floor, Worker

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


def seat(name, plugin, **rule):
    worker = Worker("judge", name, plugin.judge, Floor(2), batch=4)
    return JudgeSeat(name, plugin.version, JudgeRule(**rule), worker)


def gate(name, plugin, typical_ms=1.0, **rule):
    worker = Worker("gate", name, lambda samples: [plugin.check(s) for s in samples], Floor(2))
    return GateSeat(
        name, plugin.version, GateRule(**rule), worker, sees_picture=True, typical_ms=typical_ms
    )


def panel(gates=(), judges=()):
    return Panel(Policy(name="test"), gates, judges)


async def test_a_refusing_gate_spares_the_judges():
    raising = seat("boom", RaisingJudge(), threshold=0.5)
    verdict = await panel([gate("no", FixedGate(passed=False))], [raising]).evaluate(
        Sample(scene())
    )

    assert verdict.outcomes == ()
    assert (verdict.action, verdict.standing) == ("reject", "refused")


async def test_the_cheapest_gate_is_asked_first():
    gates = [
        gate("dear", FixedGate(passed=False), 90.0),
        gate("cheap", FixedGate(passed=False), 1.0),
    ]
    verdict = await panel(gates).evaluate(Sample(scene()))

    assert [result.gate for result in verdict.gates] == ["cheap"]


async def test_a_broken_gate_does_not_let_an_unsafe_picture_slip_through():
    gates = [gate("broken", RaisingGate(), 1.0), gate("safety", FixedGate(passed=False), 2.0)]
    verdict = await panel(gates, [seat("good", FixedJudge())]).evaluate(Sample(scene()))

    assert isinstance(verdict.gates[0], GateFault)
    assert verdict.standing == "refused"


async def test_a_broken_gate_alone_leaves_the_picture_undecided():
    verdict = await panel([gate("broken", RaisingGate())], [seat("good", FixedJudge())]).evaluate(
        Sample(scene())
    )

    assert verdict.standing == "undecided"
    assert verdict.passed is None


async def test_a_fault_does_not_silence_the_other_judges():
    judges = [seat("boom", RaisingJudge()), seat("good", FixedJudge(0.9), threshold=0.5),
              seat("late", HangingJudge(1.0), timeout=0.05), seat("odd", NonsenseJudge()),
              seat("shy", DecliningJudge())]  # fmt: skip
    outcomes = await judge(judges, Sample(scene()))

    assert [type(outcome) for outcome in outcomes] == [Fault, Score, Fault, Fault, Abstention]
    assert [o.cause for o in outcomes if isinstance(o, Fault)] == ["error", "timeout", "contract"]


async def test_a_value_smuggled_past_the_contract_becomes_a_fault():
    broken = FixedJudge()
    broken.answer = Reading.model_construct(value=float("nan"), reason="x", evidence=())
    outcomes = await judge([seat("nan", broken)], Sample(scene()))

    assert outcomes[0].cause == "contract"


async def test_a_judge_that_returns_something_else_becomes_a_fault():
    broken = FixedJudge()
    broken.answer = 0.7
    outcomes = await judge([seat("float", broken)], Sample(scene()))

    assert "not a Reading" in outcomes[0].reason


async def test_a_judge_is_charged_for_its_own_seconds_and_not_for_those_in_line():
    floor = Floor(1)
    slow = Worker("judge", "slow", HangingJudge(0.3).judge, floor)
    quick = Worker("judge", "quick", FixedJudge().judge, floor)
    seats = [JudgeSeat(each.name, "1", JudgeRule(), each) for each in (slow, quick)]
    outcomes = await judge(seats, Sample(scene()))

    assert outcomes[0].seconds >= 0.3
    assert outcomes[1].seconds < 0.2


HALF = "half a \ud800 character"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Reading(value=1.0, reason=HALF), "cannot be written as JSON"),
        (Declined(reason=HALF), "cannot be written as JSON"),
        (Reading(value=1.0, reason="x" * 1_000_001), "at most 1,000,000"),
        (Reading.model_construct(value=1.0, reason=7, evidence=()), "reason of its answer"),
        (Reading.model_construct(value=1.0, reason="x", evidence=[object()]), "JSON"),
    ],
    ids=["half a character", "declined", "huge", "no text", "no evidence"],
)
async def test_an_answer_that_no_trace_could_hold_becomes_a_fault(answer, told):
    broken, fine = FixedJudge(), FixedJudge()
    broken.answer = answer
    fault, score = await judge([seat("broken", broken), seat("fine", fine)], Sample(scene()))

    assert (fault.cause, score.kind) == ("contract", "score")
    assert told in fault.reason


async def test_what_a_judge_says_when_it_breaks_is_shortened_and_can_be_written():
    class Loud:
        version = "1"

        def judge(self, samples):
            raise ValueError(HALF * 100_000)

    (fault,) = await judge([seat("loud", Loud())], Sample(scene()))

    assert len(fault.model_dump_json()) < 3_000
    assert "half a \\ud800 character" in fault.reason


async def test_measurements_that_are_no_numbers_are_told_as_nothing():
    broken = FixedJudge()
    broken.answer = Reading(value=1.0, reason="x", measurements={"distance": float("nan")})
    (score,) = await judge([seat("nan", broken)], Sample(scene()))

    assert score.measurements == {"distance": None}


@pytest.mark.parametrize(
    "answer",
    [None, Finding(passed=True, reason=HALF), Finding.model_construct(passed="perhaps", reason=1)],
    ids=["nothing", "half a character", "no claim"],
)
async def test_a_gate_that_answers_nonsense_has_neither_passed_nor_refused(answer):
    broken = FixedGate()
    broken.finding = answer
    verdict = await panel([gate("broken", broken)], [seat("fine", FixedJudge())]).evaluate(
        Sample(scene())
    )

    assert isinstance(verdict.gates[0], GateFault)
    assert verdict.standing == "undecided"
    assert verdict.outcomes[0].kind == "score"


async def test_boxes_are_cut_to_the_picture():
    outside = FixedJudge()
    outside.answer = Reading(
        value=1.0, reason="x", evidence=(Evidence(claim="c", box=(-5, 3, 9999, 2)),)
    )
    outcomes = await judge([seat("far", outside)], Sample(scene(100, 50)))

    assert tuple(outcomes[0].evidence[0].box) == (0, 3, 100, 3)


async def test_a_missing_optional_judge_is_named_and_does_not_decide():
    missing = JudgeSeat(
        "alignment", "1", JudgeRule(threshold=0.5, optional=True), None, "needs weights"
    )
    verdict = await panel(judges=[missing, seat("good", FixedJudge())]).evaluate(Sample(scene()))

    assert verdict.standing == "passed"
    assert any(
        isinstance(o, Fault) and o.judge == "alignment" and o.cause == "missing"
        for o in verdict.outcomes
    )


async def test_a_required_judge_that_breaks_leaves_the_picture_undecided():
    judges = [seat("boom", RaisingJudge(), threshold=0.5), seat("good", FixedJudge())]
    verdict = await panel(judges=judges).evaluate(Sample(scene()), enforce=True, retries_left=True)

    assert (verdict.action, verdict.standing) == ("reject", "undecided")


async def test_one_poisoned_sample_does_not_fail_its_batch():
    import asyncio

    poisoned = seat("fussy", RaisingJudge("poison"))
    samples = [Sample(scene(), Brief(prompt=prompt)) for prompt in ("a", "poison", "b")]
    outcomes = await asyncio.gather(*(judge([poisoned], sample) for sample in samples))

    assert [type(outcome[0]) for outcome in outcomes] == [Score, Fault, Score]


async def test_what_no_judge_reads_is_noted():
    reader = JudgeSeat("text", "1", JudgeRule(), None, reads=("expected_text",))
    brief = Brief(expected_text=("SALE",), palette=("red",))

    assert panel(judges=[reader]).unread(brief) == (
        "palette was given, and no judge of policy 'test' reads it",
    )
    assert panel(judges=[reader]).unread(Brief(prompt="a cup")) == ()
