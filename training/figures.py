"""Folders in, the figures of the two models out: `python training/figures.py --out DIR`.

Briefs are held out (words and pairs of colour and shape that training never showed); what is on the
pictures is seen by checkers.py, whose own error `python training/validate.py` prints.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count, islice
from pathlib import Path
from typing import Any

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

FIRST = 4 * 10**8
"""Seeds of the briefs; nothing else uses them."""

WANTED = {"background": "≥ 0.98", "colour": "≥ 0.95", "shape": "≥ 0.90", "count": "≥ 0.85",
          "word": "0.70 to 0.90"}  # fmt: skip
WANTED_PAIRS = {"colour": 0.99, "background": 0.99, "shape": 0.95, "count": 0.90, "position": 0.90}
VISIBLE = 32
"""Levels of 255 by which a pixel differs visibly."""


def main() -> None:
    """Print what the folders in DIR allow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/training"))
    parser.add_argument("--briefs", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--trained", action="store_true", help="briefs of training's kind instead")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    console = Console()
    if (asked.out / "vae" / "saved").is_dir():
        console.print(_of_vae(asked.out / "vae" / "saved", asked.briefs))
    for name in ("generator", "distilled"):
        folder = asked.out / name / "pipeline"
        if (folder / "model_index.json").is_file():
            console.print(_of_generator(folder, asked))
    if (asked.out / "clip" / "saved" / "open_clip_model.safetensors").is_file():
        console.print(_of_clip(asked.out / "clip" / "saved", asked.pairs))


def _of_vae(folder: Path, posters: int) -> Table:
    """What survives encoding and decoding: the ceiling of everything the generator can do."""
    from diffusers import AutoencoderKL  # noqa: PLC0415 - --help should not wait for it

    from training import vae  # noqa: PLC0415 - as above

    model = AutoencoderKL.from_pretrained(folder).eval()
    marks: dict[str, list[bool]] = defaultdict(list)
    for seed in track(range(FIRST, FIRST + posters), "vae"):
        spec = imagine(seed, held_out=True)
        _mark(marks, spec, vae.there_and_back(model, paint(spec, seed)[None])[0])
    table = _table(f"VAE there and back, {posters} held-out posters", marks)
    table.add_row("dB", f"{vae.decibels(model):.1f}", "")
    return table


def _of_generator(folder: Path, asked: argparse.Namespace) -> Table:
    from training.generator import megabytes, opened  # noqa: PLC0415 - --help should not wait

    pipeline = opened(folder)
    marks: dict[str, list[bool]] = defaultdict(list)
    moved, seconds, sheet = [], [], []
    for at in track(range(asked.briefs), folder.parent.name):
        spec = imagine(FIRST + at, held_out=not asked.trained)
        brief = captions.full(spec, np.random.default_rng(at))
        began = time.process_time()
        one, other = (
            _painted(pipeline, spec, brief, seed, asked.steps) for seed in (at, at + 10**6)
        )
        seconds.append((time.process_time() - began) / 2)
        moved.append((np.abs(one.astype(int) - other).max(axis=2) > VISIBLE).mean())
        _mark(marks, spec, one)
        sheet.append(one)
    _sheet(sheet[:64], folder.parent / "samples.png")
    table = _table(f"{folder.parent.name}, {asked.briefs} briefs, {asked.steps} steps", marks)
    table.add_row("pixels another seed changes", f"{np.median(moved):.3f}", "")
    table.add_row("CPU seconds a picture", f"{np.median(seconds):.2f}", "≤ 0.5")
    table.add_row("MB", f"{megabytes(folder):.1f}", "")
    return table


def _painted(pipeline: Any, spec: Spec, brief: str, seed: int, steps: int) -> Pixels:
    import torch  # noqa: PLC0415 - as above

    from training.tokens import TOKENS  # noqa: PLC0415 - as above

    made = pipeline(
        brief, width=spec.width, height=spec.height, num_inference_steps=steps, guidance_scale=0.0,
        max_sequence_length=TOKENS, generator=torch.Generator().manual_seed(seed),
        output_type="np",
    ).images[0]  # fmt: skip
    return (made * 255).round().clip(0, 255).astype(np.uint8)


def _of_clip(folder: Path, pairs: int) -> Table:
    """How often the right caption is preferred to the same words with one attribute wrong."""
    import open_clip  # noqa: PLC0415 - --help should not wait for it

    network, _ = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    network.eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")
    table = Table(
        "attribute", "whole caption", "its phrase", "wanted", title=f"CLIP, {pairs} pairs"
    )
    for attribute in track(ATTRIBUTES, "clip"):
        wins = np.array(list(islice(_preferred(network, tokens, attribute), pairs)))
        wanted = WANTED_PAIRS.get(attribute)
        shown = [f"{share:.3f}" for share in wins.mean(axis=0)]
        table.add_row(attribute, *shown, f"≥ {wanted:.2f}" if wanted else "")
    return table


def _preferred(network: Any, tokens: Any, attribute: str) -> Iterator[tuple[bool, bool]]:
    """Endless held-out posters: is the right caption nearer, and the right phrase."""
    import torch  # noqa: PLC0415 - --help should not wait for it

    from training.clip import prepared  # noqa: PLC0415 - as above

    for seed in count(FIRST):
        spec = imagine(seed, held_out=True)
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


def _mark(marks: dict[str, list[bool]], spec: Spec, pixels: Pixels) -> None:
    for attribute, right in asdict(compare(look(pixels), spec)).items():
        if right is not None:
            marks[attribute].append(right)


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
