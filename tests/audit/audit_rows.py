"""Numbers in, an audit's rows and folder out, as `sentinel audit` leaves them behind."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from sentinel import policy as policies
from sentinel.audit.about import ABOUT, About
from sentinel.audit.rows import ROWS, Row
from sentinel.contracts import (
    Abstention,
    Box,
    Evidence,
    FailureMode,
    Fault,
    GateOutcome,
    GateResult,
    Outcome,
    Score,
)
from sentinel.policy import Policy
from sentinel.verdict import decide

POLICY = policies.parse(
    """
name = "made"
pass_mark = 0.5
[gates.integrity]
[judges.text]
threshold = 0.8
weight = 2.0
[judges.color]
threshold = 0.5
[judges.style]
""",
    "made.toml",
)


def score(judge: str, value: float, policy: Policy = POLICY, **more: object) -> Score:
    rule = policy.judges[judge]
    given = {"reason": f"{judge} measured {value:.2f}", **more}
    return Score(
        judge=judge, version="1", threshold=rule.threshold, weight=rule.weight,
        required=rule.is_required, value=value, **given,
    )  # fmt: skip


def refusal(reason: str = "the picture is black") -> GateResult:
    issue = FailureMode(category="artifact", subcategory="blank", detail=reason)
    return GateResult(gate="integrity", version="1", passed=False, reason=reason, issues=(issue,))


def judged(
    key: str, outcomes: Iterable[Outcome], gates: tuple[GateOutcome, ...] = (), **more: object
) -> Row:
    verdict = decide(gates, tuple(outcomes), POLICY, enforce=False)
    known = {"passed": "scored", "failed": "scored"}
    given = {
        "where": key, "status": known.get(verdict.standing, verdict.standing), "verdict": verdict,
        "sha256": hashlib.sha256(key.encode()).hexdigest(), "width": 96, "height": 72,
        "reason": verdict.reason, **more,
    }  # fmt: skip
    return Row(key=key, **given)


def misspelled(read: str = "OPNE") -> dict[str, object]:
    told = f'"{read}" instead of "OPEN"'
    return {
        "issues": (FailureMode(category="text", subcategory="misspelled", detail=told),),
        "evidence": (Evidence(claim=f"reads {read!r}", box=Box(12, 9, 60, 27)),),
        "reason": told,
    }


def some_rows(number: int, seed: int = 1, harm: float = 0.0) -> list[Row]:
    """Rows of all kinds; `harm` is taken from every value of the judge `text`."""
    draw = np.random.default_rng(seed)
    return [_some_row(at, draw, harm) for at in range(number)]


def _some_row(at: int, draw: np.random.Generator, harm: float) -> Row:
    key = f"posters/{at:05d}.png"
    group = {"category": ("poster", "card", "menu")[at % 3], "made_by": f"model-{at % 2}"}
    quality = float(draw.beta(9, 2)) - harm
    more: dict[str, object] = {"group": group, "prompt": f'a poster that says "OPEN" ({at})'}
    kind = draw.integers(0, 40)
    if kind == 0:
        return judged(key, (), (refusal(),), **more)
    if kind == 1:
        return Row(key=key, where=key, group=group, status="unreadable", reason="image is cut off")
    text = max(0.0, min(1.0, quality - 0.2 * (at % 3 == 0)))
    outcomes: list[Outcome] = [
        score("text", text, **(misspelled() if text < 0.8 else {})),
        score("color", max(0.0, min(1.0, quality + float(draw.normal(0, 0.1))))),
    ]
    if kind == 2:
        outcomes[1] = Fault(
            judge="color", version="1", threshold=0.5, required=True, cause="timeout",
            reason="no answer within 60 s",
        )  # fmt: skip
    outcomes.append(Abstention(judge="style", version="1", reason="no style was asked for"))
    passed = GateResult(gate="integrity", version="1", passed=True, reason="a picture")
    return judged(key, outcomes, (passed,), cluster=1 if kind == 3 else None, **more)


def about(entries: int, source: str = "posters") -> About:
    return About(
        source=source, policy=POLICY.name, policy_fingerprint=POLICY.fingerprint,
        gates={"integrity": "1"}, judges=dict.fromkeys(POLICY.judges, "1"), missing={},
        entries=entries, prompts={"table": entries}, ignored={},
    )  # fmt: skip


def audit_in(folder: Path, rows: Iterable[Row], source: str = "posters") -> Path:
    """A folder as an audit leaves it, without its report."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [row.model_dump_json() for row in rows]
    (folder / ROWS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    about(len(lines), source).write(folder)
    assert (folder / ABOUT).is_file()
    return folder


@cache
def painted(key: str, side: tuple[int, int] = (96, 72)) -> bytes:
    """A picture of its own for each key."""
    draw = np.random.default_rng(int.from_bytes(key.encode()[-4:], "big"))
    corners = draw.integers(0, 255, (3, 4, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(corners).resize(side, Image.Resampling.BICUBIC).save(
        buffer, "PNG", compress_level=1
    )
    return buffer.getvalue()


def with_pictures(rows: Iterable[Row]) -> list[Row]:
    """The rows with the sha256 of their painted picture."""
    return [
        row
        if row.verdict is None
        else row.model_copy(update={"sha256": hashlib.sha256(painted(row.key)).hexdigest()})
        for row in rows
    ]


def pictures(keys: set[str]) -> Iterator[tuple[str, bytes]]:
    yield from ((key, painted(key)) for key in sorted(keys))


Pictures = Callable[[set[str]], Iterator[tuple[str, bytes]]]
