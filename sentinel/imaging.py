"""Untrusted bytes in, one decoded sRGB picture out, within limits; and encode back.

Everything is decided from the header before a pixel is decoded: format, size, frames. What the
decoder had to do to arrive at plain RGB is said in `Picture.notes`, never done in silence.
"""

from __future__ import annotations

import binascii
import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pybase64
from PIL import Image, UnidentifiedImageError

from sentinel.contracts import Brief, Pixels, ReferencePicture, Sample
from sentinel.errors import PictureError
from sentinel.flattening import STRIP, TURNS, flattened

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
"""What is read unless the operator adds more: the formats generators deliver. Each decoder is
attack surface, so TIFF, BMP and the rest are the operator's choice (SENTINEL_FORMATS)."""

PIXEL_CAP = 40_000_000
"""Pixels above which nothing is decoded. A 12 kB PNG of 10,000 × 10,000 takes 510 MB decoded."""

SIDE_CAP = 16_384
"""Pixels a side above which nothing is decoded."""

GAP = 2.0
"""Pixels a side per target pixel that are left for the exact area average (Pillow's advice)."""

PNG_FAST = 1
"""zlib level: level 6 takes nine times as long as level 1 for a tenth of the size."""

DECODER_ERRORS = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError,
                  ZeroDivisionError, OverflowError, MemoryError, RuntimeError, AttributeError,
                  Image.DecompressionBombError, Warning)  # fmt: skip
"""What Pillow's decoders raise on hostile bytes: anything a parser can trip over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is accepted."""

    formats: tuple[str, ...] = FORMATS
    pixels: int = PIXEL_CAP
    side: int = SIDE_CAP


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes say, before anything is decoded."""

    format: str
    width: int
    height: int
    frames: int

    @property
    def megapixels(self) -> float:
        """Size in millions of pixels."""
        return self.width * self.height / 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Decoded pixels, the sha256 of the bytes they came from, and what decoding had to do."""

    pixels: Pixels
    sha256: str
    format: str
    notes: tuple[str, ...] = ()


def unwrap(text: str, *, field: str = "image") -> bytes:
    """Bytes of a base64 string or a data URI; PictureError names `field` if it is neither."""
    payload = text.strip()
    if payload[:5].lower() == "data:":
        head, comma, payload = payload.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            message = f"{field} is a data URI without ';base64,'; send base64 data"
            raise PictureError("picture_unreadable", message, field=field)
    if payload[:8].lower().startswith(("http://", "https:/")):
        message = f"{field} is an address; Sentinel fetches none here, send the bytes as base64"
        raise PictureError("picture_unreadable", message, field=field)
    try:
        return pybase64.b64decode("".join(payload.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"{field} is neither base64 nor a data URI ({error})"
        raise PictureError("picture_unreadable", message, field=field) from error


def inspect(data: bytes, limits: Limits | None = None, *, field: str = "image") -> Header:
    """Read the header only; PictureError if the bytes are outside `limits`."""
    limits = limits or Limits()
    with _opened(data, limits, field) as image:
        return _header(image, limits, field)


def read(data: bytes, limits: Limits | None = None, *, field: str = "image") -> Picture:
    """Decode bytes into one sRGB picture; PictureError if they cannot or may not be decoded."""
    header, lying, orientation, notes = _decoded(data, limits or Limits(), field)
    pixels = np.ascontiguousarray(TURNS[orientation](lying)) if orientation in TURNS else lying
    pixels.flags.writeable = False
    return Picture(pixels, hashlib.sha256(data).hexdigest(), header.format, notes)


def sample(
    picture: Picture, brief: Brief, *, maker: str = "unknown", limits: Limits | None = None,
    earlier: tuple[str, ...] = (),
) -> Sample:  # fmt: skip
    """A picture and its brief as gates and judges see them, with the references decoded."""
    references = []
    for index, reference in enumerate(brief.references):
        decoded = read(reference.image, limits, field=f"references[{index}]")
        references.append(ReferencePicture(reference.kind, decoded.pixels))
    return Sample(
        pixels=picture.pixels,
        brief=brief,
        maker=maker,
        references=tuple(references),
        earlier=earlier,
        notes=picture.notes,
    )


def fit(pixels: Pixels, side: int) -> Pixels:
    """The picture with its longer side at most `side` pixels (area-averaged); never enlarged."""
    height, width = pixels.shape[:2]
    if max(height, width) <= side:
        return pixels
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    across, down = (
        max(1, int(now / then / GAP)) for now, then in zip((width, height), size, strict=True)
    )
    image = _reduced(pixels, across, down)
    whole = (0, 0, width / across, height / down)
    return np.asarray(image.resize(size, Image.Resampling.BOX, box=whole))


def _reduced(pixels: Pixels, across: int, down: int) -> Image.Image:
    """Every block of across × down pixels as one, strip by strip: no second whole picture."""
    height, width = pixels.shape[:2]
    if across == down == 1:
        return Image.fromarray(pixels)
    rows = max(1, STRIP // width // down) * down
    strips = [
        np.asarray(Image.fromarray(pixels[top : top + rows]).reduce((across, down)))
        for top in range(0, height, rows)
    ]
    return Image.fromarray(np.concatenate(strips))


def encode(pixels: Pixels, format: Literal["png", "jpeg", "webp"] = "png") -> bytes:  # noqa: A002 - the field's word
    """Encoded bytes; PNG at zlib level 1, JPEG and WebP at quality 90."""
    buffer = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if format == "png":
        image.save(buffer, "PNG", compress_level=PNG_FAST)
    else:
        image.save(buffer, format.upper(), quality=90)
    return buffer.getvalue()


def fingerprint(pixels: Pixels) -> str:
    """A 64-bit perceptual hash (imagehash's pHash) as 16 hex digits: near-duplicates are near."""
    import imagehash  # noqa: PLC0415 - pulls in SciPy, needed here only

    return str(imagehash.phash(Image.fromarray(fit(pixels, 512))))


def fingerprint_distance(one: str, other: str) -> int:
    """Bits that differ between two fingerprints, 0 to 64."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _opened(data: bytes, limits: Limits, field: str) -> Image.Image:
    if not data:
        raise PictureError("picture_empty", f"{field} has 0 bytes; send a picture", field=field)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Image.open(io.BytesIO(data), formats=limits.formats)
        except UnidentifiedImageError:
            raise _unidentified(data, limits, field) from None
        except Image.DecompressionBombError as error:
            text = f"{field} declares too many pixels ({error}); at most {limits.pixels:,}"
            raise PictureError("picture_too_large", text, field=field) from error
        except DECODER_ERRORS as error:
            text = f"{field} cannot be read ({error}); send a {_names(limits.formats)}"
            raise PictureError("picture_unreadable", text, field=field) from error


def _unidentified(data: bytes, limits: Limits, field: str) -> PictureError:
    """Tell bytes of a known but unaccepted format from bytes that are no picture."""
    known = _sniff(data)
    if known and known not in limits.formats:
        text = f"{field} is {known}; accepted: {_names(limits.formats)} (SENTINEL_FORMATS adds)"
        return PictureError("picture_format", text, field=field)
    text = f"{field} is no picture that can be read; send a {_names(limits.formats)}"
    return PictureError("picture_unreadable", text, field=field)


SIGNATURES = (
    (b"II*\x00", "TIFF"), (b"MM\x00*", "TIFF"), (b"BM", "BMP"), (b"\x00\x00\x01\x00", "ICO"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG2000"), (b"\xff\x4f\xff\x51", "JPEG2000"), (b"<svg", "SVG"),
    (b"<?xml", "SVG"), (b"%PDF", "PDF"), (b"8BPS", "PSD"), (b"P5", "PPM"), (b"P6", "PPM"),
)  # fmt: skip
"""First bytes of formats that people send by mistake; used only to word the refusal."""


def _sniff(data: bytes) -> str | None:
    head = data[:64].lstrip() if data[:1].isspace() else data[:64]
    if head[4:8] == b"ftyp":
        return "AVIF" if head[8:12] in (b"avif", b"avis") else "HEIF"
    return next((name for mark, name in SIGNATURES if head.startswith(mark)), None)


def _header(image: Image.Image, limits: Limits, field: str) -> Header:
    width, height = image.size
    if width * height > limits.pixels or max(width, height) > limits.side:
        text = (
            f"{field} is {width}x{height} pixels; at most {limits.pixels:,} pixels "
            f"and {limits.side:,} a side; send it smaller"
        )
        raise PictureError("picture_too_large", text, field=field)
    try:
        frames = _frames(image)
    except DECODER_ERRORS as error:
        text = f"{field} has a broken frame table ({error}); send a still picture"
        raise PictureError("picture_truncated", text, field=field) from error
    return Header(image.format or "?", width, height, frames)


def _frames(image: Image.Image) -> int:
    """Frames by the header; for a GIF only 1 or 2, since counting walks through the whole file."""
    if image.format == "GIF":
        return 2 if image.is_animated else 1
    return int(getattr(image, "n_frames", 1))


def _decoded(
    data: bytes, limits: Limits, field: str
) -> tuple[Header, Pixels, int, tuple[str, ...]]:
    """Plain pixels as they lie in the file, the EXIF orientation, and what that took."""
    with _opened(data, limits, field) as image, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd EXIF and the like must not break reading
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        header = _header(image, limits, field)
        try:
            image.load()
            orientation = int(image.getexif().get(0x0112, 1))
            pixels, told = flattened(image)
        except DECODER_ERRORS as error:
            text = f"{field} is a damaged or truncated {header.format} ({error}); send it again"
            raise PictureError("picture_truncated", text, field=field) from error
    notes = []
    if header.frames > 1:
        which = "" if header.format == "GIF" else f" of {header.frames}"
        notes.append(f"animated: the first frame{which} is judged")
    if orientation in TURNS:
        notes.append(f"turned upright by its EXIF orientation {orientation}")
    return header, pixels, orientation, (*notes, *told)


def _names(formats: tuple[str, ...]) -> str:
    return ", ".join(formats[:-1]) + f" or {formats[-1]}" if len(formats) > 1 else formats[0]
