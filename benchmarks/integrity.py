"""Degenerate frames and good pictures in, what the integrity gate refuses of each out.

    python benchmarks/integrity.py [--quick]

Several hundred degenerate frames are made by their parameters. The good pictures are the real
ones beside the checkout, the photographs in scikit-image's wheel, and drawn ones of the kinds that
such gates get wrong: flat posters, cut-outs, night, stars, fine textures, codes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator

import numpy as np
from integrity_frames import (
    SAME_LEVELS,
    copies,
    drawn,
    flats,
    greens,
    halves,
    jpeg,
    latents,
    noises,
    real,
    tiny,
)
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from gates.integrity import IntegrityGate
from sentinel import imaging
from sentinel.contracts import Finding


def real_pairs() -> Iterator[tuple[int, bool]]:
    """For each pair of real pictures: bits between the fingerprints, whether they are different.

    Some files are one picture saved twice; thumbnails within 4 levels tell those.
    """
    frames = [sample.pixels for name, sample in real() if name.startswith("real")]
    prints = [imaging.fingerprint(frame) for frame in frames]
    small = [np.asarray(Image.fromarray(imaging.fit(f, 512)).resize((64, 64))) for f in frames]
    for index, (mark, one) in enumerate(zip(prints, small, strict=True)):
        for earlier, other in zip(prints[:index], small[:index], strict=True):
            apart = float(np.abs(one.astype(float) - other).mean())
            yield imaging.fingerprint_distance(mark, earlier), apart > SAME_LEVELS


def saved_again() -> Iterator[int]:
    """For each real picture saved again as JPEG of quality 90 and 50: bits to the original."""
    for name, sample in real():
        if name.startswith("real"):
            mark = imaging.fingerprint(sample.pixels)
            for quality in (90, 50):
                again = imaging.fingerprint(jpeg(sample.pixels, quality))
                yield imaging.fingerprint_distance(mark, again)


# ── the table ─────────────────────────────────────────────────────────────────────────────────

DEGENERATE = (flats, greens, noises, latents, halves, copies, tiny)
GOOD = (real, drawn)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="every seventh case")
    options = parser.parse_args()
    gate, step, times = IntegrityGate(), 7 if options.quick else 1, []
    wrong = 0
    for title, makers, expected in (("degenerate", DEGENERATE, False), ("good", GOOD, True)):
        cases = [case for make in makers for case in make()][::step]
        counts: dict[str, list[int]] = {}
        for name, sample in track(cases, description=title, console=Console(stderr=True)):
            begun = time.perf_counter()
            finding = gate.check(sample)
            times.append((time.perf_counter() - begun) * 1000)
            count = counts.setdefault(name, [0, 0])
            count[0] += 1
            count[1] += not finding.passed
            if finding.passed != expected:
                wrong += 1
                print(f"WRONG {name} {sample.pixels.shape}: {_said(finding)}", file=sys.stderr)
        _print(title, counts)
    if not options.quick:
        _print_bits()
    Console().print(f"median {statistics.median(times):.1f} ms a picture, wrong {wrong}")
    return 1 if wrong else 0


def _print_bits() -> None:
    pairs, again = list(real_pairs()), list(saved_again())
    different = sum(is_different for _, is_different in pairs)
    table = Table("fingerprints within", f"of {different} different pairs", "saved again as JPEG")
    for bits in (0, 2, 4, 6, 8):
        near = sum(distance <= bits for distance, is_different in pairs if is_different)
        kept = sum(distance <= bits for distance in again) / len(again)
        table.add_row(f"{bits} bits", str(near), f"{kept:.1%}")
    Console().print(table)


def _said(finding: Finding) -> str:
    return f"{finding.reason} {finding.measurements}"


def _print(title: str, counts: dict[str, list[int]]) -> None:
    table = Table(title, "frames", "refused", "share")
    frames = sum(count[0] for count in counts.values())
    refused = sum(count[1] for count in counts.values())
    for name, (all_of, refused_of) in [*counts.items(), ("all", (frames, refused))]:
        table.add_row(name, str(all_of), str(refused_of), f"{refused_of / all_of:.1%}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
