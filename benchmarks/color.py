"""Posters of known colours and labelled product photographs in, what the color judge tells out.

    python benchmarks/color.py [--quick]

Posters are drawn with a random palette, lit unevenly and saved as JPEG; then one colour is made an
accent, shifted by a known ΔE00 or left out. The photographs (where the folder of real pictures
lies beside the checkout) name their dominant colours by eye, in words.
"""

from __future__ import annotations

import argparse
import csv
import io
import statistics
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from rich.console import Console
from rich.progress import track
from rich.table import Table

from judges.color import Color
from judges.color.palette import difference, lab_of
from sentinel.contracts import Brief, Pixels, Reading, Sample

SHARED = Path(__file__).parents[2] / "shared" / "data" / "quality"
WORDS = {"pale grey": "lightgrey", "dark blue": "darkblue", "dark brown": "saddlebrown"}
"""What is written by eye and is no CSS name."""
OTHERS = ("red", "yellow", "green", "blue", "cyan", "magenta", "orange", "purple", "pink")
PASS = 0.5
"""A threshold a policy might set."""
RGB = tuple[int, int, int]
APART = 40.0
"""ΔE00 between the colours of a drawn palette: different colours to anybody."""


def palette(dice: np.random.Generator, size: int = 3) -> list[RGB]:
    chosen: list[RGB] = []
    while len(chosen) < size:
        red, green, blue = (int(v) for v in dice.integers(20, 236, 3))
        if not chosen or difference(lab_of(chosen), lab_of([(red, green, blue)])[0]).min() > APART:
            chosen.append((red, green, blue))
    return chosen


def shifted(colour: RGB, by: float, dice: np.random.Generator) -> RGB:
    """A colour at about `by` ΔE00, of a hundred thrown the nearest to that."""
    spread = dice.normal(0, max(1.0, by * 2.2), (400, 3))
    thrown = np.clip(np.array(colour) + spread, 0, 255).round().astype(int)
    away = difference(lab_of([(int(r), int(g), int(b)) for r, g, b in thrown]), lab_of([colour])[0])
    red, green, blue = (int(v) for v in thrown[int(np.abs(away - by).argmin())])
    return red, green, blue


def poster(ground: RGB, panel: RGB, spot: RGB | None, *, side: int) -> Pixels:
    """Ground, a panel, a spot of `side` pixels; lit from the left, as JPEG of quality 88."""
    image = Image.new("RGB", (480, 480), ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 40, 440, 200), fill=panel)
    if spot:
        draw.rectangle((300, 300, 300 + side, 300 + side), fill=spot)
    light = np.linspace(1, 0.88, 480)[None, :, None]
    buffer = io.BytesIO()
    lit = (np.asarray(image) * light).astype(np.uint8)
    Image.fromarray(lit).save(buffer, "JPEG", quality=88)
    return np.asarray(Image.open(buffer).convert("RGB"))


def read(pixels: Pixels, colours: list[str]) -> Reading:
    brief = Brief(prompt="a poster", palette=tuple(colours))
    (answer,) = Color().judge([Sample(pixels, brief)])
    if not isinstance(answer, Reading):
        raise SystemExit(f"declined: {answer.reason}")
    return answer


def missing(answer: Reading) -> int:
    return sum(issue.subcategory == "missing_colour" for issue in answer.issues)


def posters(console: Console, rounds: int) -> None:
    table = Table(title=f"{rounds} posters of three hex colours each; the third is …")
    for column in ("the third colour", "called missing", "median value", "passes 0.5"):
        table.add_column(column)
    cases: list[tuple[str, float, int | None]] = [
        ("7 % of the picture", 0, 127), ("1 % of it", 0, 48), ("0.6 % of it", 0, 38),
        ("shifted by ΔE00 5", 5, 127), ("shifted by 10", 10, 127), ("shifted by 15", 15, 127),
        ("shifted by 20", 20, 127), ("shifted by 30", 30, 127), ("left out", 0, None),
    ]  # fmt: skip
    for title, by, side in track(cases, "posters", console=console):
        answers = []
        for seed in range(rounds):
            dice = np.random.default_rng(seed)
            ground, panel, third = palette(dice)
            spot = None if side is None else shifted(third, by, dice) if by else third
            picture = poster(ground, panel, spot, side=side or 0)
            answers.append(read(picture, ["#{:02x}{:02x}{:02x}".format(*c)
                                          for c in (ground, panel, third)]))  # fmt: skip
        values = [answer.value for answer in answers]
        table.add_row(
            title,
            f"{statistics.mean(missing(answer) > 0 for answer in answers):.0%}",
            f"{statistics.median(values):.2f}",
            f"{statistics.mean(value >= PASS for value in values):.0%}",
        )
    console.print(table)


def photographs(console: Console) -> None:
    manifest = SHARED / "manifest.csv"
    if not manifest.is_file():
        console.print("the folder of real pictures is not beside the checkout: photographs skipped")
        return
    there, absent, spent = [], [], []
    table = Table(title="product photographs: colours named by eye, asked for as words")
    for column in ("picture", "by eye", "judge finds missing"):
        table.add_column(column)
    for row in csv.DictReader(manifest.open()):
        if row["kind"] != "product":
            continue
        pixels = np.asarray(Image.open(SHARED / row["file"]).convert("RGB"))
        by_eye = [name.strip() for name in row["dominant_colours_by_eye"].split(",")]
        lost = []
        for name in by_eye:
            started = time.perf_counter()
            gone = missing(read(pixels, [WORDS.get(name, name)]))
            spent.append((time.perf_counter() - started) * 1000)
            there.append(not gone)
            lost += [name] if gone else []
        foreign = [name for name in OTHERS if not any(name in seen for seen in by_eye)]
        absent += [bool(missing(read(pixels, [name]))) for name in foreign]
        table.add_row(Path(row["file"]).name, ", ".join(by_eye), ", ".join(lost) or "none")
    console.print(table)
    console.print(f"colours named by eye: {statistics.mean(there):.0%} of {len(there)} present")
    console.print(
        f"other basic colours: {statistics.mean(absent):.0%} of {len(absent)} called missing "
        "(the rest are lesser colours of the picture, or near one)"
    )
    console.print(f"one colour, median {statistics.median(spent):.0f} ms a picture")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10 posters instead of 60")
    quick = parser.parse_args().quick
    console = Console(width=100)
    posters(console, 10 if quick else 60)
    photographs(console)


if __name__ == "__main__":
    main()
