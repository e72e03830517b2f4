"""Hours in, trained models out: `python training/train.py STAGE --hours H --out DIR`.

`all` runs every stage from nothing (`make train-demo`); its hours are shared out. Each stage goes
on where it stopped; the same command after an interruption, or with more hours, continues. Uses a
GPU where there is one. docs/training.md says in which order, and what to expect.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

SHARES = {
    "vae": 0.25, "clip": 0.24, "places": 0.20, "latents": 0.06, "reading": 0.08, "decoder": 0.04,
    "generator": 0.50,
}  # fmt: skip
"""Of the hours of `all`. The CLIP, in two stages, takes one core while the other trains the VAE,
encodes the latents, lets the decoder go on and the text encoders read; then the generator has both.
"""

STAGES = ("vae", "clip", "places", "reading", "latents", "decoder", "generator", "onnx")


def main() -> None:
    """Read the command line and run one stage, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("all", *STAGES))
    parser.add_argument("--hours", type=float, default=0.5)
    parser.add_argument("--out", type=Path, default=Path("out/training"))
    parser.add_argument(
        "--pictures", type=int, default=60_000, help="posters in the latents cache, at most"
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that paint (GPU: 12)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning, module="diffusers|transformers")
    if asked.stage == "all":
        _all(asked)
    else:
        _run(asked)


def _all(asked: argparse.Namespace) -> None:
    """Every stage in a process of its own, the CLIP's beside the VAE's; then the folders."""
    half = max(1, asked.threads // 2)
    with ThreadPoolExecutor(1) as beside:
        clip = beside.submit(_in_turn, asked, ("clip", "places"), half, quiet=True)
        _in_turn(asked, ("vae", "latents", "decoder", "reading"), half)
        clip.result()
    for stage in ("generator", "onnx"):
        _end(_begin(asked, stage, asked.threads))
    for made, name in (("generator/pipeline", "poster-flux"), ("clip/saved", "poster-clip")):
        shutil.copytree(asked.out / made, asked.out / name, dirs_exist_ok=True)
    sys.stdout.write(f"both models are in {asked.out}: poster-flux and poster-clip\n")


def _in_turn(
    asked: argparse.Namespace, stages: tuple[str, ...], threads: int, *, quiet: bool = False
) -> None:
    """One stage after the other."""
    for stage in stages:
        _end(_begin(asked, stage, threads, quiet=quiet))


def _begin(
    asked: argparse.Namespace, stage: str, threads: int, *, quiet: bool = False
) -> subprocess.Popen[bytes]:
    """One stage as its own process; a quiet one tells its progress to STAGE.log."""
    asked.out.mkdir(parents=True, exist_ok=True)
    hours = f"{asked.hours * SHARES.get(stage, 0):.4f}"
    command = [
        sys.executable, __file__, stage, "--hours", hours, "--threads", str(threads),
        "--out", str(asked.out), "--pictures", str(asked.pictures),
        "--workers", str(asked.workers),
    ]  # fmt: skip
    if not quiet:
        return subprocess.Popen(command)  # noqa: S603 - ourselves
    with (asked.out / f"{stage}.log").open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 - as above


def _end(stage: subprocess.Popen[bytes]) -> None:
    """Wait for it; what it said of its failure stands above."""
    try:
        if stage.wait():
            raise SystemExit(f"{' '.join(map(str, stage.args))}\nended with {stage.returncode}")  # type: ignore[arg-type]
    except KeyboardInterrupt:
        stage.wait()
        raise SystemExit("interrupted; the same command goes on from here") from None


def _run(asked: argparse.Namespace) -> None:
    from training import runs  # noqa: PLC0415 - --help should not wait for torch

    runs.prepare(asked.threads)
    if asked.stage in ("vae", "decoder"):
        from training import vae  # noqa: PLC0415 - as above

        learn = vae.train if asked.stage == "vae" else vae.refine
        learn(asked.out, asked.hours, asked.workers)
    elif asked.stage == "latents":
        from training import latents  # noqa: PLC0415 - as above

        latents.fill(asked.out, asked.pictures, asked.workers, asked.hours)
    elif asked.stage == "reading":
        from training import reading  # noqa: PLC0415 - as above

        reading.train(asked.out, asked.hours)
    elif asked.stage == "generator":
        from training import flow  # noqa: PLC0415 - as above

        flow.train(asked.out, asked.hours)
    elif asked.stage == "onnx":
        _export(asked.out)
    elif asked.stage == "places":
        from training import places  # noqa: PLC0415 - as above

        places.train(asked.out, asked.hours, asked.workers)
    else:
        from training import clip  # noqa: PLC0415 - as above

        clip.train(asked.out, asked.hours, asked.workers)


def _export(out: Path) -> None:
    from training import clip_onnx, export  # noqa: PLC0415 - --help should not wait for torch

    folder = out / "generator" / "pipeline"
    export.paint_with(out / "decoder" / "saved", folder)
    export.export(folder)
    clip_onnx.export(out / "clip" / "saved")


if __name__ == "__main__":
    main()
