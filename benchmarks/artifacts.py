"""Clean pictures and ten faults in five severities in, what the artifacts judge tells of each out.

    python benchmarks/artifacts.py [--quick]

Clean photographs are those in scikit-image's wheel and, where the folder of real pictures lies
beside the checkout, its product photographs. False alarms are counted over everything there that
is not labelled as degraded: photographs, cut-outs, posters, textures, generated pictures.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from artifact_faults import FAULTS
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from judges.artifacts import FAULT, Artifacts
from judges.artifacts.panel import PANEL
from judges.artifacts.view import View
from sentinel.contracts import Pixels, Reading, Sample
from sentinel.imaging import fit

SHARED = Path(__file__).parents[2] / "shared" / "data"
PHOTOGRAPHS = (
    "astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel",
    "hubble_deep_field", "ihc", "motorcycle_left", "motorcycle_right", "retina", "rocket",
)  # fmt: skip
DRAWN = ("chessboard_RGB", "horse", "logo", "color", "page", "text", "phantom")
SIDE, SEVERITIES = 512, 5
SCALED = ("retina",)
KINDS = {"quality": "", "generated": "generated", "text": "posters and signs",
         "faces": "faces (no limit was set by them)"}  # fmt: skip
SMALLEST = {"faces": 200}
"""Pixels of the shorter side; smaller faces are scans of the nineties."""


def wheel(name: str) -> Pixels:
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    (path,) = [path for path in folder.iterdir() if path.stem == name]
    return np.asarray(Image.open(path).convert("RGB"))


def middle(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    top, left = max(0, (height - SIDE) // 2), max(0, (width - SIDE) // 2)
    return np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE])


def labelled(*kinds: str) -> Iterator[tuple[dict[str, str], Pixels]]:
    for kind in kinds:
        manifest = SHARED / kind / "manifest.csv"
        if not manifest.is_file():
            continue
        for row in csv.DictReader(manifest.open()):
            yield row, np.asarray(Image.open(SHARED / kind / row["file"]).convert("RGB"))


def photographs() -> dict[str, Pixels]:
    """At most 512 pixels a side: crops, or the whole made smaller where a crop shows nothing."""
    found = {n: fit(wheel(n), SIDE) if n in SCALED else middle(wheel(n)) for n in PHOTOGRAPHS}
    for row, pixels in labelled("quality"):
        if row["kind"] == "product" and "cartoon" not in row["file"]:
            found[row["file"]] = fit(pixels, SIDE)
    return found


def unharmed() -> Iterator[tuple[str, str, Pixels]]:
    """Kind, name and pixels of everything that nobody labelled as degraded."""
    for name in PHOTOGRAPHS:
        yield "photographs of the wheel", name, wheel(name)
    for name in DRAWN:
        yield "drawings and pages of the wheel", name, wheel(name)
    for kind, title in KINDS.items():
        for row, pixels in labelled(kind):
            if whole(row) and min(pixels.shape[:2]) >= SMALLEST.get(kind, 0):
                yield title or f"quality: {row['kind']}", row["file"], pixels


def whole(row: dict[str, str]) -> bool:
    """Nobody labelled it as degraded."""
    told = row.get("kind", "") + row.get("pair_role", "") + row.get("defects", "")
    return "degraded" not in told and "texture_artifacts" not in told


def degraded() -> Iterator[tuple[str, Pixels]]:
    for row, pixels in labelled("quality", "generated"):
        if not whole(row):
            yield f"{row['file']} ({row.get('quality_labels') or row.get('defects')})", pixels


# ── figures ──────────────────────────────────────────────────────────────────────────────────


def auc(clean: list[float], faulty: list[float]) -> float:
    """Share of pairs in which the faulty one is higher; 0.5 is chance."""
    one, other = np.array(faulty)[:, None], np.array(clean)
    return float((one > other).mean() + 0.5 * (one == other).mean())


def read(judge: Artifacts, pixels: Pixels) -> Reading:
    (answer,) = judge.judge([Sample(pixels)])
    if not isinstance(answer, Reading):
        raise SystemExit(f"declined: {answer.reason}")
    return answer


def strengths(answer: Reading) -> dict[str, float]:
    found = answer.measurements["strengths"]
    return dict(found) if isinstance(found, dict) else {}  # type: ignore[arg-type]


def separation(judge: Artifacts, console: Console, *, quick: bool) -> None:
    """AUC of each fault's own check and of the value; share found at the default limits."""
    clean = photographs()
    if quick:
        clean = dict(list(clean.items())[::3])
    before = {name: read(judge, pixels) for name, pixels in clean.items()}
    table = Table(title=f"{len(clean)} clean photographs × {SEVERITIES} severities")
    columns = ("fault", "AUC own check", "AUC value", "named, by severity 1 to 5")
    for column in columns:
        table.add_column(column)
    for fault, make in track(list(FAULTS.items()), "faults", console=console):
        own, value, named = [], [], []
        for severity in range(SEVERITIES):
            after = []
            for index, pixels in enumerate(clean.values()):
                dice = np.random.default_rng(index * 7 + severity)
                made = np.clip(make(pixels, severity, dice), 0, 255).astype(np.uint8)
                after.append(read(judge, made))
            own.append(auc([strengths(b)[fault] for b in before.values()],
                           [strengths(a)[fault] for a in after]))  # fmt: skip
            value.append(auc([-b.value for b in before.values()], [-a.value for a in after]))
            hits = [fault in [issue.subcategory for issue in a.issues] for a in after]
            named.append(statistics.mean(hits))
        shares = " ".join(f"{share:.0%}" for share in named)
        row = (fault, f"{statistics.mean(own):.3f}", f"{statistics.mean(value):.3f}", shares)
        table.add_row(*row)
    console.print(table)


def alarms(judge: Artifacts, console: Console) -> None:
    """False alarms by kind of picture, and the strongest trace per check in all of them."""
    kinds: dict[str, list[bool]] = {}
    most: dict[str, list[tuple[float, str]]] = {name: [] for name in PANEL}
    wrong = []
    for kind, name, pixels in track(list(unharmed()), "clean pictures", console=console):
        answer = read(judge, pixels)
        kinds.setdefault(kind, []).append(answer.value < FAULT)
        wrong += [f"{name}: {answer.reason}"] if answer.value < FAULT else []
        for check, strength in strengths(answer).items():
            most[check].append((strength, name))
    table = Table(title="false alarms (value below 0.5)")
    for column in ("kind", "pictures", "alarms"):
        table.add_column(column)
    for kind, flags in kinds.items():
        table.add_row(kind, str(len(flags)), str(sum(flags)))
    every = [flag for flags in kinds.values() for flag in flags]
    table.add_row("all", str(len(every)), f"{sum(every)} ({statistics.mean(every):.1%})")
    console.print(table)
    for line in wrong:
        console.print(f"  {line}", highlight=False)
    limits = Table(title="strength in clean pictures, and limit")
    for column in ("check", "median", "95 %", "clean, most", "in", "limit"):
        limits.add_column(column)
    for check, found in most.items():
        values = [strength for strength, _ in found]
        top = max(found)
        middling, high = np.percentile(values, [50, 95])
        limits.add_row(check, f"{middling:.2f}", f"{high:.2f}", f"{top[0]:.2f}", top[1],
                       f"{PANEL[check].limit:g}")  # fmt: skip
    console.print(limits)


def known(judge: Artifacts, console: Console) -> None:
    table = Table(title="pictures labelled as degraded")
    for column in ("picture", "value", "reason"):
        table.add_column(column)
    for name, pixels in degraded():
        answer = read(judge, pixels)
        table.add_row(name, f"{answer.value:.2f}", answer.reason)
    if table.row_count:
        console.print(table)


def speed(console: Console) -> None:
    """Median milliseconds per check on one thread, at 512 and at 1024 pixels a side."""
    cv2.setNumThreads(1)
    table = Table(title="milliseconds, median of 9, one thread")
    sizes = (512, 1024)
    for column in ("check", *(f"{side}²" for side in sizes)):
        table.add_column(column)
    spent: dict[str, list[float]] = {name: [] for name in PANEL}
    source = wheel("astronaut")
    for side in sizes:
        pixels = np.asarray(Image.fromarray(source).resize((side, side)))
        view = View(pixels)
        for name, check in PANEL.items():
            times = []
            for _ in range(9):
                started = time.perf_counter()
                check.measure(view)
                times.append((time.perf_counter() - started) * 1000)
            spent[name].append(statistics.median(times))
    for name, times in spent.items():
        table.add_row(name, *(f"{value:.1f}" for value in times))
    totals = [sum(times[at] for times in spent.values()) for at in range(len(sizes))]
    table.add_row("all", *(f"{value:.0f}" for value in totals))
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a third of the photographs")
    quick = parser.parse_args().quick
    console, judge = Console(width=110), Artifacts()
    separation(judge, console, quick=quick)
    alarms(judge, console)
    known(judge, console)
    speed(console)


if __name__ == "__main__":
    main()
