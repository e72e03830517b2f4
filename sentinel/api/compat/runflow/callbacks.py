"""What has ended in, the envelope of its callback out: the same for evaluations and runs."""

from __future__ import annotations

from typing import Any

from sentinel.api.compat.runflow.answers import evaluation
from sentinel.api.compat.runflow.asked import Kept
from sentinel.api.compat.runflow.judging import Judging
from sentinel.api.evaluated import written
from sentinel.api.published import Places
from sentinel.store import Store
from sentinel.store.evaluations import Known
from sentinel.webhooks.composing import Note, composed
from sentinel.wiring import Sentinel

SURFACE = "runflow"


def judging_of(house: Sentinel) -> Judging:
    """Who judges what was accepted, and calls back."""
    return Judging(house, lambda known: hand_on(house.store, known))


def hand_on(store: Store, known: Known) -> None:
    """Enter the callback of an evaluation that has ended; twice is once. Blocking code."""
    if known.callback_url is None:
        return
    origin = Kept.model_validate_json(known.asked).origin
    output = evaluation(store, known.id, Places(store, origin)).model_dump(mode="json")
    body = {
        **envelope(
            f"evaluation.{known.state}", known.state, output,
            (known.created_ms, known.completed_ms),
        ),
        "evaluation_id": known.id, "run_id": known.run_id, "client_ref": known.client_ref,
        "metadata": {},
    }  # fmt: skip
    note = Note(SURFACE, known.id, known.project)
    named = f"evaluation-{known.id}"
    store.deliveries.enter(
        composed(named, f"evaluation.{known.state}", known.callback_url, body, note)
    )


def envelope(
    event: str, status: str, output: dict[str, Any] | None, times: tuple[int, int | None]
) -> dict[str, Any]:
    """What every callback has; `times` are when it was asked for and when it ended, in ms."""
    created, completed = times
    return {
        "event": event,
        "status": status,
        "output": output,
        "duration_ms": None if completed is None else completed - created,
        "created_at": written(created),
        "completed_at": None if completed is None else written(completed),
    }
