"""The shipped folders in, every figure of the two models out: `python training/figures.py`.

Briefs are held out (words and pairs of colour and shape that training never showed); what is on the
pictures is seen by checkers.py, whose own error `python training/validate.py` prints.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from itertools import count, islice
from pathlib import Path
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from training import captions
from training.checkers import compare, look
from training.painting import Pixels, paint
from training.world import ATTRIBUTES, Spec, imagine, with_one_wrong

HOME = Path(__file__).parent.parent
FLUX, CLIP = HOME / "generator" / "posters", HOME / "sentinel" / "detectors" / "poster_clip"
"""Where the shipped models lie."""

FIRST = 4 * 10**8
"""Seeds of the briefs; nothing else uses them."""

WANTED = {"background": "≥ 0.98", "colour": "≥ 0.95", "shape": "≥ 0.90", "count": "≥ 0.85",
          "word": "0.70 to 0.90"}  # fmt: skip
WANTED_PAIRS = {"colour": 0.99, "background": 0.99, "shape": 0.95, "count": 0.90, "position": 0.90}
COMPARED = 12
"""Pictures that ONNX and diffusers are compared on."""

VISIBLE = 32
"""Levels of 255 by which a pixel differs visibly."""


def main() -> None:
    """Print what the folders allow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flux", type=Path, default=FLUX, help="a pipeline's folder")
    parser.add_argument("--clip", type=Path, default=CLIP, help="a folder for open_clip")
    parser.add_argument("--only", choices=("vae", "flux", "onnx", "clip"), action="append")
    parser.add_argument("--briefs", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--trained", action="store_true", help="posters of training's kind instead")
    parser.add_argument("--sheet", type=Path, help="where a sheet of the first 64 pictures goes")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    console = Console()
    made = {"vae": _of_vae, "flux": _of_flux, "onnx": _of_onnx, "clip": _of_clip}
    for name in asked.only or made:
        folder = asked.clip if name == "clip" else asked.flux
        there = any(folder.rglob("*.safetensors"))
        console.print(made[name](asked) if there else f"{name}: no weights in {folder}")
    sizes = {str(folder): megabytes(folder) for folder in (asked.flux, asked.clip)}
    console.print(f"{sizes}: together {sum(sizes.values()):.1f} MB of at most 40")


def megabytes(folder: Path) -> float:
    """What a folder's files weigh."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _of_vae(asked: argparse.Namespace) -> Table:
    """What survives encoding and decoding: the ceiling of everything the generator can do."""
    import torch  # noqa: PLC0415 - as above
    from diffusers import AutoencoderKL  # noqa: PLC0415 - --help should not wait for it

    from training import vae  # noqa: PLC0415 - as above

    model = AutoencoderKL.from_pretrained(asked.flux / "vae", dtype=torch.float32).eval()
    with _Checkers() as checkers:
        for seed in track(range(FIRST, FIRST + asked.briefs), "vae"):
            spec = imagine(seed, held_out=True)
            checkers.look(vae.there_and_back(model, paint(spec, seed)[None])[0], spec)
        marks = checkers.marks()
    table = _table(f"VAE there and back, {asked.briefs} held-out posters", marks)
    table.add_row("dB", f"{vae.decibels(model):.1f}", "")
    return table


def _of_flux(asked: argparse.Namespace) -> Table:
    """Held-out briefs painted by the pipeline, seen by the checkers."""
    from training.generator import opened  # noqa: PLC0415 - --help should not wait

    pipeline = opened(asked.flux)
    moved, sheet = [], []
    with _Checkers() as checkers:
        for at in track(range(asked.briefs), "flux"):
            spec = imagine(FIRST + at, held_out=not asked.trained)
            brief = captions.full(spec, np.random.default_rng(at))
            one, other = (_painted(pipeline, asked, spec, brief, at + more) for more in (0, 10**6))
            moved.append((np.abs(one.astype(int) - other).max(axis=2) > VISIBLE).mean())
            checkers.look(one, spec)
            sheet.append(one)
        marks = checkers.marks()
    if asked.sheet:
        _sheet(sheet[:64], asked.sheet)
    kind = "trained-on" if asked.trained else "held-out"
    table = _table(f"FLUX, {asked.briefs} {kind} briefs, {asked.steps} steps", marks)
    table.add_row("pixels another seed changes", f"{np.median(moved):.3f}", "")
    return table


def _painted(pipeline: Any, asked: argparse.Namespace, spec: Spec, brief: str, seed: int) -> Pixels:
    import torch  # noqa: PLC0415 - as above

    from training.tokens import TOKENS  # noqa: PLC0415 - as above

    made = pipeline(
        brief, width=spec.width, height=spec.height, num_inference_steps=asked.steps,
        guidance_scale=0.0, max_sequence_length=TOKENS, output_type="np",
        generator=torch.Generator().manual_seed(seed),
    ).images[0]  # fmt: skip
    return (made * 255).round().clip(0, 255).astype(np.uint8)


def _of_onnx(asked: argparse.Namespace) -> Table:
    """The plugin `embedded` beside the pipeline: same seeds, same briefs."""
    from generator.embedded import Embedded  # noqa: PLC0415 - as above
    from sentinel.contracts import Brief, Runtime  # noqa: PLC0415 - as above
    from sentinel.imaging import read  # noqa: PLC0415 - as above
    from training.generator import opened  # noqa: PLC0415 - as above

    pipeline, plugin = opened(asked.flux), Embedded(folder=str(asked.flux))
    plugin.load(Runtime(threads=1))
    off, seconds = [], []
    for at in track(range(COMPARED), "onnx"):
        spec = imagine(FIRST + at, held_out=True)
        told = captions.full(spec, np.random.default_rng(at))
        began = time.process_time()
        [made] = plugin.generate(Brief(prompt=told, width=spec.width, height=spec.height, seed=at))
        seconds.append(time.process_time() - began)
        theirs = _painted(pipeline, asked, spec, told, at).astype(int)
        off.append(int(np.abs(theirs - read(made.image).pixels).max()))
    table = Table("embedded", "figure", "wanted", title=f"ONNX, {COMPARED} held-out briefs")
    table.add_row("furthest level from diffusers'", str(max(off)), "≤ 2 of 255")
    table.add_row("CPU seconds a picture, median", f"{np.median(seconds):.2f}", "≤ 0.5")
    return table


def _of_clip(asked: argparse.Namespace) -> Table:
    """How often the right caption is preferred to the same words with one attribute wrong."""
    import open_clip  # noqa: PLC0415 - --help should not wait for it

    network, _ = open_clip.create_model_from_pretrained(f"local-dir:{asked.clip}")
    network.eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{asked.clip}")
    table = Table(
        "attribute",
        "whole caption",
        "its phrase",
        "wanted",
        title=f"CLIP, {asked.pairs} {'new posters' if asked.trained else 'held-out posters'} each",
    )
    for attribute in track(ATTRIBUTES, "clip"):
        wins = np.array(list(islice(_preferred(network, tokens, asked, attribute), asked.pairs)))
        wanted = WANTED_PAIRS.get(attribute)
        shown = [f"{share:.3f}" for share in wins.mean(axis=0)]
        table.add_row(attribute, *shown, f"≥ {wanted:.2f}" if wanted else "")
    return table


def _preferred(
    network: Any, tokens: Any, asked: argparse.Namespace, attribute: str
) -> Iterator[tuple[bool, bool]]:
    """Endless posters that training never showed: is the right caption nearer, and the phrase."""
    import torch  # noqa: PLC0415 - --help should not wait for it

    from training.clip import prepared  # noqa: PLC0415 - as above

    for seed in count(FIRST):
        spec = imagine(seed, held_out=not asked.trained)
        wrong = with_one_wrong(spec, attribute, np.random.default_rng(seed))
        if wrong is None:
            continue
        told = [captions.full(each, np.random.default_rng(seed)) for each in (spec, wrong)]
        told += [
            captions.part(each, attribute, np.random.default_rng(seed)) for each in (spec, wrong)
        ]
        with torch.inference_mode():
            picture = prepared(paint(spec, seed)[None], torch.device("cpu"))
            seen = network.encode_image(picture, normalize=True)
            near = (network.encode_text(tokens(told), normalize=True) @ seen[0]).tolist()
        yield near[0] > near[1], near[2] > near[3]


class _Checkers:
    """Pictures in, marks out; the looking, mostly OCR, goes on in processes of its own."""

    def __enter__(self) -> Self:
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(max(1, (os.cpu_count() or 2) // 2), spawn)
        self._looks: list[Future[dict[str, bool | None]]] = []
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def look(self, pixels: Pixels, spec: Spec) -> None:
        """Have one picture looked at."""
        self._looks.append(self._pool.submit(_marked, pixels, spec))

    def marks(self) -> dict[str, list[bool]]:
        """Right or wrong, picture by picture, of each attribute that its spec has."""
        found: dict[str, list[bool]] = defaultdict(list)
        for ended in track(self._looks, "checkers"):
            for attribute, right in ended.result().items():
                if right is not None:
                    found[attribute].append(right)
        return found


def _marked(pixels: Pixels, spec: Spec) -> dict[str, bool | None]:
    return asdict(compare(look(pixels), spec))


def _table(title: str, marks: dict[str, list[bool]]) -> Table:
    table = Table("right", "share", "wanted", title=title)
    for attribute, wanted in WANTED.items():
        table.add_row(attribute, f"{np.mean(marks[attribute]):.3f}", wanted)
    return table


def _sheet(pictures: list[Pixels], path: Path) -> None:
    """Eight by eight, none chosen."""
    cell = 164
    sheet = Image.new("RGB", (8 * cell, -(-len(pictures) // 8) * cell), (128, 128, 128))
    for at, pixels in enumerate(pictures):
        sheet.paste(Image.fromarray(pixels), (at % 8 * cell + 2, at // 8 * cell + 2))
    sheet.save(path)


if __name__ == "__main__":
    main()
