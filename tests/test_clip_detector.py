"""open_clip folders: what is opened, what is refused, and what comes out."""

import json
import runpy
import socket
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from sentinel.contracts import Brief, Runtime, Sample
from sentinel.detectors import clip
from sentinel.detectors.clip_folders import KINDS, find
from sentinel.errors import ConfigError, MissingRequirement
from sentinel.testing import flat, noise, scene

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_clip.py")))


def folder(path, *, text=None, files=("open_clip_model.safetensors",)):
    """A folder with a configuration and empty files."""
    path.mkdir()
    settings = {"model_cfg": {"text_cfg": text or {}}, "preprocess_cfg": {}}
    (path / "open_clip_config.json").write_text(json.dumps(settings))
    for name in files:
        (path / name).write_bytes(b"")
    return f"local-dir:{path}"


def test_a_model_that_was_not_pulled_names_the_command_that_pulls_it(tmp_path):
    with pytest.raises(MissingRequirement) as caught:
        find(clip.DEFAULT, Runtime(models=tmp_path))

    assert caught.value.remedy == "sentinel models pull siglip2-b16-256"


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match="siglip2-b16-256, siglip2-so400m-384"):
        find("clip", Runtime())


def test_a_folder_without_weights_is_refused_instead_of_filled_with_random_ones(tmp_path):
    name = folder(tmp_path / "m", files=())
    with pytest.raises(MissingRequirement, match="weights file"):
        find(name, Runtime())


@pytest.mark.parametrize("file", ["open_clip_pytorch_model.bin", "model.pth"])
def test_a_pickle_is_refused_unless_allowed(tmp_path, file):
    name = folder(tmp_path / "m", files=(file,))
    with pytest.raises(ConfigError, match="pickle"):
        find(name, Runtime())

    assert find(name, Runtime(), pickles=True).weights.name == file


def test_a_pickle_that_open_clip_would_prefer_is_refused_beside_safetensors(tmp_path):
    name = folder(tmp_path / "m", files=("model.safetensors", "open_clip_pytorch_model.bin"))
    with pytest.raises(ConfigError, match="leave one"):
        find(name, Runtime())


def test_a_folder_without_its_tokenizer_is_refused(tmp_path):
    name = folder(tmp_path / "m", text={"hf_tokenizer_name": "timm/some"})
    with pytest.raises(MissingRequirement, match=r"tokenizer\.json"):
        find(name, Runtime())


@pytest.mark.parametrize(
    "text", [{"hf_model_name": "a/b"}, {"tokenizer_kwargs": {"trust_remote_code": True}}]
)
def test_a_folder_that_fetches_code_or_models_is_refused(tmp_path, text):
    with pytest.raises(ConfigError, match="remote code"):
        find(folder(tmp_path / "m", text=text), Runtime())


@pytest.mark.parametrize("written", ["", "[]", "{}", '{"model_cfg": 3}'])
def test_a_broken_configuration_is_named(tmp_path, written):
    name = folder(tmp_path / "m")
    (tmp_path / "m" / "open_clip_config.json").write_text(written)
    with pytest.raises(ConfigError, match="no open_clip configuration"):
        find(name, Runtime())


def test_every_model_card_names_a_weights_file_that_would_be_taken():
    assert all("open_clip_model.safetensors" in card.files for card in clip.CARDS)


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setattr(clip, "find_spec", lambda name: None)
    with pytest.raises(MissingRequirement, match="sentinel-gatekeeper\\[clip\\]"):
        clip.open_model(clip.DEFAULT, Runtime())


def test_a_configuration_may_say_what_little_the_model_knows(tmp_path):
    name = folder(tmp_path / "m")
    path = tmp_path / "m" / "open_clip_config.json"
    world = {"words": "a red cup", "things": "cup"}
    path.write_text(json.dumps({**json.loads(path.read_text()), "world": world}))
    known = find(name, Runtime()).world

    assert known == (frozenset({"a", "red", "cup"}), ("cup",), frozenset(KINDS.split()))


def test_a_model_shown_everything_says_nothing_of_what_it_knows(tmp_path):
    assert find(folder(tmp_path / "m"), Runtime()).world is None


def test_onnx_files_count_only_together_and_with_a_tokenizer(tmp_path):
    files = ("open_clip_model.safetensors", "tokenizer.json", "tokenizer_config.json")
    text = {"hf_tokenizer_name": "of/this-folder"}
    both = folder(tmp_path / "both", text=text, files=(*files, "image.onnx", "text.onnx"))
    one = folder(tmp_path / "one", text=text, files=(*files, "image.onnx"))
    bare = folder(tmp_path / "bare", files=(*files, "image.onnx", "text.onnx"))

    assert [find(name, Runtime()).onnx for name in (both, one, bare)] == [True, False, False]


def test_onnx_files_that_are_none_are_named(tmp_path):
    files = ("open_clip_model.safetensors", "tokenizer.json", "tokenizer_config.json")
    text = {"hf_tokenizer_name": "of/this-folder"}
    name = folder(tmp_path / "m", text=text, files=(*files, "image.onnx", "text.onnx"))
    with pytest.raises(ConfigError, match=r"cannot open image\.onnx"):
        clip.open_model(name, Runtime())


def test_a_folder_without_onnx_files_needs_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(clip, "find_spec", lambda name: None)
    with pytest.raises(MissingRequirement, match="sentinel-gatekeeper\\[clip\\]"):
        clip.open_model(folder(tmp_path / "m"), Runtime())


def test_importing_the_detector_loads_no_torch():
    code = "import sys, sentinel.detectors.clip; sys.exit('torch' in sys.modules)"
    import subprocess

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def siglip(tmp_path_factory):
    """A random model with a SigLIP bias and a tokenizer of its own."""
    path = tmp_path_factory.mktemp("clip") / "siglip"
    TINY["write"](path)
    return clip.open_model(f"local-dir:{path}", Runtime())


@pytest.fixture(scope="module")
def openai(tmp_path_factory):
    """A random model with open_clip's own byte-pair tokenizer."""
    path = tmp_path_factory.mktemp("clip") / "openai"
    TINY["write"](path, own_tokenizer=False, context=77)
    return clip.open_model(f"local-dir:{path}", Runtime())


@pytest.mark.full
def test_vectors_have_length_one(siglip):
    vectors = np.vstack([siglip.text(["a red disc", "two"]), siglip.images([scene(), flat()])])

    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.full
def test_tokens_are_counted_beyond_the_context(siglip, openai):
    assert siglip.context == 24
    assert siglip.tokens("a red disc " * 20) == 61
    assert openai.tokens("word " * 210) == 212


@pytest.mark.full
def test_an_endless_word_is_counted_in_no_time(openai):
    assert openai.tokens("x" * 20_000) > 1000


@pytest.mark.full
def test_scale_and_bias_are_the_weights_own(siglip, openai):
    assert siglip.logit_bias == pytest.approx(-10)
    assert openai.logit_bias is None
    assert siglip.logit_scale == pytest.approx(1 / 0.07, rel=1e-3)


@pytest.mark.full
def test_a_text_is_embedded_once(siglip, monkeypatch):
    first = siglip.text(["a blue grid"])
    monkeypatch.setattr(siglip, "_embed_texts", None)

    assert np.array_equal(siglip.text(["a blue grid", "a blue grid"])[1], first[0])


@pytest.mark.full
def test_the_text_cache_is_bounded(siglip, monkeypatch):
    monkeypatch.setattr(clip, "TEXTS_KEPT", 3)
    vectors = siglip.text([f"a {number}" for number in range(10)])

    assert vectors.shape == (10, 32)
    assert len(siglip._texts) == 3


@pytest.mark.full
def test_a_picture_is_embedded_once_whoever_asks(siglip, monkeypatch):
    samples = [Sample(scene(), Brief()), Sample(noise(), Brief())]
    found = []
    threads = [threading.Thread(target=lambda: found.append(siglip.look(samples))) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.setattr(siglip, "_embed_images", None)

    assert np.array_equal(found[0], found[1])
    assert np.array_equal(siglip.look(samples)[1], found[0][1])


@pytest.mark.full
@pytest.mark.parametrize("size", [(1, 1), (16_000, 1), (1, 3000)], ids=str)
def test_pictures_of_any_shape_are_embedded(openai, size):
    assert openai.image(flat(*size)).shape == (32,)


@pytest.mark.full
def test_the_edges_of_a_wide_picture_are_seen(openai):
    plain, marked = flat(400, 100), flat(400, 100).copy()
    marked[:, :60] = (255, 0, 0)

    assert not np.allclose(openai.image(plain), openai.image(marked), atol=1e-3)


@pytest.mark.full
def test_the_same_folder_is_opened_once(tmp_path):
    TINY["write"](tmp_path / "m")
    first = clip.open_model(f"local-dir:{tmp_path / 'm'}", Runtime())

    assert clip.open_model(f"local-dir:{tmp_path / 'm'}", Runtime()) is first
    assert len(first.fingerprint) == 12


@pytest.mark.full
def test_opening_asks_no_network(tmp_path, monkeypatch):
    TINY["write"](tmp_path / "m")

    def refuse(*args, **kwargs):
        raise AssertionError("opening a folder went to the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    model = clip.open_model(f"local-dir:{tmp_path / 'm'}", Runtime())

    assert model.text(["a disc"]).shape == (1, 32)


@pytest.mark.full
def test_weights_that_do_not_fit_their_configuration_are_refused(tmp_path):
    TINY["write"](tmp_path / "m")
    path = tmp_path / "m" / "open_clip_config.json"
    settings = json.loads(path.read_text())
    settings["model_cfg"]["vision_cfg"]["width"] = 72
    path.write_text(json.dumps(settings))
    with pytest.raises(ConfigError, match="cannot be opened"):
        clip.open_model(f"local-dir:{tmp_path / 'm'}", Runtime())
