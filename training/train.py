"""Hours in, trained models out: `python training/train.py STAGE --hours H --out DIR`.

Each stage goes on where it stopped; the same command after an interruption, or with more hours,
continues. Uses a GPU where there is one. docs/training.md says in which order, and what to expect.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))


def main() -> None:
    """Read the command line and run one stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("vae", "latents", "generator", "distil", "clip", "onnx"))
    parser.add_argument("--hours", type=float, default=0.5)
    parser.add_argument("--out", type=Path, default=Path("out/training"))
    parser.add_argument("--pictures", type=int, default=60_000, help="posters in the latents cache")
    parser.add_argument("--workers", type=int, default=0, help="processes that paint (GPU: 12)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning, module="diffusers|transformers")
    from training.runs import prepare  # noqa: PLC0415 - --help should not wait for torch

    prepare(asked.threads)
    _run(asked)


def _run(asked: argparse.Namespace) -> None:
    if asked.stage == "vae":
        from training import vae  # noqa: PLC0415 - as above

        vae.train(asked.out, asked.hours, asked.workers)
    elif asked.stage == "latents":
        from training import latents  # noqa: PLC0415 - as above

        latents.fill(asked.out, asked.pictures, asked.workers)
    elif asked.stage == "generator":
        from training import flow  # noqa: PLC0415 - as above

        flow.train(asked.out, asked.hours)
    elif asked.stage == "distil":
        from training import distillation  # noqa: PLC0415 - as above

        distillation.train(asked.out, asked.hours)
    elif asked.stage == "onnx":
        from training import export  # noqa: PLC0415 - as above

        export.export(asked.out / "distilled" / "pipeline", asked.out / "onnx")
    else:
        from training import clip  # noqa: PLC0415 - as above

        clip.train(asked.out, asked.hours, asked.workers)


if __name__ == "__main__":
    main()
