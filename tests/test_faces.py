"""Faces are found whatever their size and angle, once per picture, by several threads at once."""

from __future__ import annotations

import hashlib
import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sentinel.contracts import Pixels, Sample
from sentinel.detectors import dlib_models, faces
from sentinel.errors import MissingRequirement


def portrait() -> Pixels:
    """A portrait of 512 px that ships in scikit-image's wheel; the face is 90 px."""
    from skimage import data

    return data.astronaut()


def head(side: int) -> Pixels:
    """The head of the portrait, resized so that the detector's box is about `side` px."""
    size = round(side * 200 / 90)
    crop = Image.fromarray(portrait()[22:222, 120:320])
    return np.asarray(crop.resize((size, size), Image.Resampling.LANCZOS))


def on_canvas(picture: Pixels, width: int, height: int) -> Pixels:
    """The picture in the middle of a grey canvas."""
    canvas = np.full((height, width, 3), 120, np.uint8)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return canvas


def test_a_portrait_has_one_face_where_it_is():
    found = faces.find(portrait())

    assert len(found) == 1
    left, top, right, bottom = found[0].box
    assert 160 < left < 200
    assert 250 < right < 290
    assert 60 < top < 100
    assert 150 < bottom < 190


def test_landmarks_lie_on_the_eyes_and_below_them_the_nose():
    face = faces.find(portrait())[0]
    right_eye, left_eye, nose = face.landmarks[0], face.landmarks[2], face.landmarks[4]

    assert left_eye[0] < nose[0] < right_eye[0]
    assert nose[1] > max(left_eye[1], right_eye[1]) + 10


@pytest.mark.parametrize("side", [40, 60, 120, 300, 900])
def test_faces_of_40_to_900_pixels_are_found(side: int):
    extent = max(1024, round(side * 2.4))
    found = faces.find(on_canvas(head(side), extent, extent))

    assert len(found) == 1
    assert 0.6 * side < found[0].side < 1.6 * side


@pytest.mark.parametrize("degrees", [20, -20, 50, 90, -90, 180])
def test_a_turned_face_is_found_and_its_box_covers_it(degrees: int):
    turned = np.asarray(
        Image.fromarray(on_canvas(head(120), 400, 400)).rotate(degrees, fillcolor=(120,) * 3)
    )
    face = faces.find(turned)[0]

    assert face.box.left < 200 < face.box.right
    assert face.box.top < 200 < face.box.bottom


def test_a_turned_face_is_the_same_person_upright():
    upright = faces.find(on_canvas(head(120), 400, 400))[0]
    turned = faces.find(np.rot90(on_canvas(head(120), 400, 400)).copy())[0]
    one, other = dlib_models.embed([upright.chip, turned.chip])

    assert turned.turned in (-90, -45)
    assert np.linalg.norm(one - other) < 0.25


@pytest.mark.parametrize("name", ["cat", "coffee", "rocket", "grass", "horse"])
def test_no_face_is_seen_where_there_is_none(name: str):
    from skimage import data

    picture = getattr(data, name)()
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=-1)
    picture = picture.astype(np.uint8) * (255 if picture.dtype == bool else 1)

    assert faces.find(np.ascontiguousarray(picture)) == ()


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (700, 3), (10, 10), (79, 81)])
def test_pictures_of_any_shape_are_searched(shape: tuple[int, int]):
    assert faces.find(np.full((*shape, 3), 90, np.uint8)) == ()


def test_two_faces_side_by_side_are_two():
    pair = np.concatenate([head(100), head(100)[:, ::-1]], axis=1)

    assert len(faces.find(np.ascontiguousarray(pair))) == 2


def test_small_faces_beside_a_middling_one_are_seen():
    canvas = on_canvas(head(110), 1024, 1024)
    canvas[:111, :111] = head(50)
    canvas[:111, -111:] = head(50)

    assert len(faces.find(canvas)) == 3


def test_a_picture_is_searched_once_however_many_ask():
    sample = Sample(portrait())

    assert faces.faces_of(sample) is faces.faces_of(sample)
    assert faces.embeddings_of(sample) is faces.embeddings_of(sample)


def test_threads_find_what_one_thread_finds():
    pictures = [head(side) for side in (180, 200, 220)]
    alone = [faces.find(picture)[0].box for picture in pictures]
    with ThreadPoolExecutor(3) as pool:
        together = [found[0].box for found in pool.map(faces.find, pictures)]

    assert together == alone


def test_a_patch_leaves_the_picture_and_keeps_its_size():
    patch = faces.patch(portrait(), (0.0, 511.0), 5000.0, turned=45, out=64)

    assert patch.shape == (64, 64, 3)


def test_a_face_that_fills_a_huge_picture_takes_little_memory():
    import tracemalloc

    huge = np.repeat(np.repeat(head(225), 10, axis=0), 10, axis=1)
    tracemalloc.start()
    found = faces.find(huge)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert huge.shape[0] * huge.shape[1] > 24_000_000
    assert len(found) == 1
    assert peak < 150e6


def test_missing_weights_are_named_with_the_command_that_brings_them(monkeypatch):
    found = importlib.util.find_spec

    def without(name: str, package: str | None = None):
        return None if name == "face_recognition_models" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(MissingRequirement) as caught:
        dlib_models.require("judge 'fidelity'")

    assert "face_recognition_models" in caught.value.remedy
    assert dlib_models.LANDMARK_FILE in caught.value.what


@pytest.mark.parametrize(
    "card", [dlib_models.LANDMARK_CARD, dlib_models.EMBEDDER_CARD], ids=lambda card: card.name
)
def test_the_cards_name_the_weights_that_are_installed(card):
    package = importlib.util.find_spec("face_recognition_models")
    folder = Path(package.submodule_search_locations[0]) / "models"
    (name, sha256), *_ = card.files.items()

    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
