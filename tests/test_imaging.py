"""Untrusted bytes in, one decoded sRGB picture out, within limits."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from sentinel.contracts import Brief, Reference
from sentinel.errors import PictureError
from sentinel.imaging import (
    Limits,
    encode,
    fingerprint,
    fingerprint_distance,
    fit,
    inspect,
    read,
    sample,
    unwrap,
)
from sentinel.testing import noise, scene


def saved(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def code(data: bytes, **limits) -> str:
    with pytest.raises(PictureError) as caught:
        read(data, Limits(**limits))
    return caught.value.code


def bomb(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds almost nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 999))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_what_is_encoded_is_read_back(format):
    pixels = scene()
    back = read(encode(pixels, format)).pixels

    assert np.abs(back.astype(int) - pixels).mean() < (0.1 if format == "png" else 4)


def test_a_picture_is_turned_upright():
    image = Image.fromarray(scene(60, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = read(saved(image, "JPEG", exif=exif))

    assert picture.pixels.shape == (60, 40, 3)
    assert "upright" in picture.notes[0]


def test_sixteen_bits_become_eight():
    values = np.linspace(0, 65535, 64 * 64, dtype=np.uint16).reshape(64, 64)
    picture = read(saved(Image.fromarray(values)))

    assert picture.pixels.min() == 0
    assert picture.pixels.max() == 255


def test_cmyk_is_converted_and_said():
    picture = read(saved(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG"))

    assert picture.pixels[10, 10, 0] > 180
    assert picture.pixels[10, 10, 1] < 90
    assert "CMYK" in picture.notes[0]


def test_transparency_is_shown_on_white_and_said():
    picture = read(saved(Image.new("RGBA", (8, 8), (255, 0, 0, 0))))

    assert (picture.pixels == 255).all()
    assert "white" in picture.notes[0]


def test_an_animation_is_read_by_its_first_frame_and_said():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "lime")]
    picture = read(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))

    assert picture.pixels[8, 8].tolist() == [255, 0, 0] or picture.pixels[8, 8, 0] > 240
    assert picture.notes == ("animated: the first frame is judged",)


def test_frames_are_counted_where_the_header_tells():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "lime")]
    picture = read(saved(frames[0], "PNG", save_all=True, append_images=frames[1:]))

    assert picture.notes == ("animated: the first frame of 3 is judged",)


def test_a_gif_of_many_frames_is_looked_at_without_counting_them():
    frames = [Image.new("L", (8, 8), shade % 256) for shade in range(3000)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert inspect(data).frames == 2


def test_a_wide_gamut_profile_is_converted():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    picture = read(saved(Image.fromarray(scene()), icc_profile=profile.tobytes()))

    assert picture.pixels.shape == (192, 256, 3)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "picture_empty"),
        (b"hello", "picture_unreadable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture_format"),
        (saved(Image.new("RGB", (4, 4)), "TIFF"), "picture_format"),
        (encode(scene())[:2000], "picture_truncated"),
        (bomb(30000, 30000), "picture_too_large"),
        (bomb(4000, 4000), "picture_truncated"),
    ],
    ids=["empty", "text", "svg", "tiff", "cut off", "bomb", "hollow"],
)
def test_what_is_no_picture_gets_its_own_code(data, expected):
    assert code(data) == expected


def test_the_operator_may_add_a_format():
    data = saved(Image.fromarray(scene()), "TIFF")

    assert read(data, Limits(formats=("PNG", "TIFF"))).format == "TIFF"


def test_a_picture_over_the_pixel_cap_is_refused_before_it_is_decoded():
    assert code(encode(noise(200, 200)), pixels=39_999) == "picture_too_large"


def test_a_picture_with_a_side_too_long_is_refused():
    assert code(encode(noise(300, 2)), side=299) == "picture_too_large"


def test_inspecting_decodes_nothing():
    header = inspect(bomb(4000, 4000))

    assert (header.width, header.height, header.frames) == (4000, 4000, 1)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"RIFF", b""]),
)
def test_no_bytes_raise_anything_but_a_picture_error(tail, head):
    try:
        read(head + tail)
    except PictureError as error:
        assert error.code.startswith("picture_")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_picture_raises_nothing_but_a_picture_error(data):
    whole = bytearray(encode(scene(64, 48), data.draw(st.sampled_from(["png", "jpeg", "webp"]))))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(whole))
    except PictureError as error:
        assert error.code.startswith("picture_")


def test_base64_and_data_uris_are_unwrapped():
    data = encode(scene(8, 8))
    plain = base64.b64encode(data).decode()

    assert unwrap(plain) == unwrap(f"data:image/png;base64,{plain}") == data


@pytest.mark.parametrize("text", ["data:image/png,abc", "!!!", "https://example.com/a.png"])
def test_what_is_not_base64_is_refused_by_field(text):
    with pytest.raises(PictureError, match="references") as caught:
        unwrap(text, field="references[1]")

    assert caught.value.field == "references[1]"


def test_a_broken_reference_is_named():
    brief = Brief(references=(Reference(image=encode(scene())), Reference(image=b"no")))
    with pytest.raises(PictureError, match=r"references\[1\]"):
        sample(read(encode(scene())), brief)


def test_a_copy_is_never_enlarged():
    assert fit(scene(50, 40), 100).shape == (40, 50, 3)
    assert fit(scene(200, 100), 100).shape == (50, 100, 3)


def test_a_near_duplicate_is_near_and_another_picture_far():
    same = read(encode(scene(), "jpeg")).pixels

    assert fingerprint_distance(fingerprint(scene()), fingerprint(same)) <= 4
    assert fingerprint_distance(fingerprint(scene()), fingerprint(noise(256, 192))) > 12


def test_pixels_cannot_be_painted_on():
    with pytest.raises(ValueError, match="read-only"):
        read(encode(scene())).pixels[0, 0] = 0


def test_the_hostile_folder_is_answered_as_its_labels_say(shared_data):
    import csv

    rows = list(csv.DictReader((shared_data / "hostile" / "manifest.csv").read_text().splitlines()))
    for row in rows:
        data = (shared_data / "hostile" / row["file"]).read_bytes()
        try:
            read(data)
            outcome = "valid"
        except PictureError:
            outcome = "reject"
        assert row["expected_class"] in (outcome, "tolerant", "format_policy"), row["file"]

    assert rows
