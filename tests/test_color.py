from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from judges.color import Color
from judges.color.palette import nearest_name, parse, pigments
from sentinel.contracts import Brief, Declined, Reading, Sample
from sentinel.errors import BriefError, ConfigError
from sentinel.testing import JudgeConformance

RED, NAVY, WHITE, TEAL = (200, 16, 46), (20, 40, 90), (255, 255, 255), (0, 128, 128)


def poster(*spots, ground=WHITE, size=(400, 300)) -> np.ndarray:
    """Rectangles of given colours on a ground."""
    picture = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(picture)
    for colour, box in spots:
        draw.rectangle(box, fill=colour)
    return np.asarray(picture)


def lit(picture: np.ndarray) -> np.ndarray:
    """The same under light that falls off to the right by a fifth, with grain."""
    fall = np.linspace(1, 0.8, picture.shape[1])[None, :, None]
    grain = np.random.default_rng(5).normal(0, 3, picture.shape)
    return (picture * fall + grain).clip(0, 255).astype(np.uint8)


def read(picture: np.ndarray, *palette: str, **options) -> Reading:
    sample = Sample(picture, Brief(prompt="a poster", palette=palette))
    (answer,) = Color(**options).judge([sample])
    assert isinstance(answer, Reading)
    return answer


class TestColor(JudgeConformance):
    def make(self):
        return Color()


HALVES = poster((RED, (0, 0, 199, 299)), (NAVY, (200, 0, 399, 149)))


def test_a_palette_that_is_there_scores_one(golden):
    answer = read(HALVES, "#c8102e", "#14285a", "white")
    golden("color", "all there", answer)

    assert answer.value == pytest.approx(1, abs=0.01)
    assert answer.issues == ()


def test_a_missing_colour_fails_and_is_named_with_hex_name_and_nearest(golden):
    answer = read(HALVES, "#c8102e", "#14285a", "#ffd700")
    golden("color", "gold missing", answer)
    (issue,) = answer.issues

    assert answer.value < 0.5
    assert (issue.category, issue.subcategory) == ("color", "missing_colour")
    assert issue.detail.startswith("#ffd700 (gold) is missing; the nearest colour is #")


def test_one_missing_colour_of_eight_fails():
    there = ["#c8102e", "#14285a", "white", "#c8102f", "#c9102e", "#15285a", "#14295a"]

    assert read(HALVES, *there).value > 0.95
    assert read(HALVES, *there, "#00c060").value < 0.5


def test_an_accent_of_half_a_percent_counts():
    accent = poster((TEAL, (300, 200, 329, 220)), ground=NAVY)  # 0.5 % of the picture
    answer = read(accent, "#008080", "#14285a")

    assert answer.issues == ()
    assert answer.measurements["colours"]["#008080"]["share"] < 0.01


def test_the_box_shows_where_the_colour_is():
    answer = read(poster((TEAL, (300, 200, 359, 239))), "#008080")
    (evidence,) = answer.evidence

    assert abs(evidence.box.left - 300) < 4
    assert abs(evidence.box.bottom - 240) < 4


def test_light_and_grain_leave_a_colour_present(golden):
    answer = read(lit(HALVES), "#c8102e", "#14285a", "white")
    golden("color", "lit", answer)

    assert answer.issues == ()


def test_a_shifted_colour_earns_less_the_further_it_is():
    shades = [(200, 16, 46), (200, 60, 40), (200, 100, 40), (60, 140, 40)]
    values = [read(poster((c, (0, 0, 399, 200))), "#c8102e").value for c in shades]

    assert values == sorted(values, reverse=True)
    assert values[0] > 0.95
    assert values[-1] < 0.3


def test_colours_far_from_the_palette_are_drift_with_a_box(golden):
    stray = poster((RED, (0, 0, 99, 299)), ground=(40, 160, 60))
    answer = read(stray, "#c8102e")
    golden("color", "drift", answer)
    (issue,) = answer.issues

    assert issue.subcategory == "drift"
    assert "#28a03c" in issue.detail
    assert answer.evidence[-1].box.left >= 96
    assert answer.value == pytest.approx(0.5, abs=0.03)  # 75 % stray, 50 % allowed


def test_neutrals_are_tolerated_unless_the_policy_says_otherwise():
    grey = poster((RED, (0, 0, 99, 299)), ground=(128, 128, 128))

    assert read(grey, "#c8102e").issues == ()
    assert read(grey, "#c8102e", neutrals=False).issues[0].subcategory == "drift"


def test_no_palette_is_declined():
    (answer,) = Color().judge([Sample(HALVES, Brief(prompt="a poster"))])

    assert answer == Declined(reason="no palette asked for")


def test_a_word_is_wider_than_a_hex():
    brick = poster(((185, 50, 45), (0, 0, 399, 200)))

    assert read(brick, "red").issues == ()
    assert read(brick, "#ff0000").issues[0].subcategory == "missing_colour"


def test_a_colour_that_pillow_does_not_know_is_the_callers_mistake():
    with pytest.raises(BriefError, match="palette"):
        read(HALVES, "bluish")


@pytest.mark.parametrize("text", ["#F00", "red", " Red ", "rgb(255, 0, 0)", "#ff0000ff"])
def test_every_css_spelling_is_the_same_colour(text):
    assert parse(text).rgb == (255, 0, 0)


def test_a_colour_is_called_by_its_nearest_css_name():
    assert nearest_name((255, 214, 5)) == "gold"
    assert nearest_name((10, 10, 12)) == "black"


def test_the_dominant_colours_are_told_with_their_shares():
    dominant = pigments(HALVES).dominant()

    assert [round(share, 2) for _, share in dominant] == [0.5, 0.25, 0.25]
    assert all(abs(a - b) <= 2 for a, b in zip(dominant[0][0], RED, strict=True))


def test_the_red_of_a_photographed_product_is_found(shared_data):
    for name in ("red_cartoon_00.jpg", "red_cartoon_02.jpg"):
        picture = np.asarray(Image.open(shared_data / "quality/product" / name).convert("RGB"))

        assert read(picture, "red", "white", "black").issues == ()
        assert read(picture, "red", "green").value < 0.5


@pytest.mark.parametrize(
    "options",
    [{"tolerance": -1}, {"tolerance": "low"}, {"least_share": 2}, {"drift_allowed": True},
     {"neutrals": "yes"}],
    ids=["negative", "a word", "above one", "a boolean", "not a boolean"],
)  # fmt: skip
def test_a_wrong_option_is_refused_by_name(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        Color(**options)
