"""Words from anywhere in, lines for a terminal out: consoles, safe text, messages.

Prompts, reasons and text read from pictures are a stranger's: they are never taken for Rich
markup, and control characters (which could move the cursor or recolour the terminal) are shown
as their code.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from sentinel.errors import PolicyError, SentinelError

GOOD, BAD, WARN, QUIET = "green", "bold red", "yellow", "dim"


def out() -> Console:
    """Standard output; 80 columns where it is no terminal."""
    return Console(highlight=False, soft_wrap=False)


def err() -> Console:
    """Standard error: progress, hints, complaints."""
    return Console(stderr=True, highlight=False)


def plain(text: str) -> str:
    """Text on one line in which every invisible character is spelled out."""
    if text.isprintable():
        return text
    spaced = (" " if each in "\t\n\r\u2028\u2029" else each for each in text)
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in spaced)


def safe(text: str, style: str = "") -> Text:
    """A stranger's text as Rich text: no markup, no control characters."""
    return Text(plain(text), style=style)


def say(text: str, style: str = "") -> None:
    """A line to standard error."""
    err().print(safe(text, style), soft_wrap=True)  # names and commands stay whole


def complain(error: SentinelError) -> None:
    """An error as one message; a policy's problems each on their own line."""
    console = err()
    if isinstance(error, PolicyError):
        console.print(Text.assemble(("error: ", BAD), "policy ", repr(plain(error.source)),
                                    " cannot be used:"))  # fmt: skip
        for problem in error.problems:
            console.print(Text.assemble("  - ", safe(problem)), soft_wrap=True)
        return
    console.print(Text.assemble(("error: ", BAD), safe(str(error))), soft_wrap=True)


def print_json(document: str) -> None:
    """One JSON document on one line, as UTF-8, whatever the terminal's encoding."""
    sys.stdout.flush()
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(document + "\n")
    else:
        stream.write(document.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.flush()
