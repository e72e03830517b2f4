"""The insightface backend runs insightface's own code on a tiny pack that the test builds.

The pack's detector sees saturated red squares, its recogniser describes colours on a 7 × 7 grid;
both are laid out as the published packs are (SCRFD with nine outputs, ArcFace with one).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from judges.likeness import Likeness
from sentinel.contracts import Pixels, ReferencePicture, Runtime, Sample
from sentinel.errors import ConfigError
from sentinel.testing import flat

pytestmark = pytest.mark.full

DETECTOR_SIDE = 640


SEES = {8: -99.0, 16: -99.0, 32: -10.5}
"""Score bias by stride: only the coarsest sees, and only a window of 96 px that is red all over."""

CORNERS = (1.0, 1.0, 2.0, 2.0)
POINTS = (-0.5, -0.5, 1.5, -0.5, 0.5, 0.5, -0.2, 1.5, 1.2, 1.5)
"""Box sides and landmarks from the window's anchor, in strides."""


def head_of_stride(helper, numpy_helper, stride: int):
    """Scores, boxes and points for one stride: red minus green and blue, averaged, two anchors."""
    prefix = f"s{stride}"
    window = {"kernel_shape": [3 * stride] * 2, "strides": [stride] * 2, "pads": [stride] * 4}
    nodes = [helper.make_node("AveragePool", ["input"], [f"{prefix}_pool"], **window)]
    weights = []
    for kind, bias in (("score", (SEES[stride],)), ("box", CORNERS), ("point", POINTS)):
        kernel = np.zeros((2 * len(bias), 3, 1, 1), np.float32)
        if kind == "score":
            kernel[:, :, 0, 0] = (4.0, -4.0, -4.0)
        name = f"{prefix}_{kind}"
        weights += [
            numpy_helper.from_array(kernel, f"{name}_w"),
            numpy_helper.from_array(np.array(bias * 2, np.float32), f"{name}_b"),
            numpy_helper.from_array(np.array([-1, len(bias)], np.int64), f"{name}_shape"),
        ]
        last = "Sigmoid" if kind == "score" else "Identity"
        nodes += [
            helper.make_node("Conv", [f"{prefix}_pool", f"{name}_w", f"{name}_b"], [f"{name}_map"]),
            helper.make_node("Transpose", [f"{name}_map"], [f"{name}_last"], perm=[0, 2, 3, 1]),
            helper.make_node("Reshape", [f"{name}_last", f"{name}_shape"], [f"{name}_raw"]),
            helper.make_node(last, [f"{name}_raw"], [name]),
        ]
    return nodes, weights


def write_detector(path: Path) -> None:
    from onnx import TensorProto, checker, helper, numpy_helper, save

    nodes, weights = [], []
    for stride in SEES:
        more, constants = head_of_stride(helper, numpy_helper, stride)
        nodes, weights = nodes + more, weights + constants
    outputs = [
        helper.make_tensor_value_info(f"s{stride}_{kind}", TensorProto.FLOAT, [None, width])
        for kind, width in (("score", 1), ("box", 4), ("point", 10))
        for stride in SEES
    ]
    shape = [1, 3, DETECTOR_SIDE, DETECTOR_SIDE]
    taken = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "detector", [taken], outputs, weights)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    checker.check_model(model)
    save(model, str(path))


def write_recogniser(path: Path) -> None:
    from onnx import TensorProto, checker, helper, numpy_helper, save

    kernel = np.random.default_rng(3).normal(0, 1, (147, 512)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["input"], ["p"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["embedding"]),
    ]
    taken = helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, 3, 112, 112])
    given = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [None, 512])
    graph = helper.make_graph(
        nodes, "recogniser", [taken], [given], [numpy_helper.from_array(kernel, "w")]
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    checker.check_model(model)
    save(model, str(path))


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "tiny").mkdir()
    write_detector(folder / "tiny" / "detector.onnx")
    write_recogniser(folder / "tiny" / "recogniser.onnx")
    return folder


@pytest.fixture(scope="module")
def judge(models) -> Likeness:
    judge = Likeness(backend="insightface", pack="tiny", acknowledge="tiny")
    judge.load(Runtime(models=models))
    return judge


def red_square(mark: tuple[int, int, int] | None = None, width: int = 640) -> Pixels:
    """A red square of 96 px on grey; a mark below it makes another "person"."""
    picture = np.full((640, width, 3), 90, np.uint8)
    picture[256:352, 256:352] = (255, 0, 0)
    if mark:
        picture[352:420, 256:352] = mark
    return picture


def test_the_pack_is_small_and_finds_what_it_was_built_for(models, judge):
    portraits = judge.portraits.of(Sample(red_square()))

    assert sum(file.stat().st_size for file in (models / "tiny").iterdir()) < 400_000
    assert len(portraits) == 1
    assert portraits[0].box == (256, 256, 352, 352)
    assert portraits[0].embedding.shape == (512,)
    assert np.linalg.norm(portraits[0].embedding) == pytest.approx(1.0, abs=1e-4)


def test_the_same_face_is_at_distance_nought(judge):
    references = (ReferencePicture("face", red_square()),)
    reading = judge.judge([Sample(red_square(), references=references)])[0]

    assert reading.value == 1.0
    assert reading.measurements["distance"] == pytest.approx(0.0, abs=1e-4)
    assert reading.measurements["backend"] == "insightface"
    assert reading.evidence[0].box == (256, 256, 352, 352)


def test_another_face_is_farther_away(judge):
    references = (ReferencePicture("face", red_square()),)
    other = Sample(red_square(mark=(0, 255, 255)), references=references)
    reading = judge.judge([other])[0]

    assert reading.measurements["distance"] > 0.02


def test_boxes_of_a_large_picture_are_in_its_own_pixels(judge):
    large = np.repeat(np.repeat(red_square(), 3, axis=0), 3, axis=1)
    portrait = judge.portraits.of(Sample(large))[0]

    assert portrait.box == pytest.approx([edge * 3 for edge in (256, 256, 352, 352)], abs=4)


def test_no_face_in_the_picture_is_worth_nothing(judge):
    references = (ReferencePicture("face", red_square()),)
    reading = judge.judge([Sample(flat(640, 640), references=references)])[0]

    assert reading.value == 0.0
    assert reading.issues[0].subcategory == "no_face"


def test_a_pack_without_a_recogniser_is_refused(tmp_path):
    (tmp_path / "half").mkdir()
    write_detector(tmp_path / "half" / "detector.onnx")
    judge = Likeness(backend="insightface", pack="half", acknowledge="half")

    with pytest.raises(ConfigError, match="no recogniser"):
        judge.load(Runtime(models=tmp_path))


def test_an_empty_pack_is_missing_and_nothing_is_downloaded(tmp_path):
    from sentinel.errors import MissingRequirement

    (tmp_path / "empty").mkdir()
    judge = Likeness(backend="insightface", pack="empty", acknowledge="empty")
    with pytest.raises(MissingRequirement, match="sentinel models pull empty"):
        judge.load(Runtime(models=tmp_path))

    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
