"""Settings in, one check after the other out: ok, note, absent or broken, and what mends it."""

from __future__ import annotations

import asyncio
import base64
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sentinel import __version__
from sentinel.doctor.examination import Examined, examine
from sentinel.errors import SentinelError
from sentinel.models import catalogue
from sentinel.models.catalogue import DISTRIBUTION, installed, requirements_of
from sentinel.settings import Settings

State = Literal["ok", "note", "absent", "broken"]

NAMES = ("sentinel", "judges", "gates", "generator", "dashboards")
"""The five packages that are installed flat, as themselves; others may want these names too."""

IDENTITY = base64.b64decode(
    "CAkSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQEQ=="
)
"""An ONNX model of one Identity node (opset 17, IR 9), made with onnx.helper: the smallest thing
that makes ONNX Runtime choose its execution providers in earnest."""

ONLY_REMOTE = "AzureExecutionProvider"
"""Calls a cloud service from custom operators; it never runs an ordinary model."""

OPENCV = "pip install --force-reinstall --no-deps opencv-python-headless"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. note: works, and worth knowing; absent: not installed, by choice.

    `told` has a line for each thing that is the matter.
    """

    name: str
    state: State
    told: str
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def check_up(settings: Settings) -> tuple[Check, ...]:
    """Look at everything, in the order a person would ask."""
    looks: tuple[Callable[[], Sequence[Check]], ...] = (
        _version, names, _extras, providers, _torch, opencv,
        lambda: _database(settings), lambda: _models(settings), lambda: _policies(settings),
    )  # fmt: skip
    return tuple(check for look in looks for check in look())


def _version() -> list[Check]:
    where = Path(importlib.util.find_spec("sentinel").origin or "").parent  # type: ignore[union-attr]  # we are it
    python = f"Python {platform.python_version()} ({sys.executable})"
    return [Check("sentinel", "ok", f"{__version__} in {where}, {python}")]


def names(owners: Mapping[str, Sequence[str]] | None = None) -> list[Check]:
    """Who owns the five package names, and whether they are imported from one place."""
    owners = importlib.metadata.packages_distributions() if owners is None else owners
    problems = []
    home = _folder("sentinel")
    for name in NAMES:
        others = sorted({_normal(owner) for owner in owners.get(name, ())} - {DISTRIBUTION})
        if others:
            problems.append(f"{name} also belongs to {', '.join(others)}")
        elif DISTRIBUTION not in {_normal(owner) for owner in owners.get(name, ())}:
            problems.append(f"{name} belongs to nobody")
        if _folder(name) != home:
            problems.append(f"{name} is imported from {_folder(name)}, not from {home}")
    if not problems:
        return [Check("package names", "ok", f"{', '.join(NAMES)} are ours alone")]
    remedy = f"uninstall the other package, then: pip install --force-reinstall {DISTRIBUTION}"
    return [Check("package names", "broken", "; ".join(problems), remedy)]


def _normal(distribution: str) -> str:
    return distribution.lower().replace("_", "-").replace(".", "-")


def _folder(name: str) -> Path | None:
    """The folder that holds a package, as an import would find it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).resolve().parent.parent if spec and spec.origin else None


def _extras() -> list[Check]:
    """Each extra: its packages' versions, or the command that brings them."""
    checks = []
    for extra in importlib.metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or ():
        found = {name: installed(name) for name in requirements_of(extra)}
        missing = [name for name, version in found.items() if version is None]
        if missing:
            told = f"not installed: {', '.join(missing)}"
            remedy = f"pip install '{DISTRIBUTION}[{extra}]'"
            checks.append(Check(f"extra {extra}", "absent", told, remedy))
        else:
            told = ", ".join(f"{name} {version}" for name, version in found.items())
            checks.append(Check(f"extra {extra}", "ok", told))
    return checks


def providers() -> list[Check]:
    """The execution provider a real session ends up with.

    `get_available_providers()` lists CUDA on machines without a GPU, and a session falls back to
    the CPU without a word, so a session is made and asked.
    """
    try:
        ort = importlib.import_module("onnxruntime")
        options = ort.SessionOptions()
        options.log_severity_level = 4  # it would print the fall-back that we are about to tell
        offered = ort.get_available_providers()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same, as a warning
            session = ort.InferenceSession(IDENTITY, options, providers=offered)
        active = [name for name in session.get_providers() if name != ONLY_REMOTE]
    except Exception as error:  # noqa: BLE001 - a broken native library raises anything
        remedy = "pip install --force-reinstall onnxruntime"
        return [Check("onnxruntime", "broken", f"cannot run a model: {error}", remedy)]
    told = f"{ort.__version__}, models run on {active[0] if active else 'nothing'}"
    lost = [name for name in offered if name not in (*active, ONLY_REMOTE)]
    both = [name for name in ("onnxruntime", "onnxruntime-gpu") if installed(name)]
    if lost:
        told += f"; offered but not working here: {', '.join(lost)}"
        return [Check("onnxruntime", "note", told, "check the GPU driver and the CUDA libraries")]
    if len(both) > 1 and "CUDAExecutionProvider" not in active:
        told += "; onnxruntime was installed over onnxruntime-gpu, which takes CUDA away"
        remedy = "pip install --force-reinstall --no-deps onnxruntime-gpu"
        return [Check("onnxruntime", "broken", told, remedy)]
    return [Check("onnxruntime", "ok", told)]


def _torch() -> list[Check]:
    if importlib.util.find_spec("torch") is None:
        return [Check("torch", "absent", "not installed (the extras clip, classifier, diffusers)")]
    try:
        torch = importlib.import_module("torch")
        cuda = torch.cuda.is_available()
        device = torch.cuda.get_device_name(0) if cuda else "no CUDA device; it runs on the CPU"
    except Exception as error:  # noqa: BLE001 - a broken native library raises anything
        return [Check("torch", "broken", f"cannot be used: {error}", "pip install torch")]
    return [Check("torch", "ok", f"{torch.__version__}, {device}")]


def opencv(owners: Mapping[str, Sequence[str]] | None = None) -> list[Check]:
    """One OpenCV: two packages share the folder cv2, and removing one breaks the other."""
    owners = importlib.metadata.packages_distributions() if owners is None else owners
    found = sorted(set(owners.get("cv2", ())))
    try:
        version = importlib.import_module("cv2").__version__
    except Exception as error:  # noqa: BLE001 - a broken native library raises anything
        return [Check("opencv", "broken", f"cv2 cannot be imported: {error}", OPENCV)]
    if len(found) > 1:
        told = (
            f"cv2 {version} is installed by {' and '.join(found)}; it works, but uninstalling "
            "one removes the other's files too"
        )
        return [Check("opencv", "note", told, f"after uninstalling one: {OPENCV}")]
    return [Check("opencv", "ok", f"cv2 {version} from {', '.join(found) or '?'}")]


def _database(settings: Settings) -> list[Check]:
    """Open the store as a start would; a SQLite file that is not there yet is not made."""
    address = settings.database_url
    file = Path(address.removeprefix("sqlite:///"))
    if address.startswith("sqlite:///") and not file.exists():
        if _writable(file.parent):
            return [Check("database", "ok", f"{file} will be made at the first start")]
        told = f"{file.parent} cannot be written to"
        return [Check("database", "broken", told, "set SENTINEL_HOME to a folder that can")]
    try:
        from sentinel.store import open_store  # noqa: PLC0415 - drivers are looked for here

        opened = open_store(
            address, settings.media, settings.media_days, media_options=settings.media_options,
            words=settings.keeps_words,
        )  # fmt: skip
        opened.close()
    except Exception as error:  # noqa: BLE001 - each driver has its own errors
        told = f"{_hidden(address)} cannot be opened: {str(error).splitlines()[0]}"
        return [Check("database", "broken", told, "check SENTINEL_DATABASE and the server")]
    return [Check("database", "ok", _hidden(address))]


def _hidden(address: str) -> str:
    """The address without its password."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - only here

    return make_url(address).render_as_string(hide_password=True)


def _writable(folder: Path) -> bool:
    """Whether the folder, or the nearest parent that exists, can be written to."""
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return existing.is_dir() and os.access(existing, os.W_OK)


def _models(settings: Settings) -> list[Check]:
    folder = settings.models
    if not _writable(folder):
        told = f"{folder} cannot be written to"
        remedy = "set SENTINEL_MODELS_FOLDER to a folder that can"
        return [Check("models", "broken", told, remedy)]
    entries = catalogue(folder)
    here = [entry.card.name for entry in entries if entry.state != "missing"]
    away = [entry.card.name for entry in entries if entry.state == "missing"]
    told = f"{folder}; here: {', '.join(here) or 'none'}; not here: {', '.join(away) or 'none'}"
    return [Check("models", "ok", told)]


def _policies(settings: Settings) -> list[Check]:
    """Whether each policy would start, and which judges it would go without."""
    try:
        examined = asyncio.run(examine(settings))
    except SentinelError as error:
        return [Check("policies", "broken", str(error), "sentinel policy check FILE")]
    return [_policy(examined, name) for name in examined.stops]


def _policy(examined: Examined, name: str) -> Check:
    if stops := examined.stops[name]:
        return Check(f"policy {name}", "broken", "would not start:\n" + "\n".join(stops))
    if without := examined.goes_without[name]:
        return Check(f"policy {name}", "note", "starts without:\n" + "\n".join(without))
    return Check(f"policy {name}", "ok", "all its gates and judges run")
