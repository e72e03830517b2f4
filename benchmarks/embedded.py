"""What a picture of the generator that ships costs, and what enlarging does to it.

    python benchmarks/embedded.py [--folder FOLDER] [--enlarging]

CPU seconds of one 128 px picture, prompt to PNG, on one thread, beside the same three ONNX graphs
run bare: no tokenizer, no noise, no PNG. `--enlarging` needs no weights: it enlarges posters of
training/ fourfold and says how far each method goes beyond the 5 × 5 pixels around, how steep its
edges are (the steepest hundredth of the steps from pixel to pixel), and how many of the words
RapidOCR still reads.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from generator.embedded import SHIPPED, Embedded
from generator.embedded.noise import noise
from generator.embedded.painter import GRAPHS, levels, packed, places, unpacked
from generator.embedded.sizes import resized
from sentinel.contracts import Brief, Runtime

RUNS = 20
PROMPT = 'A poster with two red cups, "OPEN" in blue letters at the top'
WANTED = 0.5
"""CPU seconds a picture, at most."""

LARGER = 4
POSTERS = 16
AROUND = np.ones((5, 5), np.uint8)

METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cubic": lambda pixels: larger(pixels, cv2.INTER_CUBIC),
    "Lanczos": lambda pixels: larger(pixels, cv2.INTER_LANCZOS4),
    "linear": lambda pixels: larger(pixels, cv2.INTER_LINEAR),
    "the plugin's": lambda pixels: resized(
        pixels, pixels.shape[1] * LARGER, pixels.shape[0] * LARGER
    ),
}


def larger(pixels: np.ndarray, how: int) -> np.ndarray:
    return cv2.resize(pixels, None, fx=LARGER, fy=LARGER, interpolation=how)


def bare(folder: Path, plugin: Embedded) -> Callable[[], Any]:
    """The three graphs alone, with everything they are given made beforehand."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    reading, step, picture = (
        onnxruntime.InferenceSession(folder / f"{name}.onnx", options) for name in GRAPHS
    )
    painter = plugin._painter  # noqa: SLF001 - its token ids and shift, not the plugin around them
    if painter is None:
        raise RuntimeError("the plugin is not loaded")
    shape = 1, painter._channels, 16, 16  # noqa: SLF001 - as above
    ids, begun, spots = painter.ids(PROMPT), packed(noise(shape, 0)), places(8, 8)
    at = list(itertools.pairwise(levels(4, painter._shift)))  # noqa: SLF001 - as above

    def run() -> Any:
        pooled, words = reading.run(None, ids)
        given = {"x": begun, "pooled": pooled, "words": words, "spots": spots}
        for high, low in at:
            (flow,) = step.run(None, {**given, "level": np.array([high])})
            given["x"] = given["x"] + (low - high) * flow
        return picture.run(None, {"latents": unpacked(given["x"], 16, 16)})

    return run


def seconds(run: Callable[[], Any]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def cost(folder: Path) -> Table:
    cv2.setNumThreads(1)
    began = time.process_time()
    plugin = Embedded(folder="" if folder == SHIPPED else str(folder))
    plugin.load(Runtime(threads=1))
    opening = time.process_time() - began
    runs = {
        "bare": bare(folder, plugin),
        "128": painting(plugin, 128),
        "512": painting(plugin, 512),
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(RUNS + 1):
        for name, run in runs.items():
            taken[name].append(seconds(run))
    middle = {name: statistics.median(each[1:]) for name, each in taken.items()}
    table = Table("embedded", "figure", "wanted", title=f"CPU, one thread, median of {RUNS}")
    table.add_row("seconds a picture of 128 px", f"{middle['128']:.3f}", f"≤ {WANTED}")
    table.add_row("  as many times the bare graphs", f"{middle['128'] / middle['bare']:.2f}", "")
    table.add_row("seconds a picture of 512 px", f"{middle['512']:.3f}", "")
    table.add_row("seconds to load", f"{opening:.2f}", "")
    return table


def painting(plugin: Embedded, side: int) -> Callable[[], Any]:
    brief = Brief(prompt=PROMPT, seed=0, width=side, height=side)
    return lambda: plugin.generate(brief)


def enlarging() -> Table:
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from training.painting import paint
    from training.world import imagine

    worded = (spec for spec in map(imagine, itertools.count()) if spec.word)
    posters = [(spec.word, paint(spec, 0)) for spec in itertools.islice(worded, POSTERS)]
    table = Table("enlarged by", "beyond", "steepness", "words read", "ms", title=f"{LARGER} times")
    reads = reader()
    for name, method in METHODS.items():
        beyond, read, spent, steep = 0, 0, 0.0, 0.0
        for word, pixels in track(posters, name, transient=True):
            began = time.process_time()
            made = method(pixels)
            spent += time.process_time() - began
            steep += float(np.percentile(np.abs(np.diff(made.astype(int), axis=1)), 99)) / POSTERS
            beyond = max(beyond, overshoot(pixels, made))
            read += word.upper() in reads(made)
        shown = f"{steep:.0f}", f"{read} of {POSTERS}", f"{1000 * spent / POSTERS:.1f}"
        table.add_row(name, str(beyond), *shown)
    return table


def overshoot(pixels: np.ndarray, made: np.ndarray) -> int:
    low, high = (
        edge(pixels, AROUND).repeat(LARGER, 0).repeat(LARGER, 1).astype(int)
        for edge in (cv2.erode, cv2.dilate)
    )
    return int(max(0, (low - made).max(), (made - high).max()))


def reader() -> Callable[[np.ndarray], set[str]]:
    import rapidocr

    one = {"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1}
    engine = rapidocr.RapidOCR(params=one)

    def reads(pixels: np.ndarray) -> set[str]:
        found = engine(np.ascontiguousarray(pixels[..., ::-1]), use_cls=False).txts or ()
        return {"".join(filter(str.isalpha, text)).upper() for text in found}

    return reads


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, default=SHIPPED)
    parser.add_argument("--enlarging", action="store_true")
    asked = parser.parse_args()
    Console().print(enlarging() if asked.enlarging else cost(asked.folder))


if __name__ == "__main__":
    main()
