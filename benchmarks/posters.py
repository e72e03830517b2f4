"""Painted posters in, how well `alignment` judges them with the CLIP that ships out.

    python benchmarks/posters.py [--posters 150]

Each poster is judged by its own caption, and by one with a single mistake. The posters are
training/'s own, of seeds that no training used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from judges.alignment import Alignment
from sentinel.contracts import Brief, Declined, Reading, Runtime, Sample
from training import captions
from training.painting import paint
from training.world import Spec, imagine, with_one_wrong

FIRST = 9 * 10**8
"""Seeds of these posters."""

MARK = 0.5
"""The threshold of the policy poster-demo."""

MISTAKES = ("background", "colour", "shape", "count", "position")


def main() -> None:
    """Print a row for right captions, and one for each mistake."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posters", type=int, default=150)
    asked = parser.parse_args()
    judge = Alignment(model="poster-clip")
    judge.load(Runtime())
    table = Table("caption", "posters", "value below 0.5", "names an issue", "median value")
    for mistake in ("", *MISTAKES):
        found = []
        for seed in track(range(FIRST, FIRST + asked.posters), mistake or "right"):
            spec = imagine(seed)
            told = with_one_wrong(spec, mistake, np.random.default_rng(seed)) if mistake else spec
            if told is not None:
                found.append(_reading(judge, spec, told, seed))
        values = np.array([each.value for each in found])
        shares = (values < MARK).mean(), np.mean([bool(each.issues) for each in found])
        shown = (f"{share:.2f}" for share in (*shares, np.median(values)))
        table.add_row(f"wrong {mistake}" if mistake else "right", str(len(found)), *shown)
    Console().print(table)


def _reading(judge: Alignment, spec: Spec, told: Spec, seed: int) -> Reading:
    brief = Brief(prompt=captions.full(told, np.random.default_rng(seed)))
    (answer,) = judge.judge([Sample(paint(spec, seed), brief)])
    if isinstance(answer, Declined):
        raise SystemExit(f"declined: {answer.reason}")
    return answer


if __name__ == "__main__":
    main()
