"""Nothing in, a trace out in which every word that comes from outside tries to run something."""

from __future__ import annotations

from sentinel.contracts import (
    Attempt,
    Box,
    Brief,
    Change,
    Evidence,
    FailureMode,
    Feedback,
    GateResult,
    Score,
    Trace,
    Verdict,
)

ATTACKS = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=1>',
    "'><svg/onload=window.pwned=1>",
    "</script><script>window.pwned=1</script>",
    "javascript:window.pwned=1",
    "{{ 7*7 }}${7*7}<%= 7*7 %>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "</title></style></textarea><script>window.pwned=1</script>",
    "<a href=javascript:pwned=1>x</a><details open ontoggle=pwned=1>",
    '" autofocus onfocus=window.pwned=1 x="',
    "<!--<img src=--><img src=x onerror=window.pwned=1>",
    "&lt;script&gt;window.pwned=1&lt;/script&gt; \u202e\u2028</script>",
    '=HYPERLINK("http://example.com","x")',
    "+cmd|'/c calc'!A0",
)

ALL = " ".join(ATTACKS)


def hostile_trace(created_ms: int) -> Trace:
    """Prompt, names, reasons, claims, texts that were read, notes and changes: all of them."""
    issue = FailureMode(category=ATTACKS[1][:90], subcategory=ATTACKS[0], detail=ALL)
    read = {
        "phrases": [
            {"expected": ALL, "read": ALL, "state": ATTACKS[0], "diff": f"[-{ALL}-][+{ALL}+]"}
        ]
    }
    score = Score(
        judge=ATTACKS[1], version="1", threshold=0.9, value=0.1, reason=ALL, measurements=read,
        evidence=(Evidence(claim=ALL, box=Box(1, 1, 40, 40)),), issues=(issue,),
    )  # fmt: skip
    gate = GateResult(gate=ATTACKS[2], version="1", passed=True, reason=ALL)
    verdict = Verdict(
        action="score", standing="failed", score=0.1, gates=(gate,), outcomes=(score,),
        top_issues=(ALL,), reason=ALL,
    )  # fmt: skip
    brief = Brief(prompt=ALL, expected_text=(ALL,), category=ATTACKS[3])
    told = Feedback(
        issues=(issue,), changes=(Change(category=ALL, change=ALL, reason=ALL),),
        brief=brief.model_copy(update={"prompt": ALL + ALL}),
    )  # fmt: skip
    first = Attempt(
        number=1, brief=brief, generator=ATTACKS[4], verdict=verdict, feedback=told, round=1,
        notes=(ALL,), width=64, height=64, lever=ATTACKS[1],
    )  # fmt: skip
    second = first.model_copy(update={"number": 2, "round": 2, "brief": told.brief, "error": ALL})
    return Trace(
        id="hostile-1", created_ms=created_ms, policy=ATTACKS[12], policy_fingerprint=ATTACKS[0],
        mode="guard", brief=brief, attempts=(first, second), delivered=2, reason=ALL, notes=(ALL,),
        screened=(gate,), model=ATTACKS[1], project=ATTACKS[13], seconds=1.0,
    )  # fmt: skip
