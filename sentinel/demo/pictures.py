"""Photographs of scikit-image's wheel in, eight pictures with briefs out, six of them spoilt.

The photographs: coffee (Rachel Michetti, CC0), chelsea the cat (Stéfan van der Walt, CC0), a
rocket (SpaceX, CC0) and bricks (CC0 Textures); no person is in any of them.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from sentinel.contracts import Brief

SIDE = 768
"""Pixels of a sign's longer side; within what text-to-image models are asked for."""

ROCKET_QUALITY = 3
"""JPEG quality at which blocks are seen from across the room."""

PAINT = (244, 236, 216)
BOARD = (28, 44, 66)
BRICK = ("#2a120c", "#e0b49c")


@dataclass(frozen=True, slots=True)
class Case:
    """A picture, the brief it should answer, and in words what is the matter with it."""

    name: str
    matter: str
    brief: Brief
    make: Callable[[], bytes] = field(repr=False)


def cases() -> tuple[Case, ...]:
    """The eight, good ones first."""
    opening = Brief(prompt='A painted sign on a brick wall that says "GRAND OPENING"')
    rocket = Brief(prompt="A rocket on its launch pad at dusk")
    return (
        Case("coffee", "good: a photograph, and the palette that was asked for", COFFEE, _coffee),
        Case("sign", "good: the sign says what was asked for", opening,
             lambda: _sign("GRAND OPENING")),
        Case("sign-misspelled", "two letters of the sign are swapped", opening,
             lambda: _sign("GRAND OPENNIG")),
        Case("cat-in-blue", "blue and white were asked for, the cat is brown", BLUE_CAT, _cat),
        Case("rocket-jpeg", f"saved as JPEG of quality {ROCKET_QUALITY}", rocket, _rocket),
        Case("black", "a black frame, as a safety checker leaves behind", rocket, _black),
        Case("nan-green", "the green of a decoder that was fed NaN", rocket, _green),
        Case("noise", "noise that was never denoised", rocket, _noise),
    )  # fmt: skip


COFFEE = Brief(
    prompt="A cup of coffee on a red saucer on a wooden table",
    palette=("#8f2c12", "#c0652c", "#f0e6dc"),
)
BLUE_CAT = Brief(prompt="A portrait of a cat in blue and white", palette=("#1f4fbf", "#ffffff"))


def _photo(file: str) -> Image.Image:
    data = (resources.files("skimage") / "data" / file).read_bytes()
    return Image.open(io.BytesIO(data)).convert("RGB")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _coffee() -> bytes:
    return _png(_photo("coffee.png"))


def _cat() -> bytes:
    return _png(_photo("chelsea.png"))


def _sign(words: str) -> bytes:
    """Cream letters on a blue board on the brick wall."""
    grey = _photo("brick.png").convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    wall = ImageOps.colorize(grey.crop((0, 0, SIDE, SIDE * 3 // 4)), *BRICK)
    draw = ImageDraw.Draw(wall)
    width, height = wall.size
    board = (width // 12, height // 4, width * 11 // 12, height * 3 // 4)
    draw.rounded_rectangle(board, 18, fill=BOARD, outline=PAINT, width=6)
    for line, word in enumerate(words.split()):
        at = (width // 2, height * (3 + 2 * line) // 8)
        draw.text(at, word, font=ImageFont.load_default(96), fill=PAINT, anchor="mm")
    return _png(wall)


def _rocket() -> bytes:
    buffer = io.BytesIO()
    _photo("rocket.jpg").save(buffer, "JPEG", quality=ROCKET_QUALITY)
    return buffer.getvalue()


def _black() -> bytes:
    return _png(Image.new("RGB", (512, 512)))


def _green() -> bytes:
    """All three channels of a luma-chroma picture at zero, which is what NaN is cast to."""
    return _png(Image.new("YCbCr", (512, 512), (0, 0, 0)).convert("RGB"))


def _noise() -> bytes:
    values = np.random.default_rng(4).normal(128, 60, (512, 512, 3))
    return _png(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)))
