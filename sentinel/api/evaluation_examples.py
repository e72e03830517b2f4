"""What the OpenAPI document shows of an evaluation."""

from __future__ import annotations

from sentinel.api.examples import ID, Json

NAMED = f"{ID}-2"

ADDRESS = (
    "http://127.0.0.1:8600/media/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    "4b2f1d0c9a8e7f6b5a4938271605f4e3.png"
)
"""Of a picture: nobody guesses it, and who has it needs no key."""

AT = "2026-01-31T12:00:04.200+00:00"

JUDGE: Json = {
    "id": f"{NAMED}-text", "evaluation_id": NAMED, "name": "text",
    "description": "Whether the asked words stand in the picture.", "category": "text",
    "passed": True, "score": 0.97, "threshold": 0.8, "weight": 2.0, "confidence": None,
    "skipped": False, "reasoning": "the sign reads 'SALE' as asked",
    "evidence": ["read 'SALE' (pixels 52, 307, 230, 384)"],
    "sub_point_results": {"state": "match", "read": "SALE"}, "sub_points_evaluated": 2,
    "issues": [], "created_at": AT,
}  # fmt: skip

EVALUATION: Json = {
    "id": NAMED, "org_id": "default", "run_id": None, "target_type_code": "image",
    "model_id": "embedded", "task_type": None, "task_description": None,
    "generation_prompt": 'a shop window with a sign that reads "SALE"',
    "generated_image_url": ADDRESS, "input_attributes": {}, "evaluation_instructions": None,
    "reference_images": [], "job_class_code": "standard", "status_code": "completed",
    "failure_code": None, "failure_message": None, "overall_passed": True,
    "weighted_pass_rate": 1.0, "score": 0.97, "override_reason": None, "top_issues": [],
    "top_strengths": ["text: the sign reads 'SALE' as asked"],
    "check_summary": {"judges": 1, "judges_passed": 1, "judges_failed": 0, "judges_advisory": 0,
                      "judges_skipped": 0, "judges_broken": 0, "gates": 1, "gates_passed": 1,
                      "gates_failed": 0, "gates_broken": 0},
    "analysis_modules_executed": 2, "primary_action_code": "deliver",
    "parent_evaluation_id": f"{ID}-1", "attempt_number": 2, "superseded_at": None,
    "eval_duration_ms": 360, "feedback_is_positive": None, "feedback_reason": None,
    "created_at": "2026-01-31T12:00:00.000+00:00", "updated_at": AT,
    "submitted_at": "2026-01-31T12:00:00.000+00:00", "completed_at": AT, "client_ref": None,
    "callback_url": None, "cost": "0", "trace_id": ID, "judges": [JUDGE],
    "action": {"code": "deliver", "reason": "every gate and every judge with a threshold passed",
               "changes": []},
    "gate_failures": [],
    "links": {"self": f"/v1/evaluations/{NAMED}", "feedback": f"/v1/evaluations/{NAMED}/feedback",
              "trace": f"/v1/traces/{ID}", "picture": f"/v1/traces/{ID}/picture?attempt=2",
              "annotated": f"/v1/traces/{ID}/annotated.png?attempt=2"},
}  # fmt: skip
