"""Fidelity: a face as the camera saw it is well formed, one that was tampered with is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from judges.fidelity import MOST, WEAKNESSES, Fidelity
from judges.fidelity.measures import measure
from sentinel.contracts import Declined, Pixels, Reading, Sample
from sentinel.detectors.faces import find
from sentinel.errors import ConfigError
from sentinel.testing import JudgeConformance, scene

SIDE = 200
"""Pixels of the face in `head`, between a third and two thirds of its 440."""


def head(side: int = SIDE) -> Pixels:
    """The head of a portrait from scikit-image's wheel; the face is about `side` px."""
    from skimage import data

    size = round(side * 200 / 90)
    crop = Image.fromarray(data.astronaut()[22:222, 120:320])
    return np.asarray(crop.resize((size, size), Image.Resampling.LANCZOS))


def disc(spot: tuple[float, float], radius: float, size: int) -> np.ndarray:
    rows, columns = np.mgrid[0:size, 0:size]
    return np.clip(2.5 - 2 * np.hypot(columns - spot[0], rows - spot[1]) / radius, 0, 1)


def pasted(picture: Pixels, source: tuple, target: tuple, radius: float) -> Pixels:
    """What is at `source` also at `target`."""
    moved = np.roll(picture, (target[1] - source[1], target[0] - source[0]), axis=(0, 1))
    mask = disc(target, radius, len(picture))[..., None]
    return (picture * (1 - mask) + moved * mask).astype(np.uint8)


def eyes_of(picture: Pixels) -> list[tuple[int, int]]:
    points = np.array(find(picture)[0].landmarks)
    return [tuple(int(v) for v in points[i : i + 2].mean(axis=0)) for i in (0, 2)]


def without_an_eye() -> Pixels:
    eye = eyes_of(head())[0]
    return pasted(head(), (eye[0], eye[1] + 40), eye, 28)


def with_a_moved_eye() -> Pixels:
    eye = eyes_of(head())[1]
    raised = pasted(head(), eye, (eye[0], eye[1] - 26), 20)
    return pasted(raised, (eye[0], eye[1] + 44), eye, 24)


def with_a_third_eye() -> Pixels:
    right, left = eyes_of(head())
    middle = ((right[0] + left[0]) // 2, (right[1] + left[1]) // 2)
    return pasted(head(), right, middle, 18)


def wavy() -> Pixels:
    picture = head()
    size = len(picture)
    face = find(picture)[0]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    mask = disc(face.centre, 0.65 * face.side, size) * 0.03 * face.side
    turn = 2 * np.pi / (0.3 * face.side)
    right, down = mask * np.sin(rows * turn), mask * np.sin(columns * turn)
    x, y = (columns + right).astype(np.float32), (rows + down).astype(np.float32)
    return cv2.remap(picture, x, y, cv2.INTER_CUBIC)


def blurred() -> Pixels:
    return cv2.GaussianBlur(head(), (0, 0), SIDE * 0.03)


def doubled() -> Pixels:
    return (head() * 0.5 + np.roll(head(), (7, 15), axis=(0, 1)) * 0.5).astype(np.uint8)


def judged(picture: Pixels, **options: int) -> Reading | Declined:
    return Fidelity(**options).judge([Sample(picture)])[0]


class TestFidelity(JudgeConformance):
    def make(self):
        return Fidelity()


@pytest.mark.parametrize("side", [70, 120, 200, 400])
def test_a_portrait_is_well_formed_at_any_size(side: int):
    reading = judged(head(side))

    assert reading.value > 0.65
    assert reading.issues == ()
    assert reading.measurements["count"] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture[:, ::-1],
        lambda picture: (picture * 0.6).astype(np.uint8),
        lambda picture: np.asarray(Image.fromarray(picture).rotate(12)),
        lambda picture: np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1).astype(
            np.uint8
        ),
    ],
    ids=["mirrored", "darker", "tilted", "grey"],
)
def test_harmless_changes_do_not_fail_it(change):
    assert judged(np.ascontiguousarray(change(head()))).value > 0.5


@pytest.mark.parametrize(
    ("tampered", "part"),
    [
        (without_an_eye, "eyes"),
        (with_a_moved_eye, "asymmetric"),
        (with_a_third_eye, "eyes"),
        (wavy, "mouth"),
        (blurred, "blurred"),
    ],
    ids=["without an eye", "with a moved eye", "with a third eye", "wavy", "blurred"],
)
def test_a_tampered_face_fails_and_the_part_to_blame_is_named(tampered, part: str):
    reading = judged(tampered())

    assert reading.value < 0.5
    assert {issue.category for issue in reading.issues} == {"face"}
    assert part in [issue.subcategory for issue in reading.issues]


def test_a_doubled_face_is_worth_less_than_the_plain_one():
    assert judged(doubled()).value < judged(head()).value - 0.05


def test_a_tiny_face_is_too_small_to_be_well_drawn():
    picture = np.full((400, 400, 3), 120, np.uint8)
    picture[100:167, 100:167] = head(30)
    reading = judged(picture)

    assert reading.value < 0.5
    assert "too_small" in [issue.subcategory for issue in reading.issues]


def test_the_worst_face_decides():
    size = len(head())
    both = np.concatenate([head(), without_an_eye()], axis=1)
    reading = judged(np.ascontiguousarray(both))
    worst = reading.evidence[reading.measurements["worst"] - 1]

    assert reading.measurements["count"] == 2
    assert reading.value == pytest.approx(
        min(face["value"] for face in reading.measurements["faces"]), abs=1e-3
    )
    assert worst.box.left > size


def test_a_value_is_the_product_of_its_parts():
    face = judged(without_an_eye()).measurements["faces"][0]
    parts = {weakness.part for weakness in WEAKNESSES} | {"too_small"}

    assert face["value"] == pytest.approx(np.prod([face[part] for part in parts]), abs=0.01)


def test_without_a_face_it_declines():
    assert judged(scene()) == Declined(reason="no face in the picture", measurements={"count": 0})


def test_faces_below_the_smallest_size_are_not_judged():
    answer = judged(head(), smallest=300)

    assert isinstance(answer, Declined)
    assert answer.measurements == {"count": 1}


def test_of_a_crowd_the_largest_faces_are_judged():
    row = np.concatenate([head(60)] * 7, axis=1)
    reading = judged(np.ascontiguousarray(np.concatenate([row, row], axis=0)))

    assert reading.measurements["count"] == 14
    assert reading.measurements["judged"] == MOST


def test_a_measure_counts_less_on_a_face_turned_away():
    from dataclasses import replace

    measures = measure(with_a_third_eye(), find(with_a_third_eye())[0])
    bridge = next(weakness for weakness in WEAKNESSES if weakness.measure == "bridge")
    facing, away = replace(measures, turned=0.0), replace(measures, turned=0.4)

    assert bridge.penalty(facing) > 0.0
    assert bridge.penalty(away) == 0.0


@pytest.mark.parametrize("smallest", [-1, 2.5, True, "40"], ids=str)
def test_a_wrong_smallest_size_is_named(smallest):
    with pytest.raises(ConfigError, match="smallest is"):
        Fidelity(smallest=smallest)


@pytest.mark.parametrize(
    ("case", "picture"),
    [
        ("portrait", head),
        ("without an eye", without_an_eye),
        ("wavy", wavy),
        ("blurred", blurred),
        ("no face", scene),
    ],
    ids=["portrait", "without an eye", "wavy", "blurred", "no face"],
)
def test_the_golden_cases_hold(golden, case, picture):
    golden("fidelity", case, judged(picture()), tolerance=0.05)
