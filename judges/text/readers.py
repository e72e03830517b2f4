"""Pixels in, text boxes and what stands in them out: the OCR backends.

`rapidocr` reads with PP-OCRv6 small, which ships in the wheel (Apache-2.0); `easyocr` with CRAFT
and its own recognisers, whose weights the operator pulls. Neither downloads anything here.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from judges.text.lines import Quad
from sentinel.contracts import ModelCard, Pixels, Runtime
from sentinel.detectors.sessions import open_session
from sentinel.errors import ConfigError, MissingRequirement

Text = tuple[str, float]
"""What stands in a crop and how sure the reader is (0 to 1)."""

DETECTOR, RECOGNISER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
"""The files in RapidOCR's wheel."""

RAPIDOCR = ModelCard(
    name="ppocr-v6-small",
    title="PP-OCRv6 small, detector and recogniser (in RapidOCR's wheel)",
    licence="Apache-2.0",
    commercial=True,
    megabytes=31.0,
    source="wheel",
    files={
        DETECTOR: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
        RECOGNISER: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    },
    note="reads Latin, Chinese and Japanese; not Greek, Cyrillic or Korean",
)


def _recogniser(script: str, file: str, sha256: str, megabytes: float) -> ModelCard:
    """A recogniser of one more script, with the checksum that RapidOCR 3.10 publishes for it."""
    hub = "https://www.modelscope.cn/models/RapidAI/RapidOCR/resolve/v3.10.0/onnx/PP-OCRv5/rec"
    return ModelCard(
        name=f"ppocr-v5-{script}",
        title=f"PP-OCRv5 mobile recogniser, {script}",
        licence="Apache-2.0",
        commercial=True,
        megabytes=megabytes,
        source=f"{hub}/{file}",
        files={file: sha256},
        note=f"for the text judge's option scripts = [{script!r}]",
    )


SCRIPTS = {
    "cyrillic": _recogniser(
        "cyrillic", "cyrillic_PP-OCRv5_rec_mobile.onnx",
        "90f761b4bfcce0c8c561c0cb5c887b0971d3ec01c32164bdf7374a35b0982711", 8.1,
    ),
    "hangul": _recogniser(
        "hangul", "korean_PP-OCRv5_rec_mobile.onnx",
        "cd6e2ea50f6943ca7271eb8c56a877a5a90720b7047fe9c41a2e541a25773c9b", 13.5,
    ),
    "greek": _recogniser(
        "greek", "el_PP-OCRv5_rec_mobile.onnx",
        "b4368bccd557123c702b7549fee6cd1e94b581337d1c9b65310f109131542b7f", 8.0,
    ),
}  # fmt: skip
"""Recognisers of scripts that the wheel's does not know, by the script's Unicode name. They read
from left to right and need no shaping; scripts that do (Arabic, Devanagari, Thai) are left out."""

EASYOCR = ModelCard(
    name="easyocr",
    title="EasyOCR: CRAFT detector and seven recognisers",
    licence="Apache-2.0",
    commercial=True,
    megabytes=190.0,
    source="hf:xiaoyao9184/easyocr@master",
    files={
        "craft_mlt_25k.pth": None, "english_g2.pth": None, "latin_g2.pth": None,
        "cyrillic_g2.pth": None, "korean_g2.pth": None, "japanese_g2.pth": None,
        "zh_sim_g2.pth": None,
    },
    extra="easyocr",
    note="a mirror; easyocr checks each file against its own MD5 before it unpickles it",
)  # fmt: skip


class Reader(Protocol):
    """A backend: where text stands, what stands in a crop, which characters it can say."""

    name: str
    characters: frozenset[str]

    def find(self, pixels: Pixels) -> list[Quad]:
        """Corners of every stretch of text, in pixels of `pixels`."""
        ...

    def read(self, crops: Sequence[Pixels]) -> list[Text]:
        """What stands in each crop, read from left to right."""
        ...


class RapidReader:
    """PP-OCR through RapidOCR and ONNX Runtime."""

    def __init__(self, runtime: Runtime, script: str | None = None) -> None:
        """Load the wheel's detector, and its recogniser or the pulled one of `script`."""
        import rapidocr  # noqa: PLC0415 - heavy, needed where text is read only

        wheel = Path(rapidocr.__file__).parent / "models"
        path = _pulled(SCRIPTS[script], runtime) if script else _shipped(wheel / RECOGNISER)
        self.name = f"rapidocr ({script})" if script else "rapidocr"
        self._engine = rapidocr.RapidOCR(params=PARAMETERS)
        for part, model in (("Det", _shipped(wheel / DETECTOR)), ("Rec", path)):
            session = open_session(model, runtime, who="judge 'text'")
            if part == "Rec" and "character" not in session.get_modelmeta().custom_metadata_map:
                text = f"judge 'text': {model.name} holds no alphabet; pull it again"
                raise ConfigError(text)
            self._engine.cfg[part]._set_flag("allow_objects", values=True)  # noqa: SLF001 - or no session
            self._engine.cfg[part].session = session
        blank = np.full((64, 64, 3), 255, dtype=np.uint8)
        self._engine(blank, use_det=True, use_cls=False, use_rec=False)
        self._engine.recognize_txt([blank])
        alphabet = self._engine.text_rec.postprocess_op.character
        self.characters = frozenset(alphabet if script else filter(_reliable, alphabet)) - {"blank"}

    def find(self, pixels: Pixels) -> list[Quad]:
        """Detect on BGR; the detector never enlarges on its own, the caller chose the size."""
        found = self._engine(_bgr(pixels), use_det=True, use_cls=False, use_rec=False)
        return [] if found.boxes is None else [_quad(box) for box in found.boxes]

    def read(self, crops: Sequence[Pixels]) -> list[Text]:
        """Recognise each crop on its own."""
        if not crops:
            return []
        found = self._engine.recognize_txt([_bgr(crop) for crop in crops])
        pairs = zip(found.txts, found.scores, strict=True)
        return [(str(text), float(score)) for text, score in pairs]


class EasyReader:
    """EasyOCR with CRAFT and the recogniser of the chosen languages."""

    name = "easyocr"

    def __init__(self, runtime: Runtime, languages: tuple[str, ...]) -> None:
        """Load the weights from the models folder; say what is missing, never download."""
        if importlib.util.find_spec("easyocr") is None:
            remedy = "pip install 'sentinel-gatekeeper[easyocr]'"
            raise MissingRequirement("judge 'text' with backend 'easyocr'", "easyocr", remedy)
        self._reader = _easy_reader(runtime, languages)
        self.characters = frozenset(self._reader.character) | {" "}

    def find(self, pixels: Pixels) -> list[Quad]:
        """Upright and slanted boxes of CRAFT."""
        upright, slanted = self._reader.detect(pixels)
        boxes = [
            ((left, top), (right, top), (right, bottom), (left, bottom))
            for left, right, top, bottom in upright[0]
        ]
        return [_quad(box) for box in [*boxes, *slanted[0]]]

    def read(self, crops: Sequence[Pixels]) -> list[Text]:
        """Recognise each crop as one line."""
        return [self._one(crop) for crop in crops]

    def _one(self, crop: Pixels) -> Text:
        import cv2  # noqa: PLC0415 - heavy, needed where text is read only

        grey = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY)
        found = self._reader.recognize(grey, reformat=False)
        if not found:
            return "", 0.0
        return " ".join(str(item[1]) for item in found), min(float(item[2]) for item in found)


PARAMETERS = {
    "Global.log_level": "error",
    "Global.use_cls": False,
    "Global.max_side_len": 4096,
    "Det.limit_side_len": 32,
    "Rec.rec_batch_num": 1,
}
"""Sizes are the caller's choice, so RapidOCR must not rescale. One crop at a time: in a batch all
are padded to the widest, and a line's reading would depend on its neighbours."""


def _reliable(letter: str) -> bool:
    """PP-OCRv6 small lists Greek letters, without accents, but does not read Greek words.

    It takes them for Latin ones, with confidence: ΠΡΟΣΟΧΗ is read IIPOΣOXH. So Greek counts as a
    script that it does not know.
    """
    return not unicodedata.name(letter[:1] or " ", "").startswith("GREEK")


def _shipped(path: Path) -> Path:
    if not path.is_file():
        remedy = "pip install --force-reinstall rapidocr"
        raise MissingRequirement("judge 'text'", f"{path.name} of rapidocr's wheel", remedy)
    return path


def _pulled(card: ModelCard, runtime: Runtime) -> Path:
    path = runtime.models / card.name / next(iter(card.files))
    if not path.is_file():
        remedy = f"sentinel models pull {card.name}"
        raise MissingRequirement("judge 'text'", f"the model {card.name}", remedy)
    return path


def _easy_reader(runtime: Runtime, languages: tuple[str, ...]) -> Any:
    import easyocr  # noqa: PLC0415 - loads torch

    folder = str(runtime.models / "easyocr")
    try:
        return easyocr.Reader(
            list(languages),
            gpu=runtime.device if runtime.device != "cpu" else False,
            model_storage_directory=folder,
            user_network_directory=folder,
            download_enabled=False,
            verbose=False,
        )
    except FileNotFoundError as error:
        remedy = "sentinel models pull easyocr"
        who = f"judge 'text' with backend 'easyocr' for {', '.join(languages)}"
        raise MissingRequirement(who, str(error), remedy) from error


def _bgr(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, :, ::-1])


def _quad(box: Any) -> Quad:
    first, second, third, fourth = (
        (float(corner[0]), float(corner[1])) for corner in np.asarray(box, dtype=float)
    )
    return first, second, third, fourth
