"""What our judges and gates really say is understood by feedback, word for word."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from advising import AT_ONCE, PLAIN, failed, issue, refused, score

from gates.face import FaceGate
from gates.integrity import IntegrityGate
from judges.alignment import ISSUES, Check, Clause, _issues
from judges.alignment.counterfactuals import asked_for, contrast_of_place, contrasts
from judges.alignment.phrases import phrases
from judges.artifacts.panel import PANEL
from judges.artifacts.zero_shot import DEFECTS
from judges.background import Background
from judges.color import Color
from judges.fidelity import WORDS
from judges.style import Style
from judges.text.states import settle
from judges.text.windows import NOTHING, Window
from sentinel import feedback
from sentinel.contracts import Brief, Sample
from sentinel.feedback.looks import FAULTS
from sentinel.testing import flat, scene

ROOT = Path(__file__).parent.parent


def told(asked: Brief, *issues, capabilities=PLAIN) -> str:
    verdict = failed(score(*issues, judge="j"))
    found = feedback.advise(verdict, asked, asked=asked, capabilities=capabilities, rule=AT_ONCE)
    assert found.changes
    return found.brief.prompt or ""


def answered(judge, sample: Sample):
    (reading,) = judge.judge([sample])
    assert reading.issues
    return reading.issues


def test_each_category_that_is_emitted_stands_in_the_table():
    sources = [
        path.read_text("utf-8")
        for room in ("judges", "gates")
        for path in (ROOT / room).rglob("*.py")
    ]
    emitted = {found for text in sources for found in re.findall(r'\bcategory="(\w+)"', text)}

    assert {
        each for each in emitted if not any(key.split(".")[0] == each for key in feedback.TABLE)
    } == {"input"}
    assert {f"alignment.{kind}" for kind in ISSUES.values()} <= set(feedback.TABLE)


@pytest.mark.parametrize(
    "window",
    [NOTHING, Window("SAIE", 0.9, 0.95, diff="SA[-L-][+I+]E"), Window("SAIE", 0.9, 0.4), Window("ZZ", 0.1, 0.95)],
    ids=["nothing read", "misspelled", "unsure", "other writing"],
)  # fmt: skip
@pytest.mark.parametrize("phrase", ["SALE", "it's 50%", 'say "hi"', "Bäckerei 東京", "a\\b"])
def test_each_state_of_a_text_is_told_with_the_text_that_was_asked(phrase, window):
    judged = settle(phrase, [window])
    mode = issue("text", judged.subcategory, judged.detail)

    assert phrase in told(Brief(prompt="a sign", expected_text=("NOW", phrase)), mode)


PROMPTS = {
    "a poster of two red cups on a white background": (
        "two red cups", "plain white background",
    ),
    "a blue bird on the left of two red cups": ("a blue bird left of two red cups", "two red cups"),
    "an orange cat and three green books, oil painting": ("an orange cat", "three green books"),
    "the car is red": ("the red car",),
}  # fmt: skip


@pytest.mark.parametrize(("prompt", "expected"), PROMPTS.items(), ids=PROMPTS)
def test_each_phrase_that_loses_can_be_put_first(prompt, expected):
    found = phrases(prompt)
    checks = [
        Check(contrast, 0.1, contrast.others[0])
        for contrast in (
            *(each for phrase in found.phrases for each in contrasts(phrase, asked_for(prompt))),
            *map(contrast_of_place, found.places),
        )
    ]
    said = []
    for check in checks:
        (mode,) = _issues([check], [], 0.5)
        said.append(told(Brief(prompt=prompt), mode))

    assert all(any(each in prompt for prompt in said) for each in expected)
    assert all(each.endswith(prompt) or prompt in each for each in said)


def test_a_clause_that_loses_is_put_first():
    clauses = [Clause("a lighthouse", 0.2, 3)]
    prompt = "many fishing boats in a harbour at dawn. a lighthouse"

    assert told(Brief(prompt=prompt), *_issues([], clauses, 0.5)) == f"a lighthouse, {prompt}"


def test_a_colour_that_is_missing_brings_the_palette():
    brief = Brief(prompt="a cup", palette=("#c8102e", "navy"))
    modes = answered(Color(drift_allowed=0.1), Sample(flat(64, 64, (20, 160, 60)), brief))

    assert {mode.subcategory for mode in modes} == {"missing_colour", "drift"}
    assert told(brief, *modes) == "a cup. Palette: red #c8102e, navy #000080."


def test_clutter_brings_a_plain_background():
    picture = np.array(flat(400, 300, (236, 236, 238)))
    picture[100:200, 150:250] = (170, 30, 40)
    picture[0:60, 0:90] = (60, 90, 40)
    modes = answered(Background(), Sample(picture))

    assert told(Brief(prompt="a bottle"), *modes) == "plain background, a bottle"


def test_a_darker_picture_than_its_reference_is_asked_for_lighter():
    from sentinel.contracts import ReferencePicture

    bright = scene()
    dark = (bright // 6).astype(np.uint8)
    modes = answered(
        Style(issue_below=1.0), Sample(dark, references=(ReferencePicture("style", bright),))
    )

    assert "lighter tones" in told(Brief(prompt="a scene"), *modes)


def test_the_face_gates_numbers_are_read():
    few, many = FaceGate(min_faces=3)._issue(1, 0), FaceGate(max_faces=1)._issue(4, 0)

    assert "3 people" in told(Brief(prompt="friends"), few)
    assert "Only one person" in told(Brief(prompt="friends"), many)


@pytest.mark.parametrize("part", WORDS)
def test_each_weak_part_of_a_face_has_an_answer(part):
    mode = issue("face", part, f"face 1: {WORDS[part]} ({part} 0.31)")

    assert told(Brief(prompt="a portrait"), mode).startswith("a portrait. ")


def test_each_artifact_has_a_word_for_negative_prompts():
    assert {*PANEL, *DEFECTS} == set(FAULTS)


def test_a_frame_that_is_no_picture_is_left_to_another_seed():
    finding = IntegrityGate().check(Sample(flat(64, 64, (0, 0, 0))))
    verdict = refused(*finding.issues)
    found = feedback.advise(verdict, Brief(prompt="p"), asked=Brief(prompt="p"), capabilities=PLAIN)

    assert finding.issues
    assert found.changes == ()
