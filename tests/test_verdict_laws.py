"""Laws of the decision, over generated outcomes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.contracts import Abstention, Fault, GateFault, GateResult, Outcome, Score, Verdict
from sentinel.policy import Policy
from sentinel.verdict import decide, weighted_score

unit = st.floats(0, 1, allow_nan=False)
names = st.text("abcdefgh", min_size=1, max_size=4)
weights = st.floats(0, 100, allow_nan=False)


def stamps(required=None):
    return {
        "judge": names,
        "version": st.just("1"),
        "threshold": st.none() | unit,
        "weight": weights,
        "required": st.booleans() if required is None else st.just(required),
    }


scores = st.builds(Score, **stamps(), value=unit, reason=names)
abstentions = st.builds(Abstention, **stamps(), reason=names)
faults = st.builds(Fault, **stamps(), cause=st.sampled_from(["error", "timeout"]), reason=names)
required_faults = st.builds(Fault, **stamps(required=True), cause=st.just("error"), reason=names)
outcomes = st.lists(scores | abstentions | faults, max_size=6)
gates = st.lists(
    st.builds(
        GateResult,
        gate=names,
        version=st.just("1"),
        passed=st.booleans(),
        reason=names,
        mendable=st.booleans(),
    )
    | st.builds(GateFault, gate=names, version=st.just("1"), reason=names, required=st.booleans()),
    max_size=3,
)
policies = st.builds(
    Policy,
    name=st.just("law"),
    pass_mark=unit,
    on_undecided=st.sampled_from(["fail_closed", "fail_open"]),
    on_exhausted=st.sampled_from(["best", "reject"]),
)


def verdict(gates, outcomes, policy, enforce=True, retries=True) -> Verdict:
    return decide(gates, outcomes, policy, enforce=enforce, retries_left=retries)


@given(gates, outcomes, policies, st.booleans(), st.booleans(), st.randoms())
def test_the_order_of_the_judges_is_irrelevant(gates, outcomes, policy, enforce, retries, random):
    shuffled = random.sample(outcomes, len(outcomes))
    one = verdict(gates, outcomes, policy, enforce, retries)
    other = verdict(gates, shuffled, policy, enforce, retries)

    assert (one.action, one.standing) == (other.action, other.standing)
    assert one.score is other.score is None or abs(one.score - other.score) < 1e-9


@given(gates, st.lists(scores, min_size=1, max_size=5), abstentions, policies)
def test_an_abstention_changes_nothing(gates, outcomes, abstention, policy):
    without = verdict(gates, outcomes, policy)
    with_it = verdict(gates, [*outcomes, abstention], policy)

    assert (without.action, without.score) == (with_it.action, with_it.score)


@given(gates, outcomes, required_faults, policies, st.booleans(), st.booleans())
def test_a_required_fault_never_lets_a_picture_pass(
    gates, outcomes, fault, policy, enforce, retries
):
    found = verdict(gates, [*outcomes, fault], policy, enforce, retries)

    assert found.action != "pass"
    assert found.passed is not True


@given(gates, st.lists(faults, min_size=1, max_size=4), policies)
def test_a_picture_that_no_judge_could_score_never_passes(gates, faults, policy):
    assert verdict(gates, faults, policy).action != "pass"


@given(gates, outcomes, policies)
def test_an_undecided_picture_never_burns_another_generation(gates, outcomes, policy):
    found = verdict(gates, outcomes, policy, enforce=True, retries=True)

    assert found.standing != "undecided" or found.action != "regenerate"


@given(gates, st.lists(scores, min_size=1, max_size=5), policies, st.data())
def test_raising_a_threshold_never_turns_fail_into_pass(gates, outcomes, policy, data):
    index = data.draw(st.integers(0, len(outcomes) - 1))
    old = outcomes[index]
    raised = old.model_copy(update={"threshold": data.draw(st.floats(old.threshold or 0, 1))})
    before = verdict(gates, outcomes, policy)
    after = verdict(gates, [*outcomes[:index], raised, *outcomes[index + 1 :]], policy)

    assert before.action == "pass" or after.action != "pass"


@given(st.lists(scores, min_size=1, max_size=6))
def test_the_score_lies_between_the_worst_and_the_best_that_weighs(outcomes):
    weighing = [outcome.value for outcome in outcomes if outcome.weight > 0]
    score = weighted_score(outcomes)

    assert (
        score is None
        if not sum(o.weight for o in outcomes)
        else min(weighing) <= score <= max(weighing)
    )


@given(gates, outcomes, policies, st.booleans(), st.booleans())
def test_every_verdict_survives_json(gates, outcomes, policy, enforce, retries):
    found = verdict(gates, outcomes, policy, enforce, retries)

    assert Verdict.model_validate_json(found.model_dump_json()) == found


@given(gates, outcomes, policies, st.booleans())
def test_nothing_is_retried_without_a_budget(gates, outcomes, policy, enforce):
    assert verdict(gates, outcomes, policy, enforce, retries=False).action != "regenerate"


@given(gates, outcomes, policies, st.booleans())
def test_without_enforcing_only_a_gate_holds_a_picture_back(gates, outcomes, policy, retries):
    found = verdict(gates, outcomes, policy, enforce=False, retries=retries)

    assert (found.action == "reject") == (found.standing == "refused")


@given(gates, outcomes, policies)
def test_pass_means_every_gate_and_every_threshold_passed(gates, outcomes, policy):
    found = verdict(gates, outcomes, policy)
    kept: list[Outcome] = [o for o in outcomes if isinstance(o, Score) and o.threshold is not None]

    assert found.action != "pass" or all(o.value >= o.threshold for o in kept)


@given(unit, unit)
def test_a_failure_is_told_with_two_numbers_that_differ(value, limit):
    score = Score(judge="a", version="1", threshold=limit, value=value, reason="r")
    told = verdict([], [score], Policy(name="p")).reason
    free = score.model_copy(update={"threshold": None})
    marked = verdict([], [free], Policy(name="p", pass_mark=limit)).reason
    below = [told.split(": a ")[-1].split(" < "), marked.removeprefix("weighted score ").split(" is below the pass mark ")]  # fmt: skip

    assert (
        all(float(one) < float(other) for one, other in below)
        if value < limit
        else len(below[0]) == 1
    )


def test_a_failure_by_a_hair_is_told_with_as_many_digits_as_show_it():
    score = Score(judge="a", version="1", value=0.7496, reason="r")

    assert verdict([], [score], Policy(name="p", pass_mark=0.75)).reason == (
        "weighted score 0.7496 is below the pass mark 0.7500"
    )
