"""Drawn backdrops and labelled photographs in, what the background judge tells of each out.

    python benchmarks/background.py

The photographs lie in the folder of real pictures beside the checkout; their backgrounds are
labelled in its manifest. Drawn backdrops (fall-off, shadow, clutter, texture) need no folder.
"""

from __future__ import annotations

import csv
import statistics
import time
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from judges.background import PARTS, Background
from sentinel.contracts import Pixels, Reading, Sample

SHARED = Path(__file__).parents[2] / "shared" / "data"
PASS = 0.5
"""A threshold a policy might set."""
PLAIN = ("plain_white", "plain")
GENERATED_PLAIN = (
    "handrefiner/3.jpg",
    "handrefiner/4.jpg",
    "ella/racoon_1.png",
    "ella/racoon_2.png",
)
"""Generated pictures with a plain backdrop, by the eye of this benchmark's author."""


def backdrop(dice: np.random.Generator, *, fall: float = 0.0, shadow: float = 0.0) -> Pixels:
    """A box of a random colour before a random plain ground."""
    rows, columns = np.mgrid[0:320, 0:400]
    ground, body = dice.integers(150, 256, 3), dice.integers(20, 200, 3)
    corner = ((columns / 400 - 0.5) ** 2 + (rows / 320 - 0.5) ** 2) * 2
    soft = np.exp(-(((columns - 200) / 90) ** 2) - ((rows - 255) / 18) ** 2)
    picture = ground * ((1 - fall * corner) * (1 - shadow * soft))[..., None]
    picture[60:260, 150:250] = body
    return (picture + dice.normal(0, 1.5, picture.shape)).clip(0, 255).astype(np.uint8)


def cluttered(dice: np.random.Generator, things: int) -> Pixels:
    picture = backdrop(dice).copy()
    for _ in range(things):
        side, turn = int(dice.integers(30, 70)), int(dice.integers(0, 4))
        along = int(dice.integers(0, 250))
        turned = np.rot90(picture, turn)
        turned[along : along + side, :side] = dice.integers(0, 140, 3)
    return picture


def textured(dice: np.random.Generator, strength: float) -> Pixels:
    coarse = Image.fromarray(dice.normal(0, 1, (80, 100)).astype(np.float32)).resize((400, 320))
    made = backdrop(dice) + strength * np.asarray(coarse)[..., None]
    return made.clip(0, 255).astype(np.uint8)


def read(pixels: Pixels) -> Reading:
    (answer,) = Background().judge([Sample(pixels)])
    if not isinstance(answer, Reading):
        raise SystemExit(f"declined: {answer.reason}")
    return answer


def drawn(console: Console) -> None:
    cases = {
        "plain": backdrop,
        "fall-off by 30 % to the corners": lambda dice: backdrop(dice, fall=0.3),
        "soft shadow": lambda dice: backdrop(dice, shadow=0.25),
        "one thing at the edge": lambda dice: cluttered(dice, 1),
        "three things at the edge": lambda dice: cluttered(dice, 3),
        "fine texture, σ 6": lambda dice: textured(dice, 6),
        "texture, σ 20": lambda dice: textured(dice, 20),
    }
    table = Table(title="40 drawn backdrops each")
    for column in ("backdrop", "median value", "passes 0.5"):
        table.add_column(column)
    for name, make in track(list(cases.items()), "drawn", console=console):
        values = [read(make(np.random.default_rng(seed))).value for seed in range(40)]
        share = statistics.mean(value >= PASS for value in values)
        table.add_row(name, f"{statistics.median(values):.2f}", f"{share:.0%}")
    console.print(table)


def labelled() -> list[tuple[str, str, Pixels]]:
    """File, label and pixels."""
    found = []
    for folder in ("quality", "generated"):
        manifest = SHARED / folder / "manifest.csv"
        rows = list(csv.DictReader(manifest.open())) if manifest.is_file() else []
        for row in rows:
            plain = "plain (by eye)" if row["file"] in GENERATED_PLAIN else "scene (by eye)"
            label = row["background"] if folder == "quality" else plain
            if label and "texture_artifacts" not in row.get("defects", ""):
                pixels = np.asarray(Image.open(SHARED / folder / row["file"]).convert("RGB"))
                found.append((row["file"], label, pixels))
    return found


def photographs(console: Console) -> None:
    pictures = labelled()
    if not pictures:
        console.print("the folder of real pictures is not beside the checkout: photographs skipped")
        return
    table = Table(title="labelled backgrounds")
    for column in ("picture", "label", "value", *PARTS):
        table.add_column(column)
    values: dict[bool, dict[str, list[float]]] = {True: {}, False: {}}
    spent = []
    for name, label, pixels in pictures:
        started = time.perf_counter()
        answer = read(pixels)
        spent.append((time.perf_counter() - started) * 1000)
        found = answer.measurements["strengths"]
        parts = found if isinstance(found, dict) else {}
        cells = [f"{parts[part]:.2f}" if part in parts else "–" for part in PARTS]
        table.add_row(Path(name).name[:28], label, f"{answer.value:.2f}", *cells)
        plain = label.split(" (")[0] in PLAIN
        for group in ("all", "product" if "by eye" not in label else "generated"):
            values[plain].setdefault(group, []).append(answer.value)
    console.print(table)
    for group in values[True]:
        plain, other = (np.array(values[side][group]) for side in (True, False))
        above = plain[:, None] > other
        console.print(
            f"{group}: {len(plain)} plain, {len(other)} others, AUC {above.mean():.3f}; "
            f"plain pass: {(plain >= PASS).mean():.0%}, others fail: {(other < PASS).mean():.0%}"
        )
    console.print(f"median {statistics.median(spent):.0f} ms a picture")


def main() -> None:
    console = Console(width=120)
    drawn(console)
    photographs(console)


if __name__ == "__main__":
    main()
