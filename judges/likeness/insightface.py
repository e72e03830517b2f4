"""A picture in, portraits out, by insightface (SCRFD and ArcFace) from a pack of weights.

The code is MIT; the published packs are for non-commercial research only, so a policy has to
name the pack in `acknowledge`. Nothing is ever downloaded here.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import threading
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from judges.likeness.portraits import Portrait
from sentinel.contracts import Box, ModelCard, Runtime
from sentinel.detectors.faces import Depicts
from sentinel.errors import ConfigError, MissingRequirement
from sentinel.imaging import fit

BUFFALO_CARD = ModelCard(
    name="buffalo_l",
    title="insightface's buffalo_l pack: SCRFD-10GF detector, ArcFace ResNet-50 on WebFace600K",
    licence="non-commercial research only",
    commercial=False,
    megabytes=275.3,
    source="https://github.com/deepinsight/insightface/releases/download/v0.7/buffalo_l.zip",
    files={"det_10g.onnx": None, "w600k_r50.onnx": None},
    extra="faces",
    note='the policy has to say acknowledge = "buffalo_l"',
)

DETECTION = (640, 640)
"""Detector input, given explicitly: insightface 2's default of two sizes finds faces twice."""

LONGEST = 1920
"""Longer side of the copy that is searched: three times the detector's input, so that ArcFace's
112 px crop of a small face still comes from real pixels."""


class InsightfacePortraits:
    """Distances between ArcFace's 512 numbers per face (1 − cosine, 0 to 2)."""

    alike: ClassVar[float] = 0.4
    different: ClassVar[float] = 0.7
    """The pack's makers put the turning point at squared Euclidean .8 to 1.4 (insightface issue
    168), which is a cosine of .6 to .3. Not measured here: the weights may not be redistributed."""

    def __init__(self, pack: str, acknowledge: str) -> None:
        if not pack or Path(pack).name != pack or pack.startswith("."):
            raise ConfigError(f"pack is {pack!r}; name a folder inside the models folder")
        if acknowledge != pack:
            raise ConfigError(
                f"acknowledge is {acknowledge!r}: insightface's published weights are for "
                f"non-commercial research only; write acknowledge = {pack!r} if your use is "
                'allowed, or backend = "dlib", which is free to use'
            )
        self.pack = pack
        self._analysis: Any = None
        self._lock = threading.Lock()

    def load(self, runtime: Runtime) -> None:
        """Load the pack's detector and recogniser from the models folder."""
        who = "judge 'likeness' (backend 'insightface')"
        if importlib.util.find_spec("insightface") is None:
            remedy = "pip install 'sentinel-gatekeeper[faces]'"
            raise MissingRequirement(who, "the package insightface", remedy)
        folder = runtime.models / self.pack
        # checked before insightface sees the name: it would go and download the pack
        if not any(folder.glob("*.onnx")):
            remedy = f"sentinel models pull {self.pack}"
            raise MissingRequirement(who, f"the weights {self.pack} (*.onnx in {folder})", remedy)
        self._analysis = _open(folder, runtime)

    def of(self, picture: Depicts) -> tuple[Portrait, ...]:
        """The faces that insightface's detector finds, the surest first."""
        return picture.once(f"insightface {self.pack}", lambda: self._find(picture))

    def distance(self, one: Portrait, other: Portrait) -> float:
        """1 − cosine: 0 the same direction, 1 unrelated, 2 opposite."""
        return float(np.clip(1.0 - np.dot(one.embedding, other.embedding), 0.0, 2.0))

    def _find(self, picture: Depicts) -> tuple[Portrait, ...]:
        small = fit(picture.pixels, LONGEST)
        scale = picture.pixels.shape[1] / small.shape[1]
        with self._lock, warnings.catch_warnings():
            # insightface 2.1 calls what scikit-image 0.26 has renamed
            warnings.filterwarnings("ignore", message="`estimate` is dep", category=FutureWarning)
            found = self._analysis.get(np.ascontiguousarray(small[:, :, ::-1]))
        found = sorted(found, key=lambda face: -float(face.det_score))
        return tuple(_portrait(face, scale, picture.pixels.shape) for face in found)


def _open(folder: Path, runtime: Runtime) -> Any:
    import onnxruntime  # noqa: PLC0415 - heavy, and only this backend needs it
    from insightface.app import FaceAnalysis  # noqa: PLC0415 - heavy, in an extra

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = runtime.threads
    options.inter_op_num_threads = 1
    cuda = runtime.device.startswith("cuda")
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it loads
        analysis = FaceAnalysis(
            name=str(folder),
            allowed_modules=["detection", "recognition"],
            providers=["CUDAExecutionProvider"] * cuda + ["CPUExecutionProvider"],
            sess_options=options,
        )
        analysis.prepare(ctx_id=0 if cuda else -1, det_thresh=0.5, det_size=DETECTION)
    if "recognition" not in analysis.models:
        raise ConfigError(f"pack is {folder.name!r}, which holds no recogniser; pull it anew")
    return analysis


def _portrait(face: Any, scale: float, shape: tuple[int, ...]) -> Portrait:
    height, width = shape[:2]
    left, top, right, bottom = (float(edge) * scale for edge in face.bbox)
    x0, y0 = min(max(0, round(left)), width - 1), min(max(0, round(top)), height - 1)
    x1, y1 = max(x0 + 1, min(width, round(right))), max(y0 + 1, min(height, round(bottom)))
    embedding = np.asarray(face.normed_embedding, dtype=np.float64)
    return Portrait(Box(x0, y0, x1, y1), max(right - left, bottom - top), embedding)
