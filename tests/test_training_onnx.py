"""What onnxruntime is given: graphs that read their weights where torch reads them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from sentinel.contracts import Runtime
from sentinel.detectors import clip
from sentinel.detectors.clip_folders import find
from sentinel.detectors.clip_onnx import OnnxClip, _clean
from sentinel.testing import noise, scene
from training import captions
from training.painting import paint
from training.world import SHAPES, imagine

pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
    ),
]

WEIGHTS = "open_clip_model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained CLIP of the posters, exported."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    from training.clip import save, untrained
    from training.clip_onnx import export

    place = tmp_path_factory.mktemp("clip")
    network, _ = untrained(place)
    save(network, place)
    export(place)
    return place


@pytest.fixture(scope="module")
def models(folder):
    """The folder in onnxruntime and in torch."""
    from sentinel.detectors.clip_torch import TorchClip

    checked = find(f"local-dir:{folder}", Runtime())
    return OnnxClip(checked, Runtime()), TorchClip(checked, Runtime())


@pytest.fixture
def raw(folder, tmp_path):
    """A model with one linear layer, exported with its weights, and the weights' file."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    layer = torch.nn.Sequential(torch.nn.Linear(32, 32))
    halved = {name: tensor.half() for name, tensor in layer.state_dict().items()}
    layer.load_state_dict(halved)
    save_file(halved, tmp_path / "w.safetensors")
    torch.onnx.export(
        layer, (torch.zeros(1, 4, 32),), tmp_path / "m.onnx", dynamo=False, opset_version=17,
        do_constant_folding=False,
    )  # fmt: skip
    return tmp_path


def briefs(count):
    draw = np.random.default_rng(0)
    tell = (captions.full, captions.vary)
    return [tell[seed % 2](imagine(seed), draw) for seed in range(count)]


def test_both_ways_of_running_a_folder_give_the_same_vectors(models):
    onnx, torch = models
    pictures = [*(paint(imagine(seed), seed) for seed in range(6)), scene(), noise()]

    assert np.allclose(onnx.pictures(pictures), torch.pictures(pictures), atol=1e-4)
    assert np.allclose(onnx.texts(briefs(70)), torch.texts(briefs(70)), atol=1e-4)


def test_both_ways_read_the_same_tokens(models):
    onnx, torch = models
    odd = ["", "“curly” &amp;amp; ‘quotes’ &lt;b&gt;", "a giraffe é\u00a0ü 一个", "red " * 99]
    said = [*briefs(200), *odd]
    ids = [onnx._cut.encode(_clean(text)).ids for text in said]

    assert np.array_equal(ids, torch._tokenizer(said).numpy())
    assert [onnx.tokens(text) for text in said] == [torch.tokens(text) for text in said]


def test_both_ways_say_the_same_of_the_model(models):
    onnx, torch = models

    for fact in ("context", "side", "logit_bias"):
        assert getattr(onnx, fact) == getattr(torch, fact)
    assert onnx.logit_scale == pytest.approx(torch.logit_scale)


def test_the_onnx_files_hold_no_weights(folder):
    assert all((folder / name).stat().st_size < 300_000 for name in ("image.onnx", "text.onnx"))


def test_a_folder_with_onnx_files_is_run_by_onnxruntime(folder):
    model = clip.open_model(f"local-dir:{folder}", Runtime())

    assert isinstance(model._network, OnnxClip)


def test_the_exported_model_says_what_it_knows(folder):
    world = find(f"local-dir:{folder}", Runtime()).world

    assert world.things == SHAPES
    assert {"red", "cups", "background", "an", "2"} <= world.words
    assert "giraffe" not in world.words


def test_a_model_that_was_not_trained_is_said_to_tell_nothing(folder):
    assert not find(f"local-dir:{folder}", Runtime()).world.tells


def test_a_folder_can_be_exported_again(folder, tmp_path):
    from training.clip_onnx import export

    shutil.copytree(folder, tmp_path / "again")
    export(tmp_path / "again")

    for name in ("image.onnx", "text.onnx", "open_clip_config.json"):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_shared_weights_compute_what_torch_computes(raw):
    import onnxruntime
    import torch
    from safetensors.torch import load_file

    from training.sharing import share

    share(raw / "m.onnx", {"0.": raw / "w.safetensors", "": raw / "w.safetensors"})
    weights = load_file(raw / "w.safetensors")
    x = torch.randn(1, 4, 32)
    session = onnxruntime.InferenceSession(raw / "m.onnx")
    (made,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    expected = torch.nn.functional.linear(x, weights["0.weight"].float(), weights["0.bias"].float())

    assert (raw / "m.onnx").stat().st_size < 2000
    assert np.allclose(made, expected.numpy(), atol=1e-5)


def test_weights_under_another_name_are_found_by_their_values(raw):
    from safetensors.torch import load_file, save_file

    from training.sharing import share

    weights = load_file(raw / "w.safetensors")
    save_file({f"tied.{name}": tensor for name, tensor in weights.items()}, raw / "w.safetensors")
    share(raw / "m.onnx", {"": raw / "w.safetensors"})

    assert (raw / "m.onnx").stat().st_size < 2000


def test_weights_that_are_in_no_file_are_refused(raw):
    from safetensors.torch import load_file, save_file

    from training.sharing import share

    save_file({"0.bias": load_file(raw / "w.safetensors")["0.bias"]}, raw / "other.safetensors")
    with pytest.raises(ValueError, match=r"0\.weight .* is in none of the weights' files"):
        share(raw / "m.onnx", {"": raw / "other.safetensors"})


def test_weights_with_other_values_are_refused(raw):
    from safetensors.torch import load_file, save_file

    from training.sharing import share

    changed = {name: tensor + 0.01 for name, tensor in load_file(raw / "w.safetensors").items()}
    save_file(changed, raw / "other.safetensors")
    with pytest.raises(ValueError, match="has other values than in"):
        share(raw / "m.onnx", {"": raw / "other.safetensors"})


def test_weights_outside_the_onnx_files_folder_are_refused(raw, tmp_path_factory):
    from training.sharing import share

    away = tmp_path_factory.mktemp("away") / "w.safetensors"
    shutil.copy(raw / "w.safetensors", away)
    with pytest.raises(ValueError, match="is not below"):
        share(raw / "m.onnx", {"": away})
