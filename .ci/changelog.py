"""Changelog and version in, a complaint out where they disagree."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path


def main() -> int:
    """1 if the changelog's top version is not pyproject's and the package's."""
    version = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]["version"]
    top = re.search(r"^## \[(.+?)\]", Path("CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    own = re.search(r'__version__ = "(.+?)"', Path("sentinel/__init__.py").read_text("utf-8"))
    found = {"CHANGELOG.md": top and top[1], "sentinel/__init__.py": own and own[1]}
    wrong = {name: said for name, said in found.items() if said != version}
    for name, said in wrong.items():
        print(f"{name} says {said}, pyproject.toml says {version}", file=sys.stderr)  # noqa: T201 - its output
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
