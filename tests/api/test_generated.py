"""The answer of POST /v1/generate, made of traces that nobody had to paint."""

from __future__ import annotations

from sentinel.api.generated import GenerateAnswer
from sentinel.api.generating import GenerateRequest
from sentinel.contracts import (
    Abstention,
    Attempt,
    Brief,
    Fault,
    GateResult,
    Score,
    Trace,
    Verdict,
)

BRIEF = Brief(prompt="a red square")
OUTCOMES = (
    Score(judge="text", version="1", threshold=0.8, weight=3, value=0.4, reason="misspelled"),
    Score(judge="color", version="1", threshold=0.5, weight=1, value=0.9, reason="as asked"),
    Score(judge="style", version="1", weight=5, value=0.1, reason="advises"),
    Abstention(judge="likeness", version="1", threshold=0.5, reason="no face"),
    Fault(judge="fidelity", version="1", cause="timeout", reason="late"),
)


def trace(verdict: Verdict, **given) -> Trace:
    attempt = Attempt(number=1, brief=BRIEF, generator="embedded", verdict=verdict, seed=7,
                      picture="ab" * 32, width=64, height=32, round=1)  # fmt: skip
    known = {
        "id": "T1", "created_ms": 0, "policy": "default", "policy_fingerprint": "f", "mode": "guard",
        "brief": BRIEF, "attempts": (attempt,), "delivered": 1, "model": "embedded",
    }  # fmt: skip
    return Trace.model_validate(known | given)


FAILED = Verdict(action="score", standing="failed", score=0.3, outcomes=OUTCOMES, reason="failed")


def test_the_evaluation_is_the_verdict_in_runflows_words():
    evaluation = GenerateAnswer.of(trace(FAILED), "image/png").evaluation

    assert evaluation.overall_passed is False
    assert evaluation.weighted_pass_rate == 0.25
    assert (evaluation.primary_action_code, evaluation.attempt_number) == ("deliver", 1)
    assert [(line.name, line.passed, line.skipped) for line in evaluation.judges] == [
        ("text", False, False), ("color", True, False), ("style", None, False),
        ("likeness", None, True), ("fidelity", None, False),
    ]  # fmt: skip


def test_gates_that_refused_are_named_and_nothing_is_delivered():
    gate = GateResult(gate="safety", version="1", passed=False, reason="unsafe")
    refused = Verdict(action="reject", standing="refused", score=None, gates=(gate,), reason="no")
    answer = GenerateAnswer.of(trace(refused, delivered=None, best=1))

    assert (answer.status, answer.images, answer.delivered_attempt) == ("rejected", (), None)
    assert answer.evaluation.gate_failures == ("safety",)
    assert answer.evaluation.weighted_pass_rate is None


def test_an_attempt_without_a_picture_has_no_address():
    faulty = trace(FAILED).attempts[0].model_copy(update={"picture": None, "error": "it broke"})
    answer = GenerateAnswer.of(trace(FAILED, attempts=(faulty,), delivered=None))

    assert answer.attempts[0].image_url is None
    assert answer.evaluation is None


def test_a_request_asks_for_one_picture():
    assert GenerateRequest(prompt="x").num_images == 1
