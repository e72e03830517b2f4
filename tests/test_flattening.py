"""Reading in strips gives the pixels that reading in one piece gives."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from sentinel import flattening, imaging
from sentinel.testing import noise

MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16")


def encoded(mode: str) -> bytes:
    image = Image.fromarray(noise(53, 37)).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(noise(53, 37)[..., 0]))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG" if mode == "CMYK" else "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("mode", MODES)
def test_strips_are_joined_to_the_same_picture(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(mode)
    whole = imaging.read(data)
    monkeypatch.setattr(flattening, "STRIP", 500)
    strips = imaging.read(data)

    assert np.array_equal(whole.pixels, strips.pixels)
    assert whole.notes == strips.notes


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_set_upright_as_pillow_would(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(noise(53, 37)).save(buffer, "PNG", exif=exif)
    with Image.open(io.BytesIO(buffer.getvalue())) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))

    assert np.array_equal(imaging.read(buffer.getvalue()).pixels, expected)


@pytest.mark.parametrize(
    ("size", "side"), [((640, 480), 100), ((99, 700), 64), ((301, 299), 150), ((5000, 3), 512)]
)
def test_a_picture_is_reduced_as_pillow_would(
    size: tuple[int, int], side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = noise(*size)
    scale = side / max(size)
    target = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    expected = Image.fromarray(pixels).resize(target, Image.Resampling.BOX, reducing_gap=2.0)
    monkeypatch.setattr(imaging, "STRIP", 5000)

    assert np.array_equal(imaging.fit(pixels, side), np.asarray(expected))
