"""Rendered and real pictures in, the text judge's figures out: `python benchmarks/text.py`.

At least 250 phrases in six scripts are drawn on photographs, each rightly and misspelled, in plain
and display fonts, at 36 to 110 pixels, level and slanted, in six inks. Printed per script and font
class, never averaged over scripts: how many were read exactly, how many right ones passed, how
many misspelled ones passed (must be 0), and how many legible plain ones failed (at most 5 %). Then
Cyrillic capitals that are judged by their shape, and the labelled real pictures of
../shared/data/text, if they are there.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.progress import track
from rich.table import Table
from text_pictures import (
    CLASSES,
    KINDS,
    LEGIBLE_CONTRAST,
    LEGIBLE_TURN,
    Case,
    cases,
    font_path,
    render,
)

from judges.text import Text
from judges.text.letters import CYRILLIC_LATIN, Rules, key
from sentinel import imaging
from sentinel.contracts import Brief, Pixels, Reading, Runtime, Sample

SHARED = Path(__file__).parents[2] / "shared" / "data" / "text"
THRESHOLD = 0.8


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


def measure(judge: Text, part: int, seed: int) -> list[Result]:
    results = []
    for case in track(list(cases(part, seed)), "rendered pictures"):
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


CAPITALS = (
    "\u041c\u041e\u0421\u041a\u0412\u0410", "\u0422\u041e\u0420\u0422", "\u0421\u041e\u041a",
    "\u041c\u0415\u0422\u0420\u041e", "\u041a\u0410\u0421\u0421\u0410",
    "\u0420\u0415\u0421\u0422\u041e\u0420\u0410\u041d", "\u0410\u0412\u0422\u041e\u0420",
    "\u0412\u041e\u0421\u0422\u041e\u041a", "\u0422\u0415\u0410\u0422\u0420",
    "\u041a\u041e\u0421\u041c\u041e\u0421",
)  # fmt: skip
"""Moscow, cake, juice, metro, till, restaurant, author, east, theatre, space."""

FOREIGN = "".join(chr(code) for code in range(0x410, 0x430) if chr(code) not in CYRILLIC_LATIN)
"""Capitals that no Latin letter looks like."""

SLIPS = 30


def shapes(judge: Text, console: Console) -> None:
    """Cyrillic capitals judged by their shape: right words, and words with one foreign letter."""
    draw = random.Random(1)  # noqa: S311 - a seed, not a secret
    fonts = [path for name in CLASSES["Cyrillic"]["plain"] if (path := font_path(name))]
    if not fonts:
        return
    right, wrong = [], []
    for word in track(CAPITALS, "Cyrillic capitals"):
        right += [_value(judge, word, word, font) for font in fonts]
        for _ in range(SLIPS):
            at = draw.randrange(len(word))
            slip = word[:at] + draw.choice(FOREIGN) + word[at + 1 :]
            wrong.append(_value(judge, word, slip, draw.choice(fonts)))
    passed = [sum(value >= THRESHOLD for value in values) for values in (right, wrong)]
    console.print(
        f"Cyrillic capitals drawn like Latin ones: right passed {share(passed[0], len(right))}, "
        f"one letter of another shape passed {share(passed[1], len(wrong))}\n"
    )


def _value(judge: Text, phrase: str, written: str, font: str) -> float:
    sample = Sample(_label(written, font), Brief(expected_text=(phrase,)))
    return judge.judge([sample])[0].value


def _label(text: str, path: str) -> Pixels:
    font = ImageFont.truetype(path, 48)
    image = Image.new("RGB", (int(font.getlength(text)) + 80, 140), (240, 235, 220))
    ImageDraw.Draw(image).text((40, 70), text, (20, 30, 60), font, anchor="lm")
    return np.asarray(image)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the pictures")
    parser.add_argument("--failed", action="store_true", help="list what should not have happened")
    parser.add_argument("--seed", type=int, default=0, help="other pictures of the same kinds")
    parser.add_argument("--scripts", nargs="*", default=[], help="recognisers pulled besides")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where they are")
    options = parser.parse_args()
    console = Console(width=120)
    names = {name for fonts in CLASSES.values() for group in fonts.values() for name in group}
    absent = sorted({name.partition(":")[0] for name in names if not font_path(name)})
    console.print(f"fonts absent and left out: {', '.join(absent) or 'none'}")
    judge = Text(scripts=tuple(options.scripts))
    judge.load(Runtime(models=options.models))
    results = measure(judge, 5 if options.quick else 1, options.seed)
    twins = Counter("right" if result.case.kind == "right" else "misspelled" for result in results)
    console.print(f"{len(results)} pictures: {dict(twins)}")
    console.print(figures(results), "", kinds(results), "")
    if options.failed:
        complain(results, console)
    shapes(judge, console)
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
