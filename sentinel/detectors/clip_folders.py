"""A model's name in, its checked folder out: what open_clip would open by guessing is refused.

A folder holds `open_clip_config.json`, the weights as safetensors and, where the text encoder asks
for one, the tokenizer's files. open_clip itself only warns when a folder has no weights and goes
on with random ones; it prefers some pickles to some safetensors; and a configuration can name a
text encoder on the hub. None of that happens here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from sentinel.contracts import ModelCard, Runtime
from sentinel.errors import ConfigError, MissingRequirement

DEFAULT = "siglip2-b16-256"
LOCAL = "local-dir:"
CONFIG = "open_clip_config.json"
KINDS = "object colour count position"
"""What a model of a small world may be asked about."""
IMAGE, TEXT = "image.onnx", "text.onnx"
"""What training/clip_onnx.py writes: where both are there, neither torch nor open_clip is asked."""
PREFERRED = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
"""The names that open_clip 3.3 takes before any other in a folder."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
"""What transformers needs beside the weights; SigLIP2's is not in open_clip's wheel."""
SHIPPED = Path(__file__).with_name("poster_clip")
"""The folder of the model that is part of this package."""


def _siglip2_files() -> dict[str, str | None]:
    names = (CONFIG, PREFERRED[0], *TOKENIZER_FILES, "special_tokens_map.json")
    return dict.fromkeys(names)


CARDS = (
    ModelCard(
        name=DEFAULT,
        title="SigLIP 2 ViT-B/16, 256 px",
        licence="Apache-2.0",
        commercial=True,
        megabytes=1540,
        source="hf:timm/ViT-B-16-SigLIP2-256",
        files=_siglip2_files(),
        extra="clip",
        note="375 million parameters, 64 tokens of context; the default",
    ),
    ModelCard(
        name="siglip2-so400m-384",
        title="SigLIP 2 SO400M/16, 384 px",
        licence="Apache-2.0",
        commercial=True,
        megabytes=4580,
        source="hf:timm/ViT-SO400M-16-SigLIP2-384",
        files=_siglip2_files(),
        extra="clip",
        note="1.1 billion parameters, 64 tokens of context; best with a GPU",
    ),
    ModelCard(
        name="poster-clip",
        title="Poster CLIP, 128 px",
        licence="Apache-2.0",
        commercial=True,
        megabytes=7.6,
        source="wheel",
        files=dict.fromkeys((CONFIG, PREFERRED[0], *TOKENIZER_FILES, IMAGE, TEXT)),
        note="knows only the poster world of training/; for the policy poster-demo",
    ),
)
"""Models known by name; any other opens as "local-dir:/path/to/folder"."""


class World(NamedTuple):
    """What a model was shown, where that is little: of anything else its answer is a guess."""

    words: frozenset[str]
    """Every word it has read, lower case, numbers in digits too."""
    things: tuple[str, ...]
    """Nouns of what stands in it, in the singular."""
    tells: frozenset[str]
    """Which of `KINDS` it was measured to tell right from wrong; all where nothing is said."""


class Folder(NamedTuple):
    """A folder that holds all a model needs."""

    path: Path
    weights: Path
    own_tokenizer: bool
    """Whether the tokenizer comes from the folder (SigLIP2) or from open_clip's wheel (CLIP)."""
    resizing: str
    """How pictures are made square: "squash" or "longest"."""
    onnx: bool
    """Whether onnxruntime can run it."""
    world: World | None
    """The configuration's table `world`; None: the model was shown pictures of everything."""


def find(name: str, runtime: Runtime, *, pickles: bool = False) -> Folder:
    """The checked folder of a model; MissingRequirement says what it lacks and what brings it.

    `name` is one of `CARDS` (its folder lies in `runtime.models`) or "local-dir:/path".
    """
    who, path, remedy = _locate(name, runtime)
    if not (path / CONFIG).is_file():
        raise MissingRequirement(who, f"the folder {path} with {CONFIG}", remedy)
    text, preprocessing, world = _configured(path)
    if text.get("hf_model_name") or "trust_remote_code" in text.get("tokenizer_kwargs", {}):
        raise ConfigError(
            f"{path / CONFIG} fetches its text encoder by name or trusts remote code; "
            "use a folder that holds all it needs"
        )
    own = bool(text.get("hf_tokenizer_name"))
    lacking = [each for each in TOKENIZER_FILES if not (path / each).is_file()]
    if own and lacking:
        raise MissingRequirement(who, f"{' and '.join(lacking)} in {path}", remedy)
    weights = _weights(path, who, remedy, pickles=pickles)
    onnx = own and all((path / each).is_file() for each in (IMAGE, TEXT))
    return Folder(path, weights, own, _resizing(preprocessing), onnx, world)


def _locate(name: str, runtime: Runtime) -> tuple[str, Path, str]:
    """Who asks, the folder, and the command that would fill it."""
    if name.startswith(LOCAL) and len(name) > len(LOCAL):
        folder = Path(name.removeprefix(LOCAL)).expanduser()
        source = CARDS[0].source.removeprefix("hf:")
        return f"model {name}", folder, f"hf download {source} --local-dir {folder}"
    card = next((card for card in CARDS if card.name == name), None)
    if card and card.source == "wheel":
        return f"model {name}", SHIPPED, "pip install --force-reinstall sentinel-gatekeeper"
    if card:
        return f"model {name}", runtime.models / name, f"sentinel models pull {name}"
    known = ", ".join(card.name for card in CARDS)
    raise ConfigError(f"model is {name!r}: name one of {known}, or local-dir:/path/to/folder")


def _configured(path: Path) -> tuple[dict[str, Any], dict[str, Any], World | None]:
    """The text encoder's and the preprocessing's tables, and the world that is all it knows."""
    try:
        found = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        text, preprocessing = found["model_cfg"]["text_cfg"], found.get("preprocess_cfg", {})
        return dict(text), dict(preprocessing), _world(found.get("world"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        text = f"{path / CONFIG} is no open_clip configuration ({error!r}); pull the model again"
        raise ConfigError(text) from error


def _world(told: dict[str, str] | None) -> World | None:
    if told is None:
        return None
    tells = told.get("tells", KINDS).split()
    return World(frozenset(told["words"].split()), tuple(told["things"].split()), frozenset(tells))


def _weights(folder: Path, who: str, remedy: str, *, pickles: bool) -> Path:
    for name in PREFERRED:
        if (folder / name).is_file():
            return folder / name
    safe = sorted(folder.glob("*.safetensors"))
    unsafe = sorted([*folder.glob("*.bin"), *folder.glob("*.pth")])
    if len(safe) == 1 and not unsafe:
        return safe[0]
    if pickles and len(unsafe) == 1 and not safe:
        return unsafe[0]
    if not safe and not unsafe:
        raise MissingRequirement(who, f"a weights file (*.safetensors) in {folder}", remedy)
    names = ", ".join(path.name for path in (*safe, *unsafe))
    raise ConfigError(
        f"{folder} holds {names}: leave one {PREFERRED[0]} there (a .bin or .pth file is a pickle, "
        "which can run code; option pickles = true takes a single one from a source you trust)"
    )


def _resizing(preprocessing: dict[str, Any]) -> str:
    """The model's way, but never one that cuts the picture's edges off.

    OpenAI's models crop the middle; what stands at the left and right of a wide picture would then
    count as missing. They are padded here instead; SigLIP2 squeezes, as it was trained.
    """
    return "squash" if preprocessing.get("resize_mode") == "squash" else "longest"
