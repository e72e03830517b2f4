"""Likeness: the person of the reference is known again, another one is not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from judges.likeness import Likeness
from sentinel.contracts import Declined, Pixels, Reading, ReferencePicture, Sample
from sentinel.errors import ConfigError, MissingRequirement
from sentinel.testing import JudgeConformance, scene


def head() -> Pixels:
    """The head of a portrait from scikit-image's wheel, 300 px."""
    from skimage import data

    crop = Image.fromarray(data.astronaut()[22:222, 120:320])
    return np.asarray(crop.resize((300, 300), Image.Resampling.LANCZOS))


def retaken() -> Pixels:
    """The same person again: mirrored, darker, tilted, half the size."""
    image = ImageEnhance.Brightness(Image.fromarray(head()[:, ::-1].copy())).enhance(0.7)
    return np.asarray(image.rotate(8, fillcolor=(120,) * 3).resize((150, 150)))


def blurred() -> Pixels:
    """The same person, so blurred that opinions may differ."""
    return np.asarray(Image.fromarray(head()).filter(ImageFilter.GaussianBlur(4)))


def stranger(number: int = 0) -> Pixels:
    """An unnamed face from scikit-image's wheel, 25 px enlarged."""
    from skimage import data

    grey = (data.lfw_subset()[number] * 255).astype(np.uint8)
    large = np.asarray(Image.fromarray(grey).resize((220, 220), Image.Resampling.BICUBIC))
    return np.ascontiguousarray(np.repeat(np.pad(large, 40, mode="edge")[..., None], 3, axis=-1))


def ask(picture: Pixels, *references: Pixels, **options: str) -> Reading | Declined:
    given = tuple(ReferencePicture("face", pixels) for pixels in references)
    return Likeness(**options).judge([Sample(picture, references=given)])[0]


def beside(*pictures: Pixels) -> Pixels:
    """Pictures side by side, each on 300 × 300."""
    tiles = [np.asarray(Image.fromarray(picture).resize((300, 300))) for picture in pictures]
    return np.ascontiguousarray(np.concatenate(tiles, axis=1))


class TestLikeness(JudgeConformance):
    def make(self):
        return Likeness()


def test_the_same_picture_is_at_distance_nought():
    reading = ask(head(), head())

    assert reading.value == 1.0
    assert reading.measurements["distance"] < 0.01


def test_the_same_person_is_known_again():
    reading = ask(retaken(), head())

    assert reading.value > 0.6
    assert reading.issues == ()
    assert 0.1 < reading.measurements["distance"] < 0.5


@pytest.mark.parametrize("number", [0, 2, 5, 10])
def test_a_stranger_is_not_taken_for_the_person(number: int):
    reading = ask(stranger(number), head())

    assert reading.value < 0.1
    assert [(issue.category, issue.subcategory) for issue in reading.issues] == [
        ("face", "not_alike")
    ]


def test_without_a_reference_it_declines():
    assert ask(head()) == Declined(reason="no face reference given")


def test_references_of_other_kinds_are_not_faces():
    sample = Sample(head(), references=(ReferencePicture("style", head()),))

    assert isinstance(Likeness().judge([sample])[0], Declined)


def test_a_reference_without_a_face_is_said_to_have_none():
    answer = ask(head(), scene(200, 200))

    assert isinstance(answer, Declined)
    assert "no face found in reference 1" in answer.reason
    assert answer.measurements["references_without_face"] == [1]


def test_a_faceless_reference_beside_a_good_one_is_left_out_and_named():
    reading = ask(head(), scene(200, 200), head())

    assert reading.value == 1.0
    assert reading.measurements["reference"] == 2
    assert reading.measurements["references_without_face"] == [1]


def test_a_picture_without_a_face_is_worth_nothing():
    reading = ask(scene(200, 200), head())

    assert reading.value == 0.0
    assert reading.measurements["distance"] is None
    assert reading.issues[0].subcategory == "no_face"


def test_of_several_faces_the_nearest_decides_and_all_are_shown():
    reading = ask(beside(stranger(), head()), head())

    assert reading.value > 0.8
    assert reading.measurements["faces"] == 2
    assert len(reading.measurements["distances"]) == 2
    chosen = [item for item in reading.evidence if item.claim.startswith("compared")]
    assert len(chosen) == 1
    assert chosen[0].box.left > 290


def test_with_who_all_a_second_person_fails_the_picture():
    reading = ask(beside(stranger(), head()), head(), who="all")

    assert reading.value < 0.1
    assert "farthest of 2 faces" in reading.reason


def test_the_best_of_several_references_decides_unless_the_mean_is_asked_for():
    best = ask(retaken(), stranger(), head())
    mean = ask(retaken(), stranger(), head(), references="mean")

    assert best.measurements["reference"] == 2
    assert best.measurements["distance"] < mean.measurements["distance"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"backend": "facenet"}, "backend is 'facenet'"),
        ({"who": "first"}, "who is 'first'"),
        ({"references": "worst"}, "references is 'worst'"),
        ({"backend": "insightface"}, "acknowledge is ''.*non-commercial"),
        ({"backend": "insightface", "acknowledge": "yes"}, "acknowledge is 'yes'"),
        ({"backend": "insightface", "pack": "../x", "acknowledge": "../x"}, "pack is '../x'"),
    ],
    ids=str,
)
def test_a_wrong_option_is_named_with_its_value(options, named):
    with pytest.raises(ConfigError, match=named):
        Likeness(**options)


def test_insightface_without_its_package_or_weights_names_the_command(tmp_path):
    from sentinel.contracts import Runtime

    judge = Likeness(backend="insightface", acknowledge="buffalo_l")
    with pytest.raises(MissingRequirement) as caught:
        judge.load(Runtime(models=tmp_path))

    assert caught.value.remedy in (
        "pip install 'sentinel-gatekeeper[faces]'",
        "sentinel models pull buffalo_l",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("case", "picture"),
    [
        ("same person", retaken),
        ("hardly recognisable", blurred),
        ("stranger", stranger),
        ("no face", lambda: scene(200, 200)),
    ],
    ids=["same person", "hardly recognisable", "stranger", "no face"],
)
def test_the_golden_cases_hold(golden, case, picture):
    golden("likeness", case, ask(picture(), head()), tolerance=0.05)
