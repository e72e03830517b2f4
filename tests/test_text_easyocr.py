"""The easyocr backend's real code path, on weights of the real shape made here."""

from __future__ import annotations

import hashlib

import pytest

from judges.text import Text
from judges.text.readers import EASYOCR
from sentinel.contracts import Brief, Reading, Runtime, Sample
from sentinel.errors import MissingRequirement
from sentinel.testing import check_answer, scene

SMALL = Brief(expected_text=("SALE", "Музей"))


@pytest.mark.full
def test_missing_weights_name_the_command(tmp_path):
    judge = Text(backend="easyocr")
    with pytest.raises(MissingRequirement, match="sentinel models pull easyocr"):
        judge.load(Runtime(models=tmp_path))


def test_a_missing_extra_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    judge = Text(backend="easyocr")
    with pytest.raises(MissingRequirement, match=r"sentinel-gatekeeper\[easyocr\]"):
        judge.load(Runtime(models=tmp_path))


@pytest.mark.full
def test_a_damaged_file_names_the_command(tmp_path):
    folder = tmp_path / EASYOCR.name
    folder.mkdir()
    (folder / "craft_mlt_25k.pth").write_bytes(b"not a model")
    with pytest.raises(MissingRequirement, match="MD5"):
        Text(backend="easyocr").load(Runtime(models=tmp_path))


@pytest.mark.full
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"
)
def test_it_finds_and_reads_with_easyocrs_own_networks(tmp_path, monkeypatch):
    _weights(tmp_path / EASYOCR.name, monkeypatch)
    judge = Text(backend="easyocr", looks=1)
    judge.load(Runtime(models=tmp_path))
    sample = Sample(scene(), SMALL)
    reading = judge.judge([sample])[0]
    reader = judge._readers[0]

    assert isinstance(reading, Reading)
    check_answer(sample, reading)
    assert reading.measurements["backend"] == "easyocr"
    assert reading.measurements["state"] != "match"
    assert {"A", "z", "€"} <= reader.characters
    assert "Cyrillic" in reading.issues[-1].detail
    assert len(reader.read([scene(160, 32)])) == 1


@pytest.mark.full
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"
)
def test_what_it_reads_is_compared_as_any_readers_text_is(tmp_path, monkeypatch):
    """Random weights read nothing, so the boxes and the strings stand in for trained networks'."""
    _weights(tmp_path / EASYOCR.name, monkeypatch)
    judge = Text(backend="easyocr")
    judge.load(Runtime(models=tmp_path))
    inner = judge._readers[0]._reader
    corners = [[20, 20], [120, 20], [120, 50], [20, 50]]
    monkeypatch.setattr(inner, "detect", lambda image: ([[[20, 120, 20, 50]]], [[]]))
    monkeypatch.setattr(inner, "recognize", lambda grey, **options: [(corners, "SALE", 0.97)])
    reading = judge.judge([Sample(scene(), Brief(expected_text=("SALE",)))])[0]

    assert reading.measurements["state"] == "match"
    assert reading.evidence[0].box.left < 120


def _weights(folder, monkeypatch):
    """CRAFT and the English recogniser with random weights, saved as easyocr saves its own."""
    import torch
    from easyocr import config, craft
    from easyocr.model.vgg_model import Model

    torch.manual_seed(0)
    folder.mkdir(parents=True)
    english = config.recognition_models["gen2"]["english_g2"]
    shape = {"input_channel": 1, "output_channel": 256, "hidden_size": 256}
    networks = {
        "craft_mlt_25k.pth": (craft.CRAFT(pretrained=False), config.detection_models["craft"]),
        "english_g2.pth": (Model(num_class=len(english["characters"]) + 1, **shape), english),
    }
    for name, (network, entry) in networks.items():
        weights = {f"module.{key}": value for key, value in network.state_dict().items()}
        torch.save(weights, folder / name)
        checksum = hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()
        monkeypatch.setitem(entry, "md5sum", checksum)
