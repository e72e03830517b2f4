"""Nothing in, the frames and pictures out that benchmarks/integrity.py asks the gate about."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFile, ImageFilter, ImageFont

from sentinel import imaging
from sentinel.contracts import Pixels, ReferencePicture, Sample
from sentinel.errors import PictureError

SHARED = Path(__file__).parents[2] / "shared" / "data"
FOLDERS = ("faces", "text", "generated", "quality")
LIMITS = imaging.Limits(formats=(*imaging.FORMATS, "PPM", "TIFF", "BMP"))
SIZES = ((64, 64), (256, 256), (512, 512), (1024, 1024), (1344, 768), (300, 451))
GREENS = ((0, 135, 0), (0, 77, 0), (0, 154, 0), (0, 128, 0), (0, 255, 0), (10, 140, 15))
SMALL, LARGE, SAME_LEVELS, DARK = 128, 256, 4.0, 300
Case = tuple[str, Sample]


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def clipped(values: np.ndarray) -> Pixels:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def plain(size: tuple[int, int], colour: tuple[int, int, int]) -> Pixels:
    return np.full((*size, 3), colour, np.uint8)


def photographs() -> dict[str, Pixels]:
    """What scikit-image's wheel ships."""
    spec = importlib.util.find_spec("skimage")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in {".png", ".jpg"}:
            found[path.name] = imaging.read(path.read_bytes()).pixels
    return found


# ── degenerate frames ─────────────────────────────────────────────────────────────────────────


def flats() -> Iterator[Case]:
    levels = (0, 1, 3, 8, 40, 90, 128, 200, 250, 254, 255)
    colours = [(v, v, v) for v in levels] + [(255, 0, 0), (30, 60, 200), (250, 240, 10)]
    for index, (size, colour) in enumerate(product(SIZES, colours)):
        frame = plain(size, colour)
        yield "one colour", Sample(frame)
        if index % 3 == 0:
            yield "one colour, jpeg", Sample(jpeg(frame, 40))
    for size, level, sigma in product(SIZES, (0, 20, 128, 255), (1.0, 2.0, 3.0, 5.0, 8.0)):
        noisy = clipped(level + rng(level, int(sigma)).normal(0, sigma, (*size, 3)))
        yield "one colour, slight noise", Sample(noisy)
        yield "one colour, noise, jpeg", Sample(jpeg(noisy, 60))
    for size, span in product(SIZES, (2, 5, 9)):
        ramp = np.linspace(100, 100 + span, size[1])[None, :, None]
        yield "nearly flat ramp", Sample(clipped(np.broadcast_to(ramp, (*size, 3))))


def greens() -> Iterator[Case]:
    for size, colour in product(SIZES, GREENS):
        yield "decoder green", Sample(plain(size, colour))
        grid = np.kron(
            rng(*colour).normal(0, 4, (size[0] // 8 + 1, size[1] // 8 + 1)), np.ones((8, 8))
        )
        faint = np.array(colour) + grid[: size[0], : size[1], None]
        yield "decoder green, faint blocks", Sample(clipped(faint))


def noises() -> Iterator[Case]:
    for size, grey in product(SIZES, (True, False)):
        shape = (*size, 1 if grey else 3)
        grains = {"uniform": rng(1).uniform(0, 255, shape)}
        grains |= {f"gaussian {s}": rng(s).normal(128, s, shape) for s in (15, 30, 60, 120)}
        for share in (0.1, 0.3, 0.6):
            hit = rng(int(share * 10)).uniform(size=shape)
            grains[f"salt {share}"] = 128 + 127 * (hit < share / 2) - 128.0 * (hit > 1 - share / 2)
            grains[f"salt on black {share}"] = 255.0 * (hit < share)
        for grain in grains.values():
            frame = np.ascontiguousarray(np.broadcast_to(clipped(grain), (*size, 3)))
            yield "noise", Sample(frame)
            yield "noise, jpeg", Sample(jpeg(frame, 75))
    frame = clipped(rng(5).uniform(0, 255, (400, 400, 3)))
    for factor, way in product(
        (0.5, 0.7, 1.3, 1.5, 2.0), (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    ):
        side = round(400 * factor)
        yield "noise, resized", Sample(np.asarray(Image.fromarray(frame).resize((side, side), way)))
    photo = imaging.fit(photographs()["astronaut.png"], 400)
    photo = np.asarray(Image.fromarray(photo).resize((400, 400)))
    yield "noise with a trace of a photo", Sample(clipped(0.95 * frame + 0.05 * photo))


def latents() -> Iterator[Case]:
    ways = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    for size, block, spread in product(
        ((256, 256), (512, 512), (1024, 1024), (1344, 768)), (4, 8, 16), (25, 60)
    ):
        cells = clipped(
            rng(block, spread).normal(128, spread, (size[0] // block, size[1] // block, 3))
        )
        for way in ways:
            frame = np.asarray(Image.fromarray(cells).resize((size[1], size[0]), way))
            name = "noise in latents, blocks" if way == ways[0] else "noise in latents, smooth"
            yield name, Sample(frame)
            if way == ways[0]:
                yield name + ", jpeg", Sample(jpeg(frame, 75))


def halves() -> Iterator[Case]:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    for name, photo in photographs().items():
        if name not in {"astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "grass.png"}:
            continue
        for share, colour in product(
            (0.1, 0.25, 0.5, 0.8), ((128, 128, 128), (0, 135, 0), (0, 77, 0))
        ):
            broken = photo.copy()
            broken[round(len(photo) * (1 - share)) :] = colour
            yield "half decoded", Sample(broken)
            yield "half decoded, jpeg", Sample(jpeg(broken, 85))
        buffer = io.BytesIO()
        Image.fromarray(photo).save(buffer, "JPEG", quality=85)
        for share in (0.3, 0.5, 0.7):
            cut = buffer.getvalue()[: int(len(buffer.getvalue()) * share)]
            yield (
                "cut-off JPEG, decoded",
                Sample(np.asarray(Image.open(io.BytesIO(cut)).convert("RGB"))),
            )
    ImageFile.LOAD_TRUNCATED_IMAGES = False


def copies() -> Iterator[Case]:
    for name, photo in photographs().items():
        if min(photo.shape[:2]) < SMALL or name.startswith("chessboard"):
            continue  # a strictly periodic picture has no stable fingerprint
        image = Image.fromarray(photo)
        again = {
            "the same": photo,
            "jpeg": jpeg(photo, 90),
            "smaller": np.asarray(image.resize((photo.shape[1] // 2, photo.shape[0] // 2))),
            "brighter": clipped(photo + 6.0),
        }
        for frame in again.values():
            yield (
                "copy of a reference",
                Sample(frame, references=(ReferencePicture("style", photo),)),
            )
        for how in ("the same", "jpeg"):
            earlier = (imaging.fingerprint(photo),)
            yield f"earlier picture, {how}", Sample(again[how], earlier=earlier)


def tiny() -> Iterator[Case]:
    photo = Image.fromarray(photographs()["astronaut.png"])
    for width, height in ((1, 1), (8, 8), (15, 400), (400, 2)):
        yield "too small", Sample(np.asarray(photo.resize((width, height))))


# ── good pictures ─────────────────────────────────────────────────────────────────────────────


def real() -> Iterator[Case]:
    for name, pixels in photographs().items():
        yield "photographs in a wheel", Sample(pixels)
        if pixels.shape[0] > LARGE:
            small = imaging.fit(pixels, SMALL)
            yield "the same, small", Sample(small)
            yield "the same, jpeg 30", Sample(jpeg(pixels, 30))
            if name not in {"microaneurysms.png", "moon.png", "retina.jpg"}:
                yield "the same at night", Sample(clipped(pixels * 0.2))
            noisy = clipped(pixels + rng(3).normal(0, 20, pixels.shape))
            yield "the same, heavy grain", Sample(noisy)
    for folder in FOLDERS:
        for path in sorted((SHARED / folder).rglob("*")):
            if path.is_file() and path.suffix not in {".csv", ".txt", ".md"}:
                try:
                    yield f"real: {folder}", Sample(imaging.read(path.read_bytes(), LIMITS).pixels)
                except PictureError as error:
                    print(f"left out {path.name}: {error}", file=sys.stderr)


def drawn() -> Iterator[Case]:
    grounds = ("white", "black", "#808080", "#008700", "#c8102e", "#f4f1ea", "#101018")
    for ground, side, share in product(grounds, (256, 1024), (24, 10, 5)):
        image = Image.new("RGB", (side, side), ground)
        ink = "white" if sum(image.getpixel((0, 0))) < DARK else "black"
        font = ImageFont.load_default(side // share)
        ImageDraw.Draw(image).text((side // 2, side // 3), "SALE", ink, font, "mm")
        yield "posters on one colour", Sample(np.asarray(image))
    for ground, share in product(("white", "#808080", "#f0f0f0"), (0.08, 0.2, 0.5)):
        image = Image.new("RGB", (1024, 1024), ground)
        photo = Image.fromarray(photographs()["coffee.png"])
        image.paste(photo.resize((int(1024 * share), int(1024 * share))), (400, 300))
        yield "cut-outs on one colour", Sample(np.asarray(image))
        yield "cut-outs on one colour", Sample(jpeg(np.asarray(image), 80))
    for seed, share, size in product(range(4), (3e-5, 3e-4, 3e-3, 1e-2), (512, 1024, 2048)):
        stars = rng(seed).uniform(size=(size, size, 1)) < share
        light = rng(seed, 1).uniform(120, 255, (size, size, 1)) * stars
        sky = np.broadcast_to(light, (size, size, 3))
        yield "skies of one-pixel stars", Sample(clipped(sky + 3))
        soft = np.asarray(Image.fromarray(clipped(sky)).filter(ImageFilter.GaussianBlur(1)))
        yield "skies of soft stars", Sample(clipped(soft * 6.0))
    for span in (32, 60, 255):
        ramp = np.linspace(0, span, 512)[None, :, None]
        yield "gradients", Sample(clipped(np.broadcast_to(ramp, (512, 512, 3))))
    yield from _textures()


def _textures() -> Iterator[Case]:
    everything = photographs()
    for name in ("grass.png", "gravel.png", "brick.png", "hubble_deep_field.jpg", "ihc.png"):
        image = Image.fromarray(everything[name])
        for share in (0.5, 0.33, 0.25):
            size = (int(image.width * share), int(image.height * share))
            yield "fine textures, shrunk", Sample(np.asarray(image.resize(size)))
        for radius in (1, 3, 6, 10):
            soft = image.filter(ImageFilter.GaussianBlur(radius))
            yield "fine textures, blurred", Sample(np.asarray(soft))
        yield "dithered to two colours", Sample(np.asarray(image.convert("1").convert("RGB")))
        wide = np.tile(np.asarray(image), (3, 3, 1))
        yield "fine textures, tiled", Sample(wide)
    for seed, block in product(range(3), (4, 8, 16)):
        bits = rng(seed).integers(0, 2, (512 // block, 512 // block, 1)) * 255.0
        code = np.kron(bits, np.ones((block, block, 3)))
        framed = np.pad(code, ((40, 40), (40, 40), (0, 0)), constant_values=255)
        yield "codes of black and white squares", Sample(clipped(framed))
    for seed in range(3):
        image = Image.new("RGB", (768, 768), "white")
        pen = ImageDraw.Draw(image)
        for x, y in rng(seed).integers(0, 768, (2500, 2)):
            colour = tuple(int(v) for v in rng(seed, x, y).integers(0, 255, 3))
            pen.ellipse((x - 9, y - 9, x + 9, y + 9), colour)
        yield "confetti", Sample(np.asarray(image))
