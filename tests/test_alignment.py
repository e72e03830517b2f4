"""Alignment on a real, tiny model: trained here on coloured discs, frames and grids."""

import runpy
from pathlib import Path

import pytest

from judges.alignment import Alignment, Check, Clause, _value
from judges.alignment.counterfactuals import Contrast
from sentinel.contracts import Brief, Declined, Runtime, Sample
from sentinel.errors import ConfigError, MissingRequirement
from sentinel.testing import JudgeConformance

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_clip.py")))
paint = TINY["paint"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The name of a model that knows its tiny world."""
    path = tmp_path_factory.mktemp("world")
    TINY["train"](path)
    return f"local-dir:{path}"


@pytest.fixture
def judge(model):
    made = Alignment(model=model)
    made.load(Runtime())
    return made


def ask(judge, prompt, picture=None):
    pixels = paint("red", "disc", seed=5, side=96) if picture is None else picture
    return judge.judge([Sample(pixels, Brief(prompt=prompt))])[0]


@pytest.mark.full
class TestConformance(JudgeConformance):
    @pytest.fixture(autouse=True)
    def _model(self, model):
        self.model = model

    def make(self):
        return Alignment(model=self.model)


@pytest.mark.full
@pytest.mark.parametrize(
    "prompt", ["a red disc", "a blue disc", "a red frame", "a red disc, no people"]
)
def test_golden(judge, golden, prompt):
    golden("alignment", prompt, ask(judge, prompt), tolerance=0.1)


@pytest.mark.full
def test_a_wrong_colour_is_named_with_what_is_there_instead(judge):
    (issue,) = ask(judge, "a blue disc").issues

    assert issue.subcategory == "wrong_colour"
    assert "'a red disc'" in issue.detail


@pytest.mark.full
def test_a_missing_thing_is_named_with_what_is_there_instead(judge):
    (issue,) = ask(judge, "a red frame").issues

    assert issue.subcategory == "missing_object"
    assert "'a disc'" in issue.detail


def test_one_thing_that_clearly_loses_brings_the_value_under_a_half():
    checks = [
        Check(Contrast("object", "a cup", "a cup", ("a pan",)), p, "a pan") for p in (0, *[1] * 30)
    ]

    assert _value(checks, [Clause("cups", 1.0, 1)]) < 0.5


def test_a_wrong_count_or_place_alone_does_not():
    kinds = {"object": 1.0, "colour": 1.0, "count": 0.0, "position": 0.0}
    checks = [Check(Contrast(kind, "x", "x", ("y",)), p, "y") for kind, p in kinds.items()]

    assert _value(checks, [Clause("x", 1.0, 1)]) > 0.5


def test_a_wrong_count_does_where_the_model_was_measured_to_tell_counts():
    kinds = {"object": 1.0, "colour": 1.0, "count": 0.0, "position": 1.0}
    checks = [Check(Contrast(kind, "x", "x", ("y",)), p, "y") for kind, p in kinds.items()]

    assert _value(checks, [Clause("x", 1.0, 1)], frozenset({"object", "count"})) < 0.5


@pytest.mark.full
def test_pictures_fit_their_own_prompts_better_than_each_others(judge):
    shapes = [(colour, shape) for colour in TINY["COLOURS"] for shape in TINY["SHAPES"]]
    right = wrong = 0
    for index, thing in enumerate(shapes):
        picture = paint(*thing, seed=1000 + index, side=128)
        values = [ask(judge, f"a {colour} {shape}", picture).value for colour, shape in shapes]
        best = values.index(max(values)) == index
        right, wrong = right + best, wrong + (not best)

    assert right >= 11 * wrong


@pytest.mark.full
def test_no_prompt_is_no_judgement(judge):
    answers = [ask(judge, prompt) for prompt in (None, "", " \n", "\u202e")]

    assert {answer.reason for answer in answers} == {"no prompt to compare with"}


@pytest.mark.full
def test_a_prompt_of_negations_alone_is_declined(judge):
    answer = ask(judge, "no people, without any cars")

    assert isinstance(answer, Declined)
    assert answer.measurements["not_judged"]["negated"] == ["people", "any cars"]


@pytest.mark.full
def test_a_prompt_longer_than_the_context_is_judged_in_clauses(judge):
    reading = ask(judge, "a red disc and a grid. " * 12)

    assert reading.measurements["tokens_used"] == reading.measurements["tokens_total"] > 24
    assert len(reading.measurements["clauses"]) == 12


@pytest.mark.full
def test_what_lies_beyond_the_limits_is_said(judge):
    reading = ask(judge, "a red disc. " * 400)

    assert reading.measurements["tokens_used"] < reading.measurements["tokens_total"]
    assert reading.measurements["not_judged"]["clauses_left_out"] == 384


@pytest.mark.full
def test_the_model_is_named_with_its_fingerprint(judge, model):
    measured = ask(judge, "a red disc").measurements

    assert measured["model"] == model
    assert len(measured["fingerprint"]) == 12


@pytest.mark.full
def test_a_prompt_in_another_script_is_judged_as_a_whole(judge):
    reading = ask(judge, "一个红色的圆盘")

    assert reading.measurements["phrases"] == []
    assert len(reading.measurements["clauses"]) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"missing_below": 0},
        {"max_phrases": 0},
        {"max_clauses": 0},
        {"sharpness": 0},
        {"sharpness": 99},
    ],
    ids=str,
)
def test_a_wrong_option_is_named_by_key_value_and_way_out(options):
    ((key, value),) = options.items()
    with pytest.raises(ConfigError, match=f"{key} is {value}"):
        Alignment(**options)


def test_an_absent_model_or_extra_is_answered_with_a_command(tmp_path):
    with pytest.raises(MissingRequirement) as caught:
        Alignment().load(Runtime(models=tmp_path))

    assert caught.value.remedy.startswith(("sentinel models pull", "pip install"))
