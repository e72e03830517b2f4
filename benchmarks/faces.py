"""Labelled faces in, figures of the face gate, likeness and fidelity out.

`python benchmarks/faces.py` prints: the gate's misses and false alarms per label, verification
per pair source, fidelity's AUC per made defect, and times. It needs the folder of real pictures
beside the checkout; where insightface is installed its example pictures join the fidelity set.
`--fit` prints the weights of fidelity's measures anew, and what they do to people left out.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import importlib.util
import os
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from face_distortions import DEFECTS, HARMLESS, Canvas
from face_weights import Row, print_fit
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from gates.face import FaceGate
from judges.fidelity import Fidelity
from judges.fidelity.measures import measure
from judges.likeness import Likeness
from sentinel.contracts import Pixels, Reading, ReferencePicture, Sample
from sentinel.detectors import faces

SHARED = Path(__file__).parents[2] / "shared" / "data"
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".pgm")
CONSOLE = Console(width=100)


def load(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def group_of(row: dict[str, str]) -> str:
    return f"{row['face_gate']}{', ORL 23×28 px' if row['file'].startswith('orl') else ''}"


# ── the gate ──────────────────────────────────────────────────────────────────────────────────


def gate(quick: bool) -> None:  # noqa: FBT001 - one switch for all parts
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    check, folder = FaceGate(), SHARED / "faces"
    for row in track(rows_of(folder / "manifest.csv"), "gate: labelled faces", console=CONSOLE):
        finding = check.check(Sample(load(folder / row["file"])))
        counts[group_of(row)][str(finding.measurements["count"])] += 1
    others = [
        path for part in ("quality", "text", "generated") for path in (SHARED / part).rglob("*")
        if path.suffix.lower() in PICTURES
    ]  # fmt: skip
    named = []
    for path in track(sorted(others)[:: 4 if quick else 1], "gate: others", console=CONSOLE):
        found = check.check(Sample(load(path))).measurements["count"]
        counts["pictures of other folders"][str(found)] += 1
        named += [f"{path.parent.name}/{path.name} ({found})"] if found else []
    table = Table("label", "pictures", "0 faces", "1 face", "2 or more", title="Face gate")
    for label, count in counts.items():
        more = sum(n for found, n in count.items() if int(found) > 1)
        table.add_row(label, str(count.total()), str(count["0"]), str(count["1"]), str(more))
    CONSOLE.print(table)
    CONSOLE.print("faces seen in other folders (each to be looked at):", ", ".join(named))


# ── likeness ──────────────────────────────────────────────────────────────────────────────────


def likeness() -> None:
    folder = SHARED / "faces"
    pairs, kept = rows_of(folder / "pairs.csv"), dict[str, ReferencePicture]()
    results: defaultdict[str, list[tuple[bool, float | None]]] = defaultdict(list)
    judge = Likeness()
    for row in track(pairs, "likeness: pairs", console=CONSOLE):
        for name in (row["file_a"], row["file_b"]):
            if name not in kept:
                kept[name] = ReferencePicture("face", load(folder / name))
        one, other = kept[row["file_a"]], kept[row["file_b"]]
        answer = judge.judge([Sample(one.pixels, references=(other,), once=one.once)])[0]
        distance = answer.measurements.get("distance") if isinstance(answer, Reading) else None
        same = row["same"] == "1"
        results[row["pair_source"]].append((same, distance))
        if "near-duplicate" not in row["doubt"]:
            results[f"{row['pair_source']}, without near-duplicates"].append((same, distance))
    columns = ("pairs of", "n", "no face", "AUC", "accuracy", "TPR", "FPR", "same", "different")
    table = Table(*columns, title="Likeness (dlib), at value .5: distance .55")
    for source, found in results.items():
        same = np.array([d for alike, d in found if alike and d is not None])
        other = np.array([d for alike, d in found if not alike and d is not None])
        passed, taken = same <= 0.55, other <= 0.55  # noqa: PLR2004 - half way, see the title
        right = (passed.sum() + (~taken).sum()) / (len(same) + len(other))
        table.add_row(
            source, str(len(found)), str(len(found) - len(same) - len(other)),
            f"{auc(-other, -same):.3f}", f"{right:.3f}", f"{passed.mean():.3f}",
            f"{taken.mean():.3f}", f"{same.mean():.2f} ≤ {same.max():.2f}",
            f"{other.mean():.2f} ≥ {other.min():.2f}",
        )  # fmt: skip
    CONSOLE.print(table)


def auc(bad: NDArray[np.float64], good: NDArray[np.float64]) -> float:
    """Chance that a good one has the higher value."""
    higher = (good[:, None] > bad[None]).mean() + (good[:, None] == bad[None]).mean() / 2
    return float(higher)


# ── fidelity ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Case:
    """One real face on its canvas and the picture it came from."""

    source: str
    canvas: Canvas


def real_faces() -> list[Case]:
    """Photos of faces (no paintings, no face cut by the edge) of the folder and of wheels."""
    identities = {row["file"]: row["identity"] for row in rows_of(SHARED / "faces/manifest.csv")}
    paths = [
        (identity, SHARED / "faces" / name) for name, identity in identities.items()
        if not name.startswith("orl") and "partial" not in name and "240p" not in name and identity
    ]  # fmt: skip
    paths += [(path.name, path) for path in (SHARED / "generated/handrefiner").glob("*.jpg")]
    paths += [("hopper", SHARED / "quality/pairs/hopper.jpg")]
    if package := importlib.util.find_spec("insightface"):
        examples = Path(next(iter(package.submodule_search_locations or []))) / "data/images"
        paths += [(p.name, p) for p in examples.iterdir() if p.suffix in PICTURES]
    cases = []
    for source, path in sorted(paths):
        pixels = load(path)
        for number, face in enumerate(faces.find(pixels)):
            for side in (100, 200) if face.side > 120 else (100,):  # noqa: PLR2004 - never enlarged twofold
                chance = np.random.default_rng([number, side, *path.name.encode()])
                cases.append(Case(source, placed(pixels, face, side, chance)))
    return cases


def placed(pixels: Pixels, face: faces.Face, side: int, chance: np.random.Generator) -> Canvas:
    view = faces.patch(pixels, face.centre, face.side * 3.0, turned=face.turned, out=side * 3)
    scale, middle = side / face.side, side * 1.5
    spots = tuple(
        ((x - face.centre[0]) * scale + middle, (y - face.centre[1]) * scale + middle)
        for x, y in face.landmarks
    )
    return Canvas(view, side, spots, chance)


def weigh(case: Case) -> list[Row]:
    """Every change of one face, judged; None where no face is seen any more."""
    rows, judge = [], Fidelity()
    for kind, change in {**HARMLESS, **DEFECTS}.items():
        picture = np.ascontiguousarray(change(case.canvas))
        sample = Sample(picture)
        found = faces.faces_of(sample)
        answer = judge.judge([sample])[0]
        value = answer.value if isinstance(answer, Reading) else None
        raw = dataclasses.asdict(measure(picture, found[0])) if found else {}
        rows.append(Row(case.source, kind, kind in DEFECTS, value, raw))
    return rows


def fidelity(quick: bool, fit: bool) -> None:  # noqa: FBT001 - two switches of the command line
    cases = real_faces()[:: 5 if quick else 1]
    with ProcessPoolExecutor(2) as pool:
        judged = pool.map(weigh, cases)
        rows = [
            row
            for found in track(judged, "fidelity: faces", len(cases), console=CONSOLE)
            for row in found
        ]
    good = np.array([row.value for row in rows if not row.bad and row.value is not None])
    table = Table("change", "faces", "not seen as a face", "AUC", "failed at .5", title="Fidelity")
    for kind in (*HARMLESS, *DEFECTS):
        mine = [row.value for row in rows if row.kind == kind]
        seen = np.array([value for value in mine if value is not None])
        area = "" if kind in HARMLESS or not len(seen) else f"{auc(seen, good):.2f}"
        failed = f"{(seen < 0.5).mean():.2f}" if len(seen) else ""  # noqa: PLR2004 - a table's column
        table.add_row(kind, str(len(mine)), str(len(mine) - len(seen)), area, failed)
    CONSOLE.print(table)
    share = (good >= 0.5).mean()  # noqa: PLR2004 - the share that the docs report
    sources = len({case.source for case in cases})
    CONSOLE.print(f"{len(cases)} canvases of {sources} sources; harmless changes:")
    CONSOLE.print(f"{share:.3f} of them at .5 or above, median {np.median(good):.2f}")
    if fit:
        print_fit(rows, CONSOLE)


# ── time ──────────────────────────────────────────────────────────────────────────────────────


def times() -> None:
    from skimage import data

    portrait = data.astronaut()
    table = Table("picture", "faces", "search, ms", title="Time, median of 5")
    for name, pixels in (
        ("portrait 512²", portrait),
        ("portrait 1024²", resized(portrait, 1024, 1024)),
        ("portrait 2048²", resized(portrait, 2048, 2048)),
        ("portrait, 40 megapixels", resized(portrait, 6320, 6320)),
        ("no face 1024²", resized(data.coffee(), 1024, 1024)),
        ("no face, 40 megapixels", resized(data.coffee(), 6320, 6320)),
    ):
        took = []
        for _ in range(5):
            start = time.perf_counter()
            found = faces.find(pixels)
            took.append((time.perf_counter() - start) * 1000)
        table.add_row(name, str(len(found)), f"{np.median(took):.0f}")
    face = faces.find(portrait)[0]
    start = time.perf_counter()
    for _ in range(5):
        measure(portrait, face)
    table.add_row(
        "fidelity's measures of a face", "1", f"{(time.perf_counter() - start) * 200:.0f}"
    )
    CONSOLE.print(table)


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(Image.fromarray(pixels).resize((width, height)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the pictures")
    parser.add_argument("--fit", action="store_true", help="print fidelity's weights anew")
    parser.add_argument("--only", choices=("gate", "likeness", "fidelity", "times"))
    chosen = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if chosen.only in (None, "times"):
        times()
    if not SHARED.is_dir():
        CONSOLE.print("the folder of real pictures is not beside the checkout; times only")
        return
    if chosen.only in (None, "gate"):
        gate(chosen.quick)
    if chosen.only in (None, "likeness"):
        likeness()
    if chosen.only in (None, "fidelity"):
        fidelity(chosen.quick, chosen.fit)


if __name__ == "__main__":
    main()
