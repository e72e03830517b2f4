"""A picture in; boxes, landmarks, chips and embeddings out: dlib and the weights in its wheels.

No dlib object here is ever used by two threads at once: each thread has its own detector, the
landmark and embedding models stand behind a lock. The search runs outside Python's interpreter
lock; one embedding (55 ms) holds it.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentinel.contracts import Box, ModelCard, Pixels
from sentinel.errors import MissingRequirement

Point = tuple[float, float]
Embedding = NDArray[np.float64]

LANDMARK_FILE = "shape_predictor_5_face_landmarks.dat"
EMBEDDER_FILE = "dlib_face_recognition_resnet_model_v1.dat"

DETECTOR_CARD = ModelCard(
    name="dlib-hog",
    title="dlib's frontal face detector (HOG), compiled into dlib",
    licence="BSL-1.0",
    commercial=True,
    megabytes=0.1,
    source="wheel",
)
LANDMARK_CARD = ModelCard(
    name="dlib-5-landmarks",
    title="dlib's five face landmarks, trained on its author's own 7,198 faces",
    licence="CC0-1.0",
    commercial=True,
    megabytes=9.2,
    source="wheel",
    files={LANDMARK_FILE: "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"},
)
EMBEDDER_CARD = ModelCard(
    name="dlib-face-resnet",
    title="dlib's 128-number face embedding (ResNet, 29 convolutions)",
    licence="CC0-1.0",
    commercial=True,
    megabytes=22.5,
    source="wheel",
    files={EMBEDDER_FILE: "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"},
    note="its author trained it on 3 million faces, half from the research sets VGG and FaceScrub",
)

CHIP = 150
"""Pixels a side of an aligned chip: what dlib's embedder expects (padding .25)."""


def require(who: str) -> None:
    """Raise MissingRequirement unless dlib and its weights are installed."""
    remedy = "pip install --force-reinstall dlib-bin face_recognition_models"
    if importlib.util.find_spec("dlib") is None:
        raise MissingRequirement(who, "dlib", remedy)
    for name in (LANDMARK_FILE, EMBEDDER_FILE):
        path = _weights(name)
        if path is None or not path.is_file():
            raise MissingRequirement(who, f"the weights {name}", remedy)


def scores_in(image: Pixels, floor: float) -> list[tuple[Box, float]]:
    """Boxes and scores of dlib's detector on `image` as it is; boxes may leave the image."""
    rectangles, scores, _ = _detector().run(image, 0, floor)
    return [
        (Box(r.left(), r.top(), r.right() + 1, r.bottom() + 1), float(score))
        for r, score in zip(rectangles, scores, strict=True)
    ]


def landmarks_in(image: Pixels, box: Sequence[float]) -> tuple[Point, ...]:
    """Five landmarks of the face in `box` (left, top, right, bottom), in pixels of `image`."""
    left, top, right, bottom = (round(edge) for edge in box)
    rectangle = _dlib().rectangle(left, top, right, bottom)
    with _LANDMARKS:
        shape = _landmarker()(image, rectangle)
    return tuple((float(point.x), float(point.y)) for point in shape.parts())


def align(image: Pixels, landmarks: Sequence[Point]) -> Pixels:
    """The chip that dlib's embedder expects, from five landmarks in `image`."""
    dlib = _dlib()
    height, width = image.shape[:2]
    points = dlib.points()
    points.extend(dlib.point(round(x), round(y)) for x, y in landmarks)
    shape = dlib.full_object_detection(dlib.rectangle(0, 0, width - 1, height - 1), points)
    return np.ascontiguousarray(dlib.get_face_chip(image, shape, CHIP, 0.25))


def embed(chips: Sequence[Pixels]) -> list[Embedding]:
    """128 numbers per aligned chip; two of one person are about .4 apart, of others .8."""
    with _EMBEDDING:
        model = _embedder()
        return [np.array(model.compute_face_descriptor(chip)) for chip in chips]


_LANDMARKS = threading.Lock()
_EMBEDDING = threading.Lock()
_OWN = threading.local()


def _detector() -> Any:
    """This thread's own detector: 0.1 MB, and the search runs outside the interpreter lock."""
    if not hasattr(_OWN, "detector"):
        _OWN.detector = _dlib().get_frontal_face_detector()
    return _OWN.detector


@functools.cache
def _landmarker() -> Any:
    return _dlib().shape_predictor(str(_weights(LANDMARK_FILE)))


@functools.cache
def _embedder() -> Any:
    return _dlib().face_recognition_model_v1(str(_weights(EMBEDDER_FILE)))


def _dlib() -> Any:
    import dlib  # noqa: PLC0415 - heavy, and `import sentinel` must stay light

    return dlib


def _weights(name: str) -> Path | None:
    # the package is not imported: its __init__ needs pkg_resources, which setuptools dropped
    found = importlib.util.find_spec("face_recognition_models")
    places = list(found.submodule_search_locations or []) if found is not None else []
    return Path(places[0]) / "models" / name if places else None
