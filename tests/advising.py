"""What the tests of feedback share: issues as our judges word them, verdicts that hold them."""

from __future__ import annotations

from sentinel.contracts import Brief, Capabilities, FailureMode, GateResult, Score, Verdict
from sentinel.policy import FeedbackRule

AT_ONCE = FeedbackRule(confirm=())
"""Nothing has to be found twice before it is told."""

ASKED = Brief(
    prompt='a poster of two red cups on a white background, with the word "OPEN"',
    expected_text=("OPEN",),
    palette=("#d62630", "#f8f8f6"),
    width=128,
    height=128,
    steps=4,
    seed=7,
)
PLAIN = Capabilities(max_steps=8, multiple_of=16)
NEGATIVE = Capabilities(max_steps=8, multiple_of=16, negative_prompt=True)


def issue(category: str, subcategory: str, detail: str) -> FailureMode:
    return FailureMode(category=category, subcategory=subcategory, detail=detail)


def unlike(phrase: str, rival: str, kind: str = "missing_object") -> FailureMode:
    detail = f"'{phrase}' is not what the picture shows: it looks more like '{rival}'"
    return issue("alignment", kind, detail)


MISSPELLED = issue("text", "misspelled", "'OPEN' is written 'OPFN': OP[E→F]N")
COUNT = unlike("two red cups", "three red cups", "wrong_count")
COLOUR = unlike("two red cups", "two blue cups", "wrong_colour")
GROUND = unlike("a white background", "a blue background", "wrong_colour")
PLACE = unlike("two red cups above a star", "two red cups below a star", "wrong_position")
PALETTE = issue(
    "color",
    "missing_colour",
    "#d62630 (crimson) is missing; the nearest colour is none, ΔE 100 away",
)
DRIFT = issue("color", "drift", "62% of the picture is in colours not asked for")
CLUTTER = issue("background", "clutter", "things cover 9% of the border")
BLUR = issue("artifact", "blur", "edges are 4.1 pixels wide")
SEAM = issue("artifact", "seam", "a seam runs down the middle")
EYES = issue("face", "eyes", "face 1: the eyes are unlike, pale or cluttered (eyes 0.31)")
UNLIKE_FACE = issue("face", "not_alike", "face at distance 0.72 from the person of the reference")
NO_FACE = issue("face", "no_face", "no face found; at least 1 asked for")
CROWD = issue("face", "too_many_faces", "4 faces found; at most 2 asked for")
UNSAFE = issue(
    "safety",
    "unsafe_picture",
    "the picture is unsafe with a probability of 0.93 (refused from 0.70)",
)
DARK = issue("style", "palette", "the palette is darker and less colourful than the reference's")
BLACK = issue("integrity", "black", "the picture is black (mean 0, spread 1 levels)")

EVERY = (
    MISSPELLED, COUNT, COLOUR, GROUND, PLACE, PALETTE, DRIFT, CLUTTER, BLUR, SEAM, EYES,
    UNLIKE_FACE, NO_FACE, CROWD, UNSAFE, DARK, BLACK,
)  # fmt: skip


def score(
    *issues: FailureMode,
    judge: str = "",
    value: float = 0.2,
    threshold: float | None = 0.5,
    weight: float = 1.0,
    phrases=None,
) -> Score:
    name = judge or (issues[0].category if issues else "other")
    measured = {} if phrases is None else {"phrases": phrases}
    return Score(
        judge=name, version="1", value=value, threshold=threshold, weight=weight, reason="as told",
        issues=issues, measurements=measured,
    )  # fmt: skip


def failed(*outcomes: Score) -> Verdict:
    return Verdict(
        action="regenerate", standing="failed", score=0.3, outcomes=outcomes, reason="below"
    )


def failing(*issues: FailureMode) -> Verdict:
    """One judge for each issue."""
    return failed(*(score(each) for each in issues))


def refused(*issues: FailureMode, mendable: bool = True) -> Verdict:
    gate = GateResult(
        gate="g", version="1", passed=False, reason="no", mendable=mendable, issues=issues
    )
    return Verdict(action="regenerate", standing="refused", score=None, gates=(gate,), reason="no")
