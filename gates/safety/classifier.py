"""A picture in, an image classifier's probability that it is unsafe out.

Any Hugging Face image classifier from a local folder, through transformers; nothing is fetched
and only safetensors are read, because a pickle runs code. The labels that count are picked by
their names or named by the policy.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

from PIL import Image

from gates.safety.sighting import Sighting
from sentinel import imaging
from sentinel.contracts import Pixels, Runtime
from sentinel.errors import ConfigError, MissingRequirement

WHO = "safety gate (backend classifier)"
SIDE = 1024
"""Pixels of the longer side that the model's own preprocessing is shown."""

UNSAFE = {
    "nsfw", "porn", "pornography", "sexy", "sexual", "hentai", "unsafe", "explicit", "nude",
    "nudity", "erotic", "erotica", "gore", "adult",
}  # fmt: skip
"""Words in a label that mean unsafe, from the label sets of public classifiers: nsfw/normal
(Falconsai), drawings/hentai/neutral/porn/sexy (LAION, GantMan), NSFW/SFW (Marqo)."""

NEGATIONS = {"no", "non", "not", "safe", "sfw"}
"""Words in a label that turn it round: "not_nsfw", "no nudity"."""


class Classifier:
    """A transformers image classifier; the probability is the sum over its unsafe labels."""

    def __init__(self, folder: Path, labels: tuple[str, ...] = ()) -> None:
        """Read the model from `folder`; count `labels`, or those picked by name."""
        self.folder = folder
        self.labels = labels
        self._model: Any = None
        self._processor: Any = None
        self._unsafe: dict[int, str] = {}

    def load(self, runtime: Runtime) -> None:
        """Open the folder; refuse weights that do not fill the model."""
        if importlib.util.find_spec("transformers") is None:
            remedy = "pip install 'sentinel-gatekeeper[classifier]'"
            raise MissingRequirement(WHO, "the package transformers", remedy)
        if not (self.folder / "config.json").is_file():
            text = f"{WHO}: folder {str(self.folder)!r} holds no config.json; name a model's folder"
            raise ConfigError(text)
        import torch  # noqa: PLC0415 - an extra

        torch.set_num_threads(max(1, runtime.threads))
        self._model = self._opened().to(runtime.device).eval()
        self._unsafe = picked(self._model.config.id2label, self.labels, self.folder)

    def look(self, pixels: Pixels) -> Sighting:
        """The sum of the unsafe labels' probabilities, and each label's own."""
        import torch  # noqa: PLC0415 - an extra

        image = Image.fromarray(imaging.fit(pixels, SIDE))
        inputs = self._processor(images=image, return_tensors="pt").to(self._model.device)
        with torch.inference_mode():
            logits = self._model(**inputs).logits[0].float()
        shares = [float(share) for share in torch.softmax(logits, dim=0)]
        probability = min(1.0, sum(shares[index] for index in self._unsafe))
        named = self._model.config.id2label
        measured = {str(named[index]): round(share, 4) for index, share in enumerate(shares)}
        device = str(self._model.device)
        return Sighting(probability, {"provider": device, "labels": dict(measured)})

    def close(self) -> None:
        """Let go of the model."""
        self._model = self._processor = None

    def _opened(self) -> Any:
        import transformers  # noqa: PLC0415 - an extra

        local = {"local_files_only": True}
        try:
            self._processor = transformers.AutoImageProcessor.from_pretrained(self.folder, **local)
            model, report = transformers.AutoModelForImageClassification.from_pretrained(
                self.folder, use_safetensors=True, output_loading_info=True, **local
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[0][:200]
            text = f"{WHO}: folder {str(self.folder)!r} cannot be opened ({reason})"
            raise ConfigError(f"{text}; it needs an image classifier in safetensors") from error
        unfilled = sorted(report["missing_keys"])
        if unfilled:
            text = f"{WHO}: folder {str(self.folder)!r} has no weights for {unfilled[0]!r}"
            raise ConfigError(f"{text}; Sentinel runs no random weights, fetch the whole model")
        return model


def picked(id2label: dict[int, str], wanted: tuple[str, ...], folder: Path) -> dict[int, str]:
    """The labels that count; ConfigError with the model's labels if there are none."""
    known = {int(index): str(label) for index, label in id2label.items()}
    counted = {label.casefold() for label in wanted}
    if wanted:
        found = {index: label for index, label in known.items() if label.casefold() in counted}
    else:
        found = {index: label for index, label in known.items() if _sounds_unsafe(label)}
    absent = sorted(counted - {label.casefold() for label in found.values()})
    labels = f"{WHO}: {folder.name} has the labels {', '.join(sorted(known.values()))}"
    if absent:
        raise ConfigError(f"{labels}; unsafe_labels names {', '.join(absent)}, which is not there")
    if not found:
        raise ConfigError(f"{labels}; none sounds unsafe, so set unsafe_labels to those that count")
    return found


def _sounds_unsafe(label: str) -> bool:
    words = set(re.split(r"[^a-z]+", label.casefold()))
    return bool(words & UNSAFE) and not words & NEGATIONS
