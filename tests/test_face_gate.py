"""The face gate counts faces and says which."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gates.face import FaceGate
from sentinel.contracts import Pixels, Sample
from sentinel.errors import ConfigError
from sentinel.testing import GateConformance, scene


def head(side: int) -> Pixels:
    """The head of a portrait from scikit-image's wheel; the face is about `side` px."""
    from skimage import data

    size = round(side * 200 / 90)
    crop = Image.fromarray(data.astronaut()[22:222, 120:320])
    return np.asarray(crop.resize((size, size), Image.Resampling.LANCZOS))


def pair(side: int) -> Pixels:
    return np.ascontiguousarray(np.concatenate([head(side), head(side)[:, ::-1]], axis=1))


class TestFaceGate(GateConformance):
    def make(self):
        return FaceGate()


def test_a_portrait_passes_with_its_face_as_evidence():
    finding = FaceGate().check(Sample(head(100)))

    assert finding.passed
    assert finding.measurements["count"] == 1
    assert len(finding.evidence) == 1
    assert finding.evidence[0].box is not None


def test_a_picture_without_a_face_is_refused_and_another_could_mend_it():
    finding = FaceGate().check(Sample(scene(400, 300)))

    assert not finding.passed
    assert finding.mendable
    assert finding.measurements["count"] == 0
    assert [(issue.category, issue.subcategory) for issue in finding.issues] == [
        ("face", "no_face")
    ]


def test_more_faces_than_allowed_are_refused():
    finding = FaceGate(max_faces=1).check(Sample(pair(100)))

    assert not finding.passed
    assert finding.measurements["count"] == 2
    assert finding.issues[0].subcategory == "too_many_faces"


def test_fewer_faces_than_asked_for_are_refused():
    finding = FaceGate(min_faces=2).check(Sample(head(100)))

    assert not finding.passed
    assert finding.issues[0].subcategory == "too_few_faces"


def test_no_faces_may_be_asked_for():
    assert FaceGate(min_faces=0, max_faces=0).check(Sample(scene())).passed
    assert not FaceGate(min_faces=0, max_faces=0).check(Sample(head(100))).passed


def test_faces_below_the_smallest_size_are_ignored_and_said_so():
    finding = FaceGate(smallest=200).check(Sample(head(100)))

    assert not finding.passed
    assert finding.measurements["ignored"] == 1
    assert "too small" in finding.reason


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"min_faces": -1}, "min_faces is -1"),
        ({"min_faces": 2, "max_faces": 1}, "max_faces is 1"),
        ({"smallest": 1.5}, "smallest is 1.5"),
        ({"score": 0.1}, "score is 0.1"),
        ({"score": "high"}, "score is 'high'"),
        ({"min_faces": True}, "min_faces is True"),
    ],
    ids=str,
)
def test_a_wrong_option_is_named_with_its_value(options, named):
    with pytest.raises(ConfigError, match=named):
        FaceGate(**options)
