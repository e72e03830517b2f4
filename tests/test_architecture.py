"""The house keeps its walls: a planted import is refused by the contracts that `make check` runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("sentinel", "judges", "gates", "generator", "dashboards")


@pytest.fixture
def copy(tmp_path):
    """A copy of the house to plant things in."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def contracts(place: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c(['--no-cache'])",
    ]
    return subprocess.run(
        command, cwd=place, capture_output=True, text=True, check=False, timeout=120
    )


def plant(place: Path, module: str, line: str) -> None:
    path = place / module
    path.write_text(path.read_text("utf-8") + f"\n{line}\n", "utf-8")


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("sentinel/panel.py", "import judges.text", "sentinel imports none of the four"),
        ("sentinel/verdict.py", "import sentinel.wiring", "Data flows one way"),
        ("sentinel/policy.py", "import sqlmodel", "The decision knows no web framework"),
        ("sentinel/feedback/table.py", "import httpx2", "The decision knows no web framework"),
        ("judges/color/__init__.py", "import gates.safety", "Plugins never see each other"),
        ("gates/face.py", "import sentinel.store", "Plugins see contracts"),
    ],
    ids=[
        "panel to judge",
        "verdict to wiring",
        "policy to database",
        "feedback to network",
        "judge to gate",
        "gate to store",
    ],
)
def test_a_planted_import_is_refused(copy, module, line, broken):
    plant(copy, module, line)
    done = contracts(copy)

    assert done.returncode == 1
    assert broken in done.stdout.replace("\n", " ").replace("  ", " ")
    assert "BROKEN" in done.stdout


def test_a_new_module_is_refused_until_somebody_says_where_it_belongs(copy):
    (copy / "sentinel" / "utils.py").write_text('"""A drawer."""\n')
    done = contracts(copy)

    assert done.returncode == 1
    assert "utils" in done.stdout


def test_the_house_as_it_stands_keeps_every_contract(copy):
    assert contracts(copy).returncode == 0


@pytest.mark.parametrize("heavy", ["torch", "fastapi", "sqlmodel", "onnxruntime", "cv2", "numpy"])
def test_importing_sentinel_loads_nothing_heavy(heavy):
    code = f"import sentinel, sys; sys.exit({heavy!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
