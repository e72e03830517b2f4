"""The text judge on pictures drawn here."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from judges.text import Text
from judges.text.readers import SCRIPTS
from sentinel.contracts import Brief, Declined, Reading, Runtime, Sample
from sentinel.errors import ConfigError, MissingRequirement
from sentinel.testing import JudgeConformance, flat, noise


@cache
def judge_of(**options):
    """One loaded judge for each set of options: loading takes a second."""
    judge = Text(**options)
    judge.load(Runtime())
    return judge


def sign(text, *, size=64, turn=0, width=640, height=360, ink=(20, 30, 60), ground=(225, 220, 205)):
    """A soft, slightly grainy ground with `text` on it, in the font that Pillow ships."""
    ramp = np.linspace(0.9, 1.0, width)[None, :, None] * np.array(ground)
    grain = np.random.default_rng(3).normal(0, 3, (height, width, 3))
    base = Image.fromarray(np.clip(ramp + grain, 0, 255).astype(np.uint8))
    layer = Image.new("L", base.size, 0)
    middle = (width // 2, height // 2)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(layer).multiline_text(middle, text, 255, font, "mm", align="center")
    layer = layer.rotate(turn, Image.Resampling.BICUBIC, center=middle)
    return np.asarray(Image.composite(Image.new("RGB", base.size, ink), base, layer))


def read(pixels, *expected, prompt=None, **options):
    """The judge's answer for one picture."""
    brief = Brief(prompt=prompt, expected_text=expected)
    return judge_of(**options).judge([Sample(pixels, brief)])[0]


class TestConformance(JudgeConformance):
    def make(self):
        return Text()

    def loaded(self):
        return judge_of()


def test_text_as_asked_is_a_match():
    reading = read(sign("Fresh Bread"), "Fresh Bread")

    assert reading.value == 1.0
    assert reading.measurements["state"] == "match"
    assert reading.measurements["read"] == "Fresh Bread"
    assert not reading.issues


def test_the_expected_text_is_taken_from_the_prompts_quotes():
    reading = read(sign("Fresh Bread"), prompt='a shop window that says "Fresh Bread"')

    assert reading.measurements["state"] == "match"
    assert reading.measurements["expected_from"] == "prompt"


def test_a_misspelling_is_a_mismatch_with_its_difference_and_its_place():
    reading = read(sign("Fresh Braed"), "Fresh Bread")
    phrase = reading.measurements["phrases"][0]
    box = reading.evidence[0].box

    assert reading.measurements["state"] == "mismatch"
    assert reading.value < 0.5
    assert reading.issues[0].subcategory == "misspelled"
    assert "Fresh Bread" in reading.issues[0].detail
    assert "Fresh Braed" in reading.issues[0].detail
    assert "[-" in phrase["diff"]
    assert box.left < 320 < box.right
    assert box.top < 180 < box.bottom


@pytest.mark.parametrize("wrong", ["Fresh Brread", "Fres Bread", "Frech Bread", "FreshBreads"])
def test_one_letter_fails_the_default_threshold(wrong):
    assert read(sign(wrong), "Fresh Bread").value < 0.8


def test_a_picture_without_writing_is_unreadable_and_the_text_missing():
    reading = read(flat(320, 240), "SALE")

    assert reading.measurements["state"] == "unreadable"
    assert reading.issues[0].subcategory == "missing"


def test_other_writing_is_a_mismatch_and_the_text_missing():
    reading = read(sign("Good Night"), "Zebra Crossing")

    assert reading.measurements["state"] == "mismatch"
    assert reading.issues[0].subcategory == "missing"


def test_the_worst_phrase_decides():
    reading = read(sign("Fresh Bread\nSALLE"), "Fresh Bread", "SALE")
    states = [phrase["state"] for phrase in reading.measurements["phrases"]]

    assert states == ["match", "mismatch"]
    assert reading.measurements["state"] == "mismatch"
    assert reading.value < 0.5


def test_nothing_asked_for_is_declined():
    answer = read(sign("Fresh Bread"), prompt="a baker's shop, don't show people")

    assert answer == Declined(reason="no text asked for")


@pytest.mark.parametrize("turn", [-30, 15, 30, 90, -90, 180])
def test_turned_text_is_read(turn):
    assert (
        read(
            sign("Keep Calm\nand Go On", size=48, turn=turn, height=640), "Keep Calm and Go On"
        ).value
        == 1.0
    )


def test_small_pictures_are_enlarged():
    assert read(sign("SALE", size=16, width=96, height=64), "SALE").value == 1.0


def test_large_pictures_are_read():
    assert read(sign("SALE", size=120, width=3600, height=2000), "SALE").value == 1.0


def test_letters_under_each_other_are_read_downwards():
    assert read(sign("H\nO\nT\nE\nL", size=60, width=300, height=480), "HOTEL").value == 1.0


def test_a_vertical_column_of_chinese_is_read_downwards():
    fonts = sorted(Path("/usr/share/fonts").rglob("NotoSansCJK-Regular.ttc"))
    if not fonts:
        pytest.skip("no font here holds Chinese; install the Debian package fonts-noto-cjk")
    picture = Image.fromarray(sign(" ", width=400, height=480))
    for index, letter in enumerate("深度学习"):
        font = ImageFont.truetype(str(fonts[0]), 70)
        ImageDraw.Draw(picture).text((160, 60 + 76 * index), letter, (20, 30, 60), font)

    assert read(np.asarray(picture), "深度学习").value == 1.0


@pytest.mark.parametrize(("case", "state"), [("ignore", "match"), ("exact", "mismatch")])
def test_case_counts_by_option(case, state):
    assert read(sign("FRESH BREAD"), "Fresh Bread", case=case).measurements["state"] == state


def test_a_script_the_model_does_not_know_is_unreadable_and_named():
    reading = read(sign("Fresh Bread"), "Книжный магазин")

    assert reading.measurements["state"] == "unreadable"
    assert reading.issues[0].subcategory == "unsupported_script"
    assert "Cyrillic" in reading.reason
    assert "ppocr-v5-cyrillic" in reading.reason


def test_cyrillic_capitals_shaped_like_latin_ones_are_judged_by_their_shape():
    """Drawn in Latin capitals, for Pillow's own font holds no Cyrillic: the same shapes."""
    reading = read(sign("MOCKBA"), "\u041c\u041e\u0421\u041a\u0412\u0410")

    assert reading.measurements["state"] == "match"


def test_what_was_read_is_capped_and_printable():
    reading = read(
        sign("\n".join(["some words in small print on a page"] * 12), size=14, height=640), "SALE"
    )

    assert len(reading.measurements["read"]) <= 1000
    assert reading.measurements["read"].isprintable()


def test_noise_holds_no_match():
    assert read(noise(512, 512), "SALE").measurements["state"] != "match"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"backend": "tesseract"}, "tesseract"),
        ({"case": "loose"}, "loose"),
        ({"looks": 0}, "looks"),
        ({"looks": "all"}, "looks"),
        ({"languages": "en"}, "languages"),
        ({"scripts": ["klingon"]}, "klingon"),
    ],
)
def test_a_wrong_option_is_named(options, word):
    with pytest.raises(ConfigError, match=word):
        Text(**options)


def test_a_script_whose_model_is_not_pulled_names_the_command(tmp_path):
    judge = Text(scripts=["hangul"])
    with pytest.raises(MissingRequirement, match="sentinel models pull ppocr-v5-hangul"):
        judge.load(Runtime(models=tmp_path))


def test_a_pulled_recogniser_reads_what_the_first_cannot(tmp_path, monkeypatch):
    """The wheel's own recogniser stands in for the pulled one; the first is made blind to A."""
    import rapidocr

    card = SCRIPTS["hangul"]
    target = tmp_path / card.name / next(iter(card.files))
    target.parent.mkdir(parents=True)
    wheel = Path(rapidocr.__file__).parent / "models" / "PP-OCRv6_rec_small.onnx"
    shutil.copy(wheel, target)
    judge = Text(scripts=["hangul"])
    judge.load(Runtime(models=tmp_path))
    first, second = judge._readers
    monkeypatch.setattr(first, "characters", first.characters - {"A", "a"})
    reading = judge.judge([Sample(sign("SALE"), Brief(expected_text=("SALE",)))])[0]

    assert second.name == "rapidocr (hangul)"
    assert isinstance(reading, Reading)
    assert reading.measurements["state"] == "match"


@pytest.mark.parametrize(
    ("case", "text", "expected"),
    [
        ("clean sign", "Fresh Bread", "Fresh Bread"),
        ("letters swapped", "Fresh Braed", "Fresh Bread"),
        ("letter doubled", "SALLE", "SALE"),
        ("something else", "Good Night", "Zebra Crossing"),
        ("two lines", "Grand\nOpening", "Grand Opening"),
        ("unknown script", "Fresh Bread", "Музей"),
    ],
)
def test_golden_cases(golden, case, text, expected):
    golden("text", case, read(sign(text), expected))


@pytest.mark.shared
def test_real_misspellings_never_pass_and_plain_ones_do(shared_data):
    import csv

    from sentinel import imaging

    wrong, right = [], []
    with (shared_data / "text" / "manifest.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if row["match"] != "misspelled" and not row["file"].startswith("textdiffuser2/"):
                continue
            picture = imaging.read((shared_data / "text" / row["file"]).read_bytes())
            reading = read(picture.pixels, row["expected_text"])
            (wrong if row["match"] == "misspelled" else right).append(reading.value)

    assert max(wrong) < 0.5
    assert np.mean(np.array(right) == 1.0) >= 0.8
