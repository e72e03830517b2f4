"""Style: manner apart from content, without weights, and with embeddings where a model is named."""

import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from judges.style import Style, resemblance
from judges.style.descriptors import Distances, describe, distances
from sentinel.contracts import Brief, Declined, ReferencePicture, Runtime, Sample
from sentinel.errors import ConfigError, MissingRequirement
from sentinel.testing import JudgeConformance, flat, noise, scene

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_clip.py")))
CAT, COFFEE, ASTRONAUT = skimage.data.chelsea(), skimage.data.coffee(), skimage.data.astronaut()


def grey(rgb):
    return np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def lines(rgb):
    edges = 255 - cv2.Canny(cv2.GaussianBlur(rgb, (5, 5), 0), 40, 120)
    return np.repeat(edges[..., None], 3, axis=2)


def poster(rgb):
    return ((cv2.medianBlur(rgb, 9) // 85) * 85 + 42).astype(np.uint8)


RENDERINGS = {"lines": lines, "poster": poster, "grey": grey}


def ask(pixels, *references, **options):
    judge = Style(**options)
    judge.load(Runtime())
    given = tuple(ReferencePicture("style", each) for each in references)
    return judge.judge([Sample(pixels, Brief(), references=given)])[0]


class TestConformance(JudgeConformance):
    def make(self):
        return Style()


@pytest.mark.full
class TestConformanceWithAModel(JudgeConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        TINY["write"](tmp_path / "m")
        self.name = f"local-dir:{tmp_path / 'm'}"

    def make(self):
        return Style(model=self.name)


@pytest.mark.parametrize(
    ("case", "pixels", "reference"),
    [
        ("the same photograph", CAT, CAT),
        ("another photograph", COFFEE, ASTRONAUT),
        ("line art against a photograph", lines(CAT), COFFEE),
        ("line art against line art", lines(CAT), lines(COFFEE)),
        ("grey against colour", grey(ASTRONAUT), ASTRONAUT),
        ("a flat square against a photograph", flat(128, 128), CAT),
    ],
)
def test_golden(golden, case, pixels, reference):
    golden("style", case, ask(pixels, reference))


def test_a_picture_is_of_its_own_style():
    assert ask(CAT, CAT).value > 0.99


@pytest.mark.parametrize("name", RENDERINGS)
def test_one_manner_over_two_things_is_nearer_than_two_manners_over_one(name):
    render = RENDERINGS[name]
    same = ask(render(CAT), render(COFFEE)).value
    other = ask(render(CAT), noise(256, 256)).value

    assert same > ask(lines(CAT) if name != "lines" else CAT, render(CAT)).value
    assert same > other


def test_without_a_style_reference_there_is_nothing_to_judge():
    face = ReferencePicture("face", CAT)
    (answer,) = Style().judge([Sample(CAT, Brief(), references=(face,))])

    assert answer == Declined(reason="no style reference")


def test_a_picture_too_small_for_texture_is_declined():
    assert "too small" in ask(flat(10, 300), CAT).reason
    assert "every style reference" in ask(CAT, flat(10, 300)).reason


def test_the_best_reference_counts_unless_the_mean_is_asked_for():
    best, mean = (ask(CAT, lines(COFFEE), CAT, combine=how) for how in ("best", "mean"))

    assert best.measurements["nearest_reference"] == 1
    assert best.value > 0.99 > mean.value


def test_what_is_unlike_is_said_in_words():
    dark = (CAT * 0.3).astype(np.uint8)
    found = {issue.subcategory: issue.detail for issue in ask(dark, CAT, issue_below=1).issues}

    assert "darker" in found["palette"]


def test_line_art_differs_from_a_photograph_in_texture():
    assert "texture" in {issue.subcategory for issue in ask(lines(CAT), CAT, issue_below=1).issues}


def test_turning_a_picture_changes_little():
    assert ask(np.ascontiguousarray(CAT[:, ::-1]), CAT).value > 0.95


@given(st.lists(st.floats(0, 100), min_size=7, max_size=7), st.integers(0, 6), st.floats(0, 50))
def test_no_distance_speaks_for_a_style(parts, which, more):
    further = [part + more * (at == which) for at, part in enumerate(parts)]

    assert 0 <= resemblance(Distances(*further)) <= resemblance(Distances(*parts)) <= 1


@pytest.mark.parametrize(
    "pixels", [flat(64, 64), noise(64, 64), scene()], ids=["flat", "noise", "scene"]
)
def test_distances_are_symmetrical_and_nothing_from_itself(pixels):
    one, other = describe(pixels), describe(CAT)

    assert distances(one, other) == pytest.approx(distances(other, one))
    assert max(distances(one, one)) < 1e-6


def test_a_reference_is_described_once(monkeypatch):
    reference = ReferencePicture("style", CAT)
    judge, sample = Style(), Sample(CAT, Brief(), references=(reference,))
    first = judge.judge([sample])
    monkeypatch.setattr("judges.style.describe", None)

    assert judge.judge([sample]) == first


@pytest.mark.parametrize("options", [{"combine": "worst"}, {"issue_below": 2}], ids=str)
def test_a_wrong_option_is_named_by_key_value_and_way_out(options):
    ((key, value),) = options.items()
    with pytest.raises(ConfigError, match=f"{key} is {value!r}"):
        Style(**options)


def test_a_named_model_that_is_absent_is_answered_with_a_command(tmp_path):
    with pytest.raises(MissingRequirement) as caught:
        Style(model="siglip2-b16-256").load(Runtime(models=tmp_path))

    assert caught.value.remedy.startswith(("sentinel models pull", "pip install"))


@pytest.mark.full
def test_with_a_model_the_value_is_the_cosine_of_the_embeddings(tmp_path):
    TINY["write"](tmp_path / "m")
    reading = ask(CAT, CAT, COFFEE, model=f"local-dir:{tmp_path / 'm'}")

    assert reading.measurements["method"] == "embedding"
    assert reading.value == pytest.approx(1, abs=1e-5)
    assert reading.measurements["references"][1] < 1
