"""Command lines in, the last lines of a help page out."""

from __future__ import annotations


def examples(*lines: str) -> str:
    """An epilogue of example lines; Typer keeps only what blank lines separate."""
    return "\n\n".join(("Examples:" if len(lines) > 1 else "Example:", *lines))
