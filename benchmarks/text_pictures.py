# ruff: noqa: RUF001 - six scripts are what is drawn
"""Phrases in, pictures with writing out: right and misspelled twins in six scripts, on photos.

The photographs are those in scikit-image's wheel; the fonts come from Debian packages, listed in
docs/judges/text.md. Seeds are fixed: the same pictures on every machine with the same fonts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from judges.text.letters import Rules, key
from sentinel.contracts import Pixels

FONTS = Path("/usr/share/fonts")
SIDE = 1024
PER_SCRIPT = {"Latin": 84, "Chinese": 60, "Japanese": 60, "Cyrillic": 24, "Greek": 24, "Korean": 24}
"""Phrases drawn, each rightly and misspelled: 552 pictures, and the lookalikes besides."""

LEGIBLE_CONTRAST = 3.0
"""WCAG 2.2, success criterion 1.4.3: what large text needs against its background."""
LEGIBLE_TURN = 8

INKS = ((255, 255, 255), (0, 0, 0), (250, 220, 40), (190, 20, 40), (20, 50, 140), (120, 120, 120))
DISPLAY = 0.33
"""Share of pictures in a display font."""

FAINT = 0.2
"""Share of pictures in an ink of low contrast."""

TURNS = (0, 0, 0, 0, 0, 4, -4, 8, -8, 20, -30)
SIZES = (36, 64, 110)
GROUNDS = ("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png",
           "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png",
           "motorcycle_left.png", "retina.jpg", "rocket.jpg")  # fmt: skip

KINDS = ("swap", "drop", "double", "substitute")
LOOKALIKES = {"O": "0", "o": "0", "l": "1", "I": "1", "S": "5", "B": "8", "未": "末", "日": "曰",
              "土": "士", "ソ": "ン", "シ": "ツ", "大": "犬", "人": "入", "千": "干"}  # fmt: skip
"""Drawn nearly alike; a row of their own, since people cannot tell all of these apart either."""

PHRASES = {
    "Latin": (
        "Grand Opening", "Fresh Bread Daily", "Keep Calm and Carry On", "HAPPY BIRTHDAY", "SALE",
        "Summer Festival", "Vintage Coffee House", "Welcome Home", "NO PARKING", "Bookstore",
        "The Quick Brown Fox", "Adventure Awaits", "OPEN 24 HOURS", "Farmers Market",
        "Sunset Hotel", "Limited Edition", "Jazz Night", "Save the Planet", "Crème Brûlée",
        "Café de Paris", "Frohe Weihnachten", "Straße der Träume", "Feliz Año Nuevo",
        "Buon Compleanno", "Joyeux Noël", "São Paulo", "Smörgåsbord", "50% OFF",
        "Mountain View Lodge", "Thank You", "Chapter Seven", "Midnight Garden", "WARNING",
        "Bakery & Wine", "Public Library", "Live Music Tonight", "Electric Dreams",
        "Made with Love", "Organic Honey", "Space Museum", "Black Friday", "Winter Collection",
        "Pizza Napoletana", "Good Morning", "Reserved Seating",
    ),
    "Cyrillic": (
        "С Новым годом", "Добро пожаловать", "Книжный магазин", "СКИДКА", "Весенний фестиваль",
        "Свежий хлеб", "Открыто", "МОСКВА", "Кофейня", "Музей космоса",
    ),
    "Greek": (
        "Καλημέρα", "Καλώς ήρθατε", "ΒΙΒΛΙΟΘΗΚΗ", "Ελληνική ταβέρνα", "ΕΚΠΤΩΣΕΙΣ", "Χρόνια πολλά",
        "Φρέσκο ψωμί", "ΜΟΥΣΕΙΟ", "Θάλασσα", "Νυχτερινό κέντρο", "ΠΡΟΣΟΧΗ", "Καλό ταξίδι",
    ),
    "Chinese": (
        "欢迎光临", "新年快乐", "深度学习", "春节大促销", "咖啡馆", "生日快乐", "禁止停车",
        "图书馆", "人工智能博物馆", "美食天堂", "夏日音乐节", "开业大吉", "营业时间",
        "北京欢迎你", "限时优惠",
    ),
    "Japanese": (
        "いらっしゃいませ", "新年あけましておめでとう", "コーヒーショップ", "大売り出し",
        "東京タワー", "ありがとうございます", "営業中", "夏祭り", "ラーメン横丁",
        "お誕生日おめでとう", "図書館", "ようこそ日本へ", "パン工房", "立入禁止", "春の音楽祭",
    ),
    "Korean": (
        "어서 오세요", "생일 축하합니다", "새해 복 많이 받으세요", "커피 전문점", "도서관",
        "할인 판매", "여름 축제", "주차 금지", "서울 박물관", "감사합니다",
    ),
}  # fmt: skip

CLASSES = {
    "Latin": {
        "plain": ("DejaVuSans.ttf", "DejaVuSerif-Bold.ttf", "LiberationSans-Regular.ttf",
                  "LiberationSerif-Regular.ttf", "LiberationSans-Bold.ttf", "Play-Regular.ttf"),
        "display": ("lobster.otf", "KaushanScript-Regular.otf", "DancingScript-Bold.otf",
                    "BebasNeue-Regular.otf", "Comfortaa-Regular.ttf"),
    },
    "Cyrillic": {
        "plain": ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "DejaVuSerif.ttf"),
        "display": ("Comfortaa-Bold.ttf", "Comfortaa-Light.ttf"),
    },
    "Greek": {
        "plain": ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "LiberationSerif-Bold.ttf",
                  "DejaVuSerif.ttf"),
        "display": ("GFSTheokritos.otf", "GFSNeohellenicBold.otf", "Comfortaa-Bold.ttf"),
    },
    "Chinese": {
        "plain": ("NotoSansCJK-Regular.ttc:2", "NotoSerifCJK-Bold.ttc:2", "NotoSansCJK-Bold.ttc:2"),
        "display": ("SmileySans-Oblique.ttf", "ukai.ttc"),
    },
    "Japanese": {
        "plain": ("NotoSansCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc", "NotoSansCJK-Bold.ttc"),
        "display": ("ReggaeOne-Regular.ttf", "YuseiMagic-Regular.ttf"),
    },
    "Korean": {
        "plain": ("NotoSansCJK-Regular.ttc:1", "NanumGothic.ttf", "NanumMyeongjoBold.ttf"),
        "display": ("BMJUA_ttf.ttf", "BMHANNAPro.ttf"),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One picture to draw: what it should say, what it says, and how."""

    script: str
    style: str
    font: str
    phrase: str
    written: str
    kind: str
    size: int
    turn: int
    faint: bool
    ground: str
    seed: int


@cache
def font_path(name: str) -> str | None:
    file = name.partition(":")[0]
    return next((str(path) for path in sorted(FONTS.rglob(file))), None)


def cases(part: int = 1, seed: int = 0) -> Iterator[Case]:
    """Right and misspelled twins, the same on every run and every machine with the fonts."""
    for script, phrases in PHRASES.items():
        draw = random.Random(f"{script} {seed}")  # noqa: S311 - a seed, not a secret
        fonts = [(style, name) for style, names in CLASSES[script].items()
                 for name in names if font_path(name)]  # fmt: skip
        for number in range(PER_SCRIPT[script] // part if fonts else 0):
            style = "display" if draw.random() < DISPLAY else "plain"
            names = [name for kind, name in fonts if kind == style] or [fonts[0][1]]
            phrase = phrases[number % len(phrases)]
            how = (
                draw.choice(names), draw.choice(SIZES), draw.choice(TURNS),
                draw.random() < FAINT, draw.choice(GROUNDS), draw.randrange(1 << 30),
            )  # fmt: skip
            kind = KINDS[number % len(KINDS)]
            wrong = misspelled(phrase, kind, draw)
            twins = [(phrase, "right"), (wrong, kind)]
            alike = lookalike(phrase)
            twins += [(alike, "lookalike")] if alike and number % 3 == 0 else []
            for written, what in twins:
                name, size, turn, faint, ground, seed = how
                yield Case(
                    script, style, name, phrase, written, what, size, turn, faint, ground, seed
                )


def misspelled(phrase: str, kind: str, draw: random.Random) -> str:
    """The phrase with one mistake of the kind, different from it by the default rules."""
    letters = [index for index, letter in enumerate(phrase) if letter.isalpha()]
    alphabet = sorted({letter for text in PHRASES[script_of(phrase)] for letter in text
                       if letter.isalpha() and letter.islower() == phrase[letters[-1]].islower()
                       and letter not in "Iil1Oo0"})  # fmt: skip
    for _ in range(200):
        at = draw.choice(letters)
        wrong = list(phrase)
        if kind == "swap" and at + 1 < len(phrase):
            wrong[at : at + 2] = phrase[at + 1], phrase[at]
        elif kind == "drop":
            del wrong[at]
        elif kind == "double":
            wrong.insert(at, phrase[at])
        else:
            wrong[at] = draw.choice(alphabet)
        text = "".join(wrong)
        if key(text, Rules()).letters != key(phrase, Rules()).letters:
            return text
    raise ValueError(f"no {kind} of {phrase!r} differs from it")


def script_of(phrase: str) -> str:
    return next(script for script, phrases in PHRASES.items() if phrase in phrases)


def lookalike(phrase: str) -> str | None:
    for letter, other in LOOKALIKES.items():
        if letter in phrase:
            return phrase.replace(letter, other, 1)
    return None


@cache
def ground(name: str) -> Image.Image:
    """A photograph of scikit-image's wheel, cut square and enlarged; nothing is downloaded."""
    import skimage

    image = Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))


def render(case: Case) -> tuple[Pixels, float]:
    """The picture, and the contrast of its ink against the unfavourable part of the ground."""
    file, _, face = case.font.partition(":")
    size = case.size
    font = ImageFont.truetype(font_path(file), size, index=int(face or 0))
    text = wrapped(case.written, font)
    layer = Image.new("L", (SIDE, SIDE), 0)
    pen = ImageDraw.Draw(layer)
    box = pen.multiline_textbbox((0, 0), text, font=font)
    draw = random.Random(case.seed)  # noqa: S311 - a seed, not a secret
    reach = 60 if abs(case.turn) <= LEGIBLE_TURN else 10
    middle = (
        SIDE // 2 + draw.randint(-reach, reach),
        SIDE // 2 + draw.randint(-3 * reach, 3 * reach),
    )
    corner = (middle[0] - (box[0] + box[2]) / 2, middle[1] - (box[1] + box[3]) / 2)
    pen.multiline_text(corner, text, font=font, fill=255, align="center")
    layer = layer.rotate(-case.turn, resample=Image.Resampling.BICUBIC, center=middle)
    base = ground(case.ground)
    ratios = {ink: contrast(base, layer, ink) for ink in draw.sample(INKS, len(INKS))}
    fit = [ink for ink in ratios if (ratios[ink] < LEGIBLE_CONTRAST) == case.faint]
    ink = fit[0] if fit else max(ratios, key=lambda ink: ratios[ink])
    picture = Image.composite(Image.new("RGB", base.size, ink), base, layer)
    return np.asarray(picture), ratios[ink]


def wrapped(text: str, font: ImageFont.FreeTypeFont) -> str:
    """Lines that fit the picture."""
    room = SIDE * 0.86
    lines = [""]
    for word in text.split(" ") if " " in text else list(text):
        gap = " " if " " in text and lines[-1] else ""
        if lines[-1] and font.getlength(lines[-1] + gap + word) > room:
            lines.append(word)
        else:
            lines[-1] += gap + word
    return "\n".join(lines)


def contrast(base: Image.Image, layer: Image.Image, ink: tuple[int, int, int]) -> float:
    """WCAG contrast ratio of the ink to the tenth of the ground under the text nearest to it."""
    under = np.asarray(base)[np.asarray(layer) > 0]
    ratios = ratio(luminance(under), float(luminance(np.array([ink]))[0]))
    return float(np.percentile(ratios, 10))


def luminance(colours: np.ndarray) -> np.ndarray:
    linear = (colours / 255.0) ** 2.2
    return linear @ (0.2126, 0.7152, 0.0722)


def ratio(one: np.ndarray, other: float) -> np.ndarray:
    return (np.maximum(one, other) + 0.05) / (np.minimum(one, other) + 0.05)
