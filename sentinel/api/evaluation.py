"""An evaluation on the wire: Runflow's fields, all of them, and what is ours beside them.

What POST /v1/generate answers and what is read back later is the same object, made by
`sentinel.api.evaluated`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from sentinel.api.wire import Wire
from sentinel.contracts import Change

EMBEDS = ("judges", "action", "gate_failures")
"""Parts that are read back only where they are asked for."""

FREE = "0"
"""US dollars that an evaluation costs its caller: it is in the picture's price, or is free."""

Status = Literal["pending", "running", "completed", "failed"]


class IssueLine(Wire):
    """What is wrong, and which judge says so."""

    id: str
    evaluation_id: str
    evaluation_judge_id: str
    category: str
    subcategory: str
    detail: str


class JudgeLine(Wire):
    """A judge's word; one that had nothing to judge is skipped, one that broke has its reason."""

    id: str
    evaluation_id: str
    name: str
    description: str | None
    category: str
    passed: bool | None
    """Null for an advisory judge, and for one that gave no reading."""
    score: float | None
    threshold: float | None
    weight: float
    confidence: float | None
    """Null: our judges measure a quality, and do not say how sure they are."""
    skipped: bool
    reasoning: str
    evidence: tuple[str, ...]
    sub_point_results: dict[str, JsonValue]
    """What was measured, by name."""
    sub_points_evaluated: int
    issues: tuple[IssueLine, ...]
    created_at: str | None


class ActionLine(Wire):
    """What is to be done with the picture, and why; `changes` are what the next was told."""

    code: str
    reason: str
    changes: tuple[Change, ...]


class ReferenceLine(Wire):
    """A picture that the evaluated one was compared with."""

    url: str | None
    kind: str
    description: str | None


class EvaluationAnswer(Wire):
    """An evaluation. Of an attempt that Sentinel made, or of a picture that was sent."""

    id: str
    org_id: str
    """The project that the evaluation belongs to."""
    run_id: str | None = None
    target_type_code: Literal["image"] = "image"
    model_id: str | None = None
    task_type: str | None = None
    task_description: str | None = None
    generation_prompt: str | None = None
    generated_image_url: str | None = None
    """Null where the picture is not kept any more."""
    input_attributes: dict[str, JsonValue] = Field(default_factory=dict)
    evaluation_instructions: str | None = None
    reference_images: tuple[ReferenceLine, ...] = ()
    job_class_code: str = "standard"
    status_code: Status
    failure_code: str | None = None
    failure_message: str | None = None
    overall_passed: bool | None = None
    weighted_pass_rate: float | None = None
    score: float | None = None
    override_reason: str | None = None
    """Null: no verdict is overridden; feedback stands beside it."""
    top_issues: tuple[str, ...] = ()
    top_strengths: tuple[str, ...] = ()
    check_summary: dict[str, int] = Field(default_factory=dict)
    analysis_modules_executed: int = 0
    """Gates and judges that gave an answer."""
    primary_action_code: str | None = None
    parent_evaluation_id: str | None = None
    """The attempt that led to this one."""
    attempt_number: int = 1
    superseded_at: str | None = None
    eval_duration_ms: int | None = None
    feedback_is_positive: bool | None = None
    feedback_reason: str | None = None
    created_at: str
    updated_at: str
    submitted_at: str
    completed_at: str | None = None
    client_ref: str | None = None
    callback_url: str | None = None
    cost: str = FREE
    trace_id: str
    judges: tuple[JudgeLine, ...] = ()
    action: ActionLine | None = None
    gate_failures: tuple[str, ...] = ()
    links: dict[str, str]
