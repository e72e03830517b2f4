from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from judges.artifacts import Artifacts
from judges.artifacts import zero_shot as zero
from sentinel.contracts import Runtime, Sample
from sentinel.errors import MissingRequirement
from sentinel.testing import scene

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_clip.py")))


def vectors() -> np.ndarray:
    """One orthogonal unit vector per phrase."""
    return np.eye(len(zero.phrases()), dtype=np.float32)


def test_a_picture_like_a_defect_scores_below_one_like_a_clean_picture():
    texts = vectors()
    defect = zero.phrases().index(zero.DEFECTS["deformed_hand"][1])

    clean, faulty = zero.scores(texts[0], texts), zero.scores(texts[defect], texts)

    assert faulty["deformed_hand"][0] < 0.01
    assert clean["deformed_hand"][0] > 0.75
    assert faulty["deformed_hand"][1] == zero.DEFECTS["deformed_hand"][1]
    assert faulty["watermark"][0] > 0.5


def test_a_model_that_is_not_here_is_named_with_its_remedy(tmp_path):
    judge = Artifacts(zero_shot=f"local-dir:{tmp_path}")

    with pytest.raises(MissingRequirement):
        judge.load(Runtime())


@pytest.mark.full
def test_a_model_adds_a_score_for_each_named_defect(tmp_path):
    TINY["write"](tmp_path / "tiny")
    judge = Artifacts(zero_shot=f"local-dir:{tmp_path / 'tiny'}")
    judge.load(Runtime())
    (answer,) = judge.judge([Sample(scene())])
    scores = answer.measurements["scores"]

    assert set(zero.DEFECTS) <= set(scores)
    assert answer.value == pytest.approx(min(scores.values()), abs=1e-4)


def test_without_the_option_no_named_defect_is_scored():
    judge = Artifacts()
    judge.load(Runtime())
    (answer,) = judge.judge([Sample(scene())])

    assert not set(zero.DEFECTS) & set(answer.measurements["scores"])
