from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from judges.background import Background
from sentinel.contracts import Declined, Reading, Sample
from sentinel.errors import ConfigError
from sentinel.testing import JudgeConformance


def studio(*, size=(400, 300), fall=0.0, ground=(236, 236, 238), shadow=0.0, reach=110):
    """A red bottle on a backdrop with fall-off towards the corners, soft shadow and grain."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    far = ((columns / width - 0.5) ** 2 + (rows / height - 0.5) ** 2) * 2
    picture = np.array(ground) * (1 - fall * far)[..., None]
    soft = np.exp(-(((columns - width / 2) / 90) ** 2) - ((rows - height * 0.8) / 18) ** 2)
    picture *= 1 - shadow * soft[..., None]
    body = (abs(columns - width // 2) < 40) & (abs(rows - height // 2) < reach)
    picture[body] = (170, 30, 40)
    grain = np.random.default_rng(2).normal(0, 1.5, picture.shape)
    return (picture + grain).clip(0, 255).astype(np.uint8)


def with_clutter(picture, *boxes):
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for box in boxes:
        draw.rectangle(box, fill=(60, 90, 40))
    return np.asarray(image)


def textured(picture, strength=22.0):
    coarse = np.random.default_rng(4).normal(0, 1, (75, 100, 3)).astype(np.float32)
    grown = np.stack(
        [np.asarray(Image.fromarray(coarse[..., c]).resize((400, 300))) for c in range(3)], axis=-1
    )
    return (picture + strength * grown.mean(axis=2, keepdims=True)).clip(0, 255).astype(np.uint8)


def blotchy(picture):
    coarse = Image.fromarray(np.random.default_rng(9).normal(0, 1, (4, 5)).astype(np.float32))
    waves = np.asarray(coarse.resize((400, 300), Image.Resampling.BICUBIC))[..., None]
    return (picture * 0.8 + 28 * waves).clip(0, 255).astype(np.uint8)


def read(picture: np.ndarray, **options) -> Reading:
    (answer,) = Background(**options).judge([Sample(picture)])
    assert isinstance(answer, Reading)
    return answer


class TestBackground(JudgeConformance):
    def make(self):
        return Background()


CLEAN = {
    "white": lambda: studio(ground=(255, 255, 255)),
    "grey with fall-off": lambda: studio(fall=0.35),
    "with soft shadow": lambda: studio(shadow=0.25),
    "black": lambda: studio(ground=(12, 12, 14)),
    "coloured": lambda: studio(ground=(90, 150, 190), fall=0.2),
    "subject over the bottom edge": lambda: studio(reach=150),
}

DIRTY = {
    "clutter": lambda: with_clutter(studio(), (0, 0, 60, 80), (350, 200, 399, 299)),
    "texture": lambda: textured(studio()),
    "uneven": lambda: blotchy(studio()),
}


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_ground_has_no_issue(name, golden):
    answer = read(CLEAN[name]())
    golden("background", name, answer)

    assert answer.value > 0.6
    assert answer.issues == ()


@pytest.mark.parametrize("fault", DIRTY)
def test_a_dirty_ground_is_named(fault, golden):
    answer = read(DIRTY[fault]())
    golden("background", fault, answer)

    assert answer.value < 0.5
    assert fault in [issue.subcategory for issue in answer.issues]


def test_clutter_has_a_box_around_it():
    answer = read(with_clutter(studio(), (0, 0, 60, 80)), band=0.1)
    box = next(item.box for item in answer.evidence if "border" in item.claim)

    assert abs(box.left) <= 4
    assert abs(box.right - 61) <= 5
    assert abs(box.bottom - 81) <= 5


def test_more_clutter_scores_less():
    values = [read(with_clutter(studio(), (0, 0, side, side))).value for side in (1, 30, 60, 110)]

    assert values == sorted(values, reverse=True)
    assert values[0] > 0.6
    assert values[-1] < 0.2


def test_a_subject_that_touches_the_edge_is_clutter_only_if_the_policy_says_so():
    portrait = studio(reach=150)

    assert read(portrait).issues == ()
    assert read(portrait, subject_may_touch=False).issues[0].subcategory == "clutter"


def test_a_photographed_scene_is_no_clean_ground():
    from skimage import data

    values = [
        read(np.ascontiguousarray(picture)).value for picture in (data.coffee(), data.chelsea())
    ]

    assert max(values) < 0.2


def test_a_harder_fall_off_is_uneven_and_its_limit_can_be_moved():
    dark = studio(fall=0.95)

    assert "uneven" in [issue.subcategory for issue in read(dark).issues]
    assert "uneven" not in [issue.subcategory for issue in read(dark, falloff=90).issues]


def test_a_blurred_backdrop_of_one_colour_counts_as_clean():
    soft = np.asarray(Image.fromarray(textured(studio(), 6)).filter(ImageFilter.GaussianBlur(6)))

    assert read(soft).value > 0.5


def test_a_picture_without_four_borders_is_declined():
    (answer,) = Background().judge([Sample(studio()[:9])])

    assert isinstance(answer, Declined)
    assert "400x9" in answer.reason


def test_plain_product_photographs_are_told_from_scenes(shared_data):
    product = shared_data / "quality/product"
    plain = read(np.asarray(Image.open(product / "red_cartoon_00.jpg").convert("RGB")))
    scene = read(np.asarray(Image.open(product / "teapot_00.jpg").convert("RGB")))

    assert plain.value > 0.9
    assert scene.value < 0.3


@pytest.mark.parametrize(
    "options",
    [{"band": 0.6}, {"tolerance": 0}, {"shadow": "soft"}, {"falloff": True},
     {"subject_may_touch": "yes"}],
    ids=["too wide", "zero", "a word", "a boolean", "not a boolean"],
)  # fmt: skip
def test_a_wrong_option_is_refused_by_name(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        Background(**options)
