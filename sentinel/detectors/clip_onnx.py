"""A checked folder in, its model run by onnxruntime out: no torch, no open_clip.

The folder holds `image.onnx` and `text.onnx` beside the weights they read (training/clip_onnx.py
writes them); their metadata say what open_clip's objects would. Texts and pictures are prepared as
open_clip prepares them, so that both ways give the same vectors (tested).
"""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sentinel.contracts import Pixels, Runtime
from sentinel.detectors.clip_folders import IMAGE, TEXT, TOKENIZER_FILES, Folder
from sentinel.detectors.sessions import open_session
from sentinel.errors import ConfigError

Vectors = NDArray[np.float32]

STRAIGHT = {
    **dict.fromkeys([0x02BC, *range(0x2018, 0x201C)], "'"),
    **dict.fromkeys(range(0x201C, 0x2020), '"'),
}
"""Curly quotes as ftfy, which open_clip asks, straightens them."""


class OnnxClip:
    """Two sessions and a tokenizer of one folder."""

    def __init__(self, folder: Folder, runtime: Runtime) -> None:
        who = f"model {folder.path.name}"
        self._image = open_session(folder.path / IMAGE, runtime, who=who)
        self._text = open_session(folder.path / TEXT, runtime, who=who)
        try:
            seen, read = _facts(self._image), _facts(self._text)
            self.side = int(seen["image_size"])
            self._mean, self._std = (
                np.asarray(seen[key], dtype=np.float32).reshape(3, 1, 1) for key in ("mean", "std")
            )
            self.context = int(read["context_length"])
            self.logit_scale = float(read["logit_scale"])
            self.logit_bias = float(read["logit_bias"]) if "logit_bias" in read else None
            self._whole, self._cut = _tokenizer(folder), _tokenizer(folder, self.context)
        except Exception as error:  # tokenizers' errors share no base class but this
            text = f"{folder.path} lacks what its ONNX files must say ({error!r:.200})"
            raise ConfigError(f"{text}; fetch the model again") from error

    def tokens(self, text: str) -> int:
        """Tokens of a text with start and end marks, counted without cutting."""
        return len(self._whole.encode(_clean(text)).ids)

    def texts(self, texts: Sequence[str]) -> Vectors:
        """(N, D) unit vectors."""
        # One by one: encode_batch starts threads of its own.
        rows = [self._cut.encode(_clean(text)).ids for text in texts]
        (found,) = self._text.run(None, {"ids": np.asarray(rows, dtype=np.int64)})
        return np.asarray(found, dtype=np.float32)

    def pictures(self, pictures: Sequence[Pixels]) -> Vectors:
        """(N, D) unit vectors."""
        ready = np.stack([self._prepared(each) for each in pictures])
        (found,) = self._image.run(None, {"pixels": ready})
        return np.asarray(found, dtype=np.float32)

    def _prepared(self, pixels: Pixels) -> Vectors:
        """3 × side × side: squeezed, and normalised as the model was trained."""
        size = (self.side, self.side)
        squeezed = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
        scaled = np.asarray(squeezed, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
        return np.asarray((scaled - self._mean) / self._std, dtype=np.float32)


def _facts(session: Any) -> dict[str, Any]:
    """The metadata of an ONNX file; each value is JSON."""
    told: dict[str, str] = session.get_modelmeta().custom_metadata_map
    return {key: json.loads(value) for key, value in told.items()}


def _tokenizer(folder: Folder, context: int | None = None) -> Any:
    """The folder's tokenizer; with a context it cuts and pads to so many tokens."""
    import tokenizers  # noqa: PLC0415 - needed only where such a model is opened

    whole, settings = (folder.path / name for name in TOKENIZER_FILES)
    tokenizer = tokenizers.Tokenizer.from_file(str(whole))
    if context is None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
    pad = json.loads(settings.read_text(encoding="utf-8"))["pad_token"]
    number = tokenizer.token_to_id(pad)
    tokenizer.enable_truncation(context)
    tokenizer.enable_padding(length=context, pad_id=number, pad_token=pad)
    return tokenizer


def _clean(text: str) -> str:
    """The text as open_clip cleans it: no HTML entities, straight quotes, single spaces."""
    plain = unicodedata.normalize("NFC", html.unescape(html.unescape(text)))
    return " ".join(plain.translate(STRAIGHT).split())
