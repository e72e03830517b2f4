"""Laws of the loop: of its parts over generated attempts, and of whole runs over any script."""

from __future__ import annotations

import asyncio
import itertools
import runpy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.contracts import Candidate, Trace
from sentinel.loop import Spent, Wish, allowed, best_of, place, seed_of, stop
from sentinel.loop.budget import batch
from sentinel.loop.closing import delivered, settled
from sentinel.policy import Budget, Policy
from sentinel.testing import RaisingJudge, RedJudge, ScriptedGenerator, red

LOOPING = runpy.run_path(str(Path(__file__).with_name("looping.py")))
attempt, studio = LOOPING["attempt"], LOOPING["studio"]

# ── the parts ─────────────────────────────────────────────────────────────────────────────────

attempts = st.lists(
    st.tuples(
        st.sampled_from(["passed", "failed", "refused", "undecided"]),
        st.sampled_from([None, 0.2, 0.4, 0.6]),
        st.sampled_from(["seen", "unjudged", "faulty"]),
    ),
    max_size=6,
).map(
    lambda drawn: [
        attempt(
            number, standing, score, judged=kind == "seen",
            **({"picture": None, "error": "it broke"} if kind == "faulty" else {}),
        )
        for number, (standing, score, kind) in enumerate(drawn, start=1)
    ]
)  # fmt: skip
policies = st.builds(
    Policy, name=st.just("law"), on_undecided=st.sampled_from(["fail_closed", "fail_open"]),
    on_exhausted=st.sampled_from(["best", "reject"]),
)  # fmt: skip


@given(attempts, st.randoms())
def test_the_best_does_not_depend_on_the_order_in_which_one_looks(made, random):
    shuffled = random.sample(made, len(made))

    assert best_of(made) == best_of(shuffled)


@given(attempts)
def test_no_two_attempts_of_a_trace_are_equal(made):
    assert len({place(each) for each in made}) == len(made)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(
            {"standing": "passed", "score": 0.5}, {"standing": "failed", "score": 0.9},
            id="standing before score",
        ),
        pytest.param(
            {"standing": "undecided", "score": None}, {"standing": "failed", "score": 0.9},
            id="undecided before failed",
        ),
        pytest.param({"score": 0.4}, {"score": 0.3}, id="score"),
        pytest.param({"score": 0.0}, {"score": None}, id="any score before none"),
        pytest.param({"score": 0.1}, {"judged": False}, id="judged before not judged"),
        pytest.param({"judged": False}, {"standing": "refused"}, id="not judged before refused"),
        pytest.param({"standing": "refused"}, {"picture": None}, id="refused before no picture"),
    ],
)  # fmt: skip
def test_the_order_of_attempts(better, worse):
    assert place(attempt(2, **better)) > place(attempt(1, **worse))


def test_of_two_equal_attempts_the_earlier_is_better():
    assert place(attempt(1)) > place(attempt(2))


@given(
    attempts, policies, st.sampled_from(["budget", "deadline", "plateau", "undecided", "rejected"])
)
def test_what_is_delivered_is_the_best_or_nothing_and_never_refused(made, policy, stopped):
    chosen = delivered(made, stopped, policy)
    if chosen is None:
        return
    best = best_of(made)

    assert best.number == chosen
    assert best.picture is not None
    assert not best.judged or best.verdict.standing != "refused"


@given(attempts, policies)
def test_only_what_is_delivered_is_scored_and_what_failed_and_went_nowhere_is_not(made, policy):
    chosen = delivered(made, "budget", policy)
    done = settled(made, chosen, policy)

    assert [each.number for each in done if each.verdict.action == "score"] in ([], [chosen])
    assert all(
        each.verdict.action == "reject"
        for each in done[-1:]
        if each.number != chosen and each.verdict.standing in ("failed", "refused")
    )


@given(
    st.integers(0, 2**40),
    st.permutations(range(50)),
    st.lists(st.integers(0, 9), min_size=50, max_size=50),
)
def test_no_two_pictures_of_a_request_share_a_seed(base, rounds, streams):
    used = [
        seed_of(base, number, stream) + candidate
        for number, stream in zip(rounds, streams, strict=True)
        for candidate in range(16)
    ]

    assert len(set(used)) == len(used)


@given(st.integers(0, 2**40))
def test_the_first_round_uses_the_callers_seed_and_the_others_what_every_generator_takes(base):
    assert seed_of(base, 0) == base
    assert all(0 <= seed_of(base, number) < 2**31 for number in range(1, 50))


amounts = st.none() | st.integers(0, 100)


@given(st.integers(1, 50), st.floats(0.1, 100), amounts, amounts, amounts, amounts)
def test_a_request_may_lower_its_budget_and_never_raise_it(most, seconds, cost, a, s, c):
    spent = allowed(
        Budget(attempts=most, seconds=seconds, cost=cost), Wish(attempts=a, seconds=s, cost=c)
    )

    assert spent.attempts == min(most, most if a is None else a)
    assert spent.seconds == min(seconds, seconds if s is None else s)
    assert spent.cost == min((x for x in (cost, c) if x is not None), default=None)
    asked = [(a, most), (s, seconds), (c, cost)]
    assert len(spent.notes) == sum(
        wish is not None and most is not None and wish > most for wish, most in asked
    )


@pytest.mark.parametrize(
    ("made", "spent", "seconds", "price", "stopped"),
    [
        pytest.param([], Spent(3, 60, None), 0, None, None, id="nothing made"),
        pytest.param([attempt()], Spent(3, 60, None), 9, None, None, id="one failed"),
        pytest.param([attempt(standing="passed", score=0.9)], Spent(1, 60, None), 99, None, "passed",
                     id="a pass counts whatever the time"),
        pytest.param([attempt(standing="undecided", score=None)], Spent(3, 60, None), 9, None,
                     "undecided", id="undecided"),
        pytest.param([attempt(standing="refused")], Spent(3, 60, None), 9, None, None, id="mendable"),
        pytest.param([attempt(standing="refused", mendable=False)], Spent(3, 60, None), 9, None,
                     "rejected", id="not mendable"),
        pytest.param([attempt()], Spent(1, 60, None), 9, None, "budget", id="attempts spent"),
        pytest.param([attempt()], Spent(3, 60, None), 60, None, "deadline", id="time over"),
        pytest.param([attempt(seconds=9.0)], Spent(3, 15, None), 9, None, "deadline",
                     id="not enough time for another"),
        pytest.param([attempt(cost=0.01)], Spent(3, 60, 0.015), 9, None, "budget",
                     id="not enough money for another like the dearest"),
        pytest.param([attempt(cost=0.01)], Spent(3, 60, 0.02), 9, None, None, id="enough money"),
        pytest.param([], Spent(3, 60, 0.0), 0, 0.01, "budget", id="no money for a known price"),
        pytest.param([], Spent(3, 60, 0.0), 0, None, "budget", id="no money for an unknown price"),
        pytest.param([], Spent(3, 60, 0.0), 0, 0.0, None, id="no money for what is free"),
    ],
)  # fmt: skip
def test_when_it_stops(made, spent, seconds, price, stopped):
    told = stop(made, spent, seconds, price)

    assert (told[0] if told else None) == stopped


@pytest.mark.parametrize(
    ("spent", "price", "count"),
    [
        pytest.param(Spent(9, 60, None), 1.0, 4, id="as many as wanted"),
        pytest.param(Spent(2, 60, None), 1.0, 2, id="as many attempts as are left"),
        pytest.param(Spent(9, 60, 3.0), 1.0, 3, id="as many as the money buys"),
        pytest.param(Spent(9, 60, 3.0), None, 4, id="price unknown"),
        pytest.param(Spent(9, 60, 0.3), 0.1, 3, id="no rounding against the caller"),
    ],
)
def test_how_many_candidates_a_round_has(spent, price, count):
    assert batch([], spent, price, 4) == count


# ── whole runs ────────────────────────────────────────────────────────────────────────────────


def several(*values):
    return lambda brief: [
        Candidate(image=red(value), seed=(brief.seed or 0) + index, cost=0.001)
        for index, value in enumerate(values)
    ]


entries = st.one_of(
    st.sampled_from([0.1, 0.3, 0.45, 0.7]).map(red),
    st.just(b"garbage"),
    st.just([]),
    st.just(RuntimeError("out of paint")),
    st.lists(st.sampled_from([0.1, 0.3, 0.7]), max_size=3).map(lambda values: several(*values)),
)
scripts = st.lists(entries, min_size=1, max_size=5)


def played(script, most, candidates, judge, **policy) -> tuple[Trace, list[ScriptedGenerator]]:
    async def play():
        painters = [ScriptedGenerator(*script, cost=0.001), ScriptedGenerator(*script[::-1])]
        budget = {"attempts": most, "patience": 1}
        async with studio(*painters, judge=judge(), budget=budget, **policy) as house:
            return await house.run(candidates=candidates).go(), painters

    return asyncio.run(play())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    scripts, st.integers(1, 8), st.integers(1, 3), st.sampled_from([RedJudge, RaisingJudge]),
    st.sampled_from(["fail_closed", "fail_open"]), st.sampled_from(["best", "reject"]),
)  # fmt: skip
def test_whatever_the_generator_does(script, most, candidates, judge, undecided, exhausted):
    policy = {"on_undecided": undecided, "on_exhausted": exhausted}
    trace, painters = played(script, most, candidates, judge, **policy)

    assert 1 <= len(trace.attempts) <= most
    assert [each.number for each in trace.attempts] == list(range(1, len(trace.attempts) + 1))
    assert trace.cost == pytest.approx(sum(each.cost for each in trace.attempts))
    assert all(each.cost == 0 for each in trace.attempts if each.error)
    seeds = [brief.seed for painter in painters for brief in painter.briefs]
    assert len(set(seeds)) == len(seeds)
    assert Trace.model_validate_json(trace.model_dump_json()) == trace
    _check_end(trace, undecided, exhausted)


def _check_end(trace: Trace, undecided: str, exhausted: str) -> None:
    """What is delivered, and why it ended, fit each other."""
    best = best_of(trace.attempts)
    chosen = trace.delivered
    assert trace.best == best.number
    assert chosen in (None, best.number)
    standings = {each.verdict.standing for each in trace.attempts if each.judged}
    assert (trace.stopped_because == "passed") == ("passed" in standings)
    if trace.stopped_because == "passed":
        assert (trace.verdict.action, trace.verdict.passed) == ("pass", True)
    elif trace.stopped_because == "undecided":
        assert (chosen is not None) == (undecided == "fail_open")
    elif "failed" in standings:
        assert (chosen is not None) == (exhausted == "best")
    else:
        assert chosen is None or undecided == "fail_open"
    for one, next_ in itertools.pairwise(trace.attempts):
        if next_.round > one.round:
            assert one.verdict.action in ("regenerate", "score")


@settings(max_examples=15, deadline=None)
@given(scripts, st.integers(1, 6))
def test_the_same_request_takes_the_same_way_again(script, most):
    ways = []
    for _ in range(2):
        trace, _ = played(script, most, 2, RedJudge)
        ways.append(
            [(each.brief, each.lever, each.verdict.action, each.error) for each in trace.attempts]
            + [trace.delivered, trace.stopped_because]
        )

    assert ways[0] == ways[1]
