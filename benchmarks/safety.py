"""Benign pictures in, the safety gate's false alarms and its time a picture out.

    python benchmarks/safety.py [--backend opennsfw|nudenet] [--quick]

Recall is not measured: that needs a set of unsafe pictures, which this project does not keep.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from gates.safety import SafetyGate
from sentinel import imaging
from sentinel.contracts import Finding, Pixels, Runtime, Sample
from sentinel.errors import PictureError

SHARED = Path(__file__).parents[2] / "shared" / "data"
FOLDERS = ("faces", "text", "generated", "quality")
LIMITS = imaging.Limits(formats=(*imaging.FORMATS, "PPM", "TIFF", "BMP"))
ALLOWED = 0.005
"""Share of benign pictures that may be refused at the default threshold."""


def pictures(folder: Path) -> list[tuple[str, Pixels]]:
    """Each picture below `folder`, decoded."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in {".csv", ".txt", ".md"}:
            continue
        try:
            found.append((path.name, imaging.read(path.read_bytes(), LIMITS).pixels))
        except PictureError as error:
            print(f"left out {path.name}: {error}", file=sys.stderr)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="opennsfw", choices=["opennsfw", "nudenet"])
    parser.add_argument("--quick", action="store_true", help="every fifth picture")
    options = parser.parse_args()
    gate = SafetyGate(backend=options.backend)
    gate.load(Runtime(threads=1))
    table = Table("folder", "pictures", "to review", "refused", "highest", "ms median")
    everything: list[Finding] = []
    for folder in FOLDERS:
        shown = pictures(SHARED / folder)[:: 5 if options.quick else 1]
        findings, times = [], []
        for _, pixels in track(shown, description=folder, console=Console(stderr=True)):
            begun = time.perf_counter()
            findings.append(gate.check(Sample(pixels)))
            times.append((time.perf_counter() - begun) * 1000)
        _row(table, folder, findings, times)
        everything += findings
    refused = _row(table, "all", everything, [])
    Console().print(
        f"backend {gate.backend}: review from {gate.review_at}, refused from {gate.reject_at}; "
        "all pictures are benign, so each alarm is a false one; recall is not measured"
    )
    Console().print(table)
    share = refused / len(everything)
    Console().print(f"refused {share:.2%}, at most {ALLOWED:.1%} allowed")
    return 0 if share <= ALLOWED else 1


def _row(table: Table, name: str, findings: list[Finding], times: list[float]) -> int:
    review = sum(bool(finding.measurements["review"]) for finding in findings)
    refused = sum(not finding.passed for finding in findings)
    highest = max(float(str(finding.measurements["probability"])) for finding in findings)
    median = f"{statistics.median(times):.0f}" if times else ""
    counts = (str(len(findings)), str(review), str(refused))
    table.add_row(name, *counts, f"{highest:.3f}", median)
    return refused


if __name__ == "__main__":
    sys.exit(main())
