"""The same readings under another policy: decided anew, and nothing that was not measured passes."""

from __future__ import annotations

from sentinel.contracts import Abstention, GateResult, Score, Verdict
from sentinel.policy import Policy, parse
from sentinel.supposing import suppose, unmeasured


def score(judge: str, value: float, threshold: float | None = 0.5) -> Score:
    return Score(judge=judge, version="1", value=value, threshold=threshold, reason="-")


def verdict(*outcomes, gates=()) -> Verdict:
    return Verdict(
        action="pass", standing="passed", score=0.7, outcomes=outcomes, gates=gates, reason="-"
    )


def policy(text: str) -> Policy:
    return parse(f'name = "other"\n{text}', "test")


GIVEN = verdict(
    score("text", 0.7),
    score("style", 0.6, None),
    Abstention(judge="color", version="1", reason="-"),
)


def test_a_stricter_threshold_turns_a_pass_into_a_failure():
    assert suppose(GIVEN, policy("[judges.text]\nthreshold = 0.6")).standing == "passed"
    assert suppose(GIVEN, policy("[judges.text]\nthreshold = 0.8")).standing == "failed"


def test_weights_are_the_other_policy_s():
    text = "pass_mark = 0\n[judges.text]\nweight = 3\n[judges.style]\nweight = 1"

    assert suppose(GIVEN, policy(text)).score == (3 * 0.7 + 0.6) / 4


def test_a_judge_that_was_not_asked_then_never_counts_as_a_pass():
    other = policy("[judges.text]\nthreshold = 0.6\n[judges.fidelity]\nthreshold = 0.5")

    assert suppose(GIVEN, other).standing == "undecided"
    assert unmeasured(GIVEN, other) == ("fidelity",)


def test_an_advisory_judge_that_was_not_asked_holds_nothing_up():
    assert (
        suppose(GIVEN, policy("[judges.text]\nthreshold = 0.6\n[judges.fidelity]")).standing
        == "passed"
    )


def test_a_judge_that_the_other_policy_does_not_ask_is_left_out():
    outcomes = suppose(GIVEN, policy("[judges.style]")).outcomes

    assert [outcome.judge for outcome in outcomes] == ["style"]


def test_an_abstention_stays_one():
    assert (
        suppose(GIVEN, policy("[judges.text]\n[judges.color]\nthreshold = 0.5")).standing
        == "passed"
    )


def test_a_gate_that_refused_refuses_only_where_the_other_policy_has_it():
    refused = verdict(gates=(GateResult(gate="safety", version="1", passed=False, reason="-"),))

    assert (
        suppose(refused, policy("[gates.safety]\n[judges.text]\nthreshold = 0.5")).standing
        == "refused"
    )
    assert suppose(refused, policy("[judges.text]\nthreshold = 0.5")).standing == "undecided"
