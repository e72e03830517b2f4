# ruff: noqa: RUF001 - six scripts are what is measured
"""Rendered and real pictures in, the text judge's figures out: `python benchmarks/text.py`.

At least 250 phrases in six scripts are drawn on photographs (those in scikit-image's wheel), each
rightly and misspelled, in plain and display fonts, at 36 to 110 pixels, level and slanted, in six
inks. Printed per script and font class, never averaged over scripts: how many were read exactly,
how many right ones passed, how many misspelled ones passed (must be 0), and how many legible plain
ones failed (at most 5 %). Then the labelled real pictures of ../shared/data/text, if they are
there.

Fonts come from Debian packages (docs/judges/text.md lists them); what is absent is said by name.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.progress import track
from rich.table import Table

from judges.text import Text
from judges.text_letters import Rules, key
from sentinel import imaging
from sentinel.contracts import Brief, Pixels, Reading, Runtime, Sample

SHARED = Path(__file__).parents[2] / "shared" / "data" / "text"
FONTS = Path("/usr/share/fonts")
SIDE = 1024
PER_SCRIPT = {"Latin": 84, "Chinese": 60, "Japanese": 60, "Cyrillic": 24, "Greek": 24, "Korean": 24}
"""Phrases drawn, each rightly and misspelled: 552 pictures, and the lookalikes besides."""

LEGIBLE_CONTRAST = 3.0
"""WCAG 2.2, success criterion 1.4.3: what large text needs against its background."""
LEGIBLE_TURN = 8
LEGIBLE_FAILED = 0.05

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


def cases(part: int = 1) -> Iterator[Case]:
    """Right and misspelled twins, the same on every run and every machine with the fonts."""
    for script, phrases in PHRASES.items():
        draw = random.Random(script)  # noqa: S311 - a seed, not a secret
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


# ── figures ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Result:
    """One picture, judged."""

    case: Case
    contrast: float
    reading: Reading
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the default threshold is reached."""
        return self.reading.value >= THRESHOLD

    @property
    def exact(self) -> bool:
        """Whether what is written, right or wrong, is what was read."""
        phrases: list[dict[str, str]] = self.reading.measurements["phrases"]
        return key(phrases[0]["read"], Rules()).letters == key(self.case.written, Rules()).letters

    @property
    def legible(self) -> bool:
        """Whether anybody could read it at a glance: plain, level, of normal contrast."""
        return (self.case.style == "plain" and self.contrast >= LEGIBLE_CONTRAST
                and abs(self.case.turn) <= LEGIBLE_TURN)  # fmt: skip


def measure(judge: Text, part: int) -> list[Result]:
    results = []
    for case in track(list(cases(part)), "rendered pictures"):
        pixels, ratio_of_ink = render(case)
        sample = Sample(pixels, Brief(expected_text=(case.phrase,)))
        began = time.process_time()
        reading = judge.judge([sample])[0]
        results.append(Result(case, ratio_of_ink, reading, time.process_time() - began))
    return results


def share(part: int, whole: int) -> str:
    return f"{part}/{whole} ({part / whole:.1%})" if whole else "-"


def figures(results: list[Result]) -> Table:
    table = Table(title="by script and font class (threshold 0.8)", box=None, pad_edge=False)
    for column in ("script", "fonts", "exact read", "right passed", "misspelled passed",
                   "legible failed", "unreadable", "CPU s"):  # fmt: skip
        table.add_column(column)
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        groups[result.case.script, result.case.style].append(result)
    for (script, style), group in groups.items():
        right = [result for result in group if result.case.kind == "right"]
        wrong = [result for result in group if result.case.kind in KINDS]
        clear = [result for result in right if result.legible]
        dark = [result for result in right if result.reading.measurements["state"] == "unreadable"]
        table.add_row(
            script, style,
            share(sum(result.exact for result in right + wrong), len(right + wrong)),
            share(sum(result.passed for result in right), len(right)),
            share(sum(result.passed for result in wrong), len(wrong)),
            share(sum(not result.passed for result in clear), len(clear)),
            share(len(dark), len(right)),
            f"{np.median([result.seconds for result in right]):.2f} / "
            f"{np.median([result.seconds for result in wrong]):.2f}",
        )  # fmt: skip
    return table


def kinds(results: list[Result]) -> Table:
    table = Table(title="passed by what is written", box=None, pad_edge=False)
    for column in ("script", "right", *KINDS, "lookalike"):
        table.add_column(column)
    for script in dict.fromkeys(result.case.script for result in results):
        mine = [result for result in results if result.case.script == script]
        row = []
        for kind in ("right", *KINDS, "lookalike"):
            group = [result for result in mine if result.case.kind == kind]
            row.append(share(sum(result.passed for result in group), len(group)))
        table.add_row(script, *row)
    return table


def real(judge: Text, console: Console) -> None:
    """The labelled real pictures: how each label is judged."""
    manifest = SHARED / "manifest.csv"
    if not manifest.is_file():
        console.print("real pictures: ../shared/data/text is not beside the checkout; left out")
        return
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    with manifest.open(encoding="utf-8") as rows:
        for row in track(list(csv.DictReader(rows)), "real pictures"):
            picture = imaging.read((SHARED / row["file"]).read_bytes())
            brief = Brief(expected_text=(row["expected_text"] or "SALE",))
            reading = judge.judge([imaging.sample(picture, brief)])[0]
            counts[row["match"]][str(reading.measurements["state"])] += 1
    table = Table(title="real pictures by label", box=None, pad_edge=False)
    for column in ("label", "pictures", "match", "mismatch", "unreadable"):
        table.add_column(column)
    for label, states in sorted(counts.items()):
        numbers = [str(states[state]) for state in ("match", "mismatch", "unreadable")]
        table.add_row(label, str(states.total()), *numbers)
    console.print(table)


THRESHOLD = 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the pictures")
    parser.add_argument("--failed", action="store_true", help="list what should not have happened")
    parser.add_argument("--scripts", nargs="*", default=[], help="recognisers pulled besides")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where they are")
    options = parser.parse_args()
    console = Console(width=120)
    names = {name for fonts in CLASSES.values() for group in fonts.values() for name in group}
    absent = sorted({name.partition(":")[0] for name in names if not font_path(name)})
    console.print(f"fonts absent and left out: {', '.join(absent) or 'none'}")
    judge = Text(scripts=tuple(options.scripts))
    judge.load(Runtime(models=options.models))
    results = measure(judge, 5 if options.quick else 1)
    twins = Counter("right" if result.case.kind == "right" else "misspelled" for result in results)
    console.print(f"{len(results)} pictures: {dict(twins)}")
    console.print(figures(results), "", kinds(results), "")
    if options.failed:
        complain(results, console)
    real(judge, console)


def complain(results: list[Result], console: Console) -> None:
    for result in results:
        wrongly = (result.passed and result.case.kind != "right") or (
            not result.passed and result.case.kind == "right" and result.legible
        )
        if wrongly:
            case = result.case
            drawn = f"{case.font} {case.size} px {case.turn}° on {case.ground}"
            console.print(f"{case.kind} {case.written!r} {drawn}, contrast {result.contrast:.1f}")
            console.print(f"    {result.reading.reason}")


if __name__ == "__main__":
    main()
