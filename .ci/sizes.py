"""Sources in, a complaint out: no file beyond 300 lines, no function beyond 35."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

FILE = 300
FUNCTION = 35
PACKAGES = ("sentinel", "judges", "gates", "generator", "dashboards")
DEFENDED = {
    "sentinel/contracts.py": "every value that crosses a boundary, in one file to read first",
    "sentinel/testing.py": "the conformance suites and the doubles, one import for plugin authors",
}


def main() -> int:
    """Print lines per package and every place that is too long; 1 if there is one."""
    complaints = []
    for package in PACKAGES:
        total = 0
        for path in sorted(Path(package).rglob("*.py")):
            if "migrations/versions" in path.as_posix():
                continue
            text = path.read_text(encoding="utf-8")
            lines = text.count("\n")
            total += lines
            if lines > FILE and path.as_posix() not in DEFENDED:
                complaints.append(f"{path}: {lines} lines, at most {FILE}")
            complaints += too_long(path, ast.parse(text))
        print(f"{package:12} {total:6} lines")  # noqa: T201 - its output
    print("\n".join(complaints), file=sys.stderr)  # noqa: T201 - its output
    return 1 if complaints else 0


def too_long(path: Path, tree: ast.Module) -> list[str]:
    """Functions beyond the limit, docstring not counted."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            doc = ast.get_docstring(node) is not None
            said = (first.end_lineno or 0) - first.lineno + 1 if doc else 0
            lines = (node.end_lineno or 0) - node.lineno + 1 - said
            if lines > FUNCTION:
                found.append(f"{path}:{node.lineno} {node.name}: {lines} lines, at most {FUNCTION}")
    return found


if __name__ == "__main__":
    sys.exit(main())
