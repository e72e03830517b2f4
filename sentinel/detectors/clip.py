"""open_clip models in, embeddings of pictures and texts out; shared by the judges that need CLIP.

Which folders are opened, and which refused, is in clip_folders.py. A folder with ONNX files beside
its weights runs in onnxruntime (clip_onnx.py), any other in torch (clip_torch.py). Nothing is
downloaded. Texts longer than the context would be cut without a word; `ClipModel.tokens` counts
them uncut, so that callers split first (judges/alignment/clauses.py does).
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sentinel.contracts import Pixels, ReferencePicture, Runtime, Sample
from sentinel.detectors.clip_folders import CARDS, DEFAULT, Folder, World, find
from sentinel.errors import MissingRequirement
from sentinel.imaging import fit

Vectors = NDArray[np.float32]

__all__ = ["CARDS", "DEFAULT", "ClipModel", "Vectors", "World", "open_model"]

INSTALL = "pip install 'sentinel-gatekeeper[clip]'"
TEXTS_KEPT = 4096
"""Text embeddings kept per model: 12 MB at 768 numbers each."""
TEXT_BATCH = 64
IMAGE_BATCH = 8
"""Pictures per forward pass: halved the time per picture on a CPU against one by one."""
LONGEST_WORD = 64
"""Characters without a space after which a break is put in: byte-pair merging is quadratic, and
one word of 20,000 letters would take minutes."""
THINNEST = 16
"""Height to width (or the reverse) beyond which a picture is squeezed first: resizing the short
side of a 16,384 × 1 picture up to 224 would need gigabytes."""


class Network(Protocol):
    """A model as its library runs it; never called by two threads at once."""

    context: int
    """Tokens of a text that the model sees, its start and end marks included."""
    logit_scale: float
    """What the model was trained to multiply a cosine with."""
    logit_bias: float | None
    """SigLIP's offset before its sigmoid; None for softmax models."""
    side: int
    """Pixels of the longer side of the pictures that the model sees."""

    def tokens(self, text: str) -> int:
        """Tokens of a text with start and end marks, counted without cutting."""

    def texts(self, texts: Sequence[str]) -> Vectors:
        """(N, D) unit vectors."""

    def pictures(self, pictures: Sequence[Pixels]) -> Vectors:
        """(N, D) unit vectors."""


class ClipModel:
    """A loaded model. Safe to use from several threads: forward passes take turns."""

    def __init__(self, name: str, fingerprint: str, network: Network, world: World | None) -> None:
        self.name = name
        self.fingerprint = fingerprint
        """First 12 hex digits of the sha256 of the weights file."""
        self.world = world
        """The words and things it knows, where those are few; None: ask it anything."""
        self.context = network.context
        self.logit_scale = network.logit_scale
        self.logit_bias = network.logit_bias
        self._network = network
        self._lock = threading.RLock()
        self._texts: OrderedDict[str, Vectors] = OrderedDict()

    def tokens(self, text: str) -> int:
        """Tokens of a text with start and end marks, counted without cutting."""
        with self._lock:
            return self._network.tokens(_speakable(text))

    def text(self, texts: Sequence[str]) -> Vectors:
        """(N, D) unit vectors; each string is computed once while it stays among the last 4096."""
        with self._lock:
            found = {text: self._texts[text] for text in texts if text in self._texts}
            unknown = [text for text in dict.fromkeys(texts) if text not in found]
            for start in range(0, len(unknown), TEXT_BATCH):
                batch = unknown[start : start + TEXT_BATCH]
                found.update(zip(batch, self._embed_texts(batch), strict=True))
            for text in texts:
                self._texts[text] = found[text]
                self._texts.move_to_end(text)
            while len(self._texts) > TEXTS_KEPT:
                self._texts.popitem(last=False)
        return np.stack([found[text] for text in texts]) if texts else self._nothing()

    def image(self, pixels: Pixels) -> Vectors:
        """(D,) unit vector of one picture."""
        vector: Vectors = self.images([pixels])[0]
        return vector

    def images(self, pictures: Sequence[Pixels]) -> Vectors:
        """(N, D) unit vectors."""
        batches = []
        for start in range(0, len(pictures), IMAGE_BATCH):
            with self._lock:
                batches.append(self._embed_images(pictures[start : start + IMAGE_BATCH]))
        return np.concatenate(batches) if batches else self._nothing()

    def look(self, samples: Sequence[Sample | ReferencePicture]) -> list[Vectors]:
        """One unit vector per sample; each picture is embedded once, whoever asks, in batches."""
        made: dict[int, Vectors] = {}

        def make(index: int) -> Vectors:
            if not made:
                made.update(enumerate(self.images([sample.pixels for sample in samples])))
            return made[index]

        key = f"clip {self.fingerprint}"
        with self._lock:  # two judges that ask at once must not both embed the batch
            return [sample.once(key, partial(make, at)) for at, sample in enumerate(samples)]

    def _embed_texts(self, texts: list[str]) -> Vectors:
        return self._network.texts([_speakable(text) for text in texts])

    def _embed_images(self, pictures: Sequence[Pixels]) -> Vectors:
        side = 2 * self._network.side
        return self._network.pictures([_sane(fit(each, side)) for each in pictures])

    def _nothing(self) -> Vectors:
        return np.zeros((0, 0), dtype=np.float32)


_OPEN: dict[tuple[str, str], ClipModel] = {}
_OPENING = threading.Lock()


def open_model(name: str, runtime: Runtime, *, pickles: bool = False) -> ClipModel:
    """The model of that name, loaded once per process and device.

    `name` is one of `CARDS` (its folder lies in `runtime.models`) or "local-dir:/path".
    `pickles` also takes weights in a .bin or .pth file (read by torch with weights_only); only for
    files from a source you trust, since such a file is a program.
    """
    if any(card.name == name and card.extra for card in CARDS):
        _require_torch(name)
    folder = find(name, runtime, pickles=pickles)
    with _OPENING:
        key = (str(folder.path.resolve()), runtime.device)
        if key not in _OPEN:
            _OPEN[key] = _open(name, folder, runtime)
        return _OPEN[key]


def _open(name: str, folder: Folder, runtime: Runtime) -> ClipModel:
    fingerprint = _sha256(folder.weights)[:12]
    return ClipModel(name, fingerprint, _network(name, folder, runtime), folder.world)


def _network(name: str, folder: Folder, runtime: Runtime) -> Network:
    if folder.onnx:
        from sentinel.detectors.clip_onnx import OnnxClip  # noqa: PLC0415 - heavy

        return OnnxClip(folder, runtime)
    _require_torch(name)
    from sentinel.detectors.clip_torch import TorchClip  # noqa: PLC0415 - heavy

    return TorchClip(folder, runtime)


def _require_torch(name: str) -> None:
    if find_spec("open_clip") is None or find_spec("torch") is None:
        raise MissingRequirement(f"model {name}", "the extra 'clip' (open_clip, torch)", INSTALL)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _speakable(text: str) -> str:
    """The text without lone surrogates, and with breaks in endless words."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    words = []
    for word in text.split():
        words += [word[at : at + LONGEST_WORD] for at in range(0, len(word), LONGEST_WORD)]
    return " ".join(words)


def _sane(pixels: Pixels) -> Pixels:
    """The picture with its aspect ratio within `THINNEST`."""
    height, width = pixels.shape[:2]
    size = (max(width, height // THINNEST, 1), max(height, width // THINNEST, 1))
    if size == (width, height):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
