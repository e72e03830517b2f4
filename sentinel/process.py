"""Restraint in, a process that fits its machine out: threads and memory, before models load."""

from __future__ import annotations

import ctypes
import os
import sys

M_MMAP_THRESHOLD = -3
"""glibc's number for: blocks from this size on are given back when freed (mallopt(3))."""

LARGE_BLOCK = 8_000_000
"""Bytes; below Pillow's blocks of 16 MB, above what models allocate at every step."""


def hold_back_threads(threads: int) -> None:
    """Tell the maths libraries how many threads a model may use, before they are loaded.

    Oversubscribed cores triple every wall time (docs/decisions/0004-judges-are-plain.md).
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))


def give_memory_back() -> None:
    """Have the C library return the memory of large blocks as soon as they are free.

    glibc otherwise keeps a decoded picture's blocks in the heap of each thread that ever decoded
    one: eight callers with 40-megapixel pictures leave 800 MB behind, with this 150 MB
    (tests/api/test_hostile_http.py prints it). Elsewhere there is nothing to do.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
