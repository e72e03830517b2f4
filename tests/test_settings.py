"""The environment, read once: every wrong variable is named with its value and the way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel.errors import ConfigError
from sentinel.settings import Settings

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("PORT", "abc", "SENTINEL_PORT is 'abc'"),
        ("DEVICE", "banana", "SENTINEL_DEVICE is 'banana'"),
        ("FORMATS", '["PNG", "FOO"]', "no decoder reads FOO; name some of .*PNG"),
        ("FORMATS", "[]", "nothing could be read; name some of .*PNG"),
        ("FORMATS", '["PNG"', "SENTINEL_FORMATS is .*no JSON list .*; write PNG,TIFF"),
        ("MEDIA_DAYS", "-1", "SENTINEL_MEDIA_DAYS is '-1'"),
        ("RETENTION", "some", "SENTINEL_RETENTION is 'some': .*'full' or 'none'"),
        ("HANDOVER_MINUTES", "0", "SENTINEL_HANDOVER_MINUTES is '0'"),
    ],
)
def test_a_wrong_variable_is_told_by_name_and_value(monkeypatch, variable, value, told):
    monkeypatch.setenv(f"SENTINEL_{variable}", value)
    with pytest.raises(ConfigError, match=told):
        Settings.read()


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1", "mps"])
def test_a_device_is_named_as_torch_does(monkeypatch, device):
    monkeypatch.setenv("SENTINEL_DEVICE", device)

    assert Settings.read().device == device


@pytest.mark.parametrize("written", ['["PNG", "TIFF"]', "PNG,TIFF", "png, tiff"])
def test_a_format_that_a_decoder_reads_may_be_added(monkeypatch, written):
    monkeypatch.setenv("SENTINEL_FORMATS", written)

    assert Settings.read().limits.formats == ("PNG", "TIFF")


@pytest.mark.parametrize("place", ["s3://bucket/prefix", "memory://pictures", "/srv/pictures"])
def test_an_address_for_pictures_stays_as_it_is_written(monkeypatch, place):
    monkeypatch.setenv("SENTINEL_MEDIA_FOLDER", place)

    assert Settings.read().media == place


def test_every_variable_that_a_message_names_is_one_that_is_read():
    files = [*ROOT.glob("sentinel/**/*.py"), *ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    named = {
        name.lower()
        for file in files
        for name in re.findall(r"SENTINEL_([A-Z]+(?:_[A-Z]+)*)", file.read_text("utf-8"))
    }

    assert named - set(Settings.model_fields) <= {"test_postgres"}
