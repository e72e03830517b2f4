"""What a template shows in, one self-contained page out: no request leaves it, in any browser.

Everything from outside is escaped by the template engine. The page's own Content-Security-Policy
names the one script and the one style by their hashes, so that nothing else can run even if it
came in.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from sentinel.audit.report.sentences import chance, heading, percent, plain

CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
"""Characters that have no place in a page: a parser drops or replaces them in its own way."""


def page(template: str, script: str, **shown: Any) -> bytes:
    """The page as UTF-8; `script` is a file of `static`."""
    style, code = _style(), _file(script)
    policy = (
        f"default-src 'none'; img-src data:; font-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(code)}'; base-uri 'none'; form-action 'none'"
    )
    text = _environment().get_template(template).render(
        csp=policy, style=Markup(style), script=Markup(code), **shown  # noqa: S704 - our own files
    )  # fmt: skip
    return CONTROLS.sub("\ufffd", text).encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sentinel.audit.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=percent, mode=plain, heading=heading, places=_places,
        count=lambda number: f"{number:,}",
        points=lambda share: _signed(100 * share, 1), signed=lambda value: _signed(value, 3),
        chance=chance, shorten=_shorten, plain_number=lambda number: f"{number:g}", block=_block,
    )  # fmt: skip
    return environment


def _places(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"


def _signed(value: float, digits: int) -> str:
    """With a sign, a true minus; nothing is "−0"."""
    shown = f"{value:+.{digits}f}"
    return shown.lstrip("+-") if float(shown) == 0 else shown.replace("-", "−")


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _block(value: Mapping[str, Any]) -> Markup:
    """JSON for a `<script type="application/json">`, which nothing in it can close."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - what could close the element is escaped above


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _style() -> str:
    font = resources.files(__package__) / "static" / "inter-latin-wght-normal.woff2"
    source = "data:font/woff2;base64," + base64.b64encode(font.read_bytes()).decode()
    return _file("report.css").replace("FONT", source)


@cache
def _file(name: str) -> str:
    return (resources.files(__package__) / "static" / name).read_text("utf-8")
