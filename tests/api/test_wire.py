"""The names on the wire are fixed, and every field is always there."""

from __future__ import annotations

import json

import pytest

from sentinel.api.traced import TraceAnswer
from sentinel.api.wire import GateAnswer, OutcomeAnswer, ScoreAnswer
from sentinel.contracts import (
    Abstention,
    Attempt,
    Box,
    Brief,
    Evidence,
    FailureMode,
    Fault,
    GateFault,
    GateResult,
    Outcome,
    Reference,
    Score,
    Trace,
    Verdict,
)

ISSUE = FailureMode(category="text", subcategory="misspelled", detail="I for L")
SCORED = Score(
    judge="text", version="3", value=0.25, threshold=0.8, weight=2.0, required=True,
    reason="misread", measurements={"state": "mismatch"}, issues=(ISSUE,),
    evidence=(Evidence(claim="here", box=Box(1, 2, 3, 4)), Evidence(claim="all of it")),
)  # fmt: skip
ABSTAINED = Abstention(judge="likeness", version="1", reason="no reference")
FAULTY = Fault(judge="alignment", version="1", cause="missing", reason="no weights")
PASSED = GateResult(gate="integrity", version="1", passed=True, reason="it has content")
BROKEN = GateFault(gate="safety", version="1", reason="no answer in time")

OUTCOME_FIELDS = {
    "judge", "version", "kind", "value", "threshold", "weight", "required", "passed", "reason",
    "measurements", "evidence", "issues",
}  # fmt: skip
GATE_FIELDS = {"gate", "passed", "reason", "measurements", "evidence"}
ANSWER_FIELDS = {
    "trace_id", "action", "score", "passed", "gates", "outcomes", "top_issues", "top_strengths",
    "seconds",
}  # fmt: skip


def trace(**verdict: object) -> Trace:
    fields = {"action": "score", "standing": "failed", "score": 0.25, "reason": "too low",
              "gates": (PASSED, BROKEN), "outcomes": (SCORED, ABSTAINED, FAULTY)}  # fmt: skip
    attempt = Attempt(
        number=1,
        brief=Brief(),
        generator="unknown",
        verdict=Verdict.model_validate({**fields, **verdict}),
        picture="ab" * 32,
        width=8,
        height=9,
        seconds=0.5,
    )
    return Trace(
        id="T1",
        created_ms=1_700_000_000_123,
        policy="default",
        policy_fingerprint="f",
        mode="score",
        brief=Brief(prompt="x", references=(Reference(kind="style", image=b"secret bytes"),)),
        attempts=(attempt,),
        delivered=1,
        seconds=0.75,
    )


def sent(answer: ScoreAnswer) -> dict[str, object]:
    return json.loads(answer.model_dump_json())


def test_the_fixed_names_are_all_there() -> None:
    answer = sent(ScoreAnswer.of(trace()))

    assert set(answer) >= ANSWER_FIELDS
    assert all(set(gate) >= GATE_FIELDS for gate in answer["gates"])
    assert all(set(outcome) >= OUTCOME_FIELDS for outcome in answer["outcomes"])


def test_a_score_is_sent_as_it_was_measured() -> None:
    outcome = sent(ScoreAnswer.of(trace()))["outcomes"][0]

    assert (outcome["kind"], outcome["value"], outcome["passed"]) == ("score", 0.25, False)
    assert outcome["measurements"] == {"state": "mismatch"}
    assert outcome["evidence"] == [
        {"claim": "here", "box": [1, 2, 3, 4]}, {"claim": "all of it", "box": None},
    ]  # fmt: skip
    assert outcome["issues"] == [
        {"category": "text", "subcategory": "misspelled", "detail": "I for L"}
    ]


@pytest.mark.parametrize(
    ("outcome", "kind", "cause"),
    [(ABSTAINED, "abstention", None), (FAULTY, "fault", "missing")],
    ids=["an abstention", "a fault"],
)
def test_what_did_not_score_has_no_value_and_no_judgement(
    outcome: Outcome, kind: str, cause: str | None
) -> None:
    answer = OutcomeAnswer.of(outcome)

    assert (answer.kind, answer.cause, answer.value, answer.passed) == (kind, cause, None, None)
    assert answer.reason == outcome.reason


def test_an_advisory_judge_neither_passes_nor_fails() -> None:
    advisory = SCORED.model_copy(update={"threshold": None})

    assert OutcomeAnswer.of(advisory).passed is None


def test_a_broken_gate_neither_passed_nor_refused() -> None:
    answer = GateAnswer.of(BROKEN)

    assert (answer.kind, answer.passed, answer.mendable) == ("fault", None, None)


@pytest.mark.parametrize(
    ("standing", "passed"),
    [("passed", True), ("failed", False), ("refused", False), ("undecided", None)],
)
def test_passed_is_null_only_while_undecided(standing: str, passed: bool | None) -> None:
    assert sent(ScoreAnswer.of(trace(standing=standing)))["passed"] is passed


def test_judges_that_gave_no_answer_are_named() -> None:
    answer = ScoreAnswer.of(trace(), judges=("text", "alignment", "style", "likeness"))

    assert answer.not_run == ("alignment", "style")


def test_after_a_refusal_every_judge_of_the_policy_is_named() -> None:
    answer = ScoreAnswer.of(trace(outcomes=()), judges=("text", "style"))

    assert answer.not_run == ("text", "style")


def test_a_trace_holds_its_brief_without_the_bytes_of_a_picture() -> None:
    answer = TraceAnswer.of(trace())

    assert answer.created == "2023-11-14T22:13:20.123+00:00"
    assert (answer.brief.references[0].kind, answer.brief.references[0].bytes) == ("style", 12)
    assert "c2VjcmV0IGJ5dGVz" not in answer.model_dump_json()
    assert "secret bytes" not in answer.model_dump_json()


def test_a_trace_answers_with_all_that_the_score_answered() -> None:
    scored, kept = sent(ScoreAnswer.of(trace())), sent(TraceAnswer.of(trace()))

    assert {name: kept[name] for name in scored} == scored


def test_every_attempt_has_a_picture_of_its_own() -> None:
    attempt = TraceAnswer.of(trace()).attempts[0]

    assert attempt.annotated_url == "/v1/traces/T1/annotated.png?attempt=1"
    assert attempt.picture_url == "/v1/traces/T1/picture?attempt=1"
