"""The annotated picture: what is drawn, where, and that nothing hostile breaks it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.annotation import WIDEST, annotate, lettering
from sentinel.annotation.lettering import Type, clean, width_of, wrap
from sentinel.annotation.marks import MOST, marks_of
from sentinel.contracts import (
    Abstention,
    Attempt,
    Box,
    Brief,
    Evidence,
    Fault,
    GateFault,
    GateResult,
    Pixels,
    Score,
    Verdict,
)
from sentinel.testing import flat, noise, scene

HOSTILE = "\u202egpj.exe\u0000\x1b[31m 東京 שלום ــا " + "a\u0301\u0302\u0303\u0304\u0305" * 40


def attempt(*evidence: Evidence, reason: str = "the sign is misread") -> Attempt:
    verdict = Verdict(
        action="score",
        standing="failed",
        score=0.61,
        reason="below the threshold: text 0.40 < 0.80",
        gates=(
            GateResult(gate="integrity", version="1", passed=True, reason="it has content"),
            GateFault(gate="safety", version="1", reason="no answer in time"),
        ),
        outcomes=(
            Score(
                judge="text",
                version="1",
                value=0.4,
                threshold=0.8,
                weight=2,
                reason=reason,
                evidence=evidence,
            ),
            Score(judge="color", version="1", value=0.9, reason="the palette is there"),
            Abstention(judge="likeness", version="1", reason="no reference"),
            Fault(judge="alignment", version="1", cause="missing", reason="no weights"),
        ),
        top_issues=("text: the sign is misread",),
        top_strengths=("color: the palette is there",),
    )
    return Attempt(number=1, brief=Brief(), generator="unknown", verdict=verdict)


def sides(pixels: Pixels) -> tuple[int, int]:
    return pixels.shape[1], pixels.shape[0]


@pytest.mark.parametrize(
    "picture",
    [flat(1, 1), flat(700, 3), flat(3, 700), scene(64, 64), scene(3000, 500), scene(2200, 2200)],
    ids=["one pixel", "a strip", "a pole", "small", "panorama", "large"],
)
def test_a_picture_of_any_shape_gets_a_sheet_that_fits_a_screen(picture: Pixels) -> None:
    width, height = sides(annotate(picture, attempt(Evidence(claim="here", box=Box(0, 0, 1, 1)))))

    assert 400 <= width <= WIDEST
    assert 400 <= height <= 3000


def test_the_picture_itself_is_left_alone() -> None:
    picture = scene()
    before = picture.copy()
    annotate(picture, attempt(Evidence(claim="here", box=Box(10, 10, 90, 90))))

    assert np.array_equal(before, picture)


def test_a_box_is_drawn_where_the_evidence_says() -> None:
    grey = flat(512, 512)
    plain = annotate(grey, attempt()).astype(int)
    boxed = annotate(grey, attempt(Evidence(claim="here", box=Box(200, 300, 400, 450)))).astype(int)
    changed = np.abs(boxed[24:536, 24:536] - plain[24:536, 24:536]).sum(axis=2) > 0
    rows, columns = np.nonzero(changed)

    assert (columns.min(), columns.max()) == (199, 400)
    assert 275 <= rows.min() <= 300
    assert rows.max() == 450
    assert not changed[330:420, 230:370].any()


@pytest.mark.parametrize("shade", [0, 128, 255], ids=["black", "grey", "white"])
def test_a_box_stands_out_from_any_shade(shade: int) -> None:
    picture = flat(512, 512, (shade, shade, shade))
    sheet = annotate(picture, attempt(Evidence(claim="here", box=Box(100, 100, 300, 300))))
    edge = sheet[24 + 200, 24 + 96 : 24 + 110].astype(int)

    assert np.abs(edge - shade).max() > 100


def test_failed_claims_come_first_and_only_boxed_ones_are_numbered() -> None:
    verdict = attempt(Evidence(claim="here", box=Box(0, 0, 9, 9)), Evidence(claim="all")).verdict
    gate = GateResult(
        gate="face", version="1", passed=True, reason="ok",
        evidence=(Evidence(claim="a face", box=Box(0, 0, 5, 5)),),
    )  # fmt: skip
    marks, left_out = marks_of(verdict.model_copy(update={"gates": (gate,)}))

    assert [(mark.number, mark.claim) for mark in marks] == [
        (1, "here"), (None, "all"), (2, "a face"),
    ]  # fmt: skip
    assert left_out == 0


def test_too_many_claims_are_counted_not_drawn() -> None:
    many = [Evidence(claim=f"claim {n}", box=Box(n, n, n + 9, n + 9)) for n in range(MOST + 7)]
    marks, left_out = marks_of(attempt(*many).verdict)

    assert (len(marks), left_out) == (MOST, 7)


def test_each_part_of_the_verdict_changes_the_legend() -> None:
    picture = scene(400, 400)
    whole = attempt(Evidence(claim="all of it"))
    sheet = annotate(picture, whole)
    for name in ("gates", "outcomes", "top_issues", "top_strengths"):
        lacking = whole.verdict.model_copy(update={name: ()})
        other = annotate(picture, whole.model_copy(update={"verdict": lacking}))

        assert other.shape != sheet.shape or not np.array_equal(other, sheet)


def test_judges_that_were_not_asked_are_named() -> None:
    refused = attempt().verdict.model_copy(update={"outcomes": ()})
    silent = attempt().model_copy(update={"verdict": refused})
    plain = annotate(scene(), silent)
    named = annotate(scene(), silent, judges=("text", "style", "color"))

    assert named.shape[0] > plain.shape[0] or not np.array_equal(named, plain)


def test_text_is_cleaned_of_what_hides_or_reorders() -> None:
    shown = clean(HOSTILE)

    assert "\u202e" not in shown
    assert "\u0000" not in shown
    assert "\x1b" not in shown
    assert "a" + "\u0305" not in shown


def test_letters_that_no_font_has_are_shown_as_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    caches = (lettering._installed, lettering._fonts, lettering._font_for)
    with monkeypatch.context() as patch:
        patch.setattr(lettering, "FOLDERS", ())
        for cache in caches:
            cache.cache_clear()
        lines = wrap("東京 café", Type(13), 400, lines=1)
        sheet = annotate(scene(64, 64), attempt(Evidence(claim="東京"), reason=HOSTILE))
    for cache in caches:
        cache.cache_clear()

    assert lines == ["\\u6771\\u4eac caf\\xe9"]
    assert sheet.shape[1] > 400


@given(text=st.text(max_size=300), width=st.integers(30, 500), lines=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_lines_never_leave_their_column(text: str, width: int, lines: int) -> None:
    shown = wrap(text, Type(13), width, lines=lines)

    assert len(shown) <= lines
    assert all(width_of(line, Type(13)) <= width or len(line) <= 1 for line in shown)


@given(
    text=st.text(max_size=120),
    box=st.tuples(*[st.integers(-50, 5000)] * 4),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
)
@settings(max_examples=25, deadline=None)
def test_no_claim_and_no_box_breaks_the_sheet(
    text: str, box: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    sheet = annotate(noise(*size), attempt(Evidence(claim=text, box=Box(*box)), reason=text))

    assert sheet.dtype == np.uint8
    assert sheet.shape[1] <= WIDEST
