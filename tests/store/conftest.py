"""One suite, two databases: every test that asks for `url` or `store` runs on both."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ulid import ULID

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
    Reference,
    Score,
    Standing,
    Trace,
    Verdict,
)
from sentinel.store import Store, open_store

NOON = 1_750_075_200_000  # 2025-06-16 12:00 UTC
MISSPELLED = FailureMode(category="text", subcategory="misspelled", detail="SALE reads SAIE")
BLANK = FailureMode(category="integrity", subcategory="blank", detail="every pixel is black")

Make = Callable[..., Trace]


@pytest.fixture
def url(database: str) -> str:
    """The empty database of the test's own."""
    return database


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    """An open store, pictures kept a week."""
    opened = open_store(url, tmp_path / "media", 7)
    yield opened
    opened.close()


@pytest.fixture
def make() -> Make:
    """`make("failed", "passed", created_ms=…)`: a trace with an attempt of each standing."""
    return make_trace


def make_trace(*standings: Standing, created_ms: int = NOON, **fields: object) -> Trace:
    brief = Brief(prompt='A "SALE" sign', expected_text=("SALE",), category="poster",
                  references=(Reference(image=b"\x89PNG\r\n reference"),))  # fmt: skip
    attempts = tuple(
        Attempt(number=number, brief=brief, generator="fixed", verdict=_verdict(standing),
                cost=0.0005, seconds=1.25, picture="ab" * 32, width=640, height=480)
        for number, standing in enumerate(standings or ("passed",), start=1)
    )  # fmt: skip
    known = {
        "id": str(ULID()), "created_ms": created_ms, "policy": "default",
        "policy_fingerprint": "f00d", "mode": "guard", "brief": brief, "attempts": attempts,
        "delivered": len(attempts), "model": "schnell", "seconds": 2.5,
    }  # fmt: skip
    return Trace.model_validate(known | fields)


def _verdict(standing: Standing) -> Verdict:
    gate = GateResult(gate="integrity", version="1", passed=standing != "refused", seconds=0.002,
                      reason="looked", issues=(BLANK,))  # fmt: skip
    if standing == "refused":
        return Verdict(
            action="regenerate", standing="refused", score=None, gates=(gate,), reason="-"
        )
    value = 0.4 if standing == "failed" else 0.9
    text_score = Score(judge="text", version="2", threshold=0.7, weight=2, required=True,
                       value=value, reason="read", measurements={"state": "match", "n": [1, None]},
                       issues=(MISSPELLED, MISSPELLED),
                       evidence=(Evidence(claim="here", box=Box(1, 2, 3, 4)),))  # fmt: skip
    style = Abstention(judge="style", version="1", reason="no style reference")
    outcomes = (text_score, style)
    if standing == "undecided":
        fault = Fault(judge="color", version="1", required=True, cause="timeout", reason="8 s")
        outcomes = (style, fault)
    action = "pass" if standing == "passed" else "regenerate"
    gates = (gate, GateFault(gate="safety", version="1", reason="broke", required=False))
    return Verdict(action=action, standing=standing, score=None if standing == "undecided" else value,
                   gates=gates, outcomes=outcomes, reason="-")  # fmt: skip
