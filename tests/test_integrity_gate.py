"""The integrity gate: degenerate frames are refused, pictures are not."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFile, ImageFont

from gates.integrity import IntegrityGate
from sentinel import imaging
from sentinel.contracts import Box, ReferencePicture, Sample
from sentinel.errors import ConfigError, PictureError
from sentinel.testing import GateConformance, flat, noise, scene

LIMITS = imaging.Limits(formats=(*imaging.FORMATS, "PPM", "TIFF", "BMP"))


class TestConformance(GateConformance):
    def make(self):
        return IntegrityGate()


def check(pixels, **options):
    return IntegrityGate(**options).check(Sample(np.asarray(pixels)))


def kind(finding):
    return finding.issues[0].subcategory if finding.issues else "fine"


def photograph(name):
    folder = importlib.util.find_spec("skimage").submodule_search_locations[0]
    return np.asarray(Image.open(Path(folder) / "data" / name).convert("RGB"))


def jpeg(pixels, quality):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def grain(size, level, sigma, *, seed=0):
    values = np.random.default_rng(seed).normal(level, sigma, (*size, 3))
    return np.clip(values, 0, 255).astype(np.uint8)


SIZES = [(64, 64), (512, 300), (700, 1100)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("colour", "said"),
    [((0, 0, 0), "black"), ((3, 2, 4), "black"), ((255, 255, 255), "white"),
     ((252, 254, 250), "white"), ((128, 128, 128), "single_colour"), ((200, 30, 40), "single_colour"),
     ((0, 135, 0), "decoder_green"), ((0, 77, 0), "decoder_green"), ((0, 255, 0), "decoder_green")],
)  # fmt: skip
def test_a_frame_of_one_colour_is_refused_by_its_name(size, colour, said):
    finding = check(flat(*size, colour))

    assert not finding.passed
    assert finding.mendable
    assert kind(finding) == said
    assert finding.issues[0].category == "integrity"
    assert finding.measurements["levels"] == 1
    assert finding.measurements["entropy"] == 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sigma", [1, 4, 8, 20])
@pytest.mark.parametrize("level", [0, 20, 255])
def test_black_and_white_stay_refused_under_noise_and_compression(size, sigma, level):
    frame = grain(size, level, sigma)

    assert not check(frame).passed
    assert not check(jpeg(frame, 50)).passed


@pytest.mark.parametrize("size", SIZES)
def test_noise_is_refused_whatever_its_kind(size):
    rng = np.random.default_rng(3)
    salt = np.repeat(rng.random((*size, 1)) < 0.1, 3, axis=2) * np.uint8(255)
    grey = np.repeat(grain(size, 128, 40)[:, :, :1], 3, axis=2)

    for frame in (noise(size[1], size[0]), grain(size, 128, 25), grey, salt, jpeg(grey, 60)):
        assert kind(check(frame)) == "noise"


@pytest.mark.parametrize("block", [4, 8, 16])
@pytest.mark.parametrize("way", [Image.Resampling.NEAREST, Image.Resampling.BICUBIC])
def test_noise_in_latents_is_refused(block, way):
    cells = noise(512 // block, 512 // block)
    finding = check(Image.fromarray(cells).resize((512, 512), way))

    assert kind(finding) == "noise"
    assert "spots" in finding.reason


@pytest.mark.parametrize("colour", [(128, 128, 128), (0, 135, 0), (0, 77, 0)])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.85])
def test_a_half_decoded_picture_is_refused_with_a_box_around_what_is_missing(colour, share):
    broken = photograph("coffee.png").copy()
    top = round(400 * (1 - share))
    broken[top:] = colour
    finding = check(broken)

    assert kind(finding) == "half_decoded"
    assert finding.evidence[0].box.top == pytest.approx(top, abs=2)
    assert finding.evidence[0].box[2:] == (600, 400)


def test_a_cut_off_jpeg_that_another_decoder_let_through_is_refused(monkeypatch):
    data = imaging.encode(photograph("astronaut.png"), "jpeg")
    with pytest.raises(PictureError):
        imaging.read(data[: len(data) // 2])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    finding = check(Image.open(io.BytesIO(data[: len(data) // 2])).convert("RGB"))

    assert kind(finding) == "half_decoded"


def test_a_picture_saved_again_is_a_copy_of_its_reference():
    photo = photograph("chelsea.png")
    small = np.asarray(Image.fromarray(photo).resize((225, 150)))
    reference = (ReferencePicture("face", scene()), ReferencePicture("style", photo))
    for frame in (photo, jpeg(photo, 80), small):
        finding = IntegrityGate().check(Sample(frame, references=reference))

        assert kind(finding) == "repeats_reference"
        assert "reference 2 (style)" in finding.reason


def test_a_picture_that_came_before_is_refused_and_another_is_not():
    photo = photograph("chelsea.png")
    earlier = (imaging.fingerprint(scene()), imaging.fingerprint(photo))
    repeated = IntegrityGate().check(Sample(jpeg(photo, 90), earlier=earlier))
    other = IntegrityGate().check(Sample(photograph("coffee.png"), earlier=earlier))

    assert kind(repeated) == "repeats_earlier"
    assert "earlier picture 2" in repeated.reason
    assert other.passed
    assert other.measurements["nearest_bits"] > 10


def test_a_policy_may_allow_repetition():
    photo = photograph("chelsea.png")
    sample = Sample(photo, earlier=(imaging.fingerprint(photo),))

    assert not IntegrityGate(duplicate_bits=0).check(sample).passed
    assert IntegrityGate(duplicate_bits=-1).check(sample).passed


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (400, 3)])
def test_a_tiny_picture_is_refused(size):
    assert kind(check(noise(*size))) == "too_small"


def test_the_least_size_is_the_policys():
    assert check(photograph("page.png"), smallest=191).passed
    assert kind(check(photograph("page.png"), smallest=192)) == "too_small"


GOOD = ["astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png",
        "coffee.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png",
        "page.png", "phantom.png", "retina.jpg", "rocket.jpg", "text.png"]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_photographs_pass_by_day_by_night_and_with_grain(name):
    photo = photograph(name)
    rough = np.clip(photo + np.random.default_rng(1).normal(0, 15, photo.shape), 0, 255)
    assert check(photo).passed
    assert check(rough.astype(np.uint8)).passed
    assert check((photo * 0.3).astype(np.uint8)).passed


@pytest.mark.parametrize("ground", ["white", "black", "#808080", "#008700", "#c8102e"])
def test_a_poster_with_one_word_on_a_plain_ground_passes(ground):
    image = Image.new("RGB", (1024, 1024), ground)
    ink = "white" if ground in {"black", "#008700"} else "black"
    ImageDraw.Draw(image).text((500, 300), "SALE", ink, ImageFont.load_default(60))

    assert check(image).passed


@pytest.mark.parametrize("ground", ["white", "#808080", "#efefef"])
def test_a_product_cut_out_on_a_plain_ground_passes(ground):
    image = Image.new("RGB", (900, 900), ground)
    image.paste(Image.fromarray(photograph("coffee.png")).resize((300, 240)), (300, 500))

    assert check(image).passed


@pytest.mark.parametrize("size", [512, 2048])
def test_a_sky_of_one_pixel_stars_passes(size):
    rng = np.random.default_rng(0)
    stars = (rng.random((size, size, 1)) < 0.0005) * rng.uniform(100, 255, (size, size, 1))

    assert check(np.repeat(stars, 3, axis=2).astype(np.uint8)).passed


def test_a_gradient_passes_and_a_nearly_flat_one_does_not():
    ramp = np.linspace(0, 1, 512)[None, :, None] * np.ones((512, 512, 3))

    assert check((ramp * 255).astype(np.uint8)).passed
    assert kind(check((100 + ramp * 8).astype(np.uint8))) == "single_colour"


def test_a_screen_of_static_inside_a_photograph_is_a_picture():
    photo = np.asarray(Image.fromarray(photograph("astronaut.png")).resize((1024, 1024))).copy()
    photo[300:724, 300:724] = noise(424, 424)

    assert check(photo).passed


def test_a_dithered_photograph_and_a_code_of_squares_are_pictures():
    dithered = Image.fromarray(photograph("astronaut.png")).convert("1").convert("RGB")
    bits = np.random.default_rng(0).integers(0, 2, (64, 64, 1), dtype=np.uint8) * np.uint8(255)
    code = np.pad(np.kron(bits, np.ones((8, 8, 3), np.uint8)), ((32, 32), (32, 32), (0, 0)))

    assert check(dithered).passed
    assert check(code).passed


def test_measurements_tell_noise_from_a_photograph():
    photo, static = check(photograph("astronaut.png")), check(noise(300, 300))

    assert photo.measurements["noise_correlation"] > 0.9
    assert static.measurements["noise_correlation"] < 0.1
    assert {"mean", "std", "entropy", "levels", "spread"} <= set(photo.measurements)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"smallest": 0}, "smallest is 0"), ({"smallest": "64"}, "smallest is '64'"),
     ({"duplicate_bits": 99}, "duplicate_bits is 99"), ({"smallest": True}, "smallest is True")],
)  # fmt: skip
def test_a_wrong_option_is_refused_by_key_and_value(options, says):
    with pytest.raises(ConfigError, match=says):
        IntegrityGate(**options)


@pytest.mark.shared
def test_no_third_real_picture_is_refused(shared_data):
    refused = []
    for path in sorted(shared_data.rglob("*"))[::3]:
        if path.parent.name == "hostile" or path.suffix in {
            ".csv",
            ".md",
            ".txt",
            ".tsv",
            ".jsonl",
        }:
            continue
        if path.is_file() and not check(imaging.read(path.read_bytes(), LIMITS).pixels).passed:
            refused.append(path.name)

    assert refused == []


def test_the_box_of_missing_rows_lies_inside_a_large_picture():
    photo = np.asarray(Image.fromarray(photograph("coffee.png")).resize((3000, 2000))).copy()
    photo[1500:] = 128

    box = check(photo).evidence[0].box

    assert box == Box(0, box.top, 3000, 2000)
    assert abs(box.top - 1500) <= 6
