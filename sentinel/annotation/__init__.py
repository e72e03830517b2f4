"""Pixels and the attempt that judged them in, one picture with the evidence drawn on it out."""

from sentinel.annotation.sheet import WIDEST, annotate

__all__ = ["WIDEST", "annotate"]
