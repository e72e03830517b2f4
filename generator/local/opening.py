"""A folder in, a pipeline ready to paint out: dtype, device, offload, attention, compilation."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from generator.local.options import WHO, Options
from sentinel.contracts import Runtime
from sentinel.errors import ConfigError, MissingRequirement

EXTRA = "pip install 'sentinel-gatekeeper[diffusers]'"

BACKENDS = {
    "math": "_native_math", "flash": "_native_flash", "cudnn": "_native_cudnn",
    "flash3": "_flash_3", "sage": "sage", "xformers": "xformers",
}  # fmt: skip
"""diffusers' names. Those that fetch a kernel from the net (`…_hub`) are left out on purpose."""


def opened(options: Options, runtime: Runtime) -> Any:
    """The pipeline; MissingRequirement for a folder or an extra that is not here."""
    folder = folder_of(options.folder, "folder", "a diffusers pipeline saved on this machine")
    if options.offload != "none" and runtime.device == "cpu":
        told = f"offload is {options.offload!r}, and the device is cpu: there is nothing to move"
        raise ConfigError(f"{WHO}: {told}; use none, or set SENTINEL_DEVICE=cuda")
    torch, diffusers = libraries()
    torch.set_num_threads(runtime.threads)
    with opening(options.folder, runtime.device, torch):
        kind, variant = diffusers.DiffusionPipeline, options.variant
        pipeline = read(kind, folder, options.dtype, torch, variant=variant)
        place(pipeline, options, runtime.device)
    pipeline.set_progress_bar_config(disable=True)
    # its warnings repeat the prompt, which is a stranger's text
    logging.getLogger(type(pipeline).__module__).setLevel(logging.ERROR)
    if hasattr(getattr(pipeline, "vae", None), "enable_slicing"):
        pipeline.vae.enable_slicing()  # a batch is decoded one by one: less memory, same time
    _attend(pipeline, options)
    _compile(pipeline, options)
    return pipeline


def folder_of(named: str, option: str, what: str) -> Path:
    """The folder, which must hold a pipeline."""
    folder = Path(named)
    if not named or not (folder / "model_index.json").is_file():
        told = f"a folder with model_index.json, not {named!r}"
        raise MissingRequirement(WHO, told, f"set the option {option} to {what}")
    return folder


def libraries() -> tuple[Any, Any]:
    """The two libraries, which are in an extra."""
    try:
        import diffusers  # noqa: PLC0415 - heavy, in an extra
        import torch  # noqa: PLC0415 - heavy, in an extra
    except ImportError as error:
        raise MissingRequirement(WHO, "diffusers", EXTRA) from error
    return torch, diffusers


def read(kind: Any, folder: Path, dtype: str, torch: Any, *, variant: str = "") -> Any:
    """A pipeline from its folder; nothing is downloaded."""
    return kind.from_pretrained(
        str(folder), dtype=getattr(torch, dtype), variant=variant or None, local_files_only=True
    )


@contextmanager
def opening(folder: str, device: str, torch: Any) -> Iterator[None]:
    """ConfigError with a way out instead of what torch and diffusers raise of a folder."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        told = f"{folder!r} does not fit on {device}"
        way_out = "use dtype bfloat16, or set the option offload to model or sequential"
        raise ConfigError(f"{WHO}: {told}; {way_out}") from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError) as error:
        told = f"{folder!r} cannot be opened ({type(error).__name__}: {error})"
        raise ConfigError(f"{WHO}: {told}; save it again with save_pretrained") from error


def place(pipeline: Any, options: Options, device: str) -> None:
    """On the device, or in main memory with what is needed moved there in its turn."""
    match options.offload:
        case "none":
            pipeline.to(device)
        case "model":
            pipeline.enable_model_cpu_offload(device=device)
        case "sequential":
            pipeline.enable_sequential_cpu_offload(device=device)


def denoiser_of(pipeline: Any) -> Any:
    """The model that runs once a step."""
    return getattr(pipeline, "transformer", None) or pipeline.unet


def _attend(pipeline: Any, options: Options) -> None:
    """Another kernel of attention than torch's own choice, where the model can be told."""
    if options.attention == "sdpa":
        return
    denoiser, refused = denoiser_of(pipeline), f"{WHO}: attention is {options.attention!r}"
    processors = getattr(denoiser, "attn_processors", {}).values()
    if not any(hasattr(each, "_attention_backend") for each in processors):
        told = f"a {type(denoiser).__name__} knows torch's own choice only"
        raise ConfigError(f"{refused}; {told}: use sdpa")
    try:
        denoiser.set_attention_backend(BACKENDS[options.attention])
    except (ImportError, RuntimeError, ValueError) as error:
        raise ConfigError(f"{refused}; {error} Or use sdpa") from error


def _compile(pipeline: Any, options: Options) -> None:
    """Compiled at the first picture of each size, which therefore takes minutes."""
    denoiser = denoiser_of(pipeline)
    match options.compile:
        case "blocks":
            denoiser.compile_repeated_blocks(fullgraph=True)
        case "full":
            denoiser.compile(fullgraph=True, mode="max-autotune")
        case "none":
            pass
