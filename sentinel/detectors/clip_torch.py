"""A checked folder in, its model run by open_clip and torch out. Needs the extra `clip`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sentinel.contracts import Pixels, Runtime
from sentinel.detectors.clip_folders import LOCAL, Folder
from sentinel.errors import ConfigError

WORDS_KEPT = 50_000
"""Entries open_clip's own tokenizer cache may reach; it never empties it itself."""


class TorchClip:
    """open_clip's network, preprocessing and tokenizer of one folder."""

    def __init__(self, folder: Folder, runtime: Runtime) -> None:
        import torch  # noqa: PLC0415 - 1.7 s to import

        torch.set_num_threads(runtime.threads)
        self._torch, self._device = torch, runtime.device
        self._network, self._preprocess, self._tokenizer = _opened(folder, runtime)
        self._network.eval()
        self.context = int(self._tokenizer.context_length)
        self.logit_scale = float(self._network.logit_scale.exp().item())
        bias = getattr(self._network, "logit_bias", None)
        self.logit_bias = None if bias is None else float(bias.item())
        self.side = int(max(np.ravel(self._network.visual.image_size)))

    def tokens(self, text: str) -> int:
        """Tokens of a text with start and end marks, counted without cutting."""
        tokenizer = self._tokenizer
        if hasattr(tokenizer, "tokenizer"):
            cleaned = tokenizer.clean_fn(text)
            return len(tokenizer.tokenizer(cleaned, verbose=False)["input_ids"])
        if len(tokenizer.cache) > WORDS_KEPT:
            tokenizer.cache = {mark: mark for mark in ("<start_of_text>", "<end_of_text>")}
        return len(tokenizer.encode(text)) + 2

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, D) unit vectors."""
        with self._torch.inference_mode():
            tokens = self._tokenizer(list(texts)).to(self._device)
            found = self._network.encode_text(tokens, normalize=True)
        return np.asarray(found.float().cpu().numpy(), dtype=np.float32)

    def pictures(self, pictures: Sequence[Pixels]) -> NDArray[np.float32]:
        """(N, D) unit vectors."""
        ready = [self._preprocess(Image.fromarray(each)) for each in pictures]
        with self._torch.inference_mode():
            batch = self._torch.stack(ready).to(self._device)
            found = self._network.encode_image(batch, normalize=True)
        return np.asarray(found.float().cpu().numpy(), dtype=np.float32)


def _opened(folder: Folder, runtime: Runtime) -> tuple[Any, Any, Any]:
    """Network, preprocessing and tokenizer."""
    import open_clip  # noqa: PLC0415 - 4 s and 0.8 GB to import

    own = {"local_files_only": True, "trust_remote_code": False}
    where = f"{LOCAL}{folder.path}"
    with _offline():
        try:
            network, preprocess = open_clip.create_model_from_pretrained(
                where, device=runtime.device, image_resize_mode=folder.resizing
            )
            tokenizer = open_clip.get_tokenizer(where, **(own if folder.own_tokenizer else {}))
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            shown = " ".join(str(error).split())[:200]
            text = f"{folder.path} cannot be opened by open_clip ({shown}); pull the model again"
            raise ConfigError(text) from error
    return network, preprocess, tokenizer


@contextmanager
def _offline() -> Iterator[None]:
    """Keep the hub's client from the network while a model is opened."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
