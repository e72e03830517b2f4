r"""Untrusted text in, lines that fit and can be read out; and the fonts that draw them.

A font draws what it has: a character that the first font lacks is taken from the next, and one
that none has is shown as its escape (\u6771), never as an empty box. Control, format and
bidirectional characters are taken out before anything is measured, because they could reorder
or hide what the legend says.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from PIL import ImageFont
from PIL.ImageDraw import ImageDraw
from PIL.ImageFont import FreeTypeFont

Colour = tuple[int, int, int]

FOLDERS = (
    "/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts",
    "/System/Library/Fonts", "/Library/Fonts", "C:/Windows/Fonts",
)  # fmt: skip
"""Where Linux, macOS and Windows keep fonts."""

PLAIN = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "segoeui.ttf",
         "Arial.ttf", "arial.ttf")  # fmt: skip
BOLD = ("DejaVuSans-Bold.ttf", "NotoSans-Bold.ttf", "LiberationSans-Bold.ttf", "segoeuib.ttf",
        "Arial Bold.ttf", "arialbd.ttf")  # fmt: skip
WIDER = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf",
    "wqy-zenhei.ttc", "wqy-microhei.ttc", "PingFang.ttc", "Hiragino Sans GB.ttc", "msyh.ttc",
    "NotoSansDevanagari-Regular.ttf", "NotoSansThai-Regular.ttf", "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf", "FreeSans.ttf", "Arial Unicode.ttf",
)  # fmt: skip
"""Fonts that add scripts the plain ones lack, in the order they are asked."""

LONGEST = 400
"""Characters of one text that are laid out at all: nobody reads more of it in a legend."""

INVISIBLE = ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp")
"""Unicode categories that draw nothing, or steer how the others are drawn."""

MARKS = 3
"""Combining marks kept on one letter; a taller pile would be drawn over the lines around it."""

WIDE = 0x2E80
"""From here on (CJK) a line may be broken between any two characters."""


class Type(NamedTuple):
    """Size in pixels, and whether it is bold."""

    size: int
    bold: bool = False


def clean(text: str) -> str:
    """One line of visible characters: no controls, no bidirectional marks, no towers of accents."""
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text[:LONGEST]):
        kind = unicodedata.category(character)
        marks = marks + 1 if kind.startswith("M") else 0
        if character in "\t\n\r\x0b\x0c\u2028\u2029":
            kept.append(" ")
        elif kind not in INVISIBLE and marks <= MARKS:
            kept.append(character)
    cut = "…" if len(text) > LONGEST else ""
    return " ".join("".join(kept).split()) + cut


def width_of(text: str, face: Type) -> float:
    """Pixels across, as `write` would draw it."""
    return sum(float(font.getlength(part)) for font, part in _runs(text, face))


def wrap(text: str, face: Type, width: float, *, lines: int) -> list[str]:
    """The cleaned text in at most `lines` lines of `width` pixels; an ellipsis says it was cut."""
    shown, current = [], ""
    for word in _words(_escaped(clean(text), face)):
        longer = current + word
        if current and width_of(longer.rstrip(), face) > width:
            shown.append(current.rstrip())
            longer = word.lstrip()
        while width_of(longer.rstrip(), face) > width and len(longer) > 1:
            head = _fitting(longer, face, width)
            shown.append(head)
            longer = longer[len(head) :]
        current = longer
        if len(shown) > lines:
            break
    shown += [current.rstrip()] if current.strip() else []
    if len(shown) <= lines:
        return shown
    last = shown[lines - 1]
    while last and width_of(last + "…", face) > width:
        last = last[:-1]
    return [*shown[: lines - 1], last.rstrip() + "…"]


def write(draw: ImageDraw, at: tuple[float, float], text: str, face: Type, colour: Colour) -> None:
    """Draw one cleaned line with its baseline's left end at `at`."""
    left, baseline = at
    for font, part in _runs(text, face):
        draw.text((left, baseline), part, font=font, fill=colour, anchor="ls")
        left += font.getlength(part)


def _words(text: str) -> list[str]:
    """Pieces between which a line may break; spaces stay with the word before."""
    return re.findall(rf"[{chr(WIDE)}-\U0010ffff]\s*|[^\s{chr(WIDE)}-\U0010ffff]+\s*", text)


def _fitting(text: str, face: Type, width: float) -> str:
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(text[:middle], face) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def _escaped(text: str, face: Type) -> str:
    return "".join(
        character if _font_for(character, face) is not None else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()


def _runs(text: str, face: Type) -> list[tuple[FreeTypeFont, str]]:
    """The text in stretches of one font each."""
    first = _fonts(face)[0]
    visible = _escaped(text, face)
    parts = groupby(visible, key=lambda character: _font_for(character, face) or first)
    return [(font, "".join(letters)) for font, letters in parts]


@lru_cache(maxsize=8192)
def _font_for(character: str, face: Type) -> FreeTypeFont | None:
    if character == " ":
        return _fonts(face)[0]
    return next((font for font in _fonts(face) if _has(font, character)), None)


def _has(font: FreeTypeFont, character: str) -> bool:
    """Whether the font draws this character and not its sign for a missing one."""
    try:
        drawn, missing = font.getmask(character), font.getmask("\U0010ffff")
    except (RuntimeError, OSError, ValueError):
        return False
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)


@lru_cache(maxsize=32)
def _fonts(face: Type) -> tuple[FreeTypeFont, ...]:
    """The fonts found on this machine, then Pillow's own, which has little more than ASCII."""
    found = _installed()
    first = [*BOLD, *PLAIN] if face.bold else PLAIN
    paths = [found[name] for name in (*first, *WIDER) if name in found]
    fonts = [font for path in paths if (font := _opened(path, face.size)) is not None]
    bundled = ImageFont.load_default(face.size)
    return (*fonts, bundled) if isinstance(bundled, FreeTypeFont) else tuple(fonts)


def _opened(path: Path, size: int) -> FreeTypeFont | None:
    try:
        return ImageFont.truetype(str(path), size)
    except OSError:
        return None


@lru_cache(maxsize=1)
def _installed() -> dict[str, Path]:
    """Every known font on this machine by its file name."""
    wanted = {*PLAIN, *BOLD, *WIDER}
    found: dict[str, Path] = {}
    for folder in FOLDERS:
        root = Path(folder).expanduser()
        if root.is_dir():
            found |= {path.name: path for path in root.rglob("*.tt?") if path.name in wanted}
            found |= {path.name: path for path in root.rglob("*.otf") if path.name in wanted}
    return found
