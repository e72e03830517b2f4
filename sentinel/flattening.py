"""A decoded image of any mode in, plain opaque sRGB pixels out, strip by strip.

Converting a 40-megapixel picture in one piece takes six times what its pixels take; in strips it
takes a few megabytes more than they do.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

from sentinel.contracts import Pixels

STRIP = 4_000_000
"""Pixels converted at once; a strip takes about five times 16 MB while it is worked on."""

OPAQUE = 255
WHITE_16 = 65535.0

TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda lying: lying[:, ::-1], 3: lambda lying: lying[::-1, ::-1],
    4: lambda lying: lying[::-1], 5: lambda lying: lying.swapaxes(0, 1),
    6: lambda lying: np.rot90(lying, -1), 7: lambda lying: lying[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}  # fmt: skip
"""What sets a picture upright, by its EXIF orientation (1 is upright)."""


def flattened(image: Image.Image) -> tuple[Pixels, tuple[str, ...]]:
    """Plain sRGB, opaque, strip by strip; and a note for everything that took."""
    width, height = image.size
    white = float(image.getextrema()[1]) if image.mode == "F" else WHITE_16
    rows = max(1, STRIP // width)
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    told: dict[str, None] = {}
    for top in range(0, height, rows):
        whole = rows >= height
        strip = image if whole else image.crop((0, top, width, min(height, top + rows)))
        plain, notes = _plain(strip, white)
        pixels[top : top + rows] = np.asarray(plain)
        told |= dict.fromkeys(notes)
    return pixels, tuple(told)


def _plain(image: Image.Image, white: float) -> tuple[Image.Image, list[str]]:
    notes = []
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float32) / max(1.0, white)
        image = Image.fromarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8))
        notes.append("16 or 32 bits a channel reduced to 8")
    if image.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in image.info:
        image, seen = _on_white(image)
        notes += ["transparent parts shown on white"] if seen else []
    if image.mode not in ("RGB", "L", "P", "1"):
        notes.append(f"converted from {image.mode}")
    image, converted = _to_srgb(image, profile)
    notes += ["converted from its ICC profile to sRGB"] if converted else []
    return image if image.mode == "RGB" else image.convert("RGB"), notes


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    layered = image.convert("RGBA")
    if layered.getchannel("A").getextrema()[0] == OPAQUE:
        return layered.convert("RGB"), False
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB"), True


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """Apply an embedded profile; a broken one is ignored, as viewers do."""
    if not profile or image.mode not in ("RGB", "CMYK", "L"):
        return image, False
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = (ImageCms.getProfileDescription(source) or "").lower()
        if "srgb" in name:
            return image, False
        target = ImageCms.createProfile("sRGB")
        turned = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image, False
    return (turned, True) if turned is not None else (image, False)
