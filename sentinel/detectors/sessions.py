"""An ONNX file and the engine's grant in, one onnxruntime session out.

Every session in Sentinel is opened here, so that threads are bounded, idle threads sleep instead
of spinning, and the execution provider that is really active can be asked for. onnxruntime falls
back to the CPU with no more than a line on stderr; here that is an error.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from sentinel.contracts import Runtime
from sentinel.errors import ConfigError, MissingRequirement

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

ERRORS_ONLY = 3
"""onnxruntime's log severity: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal."""

SHRINK = ("memory.enable_memory_arena_shrinkage", "cpu:0")
"""onnxruntime's run option that frees what the CPU arena does not use after a run."""

GPU_REMEDY = "pip install --force-reinstall --no-deps onnxruntime-gpu"
"""As the last step of an installation: other packages pull the CPU build over the GPU build, and
removing one of the two leaves a module without InferenceSession (microsoft/onnxruntime #26996)."""


def open_session(path: Path, runtime: Runtime, *, who: str) -> Any:
    """An `onnxruntime.InferenceSession` over `path`, with `runtime.threads` threads.

    A device that begins with "cuda" must really be active, or MissingRequirement says what brings
    it; every other device name ("cpu", "mps", …) runs on the CPU. A file that is no model is a
    ConfigError that names it. `who` is the plugin, for the error's sentence.
    """
    import onnxruntime  # noqa: PLC0415 - heavy, needed only where a model is opened

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, runtime.threads)
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = ERRORS_ONLY
    providers = _providers(onnxruntime, runtime, who)
    try:
        session = _session_type(onnxruntime)(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base class but this
        text = f"{who} cannot open {path.name} ({_first_line(error)}); fetch the file again"
        raise ConfigError(text) from error
    if len(providers) > 1 and provider(session) != CUDA:
        raise MissingRequirement(who, f"onnxruntime on {runtime.device}", GPU_REMEDY)
    return session


@cache
def _session_type(onnxruntime: Any) -> Any:
    """InferenceSession that gives the memory of its CPU arena back after each run.

    Pictures come in all sizes, and the arena keeps the largest of each layer it ever saw: OCR over
    seven sizes peaked at 1,021 MB with the arena as it ships, at 598 MB so, for a fifth more CPU
    time (at 644 MB and up to twice the time without an arena).
    """

    class ShrinkingSession(onnxruntime.InferenceSession):  # type: ignore[misc]  # no types there
        def run(self, names: Any, inputs: Any, run_options: Any = None) -> Any:
            if run_options is None and provider(self) == CPU:
                run_options = onnxruntime.RunOptions()
                run_options.add_run_config_entry(*SHRINK)
            return super().run(names, inputs, run_options)

    return ShrinkingSession


def provider(session: Any) -> str:
    """The execution provider that is really active, such as "CPUExecutionProvider"."""
    active: list[str] = session.get_providers()
    return active[0]


def _providers(onnxruntime: Any, runtime: Runtime, who: str) -> list[Any]:
    kind, _, number = runtime.device.partition(":")
    if kind != "cuda":
        return [CPU]
    if CUDA not in onnxruntime.get_available_providers():
        raise MissingRequirement(who, f"onnxruntime on {runtime.device}", GPU_REMEDY)
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    return [(CUDA, {"device_id": int(number or 0)}), CPU]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
