"""An ONNX file and the safetensors it was made from in, an ONNX file without weights out.

Each initializer becomes external data: where in the safetensors file its tensor's bytes lie, in
the file's own precision, with a cast to single precision behind it. So weights ship once, halved,
for diffusers or open_clip and onnxruntime alike, and the arithmetic stays in single precision.
Export with `do_constant_folding=False`: a folded weight is transposed, and is no tensor of the
file any more (onnxruntime folds both, cast and transposition, when it opens the file).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

SMALL = 1024
"""Bytes up to which an initializer that no file holds may stay in the ONNX file."""

ROUNDING = 2.0**-11
"""Largest relative error of a number rounded to half precision, where it is not subnormal."""

SUBNORMAL = 2.0**-25
"""Largest absolute error where it is."""

TYPES: dict[str, tuple[type[np.generic], int]] = {
    "F16": (np.float16, TensorProto.FLOAT16),
    "F32": (np.float32, TensorProto.FLOAT),
    "I64": (np.int64, TensorProto.INT64),
}
"""What safetensors calls a type, what NumPy does, what ONNX does."""


class Stored(NamedTuple):
    """A tensor in a safetensors file, and where its bytes lie."""

    file: Path
    values: NDArray[Any]
    type: int
    offset: int
    length: int


def share(path: Path, weights: Mapping[str, Path]) -> None:
    """Let the ONNX file at `path` read its weights from safetensors files.

    `weights` maps the prefix of an initializer's name to the file that holds the rest of the name
    as a tensor: {"painter.transformer.": folder / "transformer" / "model.safetensors"}. The files
    lie in the ONNX file's folder or below it, and must stay there. A tensor that two names share
    stands in the file under one of them; the other finds it by its values. ValueError where a
    large initializer is nowhere, or where its values are not the file's.
    """
    model = onnx.load(path)
    files = {prefix: dict(_stored(file)) for prefix, file in weights.items()}
    kept: list[TensorProto] = []
    casts: list[NodeProto] = []
    for tensor in model.graph.initializer:
        found = _found(tensor, files)
        if found is None:
            kept.append(_small(tensor))
        elif found.type == tensor.data_type:
            kept.append(_pointing(tensor.name, found, path.parent))
        else:
            name = f"{tensor.name}.stored"
            kept.append(_pointing(name, found, path.parent))
            casts.append(helper.make_node("Cast", [name], [tensor.name], to=tensor.data_type))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    onnx.save(model, path)
    onnx.checker.check_model(path)


def _stored(file: Path) -> Iterator[tuple[str, Stored]]:
    """Every tensor of a safetensors file: eight bytes of length, a JSON header, the tensors."""
    content = np.memmap(file, dtype=np.uint8, mode="r")
    start = 8 + int.from_bytes(content[:8].tobytes(), "little")
    for name, entry in json.loads(content[8:start].tobytes()).items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in TYPES:
            raise ValueError(f"{file}: {name} is {entry['dtype']}; save it as {', '.join(TYPES)}")
        kind, number = TYPES[entry["dtype"]]
        first, last = entry["data_offsets"]
        values = content[start + first : start + last].view(kind).reshape(entry["shape"])
        yield name, Stored(file, values, number, start + first, last - first)


def _found(tensor: TensorProto, files: Mapping[str, dict[str, Stored]]) -> Stored | None:
    """The tensor of that name, else any with the same values."""
    values = numpy_helper.to_array(tensor)
    for prefix, stored in files.items():
        if tensor.name.startswith(prefix) and tensor.name.removeprefix(prefix) in stored:
            found = stored[tensor.name.removeprefix(prefix)]
            if not _same(values, found.values):
                raise ValueError(f"{tensor.name} has other values than in {found.file}")
            return found
    if values.nbytes <= SMALL:
        return None
    everywhere = (each for stored in files.values() for each in stored.values())
    return next((each for each in everywhere if _same(values, each.values)), None)


def _same(one: NDArray[Any], stored: NDArray[Any]) -> bool:
    """Whether the values are equal but for the rounding to what the file holds."""
    if one.shape != stored.shape:
        return False
    if stored.dtype != np.float16:
        return bool(np.array_equal(one, stored))
    off = np.abs(one.astype(np.float64) - stored)
    return bool(np.all(off <= ROUNDING * np.abs(one) + SUBNORMAL))


def _small(tensor: TensorProto) -> TensorProto:
    size = numpy_helper.to_array(tensor).nbytes
    if size > SMALL:
        raise ValueError(
            f"{tensor.name} {list(tensor.dims)} ({size:,} bytes) is in none of the weights' files; "
            "name its prefix, and export without constant folding"
        )
    return tensor


def _pointing(name: str, stored: Stored, folder: Path) -> TensorProto:
    """An initializer that says where its bytes lie."""
    if not stored.file.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{stored.file} is not below {folder}; onnxruntime would refuse it")
    made = TensorProto(name=name, data_type=stored.type, dims=stored.values.shape)
    made.data_location = TensorProto.EXTERNAL
    where = {
        "location": Path(os.path.relpath(stored.file, folder)).as_posix(),
        "offset": stored.offset,
        "length": stored.length,
    }
    for key, value in where.items():
        made.external_data.add(key=key, value=str(value))
    return made
